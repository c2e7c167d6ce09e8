"""Several labels a row: the share of rows whose set is exactly right."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity
from steelyard.math.intervals import clustered_share, wilson
from steelyard.metrics._frame import framed, no_rows, over
from steelyard.parts import Metric, Statistics


class ExactLabels(Metric):
    """Needs wanted and chosen (rows, labels) bool."""

    name: ClassVar[str] = "exact-labels"
    help: ClassVar[str] = "share of rows whose chosen labels are exactly the wanted ones"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows."""
        right = _right(statistics)
        return float(right.mean()) if len(right) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """Wilson's interval; with clusters see intervals.clustered_share."""
        right = _right(statistics)
        if clusters is None:
            ends, how = (self.value(statistics), *wilson(int(right.sum()), len(right))), "Wilson 95%"
        else:
            ends, how = clustered_share(right, clusters), f"logit t and Hall 95%{over(clusters)}"
        return framed(ends, len(right), how, self.unit, self.better, no_rows(), "one cluster")


def _right(statistics: Statistics) -> np.ndarray:
    return np.asarray((statistics["wanted"] == statistics["chosen"]).all(axis=1))


PART = ExactLabels
