"""Several labels a row: mean over labels of F1 of the rows that have each, labels that nobody has or is given aside."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.sets import f1_of_labels
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class LabelMacroF1(Metric):
    """Needs wanted and chosen (rows, labels) bool."""

    name: ClassVar[str] = "label-macro-f1"
    help: ClassVar[str] = "mean over labels of F1 of the rows that have each, labels that nobody has or is given aside"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows, or where no label is wanted or chosen."""
        return _value(statistics, np.ones(len(statistics["wanted"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows, or clusters."""
        return drawn(lambda weights: _value(statistics, weights), len(statistics["wanted"]), clusters, seed, self.unit, self.better)


def _value(statistics: Statistics, weights: np.ndarray) -> float:
    scores = f1_of_labels(statistics["wanted"], statistics["chosen"], weights)
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else np.nan


PART = LabelMacroF1
