"""Hostile data: tables, archives, pictures. (tests/sources/test_hostile.py holds more, by the source alone.)"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from hostile.corpus import CHECK, TRAIN, Artefact, recipe, rows

FAMILY = "{family: bert, size: tiny}"
PICTURES = "{family: mlp, size: tiny}"
Write = Callable[[Path], object]


def table(name: str, says: str, file: str, content: bytes | Callable[[], bytes], codes: tuple[int, ...] = (2,),
          words: tuple[str, ...] = CHECK) -> Artefact:
    def make(here: Path, base: Path) -> None:
        (here / file).write_bytes(content() if callable(content) else content)
        recipe(here, FAMILY, file)
    return Artefact(name, make, words, says, codes)


def pictures(name: str, says: str, write: Write, codes: tuple[int, ...] = (2,), train: str = "set") -> Artefact:
    def make(here: Path, base: Path) -> None:
        (here / "set").mkdir()
        write(here / "set")
        recipe(here, PICTURES, train, task="image-classification")
    return Artefact(name, make, CHECK, says, codes)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, data: bytes = b"") -> bytes:
    """A grey picture whose bytes may be far fewer than it claims."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", data or zlib.compress(bytes(9999), 9)) + chunk(b"IEND", b"")


def good() -> bytes:
    return png(8, 8, data=zlib.compress(bytes(9 * 8)))


def classes(content: bytes, suffix: str = ".png") -> Write:
    """Two classes of one picture each, many times."""
    def write(folder: Path) -> None:
        for label in ("a", "b"):
            (folder / label).mkdir()
            for i in range(12):
                (folder / label / f"{i}{suffix}").write_bytes(content)
    return write


def named(*names: str) -> Write:
    """A table that names pictures."""
    def write(folder: Path) -> None:
        (folder / "good.png").write_bytes(good())
        (folder / "metadata.csv").write_text("file_name,label\n" + "".join(f'"{name}",a\n' for name in names) + "good.png,b\n")
    return write


def linked(name: str, target: str) -> Write:
    def write(folder: Path) -> None:
        classes(good())(folder)
        (folder / "a" / name).symlink_to(target)
    return write


def piped(folder: Path) -> None:
    classes(good())(folder)
    os.mkfifo(folder / "a" / "pipe.png")


def deep(folder: Path) -> None:
    place = folder
    for _ in range(60):
        place = place / "a"
    place.mkdir(parents=True)
    (place / "1.png").write_bytes(good())


def arrow(change: Callable[[bytearray], object]) -> bytes:
    import pyarrow as pa

    file = io.BytesIO()
    with pa.ipc.new_stream(file, pa.schema({"text": pa.string(), "label": pa.string()})) as stream:
        stream.write_table(pa.table({"text": [f"a text {i}" for i in range(500)], "label": ["a", "b"] * 250}))
    data = bytearray(file.getvalue())
    change(data)
    return bytes(data)


def _offsets(data: bytearray) -> None:
    """The offsets of texts point far away."""
    at = data.find(struct.pack("<3i", 0, 8, 16))
    data[at + 4 : at + 8] = struct.pack("<i", 2**31 - 1)


def _cut(data: bytearray) -> None:
    del data[-900:]


def _length(data: bytearray) -> None:
    data[4:8] = struct.pack("<i", 2**31 - 1)


def idx(folder: Path) -> None:
    """A header of 10**12 pictures."""
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 2**32 - 1, 2**16, 2**16) + bytes(99))
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 2**32 - 1) + bytes(99))


def told(here: Path, base: Path) -> None:
    """Cells that a spreadsheet would run: they are texts, and come out as such."""
    rows(here, "=cmd|'/c touch canary-was-here'!A{i}")
    recipe(here, FAMILY)


def device(path: str, says: str) -> Artefact:
    return Artefact(f"data that is {path}", lambda here, base: recipe(here, FAMILY, path), CHECK, says)


def fifo(here: Path, base: Path) -> None:
    os.mkfifo(here / "rows.csv")
    recipe(here, FAMILY)


def loop(here: Path, base: Path) -> None:
    (here / "rows.csv").symlink_to("rows.csv")
    recipe(here, FAMILY)


