"""Opens a file, plain or gz, as bytes or as lines of text: with caps, and with a sentence for each way in which it is none."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from steelyard.errors import InputError, OutsideError
from steelyard.language import say
from steelyard.math.texts import shown

LONGEST_LINE = 16 * 2**20  # characters
MOST_BLANK = 1_000_000  # lines in a row
FREE = 8 * 2**20  # bytes that any gz may unpack to
RATIO = 200  # and beyond that so many times its size: text packs some 3 to 20 times, zeros 1,000 times
_SNIFF = 4096
_WIDE = re.compile(r"utf[-_ ]?(16|32)", re.IGNORECASE)  # encodings whose ASCII has NUL bytes in it
_MAGIC = (
    (b"PK\x03\x04", "zip, Excel or PyTorch"), (b"\x1f\x8b", "gzip"), (b"PAR1", "Parquet"), (b"ARROW1", "Arrow"),
    (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"%PDF", "PDF"), (b"SQLite format 3", "SQLite"),
    (b"\x89HDF", "HDF5"), (b"\xd0\xcf\x11\xe0", "Excel"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"7z\xbc\xaf", "7z"),
    *((bytes((0x80, protocol)), "pickle") for protocol in range(2, 6)),
)


def form(path: Path) -> str:
    """".csv" for reviews.CSV.gz: the suffix that says what is in it, in lower case, "" where there is none."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def is_packed(path: Path) -> bool:
    """Whether the name says gz."""
    return path.name.lower().endswith((".gz", ".tgz"))


@contextmanager
def open_bytes(path: Path) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked where its name ends in gz, one after another.

    Raises InputError where it is missing, a folder, empty, a broken gz or one that unpacks to more than RATIO times its
    size; OutsideError where the disk fails.
    """
    size = _size(path)
    try:
        with path.open("rb") as file:
            yield io.BufferedReader(_Unpacked(path, file, size), 2**18) if is_packed(path) else file
    except PermissionError as error:
        raise InputError(say("{where}: the file may not be read; change its permissions", where=path)) from error
    except OSError as error:
        raise OutsideError(say("{where}: reading failed: {reason}", where=path, reason=error.strerror or error)) from error


def text_lines(path: Path, encoding: str) -> Iterator[str]:
    """The physical lines of a text, ends and all, without a byte order mark; memory stays at one line.

    Raises InputError as `open_bytes`, and where the file is binary, empty, not in `encoding` or has a line of no end.
    """
    number = blank = 0
    with open_text(path, encoding) as text:
        while line := text.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise InputError(say("{where}:{line}: the line has more than {most} characters: this is no table of rows",
                                     where=path, line=number, most=LONGEST_LINE))
            blank = blank + 1 if line.isspace() else 0
            if blank > MOST_BLANK:
                raise InputError(say("{where}:{line}: more than {most} blank lines follow each other: this is no table of rows",
                                     where=path, line=number, most=MOST_BLANK))
            yield line.removeprefix("\ufeff") if number == 1 else line
    if number == 0:
        raise InputError(say("{where}: the file is empty", where=path))


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The text of a file, its ends of lines as they are. Raises InputError as `open_bytes`, where it is binary or not in `encoding`."""
    with open_bytes(path) as stream:
        _refuse_binary(path, stream.peek(_SNIFF)[:_SNIFF], encoding)
        try:
            text = io.TextIOWrapper(stream, encoding, newline="")
        except (LookupError, ValueError) as error:
            raise InputError(say('{where}: data.encoding: there is no encoding "{got}"; utf-8, gb18030, cp1252 and utf-16 are common',
                                 where=path, got=shown(encoding))) from error
        try:
            yield text
        except UnicodeError as error:
            raise _undecodable(path, encoding) from error


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise InputError(say("{where}: this is a folder; want a file", where=path))
        if not path.exists():
            raise InputError(say("{where}: the file is missing", where=path))
        if not path.is_file():  # a pipe would be waited for without end
            raise InputError(say("{where}: this is neither a file nor a folder", where=path))
        size = path.stat().st_size
    except OSError as error:
        raise InputError(say("{where}: the file may not be read; change its permissions", where=path)) from error
    if size == 0:
        raise InputError(say("{where}: the file is empty", where=path))
    return size


class _Unpacked(io.RawIOBase):
    """A gz, unpacked as it is read, counted against its cap."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        super().__init__()
        self.path = path
        self.gzip = gzip.GzipFile(fileobj=file, mode="rb")
        self.most = max(FREE, RATIO * size)
        self.total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`. Raises InputError."""
        try:
            count = self.gzip.readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(say("{where}: the gz is cut short or broken: {reason}", where=self.path, reason=error)) from error
        self.total += count
        if self.total > self.most:
            raise InputError(say("{where}: the gz unpacks to more than {most} MiB, over {ratio} times its size: refused as a bomb; "
                                 "unpack it yourself if it is what it should be", where=self.path, most=self.most >> 20, ratio=RATIO))
        return count


def _refuse_binary(path: Path, head: bytes, encoding: str) -> None:
    wide = _WIDE.match(encoding) is not None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not wide:
        raise InputError(say("{where}: this is UTF-16, not {encoding}; set data.encoding: utf-16", where=path, encoding=encoding))
    what = next((name for magic, name in _MAGIC if head.startswith(magic)), "tar" if head[257:262] == b"ustar" else "")
    if what:
        raise InputError(say("{where}: this is no text: its first bytes are those of {what}; give the file the suffix of its form, "
                             "or export a table as text", where=path, what=what))
    control = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head)
    if not wide and (b"\0" in head or 10 * control > len(head)):
        raise InputError(say("{where}: this is no text but binary data; want rows of text", where=path))


def _undecodable(path: Path, encoding: str) -> InputError:
    """Reads once more, to name the first line that is not in `encoding` and to guess which encoding it is in."""
    if _WIDE.match(encoding):  # its lines do not end in one byte
        return InputError(say("{where}: the file is not in {encoding}; set data.encoding", where=path, encoding=encoding))
    with open_bytes(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), start=1):
            try:
                line.decode(encoding)
            except UnicodeError:
                rest = line + stream.read(2**16)
                return InputError(say("{where}:{line}: the line is not in {encoding}; it reads as {guess}: set data.encoding: {guess}, "
                                      "or save the file as UTF-8", where=path, line=number, encoding=encoding, guess=_guess(rest)))
    return InputError(say("{where}: the file is not in {encoding}; set data.encoding", where=path, encoding=encoding))


def _guess(sample: bytes) -> str:
    """"utf-8" or "gb18030" where the bytes are such, else "cp1252", which reads nearly all.

    Many a Western text happens to be valid GB18030; but there an accented letter stands alone between ASCII, while
    Chinese is pairs of high bytes.
    """
    whole = sample[: sample.rfind(b"\n") + 1] or sample  # the last line may be cut
    for name in ("utf-8", "gb18030"):
        try:
            whole.decode(name)
        except UnicodeError:
            continue
        if name == "utf-8" or 2 * sum(map(len, re.findall(rb"(?:[\x81-\xfe][\xa1-\xfe])+", whole))) > sum(b > 127 for b in whole):
            return name
    return "cp1252"


def is_saved(path: Path) -> bool:
    """Whether the folder is one that Hugging Face's `datasets` saved, or several such in one."""
    return (path / "dataset_dict.json").is_file() or ((path / "state.json").is_file() and (path / "dataset_info.json").is_file())
