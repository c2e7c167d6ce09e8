"""What a token of text costs."""

from typing import ClassVar

import numpy as np

from steelyard.metrics._spelled import OfTexts


class TokenLoss(OfTexts):
    """Needs nats, tokens and bytes, as OfTexts."""

    name: ClassVar[str] = "token-loss"
    unit: ClassVar[str] = "nats"
    help: ClassVar[str] = "mean over tokens of -log of their probability, the end of each text among them"

    def of(self, sums: np.ndarray) -> float:
        """At least 0; nan for no tokens."""
        return float(sums[0] / sums[1]) if sums[1] else np.nan


PART = TokenLoss