GARBAGE = b"text,label\n" + b"\xb8\xcb\xb3\xd3\xff\xfe\x81\x30\x81,a\n" * 200
TABLES = [
    table("a table of 10**6 columns", "", "wide.csv", lambda: b",".join(b"c%d" % i for i in range(10**6)) + b"\n" + b"1," * 10**6 + b"1\n"),
    table("a cell of 100 MB", "more than", "cell.csv", lambda: b'text,label\n"' + b"x" * (100 << 20) + b'",a\n'),
    table("a cell of 100 MB in lines", "", "lines.csv", lambda: b'text,label\n"' + (b"x" * 99 + b"\n") * (1 << 20) + b'",a\n'),
    table("a quote that never ends", "", "quote.csv", b'text,label\n"' + b"a,b\n" * 99),
    table("NUL bytes", "binary", "nul.csv", b"text,label\na\0b,c\n" * 99),
    table("NUL bytes far inside", "", "nul.csv", b"text,label\n" + b"a word,a\nmany words,b\n" * 999 + b"a\0b,a\n", (0, 2)),
    table("a line of 100,000 levels", "", "deep.jsonl", b'{"text": ' + b"[" * 100_000 + b"\n", (2,)),
    table("lists of 100,000 levels", "", "deep.jsonl", b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b', "label": "a"}\n', (2,)),
    table("JSON of 10**6 levels", "", "deep.json", b'[{"text":' * 10**6),
    table("JSON of a number without end", "", "digits.json", b'[{"text": "a", "label": ' + b"9" * 10**6 + b"}]"),
    table("a gz bomb", "", "bomb.csv.gz", lambda: gzip.compress(b"text,label\n" + b"a,b\n" * 10) + gzip.compress(bytes(16 << 20), 9) * 30),
    table("a gz bomb of rows", "", "bomb.csv.gz", lambda: gzip.compress(b"text,label\n" + (b"a" * 9999 + b",b\n") * 9000, 9)),
    table("a gz in a gz", "gzip", "twice.csv.gz", gzip.compress(gzip.compress(b"text,label\na,b\n"))),
    table("GB18030 garbage", "", "garbage.csv", GARBAGE),
    table("UTF-8 of no sign", "", "surrogate.csv", b"text,label\n" + b"\xed\xa0\x80 \xc0\x80,a\n" * 9),
    table("an Arrow file cut short", "cut short or broken", "rows.arrow", lambda: arrow(_cut)),
    table("an Arrow file whose texts lie far away", "cut short or broken", "rows.arrow", lambda: arrow(_offsets)),
    table("an Arrow file of an evil length", "cut short or broken", "rows.arrow", lambda: arrow(_length)),
    table("a Parquet file that is a pickle", "cut short or broken", "rows.parquet", b"\x80\x04canary."),
    table("a pickle called .csv", "pickle", "rows.csv", b"\x80\x04\x95canary"),
    table("a tar that leads out", "", "set.tar", b"../../etc/x.png" + bytes(600)),
    Artefact("cells that a spreadsheet runs", told, CHECK, "", (0,)),
    device("/dev/zero", "has no form"), device("/dev/random", "has no form"),
    device("../../../../../../etc/shadow-canary", ""), device("/proc/self/mem", ""), device("/proc/kmsg", ""),
    Artefact("data that are a pipe", fifo, CHECK, "neither a file nor a folder"),
    Artefact("data that are a link to themselves", loop, CHECK, ""),
    pictures("pictures of 60000 x 60000", "", classes(png(60000, 60000))),
    pictures("pictures of 2**31 x 2**31", "", classes(png(2**31 - 1, 2**31 - 1))),
    pictures("pictures with a text that unpacks to 1 GB", "",
             classes(png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(512 << 20), 9)), data=zlib.compress(bytes(72)))), (0, 2)),
    pictures("pictures whose data unpack to 500 MB", "", classes(png(8, 8, data=zlib.compress(bytes(256 << 20), 9))), (0, 2)),
    pictures("pictures that are PostScript", "", classes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) run\n")),
    pictures("pictures that are SVG", "", classes(b'<svg><script>canary()</script><image href="http://canary.example/x"/></svg>', ".jpg")),
    pictures("pictures cut short", "", classes(good()[:60])),
    pictures("pictures that are scripts as well", "", classes(b"GIF89a/*" + bytes(20) + b"*/=1;import os;canary=1", ".gif")),
    pictures("a table that names /etc/passwd", "", named("/etc/passwd", "../../../etc/passwd")),
    pictures("a table that names devices", "", named("/dev/zero", "../../../../../dev/zero")),
    pictures("a link out of the folder", "", linked("x.png", "/etc/passwd")),
    pictures("a link to /dev/zero", "", linked("x.png", "/dev/zero")),
    pictures("a link to itself", "", linked("x.png", "x.png")),
    pictures("a link to the folder above", "", linked("up", "..")),
    pictures("a pipe among pictures", "", piped),
    pictures("60 folders in each other", "deep", deep),
    pictures("IDX of 10**12 pictures", "", idx, train="set/train-images-idx3-ubyte"),
    Artefact("JSON with two values of a key", lambda here, base: ((here / "twice.json").write_text(
        json.dumps([{"text": "a", "label": "b"}])[:-2] + ', "label": "c"}]'), recipe(here, FAMILY, "twice.json")), CHECK, "", (0, 2)),
]
assert TRAIN
