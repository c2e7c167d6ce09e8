"""JSON: a list of objects, an object that holds such a list, or an object of columns; read as it streams by."""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from json import JSONDecodeError
from pathlib import Path
from typing import TextIO

from steelyard.errors import InputError, listing
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._objects import Decoder, lines
from steelyard.sources._open import LONGEST_LINE, form, open_text

_BLOCK = 2**18  # characters that are read at once
_LINE = 2**20  # characters of a first line that is taken for JSON Lines
_SPACE = " \t\n\r"


class Json(Source):
    """.json: [{...}, {...}]; {"data": [{...}, ...]} under any one key; {"text": [...], "label": [...]}; and JSON Lines, which many name so.

    Memory stays at one row. Columns lie apart in the file, so they pass through temporary files, as large as the file together.
    """

    name = "json"
    help = say("JSON: a list of objects, an object that holds one, or an object of columns, plain or .gz")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) == ".json" and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Values as JSON has them; the line is that where an object starts, of columns the row's number.

        What is no object is a problem of its row. Raises InputError where the document is broken, or has lists in it that
        cannot be told apart.
        """
        with open_text(path, options.encoding) as stream:
            document = _Document(path, stream)
            if not document.is_lines:
                none_yet = True
                for line, value, problem in document.rows():
                    none_yet = False
                    if problem is None and not isinstance(value, dict):
                        problem = say("the element is {got}, want a JSON object", got=shown(value))
                    yield Record(value if problem is None and isinstance(value, dict) else {}, str(path), line, problem)
                if none_yet:
                    raise InputError(say("{where}: the file has no rows", where=path))
                return
        yield from lines(path, options.encoding)


_Row = tuple[int, object, Sentence | None]  # the line where it starts, the value, why it is no row


class _Document:
    """A JSON document, decoded value by value; what was read lies behind it."""

    def __init__(self, path: Path, stream: io.TextIOWrapper) -> None:
        self.path, self.stream = path, stream
        self.decoder = Decoder()
        self.line = 1
        self.place = 0
        self.buffer = stream.readline(_LINE).removeprefix("\ufeff")
        while self.buffer and not self.buffer.strip():
            self.line += 1
            self.buffer = stream.readline(_LINE)
        self.is_lines = self._is_lines()

    def _is_lines(self) -> bool:
        """Whether the first line is an object by itself, and more follows."""
        first = self.buffer
        if not first.lstrip().startswith("{"):
            return False
        try:
            self.decoder.decode(first)
        except (ValueError, RecursionError):
            return False
        while block := self.stream.read(_BLOCK):
            if block.strip():
                return True
        return False

    def rows(self) -> Iterator[_Row]:
        """The rows, in the file's order."""
        if (sign := self.sign()) == "[":
            yield from self.elements()
        elif sign == "{":
            with ExitStack() as stack:
                yield from _Members(self, stack).rows()
        elif sign:
            raise self.broken(say("it starts with {got}, want a list or an object", got=shown(self.buffer[self.place :][:20])))
        if self.sign():
            raise self.broken(say("more follows after its end; one object a line is JSON Lines (.jsonl)"))

    def sign(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            while self.place < len(self.buffer) and self.buffer[self.place] in _SPACE:
                self.line += self.buffer[self.place] == "\n"
                self.place += 1
            if self.place < len(self.buffer):
                return self.buffer[self.place]
            if not self.more():
                return ""

    def take(self, allowed: str) -> str:
        """The next sign, one of these."""
        if (sign := self.sign()) == "" or sign not in allowed:
            want = " or ".join(allowed)
            raise self.broken(say("it is cut short") if not sign else say('got "{got}", want {want}', got=shown(sign), want=want))
        self.place += 1
        return sign

    def elements(self) -> Iterator[_Row]:
        """The elements of the list that starts here."""
        self.take("[")
        if self.sign() == "]":
            self.place += 1
            return
        while True:
            self.sign()
            line = self.line
            yield line, *self.value()
            if self.take(",]") == "]":
                return

    def value(self) -> tuple[object, Sentence | None]:
        """The value that starts here, and why it is no row."""
        self.sign()
        while True:
            self.decoder.twice = None
            try:
                value, end = self.decoder.raw_decode(self.buffer, self.place)
            except (ValueError, RecursionError) as error:
                cut = isinstance(error, JSONDecodeError)
                if cut and len(self.buffer) - self.place > LONGEST_LINE:
                    raise self.broken(say("one value has more than {most} characters", most=LONGEST_LINE)) from error
                if not cut or not self.more():
                    self.line += self.buffer.count("\n", self.place, error.pos) if isinstance(error, JSONDecodeError) else 0
                    raise self.broken(error.msg if isinstance(error, JSONDecodeError) else error) from error
            else:
                if end < len(self.buffer) or not self.more():  # a number may go on
                    break
        end = end if end <= len(self.buffer) else len(self.buffer)
        text = self.buffer[self.place : end]
        self.line += text.count("\n")
        self.place = end
        return value, self.decoder.problem("\\u" in text, value)

    def more(self) -> bool:
        """Read on: as much again as waits to be decoded, so that a long value is not tried over and over."""
        block = self.stream.read(max(_BLOCK, len(self.buffer) - self.place))
        if block:
            self.buffer = self.buffer[self.place :] + block
            self.place = 0
        return bool(block)

    def broken(self, reason: object) -> InputError:
        """The document as a whole cannot be read on from this line."""
        return InputError(say("{where}:{line}: this is no JSON: {reason}", where=self.path, line=self.line, reason=reason))


class _Members:
    """The members of one object: one list of objects, which are the rows, or lists of values, which are columns."""

    def __init__(self, document: _Document, stack: ExitStack) -> None:
        self.document, self.stack = document, stack
        self.columns: dict[str, TextIO] = {}  # one value a line
        self.sizes: dict[str, int] = {}  # of every list
        self.others: dict[str, object] = {}
        self.found: str | None = None  # whose list the rows are

    def rows(self) -> Iterator[_Row]:
        """Raises InputError where there are several lists of objects, or columns of unequal lengths."""
        document, start = self.document, self.document.line
        document.take("{")
        if document.sign() == "}":
            document.place += 1
            return
        while True:
            name = self._name()
            document.take(":")
            if document.sign() == "[":
                yield from self._list(name)
            else:
                self.others[name], problem = document.value()
                if problem is not None:
                    raise document.broken(problem)
            if document.take(",}") == "}":
                break
        if self.found is None and (self.columns or self._nested()):
            yield from self._columns()
        elif self.found is None and self.others:
            yield start, self.others, None

    def _name(self) -> str:
        name, _ = self.document.value()
        if not isinstance(name, str):
            raise self.document.broken(say('got "{got}", want {want}', got=shown(name), want='"name"'))
        if name in self.sizes or name in self.others:
            raise self.document.broken(say('the object has two values for "{key}"', key=shown(name)))
        return name

    def _list(self, name: str) -> Iterator[_Row]:
        """The elements as rows where the first of them is an object; else they are put aside as a column."""
        size = 0
        for line, value, problem in self.document.elements():
            if not size and isinstance(value, dict):
                if self.found is not None:
                    raise self._several(self.found, name)
                self.found = name
            size += 1
            if self.found == name:
                yield line, value, problem
                continue
            if problem is not None:
                raise self.document.broken(problem)
            self._put(name, value)
        self.sizes[name] = size
        if self.found is not None and (alike := [other for other in self.sizes if self.sizes[other] == self.sizes[self.found]
                                                 and other != self.found]):
            raise self._several(self.found, alike[0])

    def _put(self, name: str, value: object) -> None:
        if name not in self.columns:
            file: TextIO = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the stack closes it
            self.columns[name] = self.stack.enter_context(file)
        self.columns[name].write(json.dumps(value) + "\n")

    def _nested(self) -> bool:
        """Take the members as columns where they are such as pandas writes: {"text": {"0": ..., "1": ...}, ...}; whether they were."""
        inner = list(self.others.items())
        keys = [list(value) for _, value in inner if isinstance(value, dict)]
        if not keys or len(keys) < len(inner) or not keys[0] or any(own != keys[0] for own in keys):
            return False
        for name, values in inner:
            for value in values.values() if isinstance(values, dict) else ():
                self._put(name, value)
            self.sizes[name] = len(keys[0])
        return True

    def _columns(self) -> Iterator[_Row]:
        sizes = {name: self.sizes[name] for name in self.columns}
        if len(set(sizes.values())) > 1:
            told = listing(f"{shown(name)}: {size}" for name, size in sizes.items())
            raise InputError(say("{where}: the columns have unequal numbers of values ({sizes})", where=self.document.path, sizes=told))
        for file in self.columns.values():
            file.seek(0)
        for number in count(1):
            texts = [file.readline() for file in self.columns.values()]
            if not texts[0]:
                return
            yield number, {name: json.loads(text) for name, text in zip(self.columns, texts, strict=True)}, None

    def _several(self, first: str, second: str) -> InputError:
        return InputError(say('{where}: there are several lists in it ("{first}", "{second}"); write one list of objects into a file of '
                              "its own", where=self.document.path, first=shown(first), second=shown(second)))


PART = Json
