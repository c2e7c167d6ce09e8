"""A picture: its encoded bytes, checked when they are read and decoded when they are needed."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from steelyard.language import say
from steelyard.math import pictures
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind


class Image(Kind):
    """JPEG, PNG, GIF (its first frame), WebP, BMP, PNM or TIFF, of at most 64 million pixels."""

    name = "image"
    suffixes = pictures.SUFFIXES

    @property
    def arrow(self) -> pa.DataType:
        """The bytes as they were; 64-bit offsets, for a set of pictures passes 2 GiB easily."""
        return pa.large_binary()

    def refers(self, raw: object, folder: Path) -> Path | None:
        """The picture's file beside its table: a text is a path, and so is {"path": ...} without bytes. Raises BadValue."""
        name = raw.get("path") if isinstance(raw, Mapping) and raw.get("bytes") is None else raw
        return _beside(name.strip(), folder) if isinstance(name, str) and name.strip() else None

    def parse(self, raw: object) -> bytes:
        """Bytes, a Path, or {"bytes": ...} as Hugging Face's Parquet files have them. Raises BadValue where they do not decode."""
        data = _content(raw) if isinstance(raw, Path) else raw.get("bytes") if isinstance(raw, Mapping) else raw
        if data is None or (isinstance(data, str) and not data.strip()):
            raise BadValue(say("the picture is missing"))
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise BadValue(say("got {got}, want a picture's bytes, or its path in a table's column", got=shown(data)))
        stored = bytes(data)
        if not stored:
            raise BadValue(say("the picture is an empty file"))
        try:
            pictures.check(stored)
        except pictures.BadPicture as error:
            raise BadValue(error.sentence) from error
        return stored

    def fits(self, samples: Sequence[object]) -> bool:
        """Bytes or names of picture files all, but for what is missing; whether they decode is said row by row."""
        present = [_said(value) for value in samples if value is not None and value != ""]
        return bool(present) and all(
            value.lower().endswith(self.suffixes) if isinstance(value, str) else isinstance(value, (bytes, bytearray, memoryview))
            for value in present)

    def identity(self, stored: object) -> str:
        """The pixels': one picture in two encodings without loss is the same."""
        if not isinstance(stored, bytes):
            return str(stored)
        pixels = pictures.decode(stored, "RGB")
        return sha256(b"%d %d " % pixels.shape[:2] + pixels.tobytes()).hexdigest()


def _said(value: object) -> object:
    """The bytes, else the path."""
    if not isinstance(value, Mapping):
        return value
    return value.get("path") if value.get("bytes") is None else value.get("bytes")


def _beside(name: str, folder: Path) -> Path:
    """The file `name` of the folder, which neither its spelling nor a link may leave. Raises BadValue."""
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadValue(say('the path "{name}" leads out of the table\'s folder; want one relative to it', name=shown(name)))
    place = folder / name
    try:
        inside = place.resolve().is_relative_to(folder.resolve())
        found = place.is_file()  # a pipe would be waited for without end
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, links in a circle
        raise BadValue(say('there is no picture "{name}" beside the table', name=shown(name))) from error
    if not inside:
        raise BadValue(say('the link "{name}" leads out of the table\'s folder; copy what it points to (cp -L)', name=shown(name)))
    if not found:
        raise BadValue(say('there is no picture "{name}" beside the table', name=shown(name)))
    return place


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > pictures.MOST_BYTES:
            raise BadValue(say("the picture has {got} MiB; at most {most} are read", got=size >> 20, most=pictures.MOST_BYTES >> 20))
        return path.read_bytes()
    except OSError as error:
        raise BadValue(say("the file cannot be read: {reason}", reason=error.strerror)) from error


PART = Image
