"""References: a text, or several that are each as good an answer."""

import json
from collections.abc import Sequence

import pyarrow as pa

from steelyard.kinds.text import Text
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind


class References(Kind):
    """A text, or a list of them: a list, or one written as JSON. The first is what is learnt."""

    name = "references"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of strings."""
        return pa.list_(pa.string())

    def parse(self, raw: object) -> list[str]:
        """One text or more. Raises BadValue for an empty list, and for what is no text."""
        entries = _listed(raw)
        if not entries:
            raise BadValue(say("got {got}, want a text, or a list of one text or more", got=shown(raw)))
        return [Text().parse(entry) for entry in entries]

    def fits(self, samples: Sequence[object]) -> bool:
        """Texts, or lists of them."""
        lists = [_listed(value) for value in samples if value is not None]
        return all(isinstance(entry, str) for own in lists for entry in own) and Text().fits([entry for own in lists for entry in own[:1]])

    def identity(self, stored: object) -> str:
        """Of every text letters and digits, in lower case."""
        return " ".join(Text().identity(text) for text in stored) if isinstance(stored, list) else Text().identity(stored)


def _listed(raw: object) -> list[object]:
    if isinstance(raw, str) and raw.lstrip().startswith('["'):
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return [raw]
        return found if isinstance(found, list) and all(isinstance(entry, str) for entry in found) else [raw]
    return list(raw) if isinstance(raw, list | tuple) else [raw]


PART = References
