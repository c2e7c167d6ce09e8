"""The share of rows that are answered right."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.intervals import clustered_share, paired_difference, paired_method, wilson
from steelyard.metrics._frame import framed, no_rows, over
from steelyard.parts import Metric, Statistics


class Accuracy(Metric):
    """Needs target and guess (rows,) int64."""

    name: ClassVar[str] = "accuracy"
    help: ClassVar[str] = "share of rows whose guess is the target"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows."""
        right = statistics["guess"] == statistics["target"]
        return float(right.mean()) if len(right) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Wilson's interval; with clusters see intervals.clustered_share. Nothing is drawn: the seed is not used."""
        right = statistics["guess"] == statistics["target"]
        if clusters is None:
            ends, how = (self.value(statistics), *wilson(int(right.sum()), len(right))), "Wilson 95%"
        else:
            ends, how = clustered_share(right, clusters), f"logit t and Hall 95%{over(clusters)}"
        return framed(ends, len(right), how, self.unit, self.better, no_rows(), "one cluster")

    def difference(self, ours: Statistics, theirs: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Bonett and Price's paired interval; with clusters Student's t of their sums. Nothing is drawn."""
        a, b = (statistics["guess"] == statistics["target"] for statistics in (ours, theirs))
        value, low, high = paired_difference(a, b, clusters)
        return Quantity(value=value, low=low, high=high, n=len(a), how=paired_method(a, b, clusters), better=self.better)


PART = Accuracy
