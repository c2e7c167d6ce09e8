"""Tags: one a word, as B-person, I-person, O."""

import json
from collections.abc import Sequence

import pyarrow as pa

from steelyard.kinds._names import name_of
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind


class Tags(Kind):
    """A list of tags, as a value or as JSON, or a text with spaces between them; kept as they are spelled."""

    name = "tags"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of strings."""
        return pa.list_(pa.string())

    def parse(self, raw: object) -> list[str]:
        """The tags in order, each a label's name. Raises BadValue."""
        if raw is None:
            raise BadValue(say("the tags are missing"))
        if isinstance(raw, list | tuple):
            return [name_of(tag) for tag in raw]
        if not isinstance(raw, str):
            raise BadValue(say("got {got}, want a list of tags", got=shown(raw)))
        if not raw.lstrip().startswith("["):
            return [name_of(tag) for tag in raw.split()]
        try:
            return [name_of(tag) for tag in json.loads(raw)]
        except (ValueError, RecursionError) as error:
            raise BadValue(say("got {got}, want a list of tags", got=shown(raw))) from error

    def fits(self, samples: Sequence[object]) -> bool:
        """Lists, as values or as JSON, whose values come again and again."""
        present = [value for value in samples if value is not None]
        if not present or not all(isinstance(value, list | tuple) or (isinstance(value, str) and value.lstrip().startswith("["))
                                  for value in present):
            return False
        tags = [tag for value in present if isinstance(value, list | tuple) for tag in value]
        return all(isinstance(tag, str | int) for tag in tags) and len(set(tags)) <= max(20, len(tags) // 4)

    def identity(self, stored: object) -> str:
        """All of them in order."""
        return json.dumps(stored, ensure_ascii=False)


PART = Tags
