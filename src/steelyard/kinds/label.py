"""A label: the name of a class."""

from collections.abc import Sequence

import pyarrow as pa

from steelyard.kinds._names import name_of
from steelyard.parts import BadValue, Kind


class Label(Kind):
    """A class's name, as text: 1, 1.0 and "1" are one label, and so are "pos" and " pos "."""

    name = "label"

    @property
    def arrow(self) -> pa.DataType:
        """Strings."""
        return pa.string()

    def parse(self, raw: object) -> str:
        """The label's text, see _names.name_of. Raises BadValue."""
        return name_of(raw)

    def fits(self, samples: Sequence[object]) -> bool:
        """Few distinct values, all of them short names."""
        labels = []
        for value in samples:
            try:
                labels.append(self.parse(value))
            except BadValue:
                if value is not None and value != "":
                    return False
        return bool(labels) and 2 * len(set(labels)) <= len(labels) + 2 and all(len(label) <= 64 for label in labels)


PART = Label
