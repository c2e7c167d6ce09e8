"""What tasks that read a sound share: how it is heard, its slices as units that can be hidden, its picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.math.sound import RATE, log_mel, wav, wave
from steelyard.parts import BadValue, Example, Processor, Row, Task, Units
from steelyard.rows import Rows

if TYPE_CHECKING:
    from torch import Tensor

SLICES = 20  # a sound is hidden in so many pieces of one length
LEAST = RATE // 10  # samples: what is shorter is followed by silence, for a spread needs some frames
FAINT = 8  # of 32,768: what dither leaves
PLAYED = 30 * RATE  # samples of a sound that go into the page, to be listened to; as WAV a tenth of them


@dataclass(frozen=True)
class Sounds(Task):
    """Abstract: a sound is read. Its example has "heard" (frames,) uint8, 1 where there is sound, and "sound" (frames[, bands])."""

    takes: ClassVar[str] = "audio"
    ways: ClassVar[tuple[str, str]] = ("silence", "noise")

    def hear(self, row: Row, processor: Processor) -> dict[str, np.ndarray]:
        """{"heard", "sound"}: frames of spectra float16, or samples float32, as the processor makes them. Raises BadValue."""
        extractor = processor.feature_extractor
        samples = wave(row["audio"])
        padded = np.pad(samples, (0, max(0, LEAST - len(samples))))
        limit = extractor.to_dict().get("n_samples")  # of Whisper: what is longer would be cut off in silence
        if limit is not None and len(padded) > limit:
            raise BadValue(say("the sound lasts {seconds:.0f} s, and the model hears {most} s at most; cut it into pieces",
                               seconds=len(padded) / RATE, most=limit // RATE))
        given = extractor([padded], sampling_rate=RATE, return_tensors="np", return_attention_mask=True)
        name = extractor.model_input_names[0]
        sound, mask = np.asarray(given[name][0], dtype=np.float32), np.asarray(given["attention_mask"][0]) > 0
        if limit is not None:  # (bands, frames) for all 30 seconds
            return {"heard": mask[: sound.shape[1]].astype(np.uint8), "sound": sound.T.astype(np.float16)}
        sound = sound[: int(mask.sum())]
        return {"heard": np.ones(len(sound), dtype=np.uint8), "sound": sound if sound.ndim == 1 else sound.astype(np.float16)}

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """Slices of one length; places are (begin, 0, end, height): milliseconds, and a third of the whole for the eye."""
        heard = int(example["heard"].sum())
        count = min(SLICES, heard)
        of = np.where(example["heard"] > 0, np.arange(len(example["heard"])) * count // max(1, heard), -1)
        seconds = max(len(windows(row["audio"], processor)[0]) // 2, LEAST) / RATE  # of the first window
        ends = [round(1000 * seconds * number / count) for number in range(count + 1)]
        return Units(of, tuple((a, 0, b, max(1, ends[-1] // 3)) for a, b in pairwise(ends)))

    def spot(self, place: Sequence[int]) -> Sentence:
        """A slice, in seconds."""
        return say("{start:.2f} to {end:.2f} s", start=place[0] / 1000, end=place[2] / 1000)

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """silence: each band at its quietest (the 5% quantile of its frames); noise: each band at its mean, a steady hiss.

        Of samples: zeros, and white noise as loud as the sound, always the same.
        """
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        sound = example["sound"]
        if sound.ndim == 1:
            noise = np.random.default_rng(0).standard_normal(len(sound)) * sound.std()
            return {**example, "sound": np.where(gone, np.float32(0) if way == "silence" else noise, sound).astype(sound.dtype)}
        own = sound[example["heard"] > 0].astype(np.float32)
        fill = np.quantile(own, 0.05, axis=0) if way == "silence" else own.mean(axis=0)
        return {**example, "sound": np.where(gone[:, None], fill, sound).astype(sound.dtype)}

    def surface(self, rows: Sequence[Row], examples: Sequence[Example], units: Sequence[Units],
                train: Rows) -> Mapping[str, list[np.ndarray]]:
        """loudness: mean power of a slice; change: how much it differs from frame to frame; centre: how near the middle it is."""
        loudness, change, centre = [], [], []
        for row, own in zip(rows, units, strict=True):
            bands = log_mel(wave(row["audio"]))
            times = np.minimum((np.arange(len(bands)) + 0.5) * 10, own.places[-1][2] - 1)  # milliseconds
            of = np.searchsorted([place[2] for place in own.places], times, side="right")
            moved = np.abs(np.diff(bands, axis=0, prepend=bands[:1])).mean(axis=1)
            loudness.append(_mean(bands.mean(axis=1), of, len(own)))
            change.append(_mean(moved, of, len(own)))
            centre.append(-np.abs(np.arange(len(own)) - (len(own) - 1) / 2))
        return {"loudness": loudness, "change": change, "centre": centre}

    def picture(self, row: Row) -> str:
        """A data: URL of a PNG: time to the right, pitch upwards, the darker the louder."""
        from PIL import Image

        bands = log_mel(wave(row["audio"]), 48)
        low, high = np.quantile(bands, 0.1), bands.max()
        shades = 255 - 255 * ((bands - low) / max(high - low, 1e-6)).clip(0, 1)
        image = Image.fromarray(shades.T[::-1].astype(np.uint8)).resize((288, 96))
        stream = io.BytesIO()
        image.save(stream, "PNG")
        return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def gathered(sounds: Sequence[Tensor] | Tensor, width: int) -> Tensor:
    """(examples, width[, bands]) float32, zeros behind each one's end."""
    import torch

    out = torch.zeros(len(sounds), width, *sounds[0].shape[1:])
    for place, own in zip(out, sounds, strict=True):
        place[: len(own)] = own
    return out


