"""Tables as text: CSV with quotes, TSV mostly without, plain or gz; each row keeps the line on which it starts."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import InputError, listing
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import LONGEST_LINE, form, text_lines

if TYPE_CHECKING:
    from _csv import Reader

MOST_COLUMNS = 100_000  # every one of them is looked at
_HEAD = 2**20  # characters that are looked at to tell how a file quotes
_TABS = (".tsv", ".tab", ".txt")


@dataclass(frozen=True)
class Dialect:
    """How a file separates its fields, and whether quotes mean anything in it."""

    delimiter: str
    quoted: bool

    def reader(self, lines: Iterator[str]) -> "Reader":
        """Fields, row by row. `strict`: a quote that is never closed is an error, not a field that holds the rest of the file."""
        return csv.reader(lines, delimiter=self.delimiter, strict=True, quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE)


class Csv(Source):
    """.csv: commas (semicolons or tabs where the header has those only), quotes doubled inside quotes.

    .tsv, .tab and .txt: tabs; quotes are plain characters, unless the file's beginning is a quoted table throughout.
    A file without header (`data.header: false`) has the columns "1", "2"... A blank line is no row.
    """

    name = "csv"
    help = say("CSV, TSV or tab-separated text, plain or .gz")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in (".csv", *_TABS) and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Values are texts. A row with too few or too many fields is a problem; duplicate column names an InputError."""
        csv.field_size_limit(LONGEST_LINE)  # the module's one setting for all; its default cuts documents at 128 KiB
        lines = text_lines(path, options.encoding)
        head = _head(lines)
        rows = _rows(dialect(path, head), chain(head, lines))
        names: list[str] | None = None
        none_yet = True
        for line, fields, problem in rows:
            if problem is None and names is None:
                names = _names(path, line, fields) if options.header else [str(n) for n in range(1, len(fields) + 1)]
                if options.header:
                    continue
            if problem is None and names is not None and len(fields) != len(names):
                problem = say("the row has {got} fields, the first line has {want}; fix the row", got=len(fields), want=len(names))
            none_yet = False
            yield Record({} if problem else dict(zip(names or (), fields, strict=True)), str(path), line, problem)
        if none_yet:
            raise InputError(say("{where}: the table has no rows", where=path))


def dialect(path: Path, head: Sequence[str]) -> Dialect:
    """How to read the file whose first lines are `head`."""
    if form(path) == ".csv":
        first = next((line for line in head if line.strip()), "")
        others = [mark for mark in ";\t" if mark in first]
        return Dialect("," if "," in first or not others else max(others, key=first.count), quoted=True)
    if not any(line.startswith('"') or '\t"' in line for line in head):
        return Dialect("\t", quoted=False)
    quoted, plain = (_widths(Dialect("\t", quoted), head) for quoted in (True, False))
    uniform = len(set(quoted)) == 1 and quoted != [0]
    return Dialect("\t", quoted=uniform and (len(set(plain)) > 1 or len(quoted) == len(plain)))


def _widths(dialect: Dialect, head: Sequence[str]) -> list[int]:
    """The number of fields of each row, 0 for one that does not parse; the last is left out, for it may be cut."""
    rows = [len(fields) if problem is None else 0 for _, fields, problem in _rows(dialect, iter(head))]
    return rows[:-1] if sum(map(len, head)) >= _HEAD else rows


def _head(lines: Iterator[str]) -> list[str]:
    head: list[str] = []
    size = 0
    for line in lines:
        head.append(line)
        size += len(line)
        if size >= _HEAD:
            break
    return head


def _rows(dialect: Dialect, lines: Iterator[str]) -> Iterator[tuple[int, list[str], Sentence | None]]:
    """(first line, fields, problem) of every row that is not blank."""
    reader = dialect.reader(lines)
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, [], say("lines {first} to {last} are no row: a quote is not closed, or not doubled inside quotes ({reason})",
                                 first=first, last=reader.line_num, reason=error)
        else:
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield first, fields, None


def _names(path: Path, line: int, fields: Sequence[str]) -> list[str]:
    """The columns' names from the first row. Raises InputError where two are equal or it looks like a row of data."""
    if len(fields) > MOST_COLUMNS:
        raise InputError(say("{where}:{line}: the first line has {got} fields; at most {most} columns are read", where=path, line=line,
                             got=len(fields), most=MOST_COLUMNS))
    names = [field.strip() or f"column {number}" for number, field in enumerate(fields, start=1)]
    if twice := [shown(name) for name, count in Counter(names).items() if count > 1]:
        raise InputError(say("{where}:{line}: several columns are called {names}; rename them, "
                             "or set data.header: false if this line is a row", where=path, line=line, names=listing(twice)))
    numbers = [name for name in names if _is_number(name)]
    if numbers and not _counted(numbers):
        raise InputError(say('{where}:{line}: the first line looks like a row, for "{got}" is no column\'s name; '
                             "add a line with the columns' names, or set data.header: false",
                             where=path, line=line, got=shown(numbers[0])))
    return names


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _counted(numbers: Sequence[str]) -> bool:
    """Whether the names are two or more whole numbers in a row (0, 1, 2... or years): such columns exist."""
    if len(numbers) < 2 or not all(name.isdecimal() and len(name) < 10 for name in numbers):
        return False
    return all(int(b) - int(a) == 1 for a, b in pairwise(numbers))


PART = Csv
