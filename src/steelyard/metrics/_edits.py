"""Error rates of transcripts: edits over the length of what was said, summed over rows before they are divided."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class ErrorRate(Metric):
    """Abstract: needs `counted`, (rows, 2) int64, edits and length of each row. Above 1 where more is said than there is."""

    better: ClassVar[str] = "lower"
    counted: ClassVar[str]

    def value(self, statistics: Statistics) -> float:
        """0 or more; nan where there is nothing to say in any row."""
        edits, length = statistics[self.counted].reshape(-1, 2).sum(axis=0)
        return float(edits / length) if length else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters: both sums are drawn together."""
        table = statistics[self.counted].reshape(-1, 2)

        def rate(weights: np.ndarray) -> float:
            edits, length = weights @ table
            return float(edits / length) if length else np.nan

        return drawn(rate, len(table), clusters, seed, self.unit, self.better, (0.0, np.inf))
