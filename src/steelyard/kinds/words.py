"""Words: a text that is divided already."""

import json
from collections.abc import Sequence

import pyarrow as pa

from steelyard.language import say
from steelyard.math.texts import same, shown
from steelyard.parts import BadValue, Kind


class Words(Kind):
    """A list of words, as a value or as JSON; a plain text is divided at its spaces."""

    name = "words"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of strings."""
        return pa.list_(pa.string())

    def parse(self, raw: object) -> list[str]:
        """At least one word, each without outer spaces. Raises BadValue."""
        words = _listed(raw)
        if not words:
            raise BadValue(say("the row has no words"))
        for place, word in enumerate(words, start=1):
            if not isinstance(word, str) or not word.strip():
                raise BadValue(say("word {n} is {got}, want a text", n=place, got=shown(word)))
            if not word.isprintable() and any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in word):
                raise BadValue(say("word {n} holds half a character or a NUL byte, which no file can store", n=place))
        return [str(word).strip() for word in words]

    def fits(self, samples: Sequence[object]) -> bool:
        """Lists of texts, as values or as JSON."""
        present = [value for value in samples if value is not None]
        return bool(present) and all(_is_list(value) for value in present)

    def identity(self, stored: object) -> str:
        """Letters and digits of any script, in lower case."""
        return same(" ".join(stored)) if isinstance(stored, list) else same(str(stored))


def _is_list(value: object) -> bool:
    if isinstance(value, str):
        return value.lstrip().startswith('["')
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _listed(raw: object) -> list[object]:
    if raw is None:
        raise BadValue(say("the words are missing"))
    if isinstance(raw, list | tuple):
        return list(raw)
    if not isinstance(raw, str):
        raise BadValue(say("got {got}, want a list of words", got=shown(raw)))
    if not raw.lstrip().startswith("["):
        return list(raw.split())
    try:
        return list(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise BadValue(say("got {got}, want a list of words", got=shown(raw))) from error


PART = Words
