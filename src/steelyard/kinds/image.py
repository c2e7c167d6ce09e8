"""A picture: its encoded bytes, checked when they are read and decoded when they are needed."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

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

    def parse(self, raw: object) -> bytes:
        """Bytes, or {"bytes": ...} as Hugging Face's Parquet files have them. Raises BadValue where they do not decode."""
        data = raw.get("bytes") if isinstance(raw, Mapping) else raw
        if data is None:
            raise BadValue(say("the picture is missing"))
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise BadValue(say("got {got}, want a picture's bytes; a folder or archive of class folders, IDX and Parquet give them",
                               got=shown(data)))
        stored = bytes(data)
        if not stored:
            raise BadValue(say("the picture is an empty file"))
        try:
            pictures.check(stored)
        except pictures.BadPicture as error:
            raise BadValue(error.sentence) from error
        return stored

    def fits(self, samples: Sequence[object]) -> bool:
        """Bytes all, but for what is missing; whether they decode is said row by row."""
        present = [value.get("bytes") if isinstance(value, Mapping) else value for value in samples if value is not None]
        return bool(present) and all(isinstance(value, (bytes, bytearray, memoryview)) for value in present)

    def identity(self, stored: object) -> str:
        """The pixels': one picture in two encodings without loss is the same."""
        if not isinstance(stored, bytes):
            return str(stored)
        pixels = pictures.decode(stored, "RGB")
        return sha256(b"%d %d " % pixels.shape[:2] + pixels.tobytes()).hexdigest()


PART = Image
