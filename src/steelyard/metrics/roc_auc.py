"""How well the probabilities rank rows: the area under the ROC curve."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.language import Sentence, say
from steelyard.math.influence import widened
from steelyard.math.ranking import FEWEST, Area, binary, one_versus_rest
from steelyard.metrics._frame import framed, over, undefined_probability
from steelyard.parts import Metric, Statistics


class RocAuc(Metric):
    """Needs target (rows,) int64 and probs (rows, classes) float."""

    name: ClassVar[str] = "roc-auc"
    help: ClassVar[str] = "two classes: the second is positive; more: mean of each class against the rest, over classes that occur"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1], 0.5 by chance; nan for fewer than two classes among the rows, or NaN probabilities."""
        return _area(statistics, None)[0].value

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """The intervals of ranking.binary and one_versus_rest. Nothing is drawn: the seed is not used."""
        area, occurring = _area(statistics, clusters)
        n, classes = statistics["probs"].shape
        how = "DeLong and Newcombe 95%" if classes == 2 else "delta method and MOVER of DeLong and Newcombe 95%"
        how += over(clusters) + (f"; {occurring} of {classes} classes occur" if occurring < classes else "")
        return framed((area.value, area.low, area.high), n, how, self.unit, self.better, _why(statistics),
                      f"a class has fewer than {FEWEST} rows, or there is one cluster")


def _area(statistics: Statistics, clusters: np.ndarray | None) -> tuple[Area, int]:
    """The area and how many classes occur."""
    probs, target = statistics["probs"], statistics["target"]
    if probs.shape[1] != 2:
        return one_versus_rest(probs, target, clusters)
    area = binary(probs[:, 1], target == 1) if not np.isnan(probs).any() else Area(np.nan, np.nan, np.nan, np.zeros(len(target)))
    if clusters is not None and np.isfinite(area.low):
        low, high = widened(area.value, area.low, area.high, area.influence, clusters)
        area = area._replace(low=max(low, 0.0), high=min(high, 1.0))
    return area, 2


def _why(statistics: Statistics) -> Sentence:
    """The reason when the area is undefined."""
    if len(statistics["target"]) and not np.isnan(statistics["probs"]).any():
        return say("all rows are of one class: there is nothing to rank")
    return undefined_probability(len(statistics["target"]))


PART = RocAuc
