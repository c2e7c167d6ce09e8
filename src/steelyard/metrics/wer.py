"""The word error rate."""

from typing import ClassVar

from steelyard.metrics._edits import ErrorRate


class Wer(ErrorRate):
    """Needs words (rows, 2) int64: edits of words, and words, as they are written."""

    name: ClassVar[str] = "wer"
    help: ClassVar[str] = "word error rate: wrong, missing and added words over words, summed over rows; case and punctuation count"
    counted: ClassVar[str] = "words"


PART = Wer
