"""chrF, of the whole set."""

from typing import ClassVar

import numpy as np

from steelyard.math import ngrams
from steelyard.metrics._sums import OfSums


class Chrf(OfSums):
    """Needs chrf (rows, 18) int64, as math.ngrams.chrf_counts."""

    name: ClassVar[str] = "chrf"
    help: ClassVar[str] = "chrF2 of the set: case:mixed|eff:yes|nc:6|nw:0|space:no as sacrebleu signs it"
    counted: ClassVar[str] = "chrf"

    def of(self, sums: np.ndarray) -> float:
        """In [0, 1]: a hundredth of sacrebleu's figure."""
        return ngrams.chrf(sums)


PART = Chrf
