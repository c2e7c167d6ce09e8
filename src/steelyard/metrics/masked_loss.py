"""What the hidden words cost."""

from typing import ClassVar

import numpy as np

from steelyard.metrics._masked import OfHidden


class MaskedLoss(OfHidden):
    """Needs masked and nats, as OfHidden."""

    name: ClassVar[str] = "masked-loss"
    unit: ClassVar[str] = "nats"
    better: ClassVar[str] = "lower"
    help: ClassVar[str] = "mean over hidden words of -log of their probability, the sum over their tokens: tokenizers can be compared"
    most: ClassVar[float] = np.inf

    def of(self, sums: np.ndarray) -> float:
        """At least 0; nan where no word was judged."""
        return float(sums[4] / sums[0]) if sums[0] else np.nan


PART = MaskedLoss
