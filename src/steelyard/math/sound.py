"""Sound as it is kept, 16 kHz, one channel, 16 bits: decoded from files in blocks, never more than is allowed; and its spectrum."""

from __future__ import annotations

import io
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.errors import InputError
from steelyard.language import Sentence, say

RATE = 16_000  # samples a second
MOST_SECONDS = 600  # what is longer is refused: a transcript belongs to some sentences, not to hours
MOST_BYTES = 1 << 30
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au")
_MARKS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")
_RATES = (2_000, 384_000)
_BLOCK = 1 << 16  # frames decoded at a time
_HOP, _WIDTH = 160, 400  # samples: 10 ms and 25 ms


class BadSound(ValueError):
    """What cannot be heard, and why."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def is_sound(data: bytes) -> bool:
    """Whether the first bytes are those of a form of sound."""
    return data.startswith(_MARKS)


def decode(source: bytes | Path) -> np.ndarray:
    """(samples,) int16 at RATE, the channels' mean. Raises BadSound; InputError where soundfile is not installed.

    At most MOST_SECONDS are decoded, whatever the file claims. Other rates are resampled by a polyphase filter (scipy).
    """
    library = _library()
    try:
        with library.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
            rate = int(file.samplerate)
            if not _RATES[0] <= rate <= _RATES[1]:
                raise BadSound(say("the sound has {rate} samples a second; want {low} to {high}", rate=rate, low=_RATES[0], high=_RATES[1]))
            most, parts, count = MOST_SECONDS * rate, [], 0
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                count += len(block)
                if count > most:
                    raise BadSound(say("the sound is longer than {most} minutes; cut it into pieces, each with its own text",
                                       most=MOST_SECONDS // 60))
                parts.append(block.mean(axis=1))
    except (library.SoundFileError, OSError, ValueError, TypeError) as error:
        if isinstance(error, BadSound):
            raise
        raise BadSound(say("the sound cannot be decoded: {reason}", reason=str(error).replace(chr(10), " ")[:200])) from error
    if not count:
        raise BadSound(say("the sound has no samples"))
    samples = np.concatenate(parts)
    if not np.isfinite(samples).all():
        raise BadSound(say("the sound holds samples that are no numbers (NaN or infinite)"))
    return quantised(resampled(samples, rate))


def _library() -> Any:
    """soundfile. Raises InputError where it, or libsndfile, is missing."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the wheel for this platform lacks libsndfile
        raise InputError(say("reading sound needs soundfile ({reason}); install it with: pip install 'steelyard[audio]'",
                             reason=error)) from error
    return soundfile


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) float32 at `rate` -> at RATE."""
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly

    shared = gcd(rate, RATE)
    return np.asarray(resample_poly(samples, RATE // shared, rate // shared), dtype=np.float32)


def quantised(samples: np.ndarray) -> np.ndarray:
    """float in [-1, 1] -> int16; what is louder is cut off."""
    return np.rint(samples * 32768.0).clip(-32768, 32767).astype(np.int16)


def wave(stored: bytes) -> np.ndarray:
    """(samples,) float32 in [-1, 1] of what the kind `audio` keeps."""
    return np.frombuffer(stored, dtype="<i2").astype(np.float32) / 32768.0


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file of (samples,) int16."""
    import wave as container

    stream = io.BytesIO()
    with container.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def log_mel(samples: np.ndarray, bins: int = 40) -> np.ndarray:
    """(samples,) float -> (frames, bins) float64, natural logarithm of the power in `bins` mel bands, a frame each 10 ms.

    For counterweights and pictures; a model hears by its own processor. Mel: 2595 log10(1 + f / 700) (O'Shaughnessy 1987).
    """
    padded = np.pad(samples.astype(np.float64), (0, max(0, _WIDTH - len(samples))))
    starts = np.arange(0, len(padded) - _WIDTH + 1, _HOP)
    bands, window = _bands(bins), np.hanning(_WIDTH)
    parts = [np.abs(np.fft.rfft(padded[own[:, None] + np.arange(_WIDTH)] * window, 512)) ** 2 @ bands.T
             for own in np.split(starts, range(4096, len(starts), 4096))]
    return np.asarray(np.log(np.concatenate(parts) + 1e-8))


@lru_cache(4)
def _bands(bins: int) -> np.ndarray:
    """(bins, 257) triangles, evenly spaced in mel from 60 Hz to 7.6 kHz."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (60.0, 7600.0))
    edges = 700 * (10 ** (np.linspace(low, high, bins + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(512, 1 / RATE)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))
