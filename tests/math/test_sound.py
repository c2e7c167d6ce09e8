"""Sound of every form comes out as the same samples; what cannot be heard is said."""

import io
import struct

import numpy as np
import pytest

from steelyard.math import sound

soundfile = pytest.importorskip("soundfile", reason="soundfile is an extra: pip install 'steelyard[audio]'")


def tone(rate, seconds=0.5, pitch=440.0):
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def file(samples, rate, form="WAV", kind=None):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=form, subtype=kind)
    return stream.getvalue()


def likeness(a, b):
    size = min(len(a), len(b))
    return float(np.corrcoef(a[:size].astype(float), b[:size].astype(float))[0, 1])


WANTED = sound.quantised(tone(sound.RATE))


@pytest.mark.parametrize("form, kind, exact", [
    ("WAV", "PCM_16", True), ("FLAC", "PCM_16", True), ("WAV", "FLOAT", True), ("AIFF", "PCM_24", True), ("OGG", "VORBIS", False),
    ("MP3", None, False)])
def test_forms(form, kind, exact):
    got = sound.decode(file(tone(sound.RATE), sound.RATE, form, kind))
    assert got.dtype == np.int16
    if exact:
        assert len(got) == len(WANTED) and np.abs(got.astype(int) - WANTED).max() <= 1
    else:
        lags = [likeness(got[lag:], WANTED) for lag in range(0, 1200, 1)] if len(got) > len(WANTED) + 10 else [likeness(got, WANTED)]
        assert max(lags) > 0.98 and abs(len(got) - len(WANTED)) < 2500


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_other_rates(rate):
    got = sound.decode(file(tone(rate), rate))
    assert abs(len(got) - len(WANTED)) <= 2
    assert likeness(got[200:-200], WANTED[200:-200]) > 0.999


def test_two_channels_are_averaged():
    left, right = tone(sound.RATE), np.zeros(8000, dtype=np.float32)
    got = sound.decode(file(np.stack([left, right], axis=1), sound.RATE))
    assert np.abs(got.astype(int) - sound.quantised(left / 2)).max() <= 1


def test_a_path_is_as_good_as_bytes(tmp_path):
    (tmp_path / "a.flac").write_bytes(data := file(tone(8000), 8000, "FLAC"))
    np.testing.assert_array_equal(sound.decode(tmp_path / "a.flac"), sound.decode(data))


def test_what_is_too_long_is_not_decoded_to_its_end(monkeypatch):
    monkeypatch.setattr(sound, "MOST_SECONDS", 60)
    read = []

    class Counting(io.BytesIO):
        def read(self, *size):
            read.append(len(got := super().read(*size)))
            return got

        def readinto(self, room):
            count = super().readinto(room)
            read.append(count)
            return count

    data = file(np.zeros(8000 * 7200, dtype=np.float32), 8000, "WAV", "PCM_U8")  # two hours
    monkeypatch.setattr(sound.io, "BytesIO", Counting)
    with pytest.raises(sound.BadSound, match="longer than 1 minutes"):
        sound.decode(data)
    assert sum(read) < len(data) / 50


def bad(data):
    with pytest.raises(sound.BadSound) as caught:
        sound.decode(data)
    return str(caught.value.sentence)


def test_what_cannot_be_heard():
    assert "no samples" in bad(file(np.zeros(0, dtype=np.float32), 16000))
    assert "cannot be decoded" in bad(b"RIFF but no sound at all" * 4)
    assert "cannot be decoded" in bad(b"")
    assert "cannot be decoded" in bad(file(tone(16000), 16000, "FLAC")[:20])
    assert "no numbers" in bad(file(np.array([0.0, np.nan, 1.0], dtype=np.float32), 16000, "WAV", "FLOAT"))
    assert "1 samples a second" in bad(b"RIFF" + struct.pack("<I", 36 + 8) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 1, 2, 2, 16)
                                       + b"data" + struct.pack("<I", 8) + bytes(8))


def test_silence_is_a_sound():
    assert not sound.decode(file(np.zeros(1600, dtype=np.float32), 16000)).any()


def test_what_is_too_loud_is_cut_off():
    assert sound.quantised(np.array([2.0, -2.0, 1.0, 0.0])).tolist() == [32767, -32768, 32767, 0]


def test_wav_and_back():
    stored = WANTED.astype("<i2").tobytes()
    np.testing.assert_array_equal(sound.decode(sound.wav(WANTED)), WANTED)
    np.testing.assert_allclose(sound.wave(stored), WANTED / 32768, atol=0)


def test_log_mel_by_the_definition():
    samples = np.random.default_rng(0).normal(size=900)
    got = sound.log_mel(samples, 6)
    assert got.shape == (4, 6)
    edges = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (60, 7600)), 8)
    for frame in range(4):
        part = samples[160 * frame : 160 * frame + 400] * np.hanning(400)
        power = [abs(sum(x * np.exp(-2j * np.pi * k * n / 512) for n, x in enumerate(part))) ** 2 for k in range(257)]
        for band in range(6):
            low, middle, high = (700 * (10 ** (edges[band + i] / 2595) - 1) for i in range(3))
            total = sum(p * max(0.0, min((k * 31.25 - low) / (middle - low), (high - k * 31.25) / (high - middle)))
                        for k, p in enumerate(power))
            assert got[frame, band] == pytest.approx(np.log(total + 1e-8), abs=1e-9)
    assert np.isfinite(sound.log_mel(np.zeros(10))).all() and len(sound.log_mel(np.zeros(0))) == 1
