"""F1 of what was found among what there is: counts are summed over rows and types before they are divided."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class MatchF1(Metric):
    """Abstract: needs `counted`, (rows, types, 3) int64: those right, answered and true."""

    counted: ClassVar[str]

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan where there is nothing to find and nothing was answered."""
        return _f1(self._table(statistics).sum(axis=0))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters."""
        table = self._table(statistics)
        return drawn(lambda weights: _f1(weights @ table), len(table), clusters, seed, self.unit, self.better)

    def _table(self, statistics: Statistics) -> np.ndarray:
        counts = statistics[self.counted]
        return np.asarray(counts.reshape(len(counts), -1, 3).sum(axis=1) if len(counts) else np.zeros((0, 3), dtype=np.int64))


def _f1(counts: np.ndarray) -> float:
    both = float(counts[1] + counts[2])
    return float(2 * counts[0] / both) if both else np.nan
