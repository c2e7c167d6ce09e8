"""The share of words whose tag is right."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class TokenAccuracy(Metric):
    """Needs words (rows, 2) int64: those whose tag is right, and all."""

    name: ClassVar[str] = "token-accuracy"
    help: ClassVar[str] = "share of words whose tag is right, those outside of entities too"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no words."""
        return _share(statistics["words"].reshape(-1, 2).sum(axis=0))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows or clusters."""
        table = statistics["words"].reshape(-1, 2)
        return drawn(lambda weights: _share(weights @ table), len(table), clusters, seed, self.unit, self.better)


def _share(counts: np.ndarray) -> float:
    return float(counts[0] / counts[1]) if counts[1] else np.nan


PART = TokenAccuracy
