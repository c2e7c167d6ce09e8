"""Plain text: a line is a row."""

from collections.abc import Iterator
from pathlib import Path

from steelyard.errors import InputError, OutsideError
from steelyard.language import say
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, open_bytes, text_lines

_HEAD = 2**16  # bytes that are looked at


class Lines(Source):
    """{"text"} a line, without its end (CRLF too) and without space around it. A blank line is no row."""

    name = "lines"
    help = say("plain text (.txt without tabs, plain or .gz): a line is a row, its column text")
    first = True  # of .txt files those with tabs are tables

    def accepts(self, path: Path) -> bool:
        """By suffix, and where no tab stands in the first 64 KiB."""
        if form(path) != ".txt" or not path.is_file():
            return False
        try:
            with open_bytes(path) as stream:
                return b"\t" not in stream.read(_HEAD)
        except (InputError, OutsideError):  # reading it as a table says what is wrong
            return False

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where no line holds anything."""
        none_yet = True
        for number, line in enumerate(text_lines(path, options.encoding), start=1):
            if line.strip():
                none_yet = False
                yield Record({"text": line.strip()}, str(path), number)
        if none_yet:
            raise InputError(say("{where}: the file has no rows", where=path))


PART = Lines
