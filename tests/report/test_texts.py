"""What comes from people's data is made fit to be shown."""

import base64
import io

import pytest
from PIL import Image

from steelyard.language import in_language
from steelyard.report.dependence import pieces
from steelyard.report.texts import picture, shorten, tidy


def url(side: int, form: str = "PNG", noise: bool = True) -> str:
    """A picture of that size as a data: URL; noise does not compress."""
    import random

    data = random.Random(0).randbytes(side * side * 3) if noise else bytes(side * side * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), data).save(out, form)
    return f"data:image/{form.lower()};base64," + base64.b64encode(out.getvalue()).decode()


def test_marks_that_turn_the_writing_are_shown_not_obeyed() -> None:
    assert tidy("abc\u202egnp.exe\x00") == "abc⟨U+202E⟩gnp.exe⟨U+0000⟩"
    assert tidy("a\tb\nc 中文 שלום 🙂") == "a\tb\nc 中文 שלום 🙂"
    assert tidy("\ud800").isascii() is False  # half a surrogate would make the page unwritable
    tidy("\ud800").encode("utf-8")


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    with in_language("en"):
        assert shorten("x" * 10_000) == "x" * 600 + "… (9,400 more characters)"
        assert shorten("x" * 600) == "x" * 600
        assert shorten("label" * 30, 24) == ("label" * 5)[:24] + "…"
        assert shorten("") == ""


def test_small_pictures_stay_and_large_ones_shrink() -> None:
    small = url(8)
    assert picture(small) == small
    large = url(400)
    shrunk = picture(large)
    assert shrunk is not None and len(shrunk) < len(large) / 4
    assert shrunk.startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("bad", [
    None, 7, "", "http://example.invalid/a.png", "javascript:alert(1)", "data:text/html;base64,PGI+", "data:image/svg+xml;base64,PHN2Zz4=",
    'data:image/png;base64,AAAA" onload="x', "data:image/png;base64,", "data:image/png;base64," + "A" * 40_000, url(400)[:-1_000] + "!",
])
def test_nothing_else_is_a_picture(bad: object) -> None:
    assert picture(bad) is None


def test_a_picture_that_claims_too_many_pixels_is_not_opened() -> None:
    header = bytearray(base64.b64decode(url(100).partition(",")[2]))
    header[16:24] = (20_000).to_bytes(4, "big") * 2
    import zlib

    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    assert picture("data:image/png;base64," + base64.b64encode(bytes(header)).decode()) is None


def literal(text: str, spans: list[tuple[tuple[int, int], float]]) -> list[tuple[str, str]]:
    """Character by character: slow and easy to believe."""
    kinds, taken = [""] * len(text), 0
    marks = list(range(len(text)))
    for (start, stop), score in sorted(spans):
        if start >= taken and start < stop <= len(text):
            for i in range(start, stop):
                kinds[i] = "" if abs(score) < 0.15 else "for" if score > 0 else "against"
                marks[i] = -start - 1
            taken = stop
    return list(zip(text, kinds, strict=True))


@pytest.mark.parametrize("spans", [
    [], [((0, 2), 1.0)], [((0, 2), 1.0), ((1, 4), -1.0)], [((6, 9), 0.1), ((3, 5), -0.5)], [((8, 99), 1.0)], [((4, 4), 1.0)],
    [((5, 2), 1.0)]])
def test_a_text_is_cut_at_its_units_and_stays_whole(spans: list[tuple[tuple[int, int], float]]) -> None:
    text = "ab cd efgh"
    found = [(character, piece.kind) for piece in pieces(text, spans) for character in piece.text]
    assert found == literal(text, spans)


def test_a_long_explained_text_is_cut_too() -> None:
    found = pieces("ab " * 2_000, [((0, 2), 1.0), ((5_000, 5_002), 1.0)])
    assert sum(len(piece.text) for piece in found) < 1_300
    assert found[0].kind == "for"
