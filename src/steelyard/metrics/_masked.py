"""Metrics of the words that were hidden in texts."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity, unmeasured
from steelyard.language import Sentence, say
from steelyard.metrics._drawn import drawn
from steelyard.metrics._frame import no_rows
from steelyard.parts import Metric, Statistics


class OfHidden(Metric):
    """Abstract: needs masked (rows, 4) float, of hidden words: judged, right, among the likeliest, all; and nats (rows,) float."""

    most: ClassVar[float] = 1.0  # what the measure cannot exceed

    @abstractmethod
    def of(self, sums: np.ndarray) -> float:
        """The measure of (judged, right, among the likeliest, all, nats) summed over rows; nan where it is not defined."""

    def value(self, statistics: Statistics) -> float:
        """nan where there is nothing to measure."""
        return self.of(_table(statistics).sum(axis=0))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters."""
        table = _table(statistics)
        if np.isnan(self.of(table.sum(axis=0))):
            return unmeasured(self.lacking() if len(table) else no_rows(), self.unit, len(table))
        return drawn(lambda weights: self.of(weights @ table), len(table), clusters, seed, self.unit, self.better, (0.0, self.most))

    def lacking(self) -> Sentence:
        """Why there is nothing to measure in some rows."""
        return say("no hidden word could be judged")


def _table(statistics: Statistics) -> np.ndarray:
    return np.column_stack([statistics["masked"], statistics["nats"]])
