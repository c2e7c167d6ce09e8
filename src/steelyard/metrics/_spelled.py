"""Metrics of what texts cost a model: sums over rows before anything is divided."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity, unmeasured
from steelyard.language import say
from steelyard.metrics._drawn import drawn
from steelyard.metrics._frame import no_rows
from steelyard.parts import Metric, Statistics


class OfTexts(Metric):
    """Abstract: needs nats, tokens and bytes, (rows,) float each."""

    better: ClassVar[str] = "lower"

    @abstractmethod
    def of(self, sums: np.ndarray) -> float:
        """The measure of (nats, tokens, bytes) summed over rows; nan where there is nothing to divide by."""

    def value(self, statistics: Statistics) -> float:
        """At least 0; nan where there is nothing to measure."""
        return self.of(_table(statistics).sum(axis=0))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters."""
        table = _table(statistics)
        if np.isnan(self.of(table.sum(axis=0))):
            return unmeasured(say("what answered has no tokens of its own") if len(table) else no_rows(), self.unit, len(table))
        return drawn(lambda weights: self.of(weights @ table), len(table), clusters, seed, self.unit, self.better, (0.0, np.inf))


def _table(statistics: Statistics) -> np.ndarray:
    return np.column_stack([statistics["nats"], statistics["tokens"], statistics["bytes"]])
