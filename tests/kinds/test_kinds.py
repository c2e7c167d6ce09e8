"""Every kind: what it takes, what it refuses, what it is mistaken for, and what two values share."""

import io
import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image as PillowImage

from steelyard import catalog
from steelyard.math.pictures import pgm
from steelyard.parts import BadValue

TEXT, LABEL, NUMBER, IMAGE = (catalog.load("kinds", name, "test")() for name in ("text", "label", "number", "image"))


def png(pixels, form="PNG"):
    file = io.BytesIO()
    PillowImage.fromarray(np.asarray(pixels, np.uint8)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("kind", [TEXT, LABEL, NUMBER, IMAGE], ids=lambda kind: kind.name)
def test_a_column_of_parsed_values_can_be_stored(kind):
    raw = {"text": "a text", "label": 3, "number": "4.5", "image": pgm(np.zeros((2, 3), np.uint8))}[kind.name]
    stored = kind.parse(raw)
    assert pa.array([stored, None], kind.arrow).to_pylist() == [stored, None]
    assert kind.parse(stored) == stored  # what was stored can be read again


@pytest.mark.parametrize("kind, raw, stored", [
    (TEXT, "", ""), (TEXT, " a\tb\n", " a\tb\n"), (TEXT, 12, "12"), (TEXT, 1.5, "1.5"), (TEXT, "杆秤", "杆秤"),
    (LABEL, 1, "1"), (LABEL, 1.0, "1"), (LABEL, "1", "1"), (LABEL, np.int64(1), "1"), (LABEL, np.float32(1), "1"),
    (LABEL, Decimal("1.00"), "1"), (LABEL, 4.5, "4.5"), (LABEL, True, "true"), (LABEL, np.bool_(False), "false"),
    (LABEL, -0.0, "0"), (LABEL, " pos ", "pos"), (LABEL, "cafe\u0301", "caf\u00e9"), (LABEL, 2**70, str(2**70)), (LABEL, 1e300, "1e+300"),
    (NUMBER, "1.5", 1.5), (NUMBER, " -2e3 ", -2000.0), (NUMBER, 7, 7.0), (NUMBER, Decimal("0.5"), 0.5), (NUMBER, np.float32(0.5), 0.5),
])
def test_what_is_taken(kind, raw, stored):
    got = kind.parse(raw)
    assert got == stored and type(got) is type(stored)


@pytest.mark.parametrize("kind, raw, words", [
    (TEXT, None, "missing"), (TEXT, float("nan"), "missing"), (TEXT, ["a"], "want a text"), (TEXT, b"a", "want a text"),
    (TEXT, "a\0b", "NUL"), (TEXT, "\x01\x02\x03abc", "control"), (TEXT, "a\ud800", "surrogate"),
    (LABEL, None, "missing"), (LABEL, "", "missing"), (LABEL, "  ", "missing"), (LABEL, float("nan"), "missing"), (LABEL, "NaN", "missing"),
    (LABEL, float("inf"), "missing"), (LABEL, ["a"], "want one label"), (LABEL, {"a": 1}, "want one label"),
    (LABEL, b"a", "want one label"),
    (LABEL, "x" * 201, "too long"), (LABEL, "a\x1b[31mb", "control"), (LABEL, "a\ud800", "control"),
    (NUMBER, "five", "want a number"), (NUMBER, "", "missing"), (NUMBER, None, "missing"), (NUMBER, "nan", "finite"),
    (NUMBER, "1e999", "finite"),
    (NUMBER, True, "want a number"), (NUMBER, "1_000", "want a number"), (NUMBER, "1,000", "want a number"), (NUMBER, [1], "want a number"),
    (NUMBER, 10**400, "want a number"),
    (IMAGE, None, "missing"), (IMAGE, {"bytes": None, "path": "a.png"}, "missing"), (IMAGE, b"", "empty"), (IMAGE, "cats/1.png", "bytes"),
    (IMAGE, b"hello", "no picture"), (IMAGE, b"P5 4 4 255\nabc", "cut short"), (IMAGE, png(np.zeros((9, 9)))[:45], "cut short"),
])
def test_what_is_refused(kind, raw, words):
    with pytest.raises(BadValue, match=words) as caught:
        kind.parse(raw)
    assert not re.search(r"[\x00-\x1f]", str(caught.value.sentence))


def test_a_picture_may_come_as_bytes_or_as_hugging_face_stores_it():
    data = png(np.zeros((2, 2)))
    assert IMAGE.parse(data) == IMAGE.parse(memoryview(data)) == IMAGE.parse({"bytes": data, "path": "a.png"}) == data


REVIEWS = ["a fine film", "not my taste at all", "two hours too long", "see it twice"]


@pytest.mark.parametrize("samples, kinds", [
    (REVIEWS, {"text"}),
    (["体验二维巅峰", "同步首秀缩量", "港股缩量回调"], {"text"}),
    (["pos", "neg", "neg", "pos", "neg"], {"label"}),
    (["North America", "South America"] * 9, {"label"}),
    (["1", "0", "1", "1", "0"], {"label", "number"}),
    ([1, 0, None, 1], {"label", "number"}),
    ([0.25, 3.5, 1.75, 9.0, 2.5, 7.5], {"number"}),
    (["id-1", "id-2", "id-3", "id-4", "id-5"], set()),
    ([pgm(np.zeros((2, 2), np.uint8))], {"image"}),
    ([{"bytes": b"P5", "path": None}, None], {"image"}),
    ([], set()), ([None, None], set()), (["", ""], set()), ([["a"], ["b"]], set()),
])
def test_which_kinds_a_column_may_be(samples, kinds):
    assert {kind.name for kind in (TEXT, LABEL, NUMBER, IMAGE) if kind.fits(samples)} == kinds


def test_one_picture_in_two_encodings_is_the_same():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    other = grey.copy()
    other[0, 0] += 1
    assert IMAGE.identity(pgm(grey)) == IMAGE.identity(png(grey)) == IMAGE.identity(png(np.repeat(grey[..., None], 3, axis=2), "BMP"))
    assert len({IMAGE.identity(pgm(pixels)) for pixels in (grey, other, grey.T, grey.reshape(4, 3))}) == 4


def test_texts_that_differ_in_case_space_and_signs_are_the_same():
    assert TEXT.identity("It 's  GREAT !") == TEXT.identity("it's great") != TEXT.identity("it's not great")
