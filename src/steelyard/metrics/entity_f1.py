"""F1 of entities, summed over types and rows."""

from typing import ClassVar

from steelyard.metrics._matches import MatchF1


class EntityF1(MatchF1):
    """Needs entities (rows, types, 3) int64: those right, answered and true."""

    name: ClassVar[str] = "entity-f1"
    help: ClassVar[str] = "F1 of entities, summed over types and rows: right where type, first and last word are (seqeval's definition)"
    counted: ClassVar[str] = "entities"


PART = EntityF1
