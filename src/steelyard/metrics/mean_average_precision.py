"""Several labels a row: how well each label's scores rank the rows."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.sets import average_precision, falling
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class MeanAveragePrecision(Metric):
    """Needs wanted (rows, labels) bool and scores (rows, labels) float."""

    name: ClassVar[str] = "mean-average-precision"
    help: ClassVar[str] = "mean over labels of the average precision (as scikit-learn), labels that no row has aside"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows, or where no row has a label."""
        return _value(statistics, _ranked(statistics), np.ones(len(statistics["wanted"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows, or clusters."""
        ranked = _ranked(statistics)
        return drawn(lambda weights: _value(statistics, ranked, weights), len(statistics["wanted"]), clusters, seed, self.unit, self.better)


def _ranked(statistics: Statistics) -> list[tuple[np.ndarray, np.ndarray]]:
    return [falling(scores) for scores in statistics["scores"].T]


def _value(statistics: Statistics, ranked: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray) -> float:
    own = [average_precision(order, last, wanted, weights) for (order, last), wanted in zip(ranked, statistics["wanted"].T, strict=True)]
    return float(np.nanmean(own)) if np.isfinite(own).any() else np.nan


PART = MeanAveragePrecision
