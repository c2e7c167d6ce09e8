"""Among how many equally likely tokens a model seems to choose."""

import math
from typing import ClassVar

import numpy as np

from steelyard.metrics._spelled import OfTexts


class Perplexity(OfTexts):
    """Needs nats, tokens and bytes, as OfTexts."""

    name: ClassVar[str] = "perplexity"
    unit: ClassVar[str] = "ratio"
    help: ClassVar[str] = "exp of the mean loss of a token: among how many equally likely ones the model seems to choose"

    def of(self, sums: np.ndarray) -> float:
        """At least 1; nan for no tokens."""
        return math.exp(min(700.0, float(sums[0] / sums[1]))) if sums[1] else np.nan


PART = Perplexity
