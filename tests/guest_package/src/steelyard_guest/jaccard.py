"""The overlap of the labels that were said with those that are true."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity, unmeasured
from steelyard.language import say
from steelyard.math.intervals import mean
from steelyard.parts import Metric, Statistics


class Jaccard(Metric):
    """Needs said and held (rows, labels) bool."""

    name: ClassVar[str] = "jaccard"
    help: ClassVar[str] = "mean over rows of the labels both said and true, over those that are either (Jaccard 1901)"

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan for no rows."""
        return float(_overlap(statistics).mean()) if len(statistics["said"]) else np.nan

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """The t interval of a mean over rows, or over clusters."""
        n = len(statistics["said"])
        if not n:
            return unmeasured(say("there are no rows"), self.unit)
        value, low, high = mean(_overlap(statistics), clusters)
        if np.isnan(low):
            return Quantity(value=value, n=n, how="no interval: one row or cluster", better=self.better)
        return Quantity(value=value, low=low, high=high, n=n, how="t 95%", better=self.better)


def _overlap(statistics: Statistics) -> np.ndarray:
    both = (statistics["said"] & statistics["held"]).sum(axis=1)
    either = (statistics["said"] | statistics["held"]).sum(axis=1)
    return np.where(either, both / np.maximum(either, 1), 1.0)


PART = Jaccard
