"""What is odd in rows, counted: how often, in how many of them, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.facts import Finding
from steelyard.language import Sentence
from steelyard.parts import Row
from steelyard.rows import Rows

PLACES = 20  # origins that a finding names


@dataclass
class Tally:
    """things: how many in all; rows: how many rows have one, a split; all: rows that were looked at; places: the first origins."""

    things: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    all: int = 0
    places: list[str] = field(default_factory=list)

    def finding(self, code: str, outcome: Any, why: Sentence) -> list[Finding]:
        """What was found, its sentence given {n}, {rows} and {all}; nothing where there is nothing of the kind."""
        if not self.things:
            return []
        told = Sentence(why.template, {**why.values, "n": self.things, "rows": sum(self.rows.values()), "all": self.all})
        return [Finding(code, outcome, told, tuple(self.places), {"things": self.things, "rows": dict(self.rows)})]


def tallied(splits: Mapping[str, Rows], counts: Callable[[Row], Mapping[str, int]]) -> dict[str, Tally]:
    """Of each name that `counts` gives of some row, a tally over the rows of all splits; the rows are read once."""
    found: dict[str, Tally] = {}
    seen = 0
    for split, rows in splits.items():
        for number, row in enumerate(rows):
            for name, things in counts(row).items():
                own = found.setdefault(name, Tally())
                own.things += things
                if things:
                    own.rows[split] = own.rows.get(split, 0) + 1
                    if len(own.places) < PLACES:
                        own.places.append(rows.origin(number))
        seen += len(rows)
    for own in found.values():
        own.all = seen
    return found
