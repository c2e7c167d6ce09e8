"""The kind of sounds: what it takes, what it refuses and with which sentence, and what is the same sound."""

import io

import numpy as np
import pytest

from steelyard import catalog
from steelyard.math.sound import quantised, wav
from steelyard.parts import BadValue

soundfile = pytest.importorskip("soundfile", reason="soundfile is an extra: pip install 'steelyard[audio]'")
SAMPLES = quantised(np.sin(np.arange(1600) / 5).astype(np.float32) * 0.3)


@pytest.fixture
def kind():
    return catalog.load("kinds", "audio", "test")()


def flac(samples=SAMPLES, rate=16000):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="FLAC")
    return stream.getvalue()


def test_all_forms_of_one_sound_are_the_same(kind, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES))
    given = [wav(SAMPLES), flac(), tmp_path / "a.wav", {"bytes": flac(), "path": "a.flac"}, bytearray(wav(SAMPLES)),
             {"array": SAMPLES / 32768, "sampling_rate": 16000}]
    stored = [kind.parse(raw) for raw in given]
    assert stored == [SAMPLES.astype("<i2").tobytes()] * len(given)
    assert len({kind.identity(one) for one in stored}) == 1
    assert kind.identity(kind.parse(wav(SAMPLES[:-1]))) != kind.identity(stored[0])


def test_two_channels_of_samples(kind):
    both = np.stack([SAMPLES / 32768, SAMPLES / 32768])
    assert kind.parse({"array": both, "sampling_rate": 16000}) == kind.parse(wav(SAMPLES))


@pytest.mark.parametrize("form, subtype, rate, channels", [
    ("WAV", "PCM_16", 8000, 2), ("WAV", "FLOAT", 44100, 1), ("FLAC", "PCM_24", 48000, 2), ("OGG", "VORBIS", 44100, 1),
    ("MP3", "MPEG_LAYER_III", 22050, 2)])
def test_other_forms_rates_and_channels_sound_alike(kind, form, subtype, rate, channels):
    """A tone of 440 Hz stays one, as loud and as long, whatever it comes in."""
    if form not in soundfile.available_formats():
        pytest.skip(f"this libsndfile has no {form}")
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    stream = io.BytesIO()
    soundfile.write(stream, np.stack([tone] * channels, axis=1), rate, format=form, subtype=subtype)
    heard = np.frombuffer(kind.parse(stream.getvalue()), dtype="<i2") / 32768
    assert abs(len(heard) - 16000) < 1600
    power = np.abs(np.fft.rfft(heard[4000:12000] * np.hanning(8000)))
    assert abs(power.argmax() * 2 - 440) <= 4 and abs(np.std(heard[4000:12000]) - 0.3 / np.sqrt(2)) < 0.02


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_two_hours_are_refused_and_not_decoded(kind, form, tmp_path):
    import time
    import tracemalloc

    path = tmp_path / f"long.{form.lower()}"
    soundfile.write(path, np.zeros(2 * 3600 * 8000, dtype=np.int16), 8000, format=form)
    began = time.perf_counter()
    tracemalloc.start()
    with pytest.raises(BadValue, match="longer than 10 minutes; cut it into pieces, each with its own text"):
        kind.parse(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120 << 20 and time.perf_counter() - began < 20


@pytest.mark.parametrize("raw, why", [
    (None, "missing"), ("", "missing"), (b"", "empty file"), (17, "got 17"), ({"bytes": None, "path": None}, "missing"),
    ({"array": [0.0, 1.0]}, "sampling_rate"), ({"array": [], "sampling_rate": 16000}, "no samples"),
    ({"array": [float("nan")], "sampling_rate": 16000}, "no numbers"), ({"array": ["x"], "sampling_rate": 16000}, "no numbers"),
    ({"array": np.zeros(601 * 100), "sampling_rate": 100}, "longer than 10 minutes"), (b"not a sound", "cannot be decoded"),
])
def test_what_is_refused(kind, raw, why):
    with pytest.raises(BadValue) as caught:
        kind.parse(raw)
    assert why in str(caught.value.sentence)


def test_paths(kind, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.wav").write_bytes(wav(SAMPLES))
    (tmp_path / "empty.wav").touch()
    assert kind.refers("clips/a.wav ", tmp_path) == tmp_path / "clips" / "a.wav"
    assert kind.refers({"path": "clips/a.wav", "bytes": None}, tmp_path) == tmp_path / "clips" / "a.wav"
    assert kind.refers(b"RIFF", tmp_path) is None and kind.refers({"bytes": b"RIFF", "path": "x"}, tmp_path) is None
    for name, why in (("../a.wav", "leads out"), ("/a.wav", "leads out"), ("clips/b.wav", "no sound")):
        with pytest.raises(BadValue) as caught:
            kind.refers(name, tmp_path)
        assert why in str(caught.value.sentence)
    with pytest.raises(BadValue, match="empty file"):
        kind.parse(tmp_path / "empty.wav")


def test_columns_of_sounds_are_told_by_their_values(kind):
    assert kind.fits(["a.wav", "b.MP3", None, ""]) and kind.fits([wav(SAMPLES), flac()])
    assert kind.fits([{"bytes": flac(), "path": None}]) and kind.fits([{"array": [0.0], "sampling_rate": 8000}])
    assert not kind.fits(["a.wav", "b.png"]) and not kind.fits([b"\x89PNG"]) and not kind.fits([]) and not kind.fits([None])
