"""Words that the tokenizer does not know."""

from typing import ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.metrics._masked import OfHidden


class UnknownWords(OfHidden):
    """Needs masked and nats, as OfHidden."""

    name: ClassVar[str] = "unknown-words"
    better: ClassVar[str] = ""
    help: ClassVar[str] = "share of the words to be hidden that the tokenizer does not know: they are not judged"

    def of(self, sums: np.ndarray) -> float:
        """In (0, 1]; nan where all are known."""
        return float(1 - sums[0] / sums[3]) if sums[3] > sums[0] else np.nan

    def lacking(self) -> Sentence:
        """That is well."""
        return say("the tokenizer knows every word that was to be hidden")


PART = UnknownWords
