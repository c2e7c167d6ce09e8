"""JSON Lines: one object a line, plain or gz."""

from collections.abc import Iterator
from pathlib import Path

from steelyard.language import say
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._objects import lines
from steelyard.sources._open import form


class Jsonl(Source):
    """.jsonl and .ndjson. A blank line is no row."""

    name = "jsonl"
    help = say("JSON Lines: one object a line, plain or .gz")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in (".jsonl", ".ndjson") and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Values as JSON has them. A line that is no object is a problem; one JSON list instead of lines an InputError."""
        return lines(path, options.encoding)


PART = Jsonl
