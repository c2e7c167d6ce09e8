"""Metrics that are the mean of what each row scores."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class RowMean(Metric):
    """Abstract: needs `averaged`, (rows,) float in [0, 1]."""

    averaged: ClassVar[str]

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows."""
        own = statistics[self.averaged]
        return float(own.mean()) if len(own) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters."""
        own = statistics[self.averaged].astype(np.float64)
        return drawn(lambda weights: float(weights @ own / weights.sum()), len(own), clusters, seed, self.unit, self.better)
