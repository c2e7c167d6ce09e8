"""The character error rate without case and punctuation."""

from typing import ClassVar

from steelyard.metrics._edits import ErrorRate


class NormalisedCer(ErrorRate):
    """Needs plain_characters (rows, 2) int64: edits of characters, and characters, once case and punctuation are gone."""

    name: ClassVar[str] = "normalised-cer"
    help: ClassVar[str] = "character error rate without case, punctuation and spaces"
    counted: ClassVar[str] = "plain_characters"


PART = NormalisedCer