def _mean(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """(units,) the mean of each one's frames; a unit without a frame has the mean of all."""
    of = np.minimum(of, count - 1)
    sizes = np.bincount(of, minlength=count)
    sums = np.bincount(of, weights=values, minlength=count)
    return np.asarray(np.where(sizes > 0, sums / np.maximum(sizes, 1), values.mean()))


def played(stored: bytes) -> str:
    """A data: URL of the sound's first 30 seconds as MP3, 3 kB each; of the first 3 as WAV, where soundfile cannot write MP3."""
    samples = np.frombuffer(stored, dtype="<i2")
    try:
        import soundfile

        stream = io.BytesIO()
        soundfile.write(stream, samples[:PLAYED], RATE, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT",
                        compression_level=0.9)
        form, data = "mpeg", stream.getvalue()
    except (ImportError, OSError, RuntimeError, TypeError, ValueError):  # not installed, or an older one
        form, data = "wav", wav(samples[: PLAYED // 10])
    return f"data:audio/{form};base64," + base64.b64encode(data).decode()


def windows(stored: bytes, processor: Processor) -> list[bytes]:
    """The sound in pieces that are as long as the model hears at once, the last one shorter; whole where it hears sounds of any length."""
    limit = processor.feature_extractor.to_dict().get("n_samples")
    size = len(stored) if limit is None else 2 * limit
    return [stored[start : start + size] for start in range(0, len(stored), max(1, size))] or [stored]


def is_silent(stored: bytes) -> bool:
    """Whether no sample is louder than FAINT."""
    return not (np.abs(np.frombuffer(stored, dtype="<i2").astype(np.int32)) > FAINT).any()


def summary(stored: bytes) -> np.ndarray:
    """(320,) a sound for comparing: mean and spread of 20 mel bands in each of eight equal slices, whatever its loudness."""
    bands = log_mel(wave(stored), 20)
    bands = bands - bands.mean()
    parts = np.array_split(bands, 8) if len(bands) >= 8 else [bands] * 8
    return np.concatenate([np.concatenate([part.mean(axis=0), part.std(axis=0)]) for part in parts])


def told(config: Any) -> Mapping[str, Any]:
    """Section decoding, as the model's configuration keeps it."""
    settings: Mapping[str, Any] = config.to_dict().get("decoding") or {}
    return settings
