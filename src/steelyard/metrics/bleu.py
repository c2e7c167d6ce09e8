"""BLEU, of the whole set."""

from typing import ClassVar

import numpy as np

from steelyard.math import ngrams
from steelyard.metrics._sums import OfSums


class Bleu(OfSums):
    """Needs bleu (rows, 10) int64, as math.ngrams.bleu_counts."""

    name: ClassVar[str] = "bleu"
    help: ClassVar[str] = "BLEU of the set: case:mixed|eff:no|tok:13a|smooth:exp as sacrebleu signs it; Chinese by characters"
    counted: ClassVar[str] = "bleu"

    def of(self, sums: np.ndarray) -> float:
        """In [0, 1]: a hundredth of sacrebleu's figure."""
        return ngrams.bleu(sums)


PART = Bleu
