"""The character error rate."""

from typing import ClassVar

from steelyard.metrics._edits import ErrorRate


class Cer(ErrorRate):
    """Needs characters (rows, 2) int64: edits of characters, and characters, as they are written."""

    name: ClassVar[str] = "cer"
    help: ClassVar[str] = "character error rate: wrong, missing and added characters over characters, spaces within the text too"
    counted: ClassVar[str] = "characters"


PART = Cer
