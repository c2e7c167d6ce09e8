"""Edits against the definition, written out; error rates against jiwer."""

import random
from functools import cache

import numpy as np
import pytest

from steelyard import catalog
from steelyard.math.transcripts import characters, edits, normalised, words


def literal(a, b):
    @cache
    def least(i, j):
        if not i or not j:
            return i + j
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return least(len(a), len(b))


def test_edits_by_the_definition():
    draw = random.Random(0)
    for _ in range(300):
        a, b = ("".join(draw.choices("abc", k=draw.randrange(9))) for _ in range(2))
        assert edits(a, b) == literal(a, b) == edits(list(b), list(a))
    assert edits("", "") == 0 and edits("", "ab") == 2 and edits("kitten", "sitting") == 3


def test_normalised_by_hand():
    assert normalised("  Don’t  STOP -- it's 5 o'clock! ") == "don't stop it's 5 o'clock"
    assert normalised("'quoted' “word”") == "quoted word"
    assert normalised("今天，天气 good。") == "今 天 天 气 good"
    assert normalised("ＡＢＣ　１２３") == "abc 123"
    assert normalised("...") == "" == normalised("")


SENTENCES = [
    ("the cat sat on the mat", "the cat sat on a mat"), ("one two three", "one  two three"), ("hello world", ""), ("a b c", "a x b c d"),
    ("Good morning, Vietnam!", "good morning vietnam"), ("word", "word"), (" spaced out ", "spaced out"), ("repeat repeat", "repeat"),
]


def test_rates_are_jiwer_s():
    jiwer = pytest.importorskip("jiwer", reason="jiwer is an extra of the tests")
    truths, said = (list(side) for side in zip(*SENTENCES, strict=True))

    def table(cut):
        return np.array([[edits(cut(a), cut(b)), len(cut(a))] for a, b in SENTENCES])

    wer, cer = (catalog.load("metrics", name, "test")() for name in ("wer", "cer"))
    assert wer.value({"words": table(words)}) == pytest.approx(jiwer.wer(truths, said), abs=1e-12)
    assert cer.value({"characters": table(characters)}) == pytest.approx(jiwer.cer(truths, said), abs=1e-12)
    for truth, guess in SENTENCES:
        assert edits(words(truth), words(guess)) / len(words(truth)) == pytest.approx(jiwer.wer(truth, guess), abs=1e-12)


def test_a_rate_without_words_is_not_defined():
    metric = catalog.load("metrics", "wer", "test")()
    assert np.isnan(metric.value({"words": np.array([[2, 0], [0, 0]])}))
    assert metric.value({"words": np.array([[2, 0], [0, 4]])}) == 0.5, "what is said into silence counts"
    assert metric.value({"words": np.array([[6, 2]])}) == 3.0
