"""Regular expressions that come in a file: those that a text could keep busy without end are refused before any text is met.

A backtracking engine cannot be stopped from outside, so the form decides: nothing that repeats without bound, or often, may hold
a group; the patterns of tokenizers in use repeat letters and classes of letters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 4096  # characters; the longest in use has some 500
MOST_REPEATS = 16  # of a group
_REPEAT = re.compile(r"[*+]|\{(\d*),?(\d*)\}")


def endless(pattern: str) -> bool:
    """Whether a text may take it time without end: a repeated group, (a+)+ or (a|a)*, or a pattern beyond all measure.

    Escapes and classes, which nest as [a[b]], are skipped; a group that is there or not, (...)?, and a look ahead are fine.
    """
    if len(pattern) > LONGEST:
        return True
    return any(pattern[place] == ")" and _repeats(pattern, place + 1) for place in _outside(pattern))


def _outside(pattern: str) -> Iterator[int]:
    """The places of the signs that stand for themselves neither by an escape nor by a class."""
    depth = place = 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            place += 2
            continue
        if sign == "[":
            depth += 1
            if pattern[place + 1 : place + 2] == "^":
                place += 1
            if pattern[place + 1 : place + 2] == "]":  # the first sign of a class stands for itself
                place += 1
        elif sign == "]" and depth:
            depth -= 1
        elif not depth:
            yield place
        place += 1


def _repeats(pattern: str, place: int) -> bool:
    found = _REPEAT.match(pattern, place)
    if found is None:
        return False
    if found[0] in "*+":
        return True
    numbers = [int(number[:9]) for number in found.groups() if number]
    return not numbers or max(numbers) > MOST_REPEATS or found[0].endswith(",}")
