"""A number a row: how straight the line is on which answers and truths lie."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.correlation import pearson
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class Pearson(Metric):
    """Needs number and answered (rows,) float."""

    name: ClassVar[str] = "pearson"
    unit: ClassVar[str] = "ratio"
    help: ClassVar[str] = "Pearson's correlation of answers and numbers"

    def value(self, statistics: Statistics) -> float:
        """In [-1, 1]; nan for no rows, or where either does not vary."""
        return _value(statistics, np.ones(len(statistics["answered"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows, or clusters."""
        return drawn(lambda weights: _value(statistics, weights), len(statistics["answered"]), clusters, seed, self.unit, self.better,
                     (-1.0, 1.0))


def _value(statistics: Statistics, weights: np.ndarray) -> float:
    return pearson(statistics["answered"], statistics["number"], weights)


PART = Pearson
