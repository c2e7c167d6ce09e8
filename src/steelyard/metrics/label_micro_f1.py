"""Several labels a row: F1 over all pairs of row and label together."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class LabelMicroF1(Metric):
    """Needs wanted and chosen (rows, labels) bool."""

    name: ClassVar[str] = "label-micro-f1"
    help: ClassVar[str] = "F1 over all pairs of row and label together"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows, or where no label is wanted or chosen."""
        return _value(statistics, np.ones(len(statistics["wanted"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows, or clusters."""
        return drawn(lambda weights: _value(statistics, weights), len(statistics["wanted"]), clusters, seed, self.unit, self.better)


def _value(statistics: Statistics, weights: np.ndarray) -> float:
    wanted, chosen = statistics["wanted"], statistics["chosen"]
    both = float(weights @ wanted.sum(axis=1) + weights @ chosen.sum(axis=1))
    return float(2 * (weights @ (wanted & chosen).sum(axis=1)) / both) if both else np.nan


PART = LabelMicroF1
