"""The word error rate without case and punctuation."""

from typing import ClassVar

from steelyard.metrics._edits import ErrorRate


class NormalisedWer(ErrorRate):
    """Needs plain_words (rows, 2) int64: edits of words, and words, once case and punctuation are gone."""

    name: ClassVar[str] = "normalised-wer"
    help: ClassVar[str] = "word error rate without case and punctuation; a Chinese character is a word by itself"
    counted: ClassVar[str] = "plain_words"


PART = NormalisedWer
