"""Hidden words of which each token is among the five likeliest."""

from typing import ClassVar

import numpy as np

from steelyard.metrics._masked import OfHidden


class MaskedTop5(OfHidden):
    """Needs masked and nats, as OfHidden."""

    name: ClassVar[str] = "masked-top5"
    help: ClassVar[str] = "share of hidden words whose tokens are all among the five likeliest"

    def of(self, sums: np.ndarray) -> float:
        """In [0, 1]; nan where no word was judged."""
        return float(sums[2] / sums[0]) if sums[0] else np.nan


PART = MaskedTop5
