"""builtin:tones: notes that are sung by name, made up by a seeded function: the smallest speech there is.

A row is a melody of two to four notes as a WAV of 8 kHz, what is sung in words, and the voice. Voices differ in pitch, pace, colour
and loudness; between notes there are pauses, and there is noise everywhere.
"""

from collections.abc import Iterator

import numpy as np

from steelyard.math.sound import quantised, wav

NOTES = {"do": 0, "re": 2, "mi": 4, "fa": 5, "sol": 7, "la": 9, "ti": 11}  # semitones above the first
VOICES = {  # tuning, and the strength of each overtone
    "alto": (1.0, (1.0, 0.5, 0.3)), "bass": (0.985, (1.0, 0.8, 0.6, 0.4)),
    "flute": (1.015, (1.0, 0.1)), "reed": (1.0, (1.0, 0.0, 0.7, 0.0, 0.4)),
}
RATE, FIRST = 8000, 523.25  # samples a second; the first note's Hz
ROWS = 600


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"audio": WAV bytes, "text", "voice"}, the same for the same seed."""
    rng = np.random.default_rng(seed)
    names, voices = list(NOTES), list(VOICES)
    for _ in range(count):
        voice = voices[int(rng.integers(len(voices)))]
        melody = [names[int(i)] for i in rng.integers(0, len(names), int(rng.integers(2, 5)))]
        yield {"audio": wav(sung(melody, voice, rng), RATE), "text": " ".join(melody), "voice": voice}


def sung(melody: list[str], voice: str, rng: np.random.Generator) -> np.ndarray:
    """(samples,) int16 at RATE."""
    tuning, colour = VOICES[voice]
    pace, loudness = rng.uniform(0.8, 1.25), rng.uniform(0.1, 0.5)
    parts = [np.zeros(int(RATE * rng.uniform(0.02, 0.1)))]
    for name in melody:
        length = int(RATE * rng.uniform(0.12, 0.18) / pace)
        times = np.arange(length) / RATE
        pitch = FIRST * tuning * 2 ** ((NOTES[name] + rng.normal(0, 0.08)) / 12)
        tone = sum(share * np.sin(2 * np.pi * pitch * number * times) for number, share in enumerate(colour, start=1))
        swell = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.015 * RATE))
        parts += [loudness * tone / sum(colour) * swell, np.zeros(int(RATE * rng.uniform(0.03, 0.08) / pace))]
    samples = np.concatenate(parts)
    return quantised((samples + rng.normal(0, 0.004, len(samples))).astype(np.float32))
