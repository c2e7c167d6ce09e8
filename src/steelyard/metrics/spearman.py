"""A number a row: how well answers put the rows in order."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.correlation import pearson, weighted_ranks
from steelyard.metrics._drawn import drawn
from steelyard.parts import Metric, Statistics


class Spearman(Metric):
    """Needs number and answered (rows,) float."""

    name: ClassVar[str] = "spearman"
    unit: ClassVar[str] = "ratio"
    help: ClassVar[str] = "Spearman's correlation: Pearson's of the ranks, equal values sharing theirs"

    def value(self, statistics: Statistics) -> float:
        """In [-1, 1]; nan for no rows, or where either does not vary."""
        return _value(statistics, np.ones(len(statistics["answered"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over rows, or clusters; ranks are drawn anew with them."""
        return drawn(lambda weights: _value(statistics, weights), len(statistics["answered"]), clusters, seed, self.unit, self.better,
                     (-1.0, 1.0))


def _value(statistics: Statistics, weights: np.ndarray) -> float:
    return pearson(weighted_ranks(statistics["answered"], weights), weighted_ranks(statistics["number"], weights), weights)


PART = Spearman
