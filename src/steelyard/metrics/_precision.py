"""What COCO's average precisions have in common: which overlaps, and boxes of which size."""

from typing import ClassVar

import numpy as np

from steelyard.facts import Quantity, unmeasured
from steelyard.language import say
from steelyard.math.boxes import Ranked, mean_precision, ranked
from steelyard.metrics._drawn import drawn
from steelyard.metrics._frame import no_rows
from steelyard.parts import Metric, Statistics


class BoxPrecision(Metric):
    """Abstract: needs scores, classes (rows, boxes), fates (rows, sizes, overlaps, boxes) int8 and true (rows, sizes, labels)."""

    size: ClassVar[int] = 0  # of math.boxes.AREAS
    overlaps: ClassVar[slice] = slice(None)  # of math.boxes.OVERLAPS

    def value(self, statistics: Statistics) -> float:
        """In [0, 1]; nan where there is no such box."""
        return mean_precision(self._ranked(statistics), np.ones(len(statistics["scores"])))

    def quantity(self, statistics: Statistics, clusters: np.ndarray | None = None, seed: int = 0) -> Quantity:
        """A bootstrap over pictures or clusters."""
        n, classes = len(statistics["scores"]), self._ranked(statistics)
        if np.isnan(mean_precision(classes, np.ones(n))):
            return unmeasured(say("no box of this size is true") if n else no_rows(), self.unit, n)
        return drawn(lambda weights: mean_precision(classes, weights), n, clusters, seed, self.unit, self.better)

    def _ranked(self, statistics: Statistics) -> list[Ranked]:
        fate = statistics["fates"][:, self.size, self.overlaps]
        return ranked(statistics["scores"], statistics["classes"], fate, statistics["true"][:, self.size])
