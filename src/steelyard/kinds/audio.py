"""A sound: decoded once, when it is read, and kept as 16 kHz, one channel, 16 bits: 115 MB an hour."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from steelyard.language import say
from steelyard.math import sound
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind


class Audio(Kind):
    """WAV, FLAC, Ogg, MP3 and what else libsndfile reads, of any rate and number of channels, of at most 10 minutes."""

    name = "audio"
    suffixes = sound.SUFFIXES

    @property
    def arrow(self) -> pa.DataType:
        """Samples, little-endian int16; 64-bit offsets, for a set of sounds passes 2 GiB easily."""
        return pa.large_binary()

    def refers(self, raw: object, folder: Path) -> Path | None:
        """The sound's file beside its table: a text is a path, and so is {"path": ...} without bytes. Raises BadValue."""
        if isinstance(raw, Mapping):
            raw = raw.get("path") if raw.get("bytes") is None and raw.get("array") is None else None
        return _beside(raw.strip(), folder) if isinstance(raw, str) and raw.strip() else None

    def parse(self, raw: object) -> bytes:
        """Bytes of a file, a Path, or a mapping as Hugging Face's audio sets have it: {"bytes"} or {"array", "sampling_rate"}.

        Raises BadValue where nothing can be heard in it, BadValue for what is longer than 10 minutes, InputError without soundfile.
        """
        if isinstance(raw, Mapping) and raw.get("array") is not None:
            return _samples(raw)
        data = raw.get("bytes") if isinstance(raw, Mapping) else raw
        if data is None or (isinstance(data, str) and not data.strip()):
            raise BadValue(say("the sound is missing"))
        if not isinstance(data, (bytes, bytearray, memoryview, Path)):
            raise BadValue(say("got {got}, want a sound's bytes, or its path in a table's column", got=shown(data)))
        try:
            if isinstance(data, Path):
                return sound.decode(_sized(data)).astype("<i2").tobytes()
            if not len(data):
                raise BadValue(say("the sound is an empty file"))
            return sound.decode(bytes(data)).astype("<i2").tobytes()
        except sound.BadSound as error:
            raise BadValue(error.sentence) from error

    def fits(self, samples: Sequence[object]) -> bool:
        """Bytes that begin like a sound, or names of sound files, all of them but for what is missing."""
        present = [_said(value) for value in samples if value is not None and value != ""]
        return bool(present) and all(map(_fits, present))

    def identity(self, stored: object) -> str:
        """The samples': one sound in two forms without loss is the same."""
        return sha256(stored).hexdigest() if isinstance(stored, bytes) else str(stored)


def _fits(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower().endswith(sound.SUFFIXES)
    return sound.is_sound(bytes(value)) if isinstance(value, (bytes, bytearray, memoryview)) else isinstance(value, Mapping)


def _said(value: object) -> object:
    """The bytes, else the path; a mapping where its samples are given."""
    if not isinstance(value, Mapping):
        return value
    if value.get("array") is not None and value.get("sampling_rate") is not None:
        return value
    return value.get("path") if value.get("bytes") is None else value.get("bytes")


def _samples(given: Mapping[str, object]) -> bytes:
    """A decoded sound's samples, as `datasets` gives them. Raises BadValue."""
    rate = given.get("sampling_rate")
    if not isinstance(rate, int) or rate < 1:
        raise BadValue(say("the samples come without their sampling_rate"))
    try:
        samples = np.asarray(given["array"], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadValue(say("the sound holds samples that are no numbers (NaN or infinite)")) from error
    if samples.ndim == 2:
        samples = samples.mean(axis=0 if samples.shape[0] < samples.shape[1] else 1)
    if samples.ndim != 1 or not len(samples):
        raise BadValue(say("the sound has no samples"))
    if not np.isfinite(samples).all():
        raise BadValue(say("the sound holds samples that are no numbers (NaN or infinite)"))
    if len(samples) > sound.MOST_SECONDS * rate:
        raise BadValue(say("the sound is longer than {most} minutes; cut it into pieces, each with its own text",
                           most=sound.MOST_SECONDS // 60))
    return sound.quantised(sound.resampled(samples, rate)).astype("<i2").tobytes()


def _sized(path: Path) -> Path:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadValue(say("the file cannot be read: {reason}", reason=error.strerror)) from error
    if not size:
        raise BadValue(say("the sound is an empty file"))
    if size > sound.MOST_BYTES:
        raise BadValue(say("the sound has {got} MiB; at most {most} are read", got=size >> 20, most=sound.MOST_BYTES >> 20))
    return path


def _beside(name: str, folder: Path) -> Path:
    """The file `name` of the folder, which neither its spelling nor a link may leave. Raises BadValue."""
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadValue(say('the path "{name}" leads out of the table\'s folder; want one relative to it', name=shown(name)))
    place = folder / name
    try:
        inside, found = place.resolve().is_relative_to(folder.resolve()), place.is_file()  # a pipe would be waited for without end
    except (OSError, RuntimeError, ValueError):  # too long a name, links in a circle
        inside, found = True, False
    if not inside:
        raise BadValue(say('the link "{name}" leads out of the table\'s folder; copy what it points to (cp -L)', name=shown(name)))
    if not found:
        raise BadValue(say('there is no sound "{name}" beside the table', name=shown(name)))
    return place


PART = Audio
