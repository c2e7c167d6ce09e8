"""The mean over classes of F1, so that a rare class weighs as much as a common one."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.overlap import confusion, f1_scores, macro_f1
from steelyard.math.ranking import FEWEST
from steelyard.metrics._frame import framed, no_rows, over
from steelyard.parts import Metric, Statistics


class MacroF1(Metric):
    """Needs target and guess (rows,) int64."""

    name: ClassVar[str] = "macro-f1"
    help: ClassVar[str] = "mean of the classes' F1, over the classes in target or guess (as scikit-learn)"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows."""
        target = statistics["target"]
        return float(f1_scores(confusion(target, statistics["guess"])).mean()) if len(target) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """The interval of overlap.macro_f1. Nothing is drawn: the seed is not used."""
        target = statistics["target"]
        ends = macro_f1(target, statistics["guess"], clusters)
        return framed(ends, len(target), f"delta method and MOVER of Wilson 95%{over(clusters)}", self.unit, self.better, no_rows(),
                      f"a class has fewer than {FEWEST} rows, or there is one cluster")


PART = MacroF1
