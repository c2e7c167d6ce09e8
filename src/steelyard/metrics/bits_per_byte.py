"""What a byte of text costs: models of any tokenizer can be compared."""

import math
from typing import ClassVar

import numpy as np

from steelyard.metrics._spelled import OfTexts


class BitsPerByte(OfTexts):
    """Needs nats, tokens and bytes, as OfTexts."""

    name: ClassVar[str] = "bits-per-byte"
    unit: ClassVar[str] = "bits"
    help: ClassVar[str] = "-log2 of the texts' probability by their bytes in UTF-8; tokenizers can be compared"

    def of(self, sums: np.ndarray) -> float:
        """At least 0; nan for no bytes."""
        return float(sums[0] / math.log(2) / sums[2]) if sums[2] else np.nan


PART = BitsPerByte
