"""IDX, the form of MNIST and its kin: a file of grey pictures, and a file of labels beside it."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math.pictures import MOST_PIXELS
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import open_bytes

_NAME = re.compile(r"(images|labels)([-.])idx([13])-ubyte(\.gz)?$", re.IGNORECASE)
_BLOCK = 2**20  # bytes of pictures that are read at once


class Idx(Source):
    """`train-images-idx3-ubyte.gz` with `train-labels-idx1-ubyte.gz` beside it (either may be plain).

    Columns image (PGM: a header before the pixels as they are) and label; the line is the picture's number, from 1.
    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
    """

    name = "idx"
    help = say("IDX pictures (MNIST's form) with their labels beside, plain or .gz")

    def accepts(self, path: Path) -> bool:
        """By name."""
        return _NAME.search(path.name) is not None and not path.is_dir()

    def beside(self, path: Path) -> list[Path]:
        """The labels."""
        return [_labels_file(path)]

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError for a wrong magic number, a file that is shorter or longer than it says, other counts of labels."""
        labels = _labels(path)
        with open_bytes(path) as stream:
            count, height, width = _header(path, stream, 3)
            size = height * width
            if not 0 < size <= MOST_PIXELS:
                raise InputError(say("{where}: the pictures are {height} x {width} pixels; want 1 to {most}",
                                     where=path, height=height, width=width, most=MOST_PIXELS))
            if count != len(labels):
                raise InputError(say("{where}: {n} pictures, but {labels} labels beside it", where=path, n=count, labels=len(labels)))
            head = b"P5 %d %d 255\n" % (width, height)
            at_once = max(1, _BLOCK // size)
            for start in range(0, count, at_once):
                block = _exactly(path, stream, min(at_once, count - start) * size)
                for n in range(len(block) // size):
                    values = {"image": head + block[n * size : (n + 1) * size], "label": labels[start + n]}
                    yield Record(values, str(path), start + n + 1)
            _end(path, stream)


def _labels(path: Path) -> bytes:
    """The labels that go with the pictures, a byte each."""
    beside = _labels_file(path)
    with open_bytes(beside) as stream:
        (count,) = _header(beside, stream, 1)
        if count > MOST_PIXELS:
            raise InputError(say("{where}: the file claims {n} labels", where=beside, n=count))
        labels = _exactly(beside, stream, count)
        _end(beside, stream)
    return labels


def _labels_file(path: Path) -> Path:
    """The file of labels beside the pictures, plain or .gz. Raises InputError where there is none."""
    match = _NAME.search(path.name)
    if match is None or match[1].lower() == "labels":
        raise InputError(say("{where}: these are the labels; give the file of the pictures (...-images-idx3-ubyte)", where=path))
    stem, kind = path.name[: match.start()], "LABELS" if match[1].isupper() else "labels"
    names = [f"{stem}{kind}{match[2]}idx1-ubyte{end}" for end in (match[4] or "", "" if match[4] else ".gz")]
    beside = next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)
    if beside is None:
        raise InputError(say('{where}: the labels are missing: "{name}" must lie beside it', where=path, name=names[0]))
    return beside


def _header(path: Path, stream: BinaryIO, num_dimensions: int) -> tuple[int, ...]:
    want = 0x800 + num_dimensions  # two zeros, 8: unsigned bytes, the number of dimensions
    got, *dimensions = struct.unpack(f">{1 + num_dimensions}I", _exactly(path, stream, 4 + 4 * num_dimensions))
    if got != want:
        raise InputError(say("{where}: no IDX file of this kind: it starts with {got}, want {want}",
                             where=path, got=f"0x{got:08x}", want=f"0x{want:08x}"))
    if dimensions[0] == 0:
        raise InputError(say("{where}: the file has no rows", where=path))
    return tuple(dimensions)


def _exactly(path: Path, stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise InputError(say("{where}: the file is cut short: it holds less than its header says", where=path))
    return data


def _end(path: Path, stream: BinaryIO) -> None:
    if stream.read(1):
        raise InputError(say("{where}: the file holds more than its header says", where=path))


PART = Idx
