"""Metrics of counts that are summed over rows before anything is divided."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class OfSums(Metric):
    """Abstract: needs `counted`, (rows, counts) int64."""

    counted: ClassVar[str]

    @abstractmethod
    def of(self, sums: np.ndarray) -> float:
        """The measure of (counts,) summed over rows; nan where it is not defined."""

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan where there is nothing to compare with."""
        return self.of(statistics[self.counted].sum(axis=0))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters: all counts of a row are drawn together."""
        table = statistics[self.counted]
        return drawn(lambda weights: self.of(weights @ table), len(table), clusters, seed, self.unit, self.better)
