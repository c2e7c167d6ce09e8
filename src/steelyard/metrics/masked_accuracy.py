"""Hidden words of which each token is the likeliest."""

from typing import ClassVar

import numpy as np

from steelyard.metrics._masked import OfHidden


class MaskedAccuracy(OfHidden):
    """Needs masked and nats, as OfHidden."""

    name: ClassVar[str] = "masked-accuracy"
    help: ClassVar[str] = "share of hidden words that are right: each of their tokens is the likeliest"

    def of(self, sums: np.ndarray) -> float:
        """In [0, 1]; nan where no word was judged."""
        return float(sums[1] / sums[0]) if sums[0] else np.nan


PART = MaskedAccuracy
