"""Several labels of one row: a list, or a text with signs between them."""

import json
import re
from collections.abc import Sequence

import pyarrow as pa

from steelyard.kinds._names import name_of
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind

MOST = 1000  # labels of one row
_BETWEEN = re.compile(r"[,;|，；、]")


class Labels(Kind):
    """The names of some classes, none included: ["joy", "love"], "joy, love" or "3,17"."""

    name = "labels"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of strings."""
        return pa.list_(pa.string())

    def parse(self, raw: object) -> list[str]:
        """Different names, in the order given, each as a label's; an empty list or text: none. Raises BadValue."""
        if raw is None:
            raise BadValue(say("the labels are missing; a row that has none of them says so with an empty list"))
        names = list(dict.fromkeys(name_of(value) for value in _listed(raw)))
        if len(names) > MOST:
            raise BadValue(say("{n} labels in one row, want at most {most}", n=len(names), most=MOST))
        return names

    def fits(self, samples: Sequence[object]) -> bool:
        """Lists, as values or as JSON; a plain text is one label."""
        present = [value for value in samples if value is not None]
        return bool(present) and all(isinstance(value, list | tuple) or (isinstance(value, str) and value.strip().startswith("["))
                                     for value in present)

    def identity(self, stored: object) -> str:
        """The set, in the alphabet's order."""
        return json.dumps(sorted(stored) if isinstance(stored, list) else stored, ensure_ascii=False)


def _listed(raw: object) -> list[object]:
    if isinstance(raw, list | tuple):
        return list(raw)
    if not isinstance(raw, str):
        return [raw]
    if raw.strip().startswith("["):
        try:
            whole = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadValue(say("got {got}, want a list of labels", got=shown(raw))) from error
        return list(whole)
    return [part for part in _BETWEEN.split(raw) if part.strip()]


PART = Labels
