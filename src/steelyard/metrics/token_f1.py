"""F1 of the words that belong to an entity, each by itself with its type."""

from typing import ClassVar

from steelyard.metrics._matches import MatchF1


class TokenF1(MatchF1):
    """Needs marked (rows, types, 3) int64: those right, answered and true."""

    name: ClassVar[str] = "token-f1"
    help: ClassVar[str] = "F1 of the words that belong to an entity, each by itself with its type"
    counted: ClassVar[str] = "marked"


PART = TokenF1
