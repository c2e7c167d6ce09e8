"""The one way to say that the input is wrong, and the exit codes.

0 done, 1 our fault, 2 the input is wrong, 3 a gate does not hold, 4 the world failed, 130 and 143 interrupted.
"""

import errno
from difflib import get_close_matches
from typing import Iterable

from steelyard.language import Sentence, say


class SteelyardError(Exception):
    """Abstract: ends a verb with one sentence and `code`."""

    code = 1

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


class InputError(SteelyardError):
    """The input is wrong: one sentence with what, where, got, allowed and the remedy, as far as they apply.

    Example: InputError(say('{where}: column "{column}": got "{got}", want one of {allowed}; fix the row', ...))
    """

    code = 2


class OutsideError(SteelyardError):
    """The disk, the network, another process or the numbers failed; the sentence names the last checkpoint if any."""

    code = 4


# What no retry mends: the place that was named may not be written or read, or is none.
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


def refused(error: OSError, sentence: Sentence) -> SteelyardError:
    """What the system's refusal is: InputError where another place is the remedy, OutsideError where the disk failed or is full."""
    return (InputError if error.errno in _CLOSED else OutsideError)(sentence)


class Interrupted(SteelyardError):
    """A signal asked to stop, and a checkpoint was written. `code` is 130 (Ctrl-C) or 143 (SIGTERM)."""

    def __init__(self, sentence: Sentence, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def listing(names: Iterable[object], most: int = 12) -> str:
    """"a, b, c": at most `most` names, and how many more there are."""
    words = [str(name) for name in names]
    more = say(" and {n} more", n=len(words) - most) if len(words) > most else ""
    return ", ".join(words[:most]) + str(more)


def did_you_mean(name: str, known: Iterable[str], synonyms: dict[str, str] | None = None) -> str:
    """"; did you mean X?" or "": other people's spellings first, then the nearest known name."""
    known = list(known)
    if synonyms and name in synonyms:
        return str(say("; did you mean {name}?", name=synonyms[name]))
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return str(say("; did you mean {name}?", name=near[0])) if near else ""


def unknown(what: str, name: str, known: Iterable[str], where: str) -> InputError:
    """A name that nothing answers to: says where, what was got, the nearest, and what is allowed."""
    known = sorted(known)
    return InputError(say('{where}: no {what} is called "{name}"{hint} (there are: {known})',
                          where=where, what=what, name=name, hint=did_you_mean(name, known), known=listing(known)))
