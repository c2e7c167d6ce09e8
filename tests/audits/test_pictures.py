"""Which pictures had to be converted is counted, split by split, and decoding does what is said."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from steelyard import catalog
from steelyard.math.pictures import NEEDS, BadPicture, decode, needs, pgm
from steelyard.parts import Column, Splits
from steelyard.rows import FILE, LINE, Rows

AUDIT = catalog.load("audits", "pictures", "test")()
COLUMNS = (Column(name="image", kind="image"), Column(name="label", kind="label", target=True))
NOISE = [Image.fromarray(np.random.default_rng(n).integers(0, 255, (9, 7, 3), dtype=np.uint8)) for n in range(3)]


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def rotated(held):
    exif = Image.Exif()
    exif[0x0112] = held
    return encoded(NOISE[0], "JPEG", exif=exif)


FORMS = {
    "print colours": [encoded(Image.new("CMYK", (4, 4)), form) for form in ("JPEG", "TIFF")],
    "16 bits": [encoded(Image.fromarray(np.full((3, 3), 999, np.uint16)), form) for form in ("PNG", "TIFF", "PPM")],
    "one bit": [encoded(Image.new("1", (4, 4)), form) for form in ("PNG", "BMP", "PPM")],
    "palette": [encoded(NOISE[0].convert("P"), form) for form in ("PNG", "GIF", "BMP")],
    "transparency": [encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 99))), encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 99)), "WEBP"),
                     encoded(NOISE[0].convert("LA"))],
    "rotation": [rotated(held) for held in range(2, 9)],
    "several frames": [encoded(NOISE[0], form, save_all=True, append_images=NOISE[1:]) for form in ("PNG", "WEBP", "TIFF")],
}
PLAIN = [pgm(np.zeros((2, 2), np.uint8)), rotated(1), *(encoded(NOISE[0], form) for form in ("PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF")),
         encoded(NOISE[0].convert("L")), encoded(NOISE[0].convert("L"), "JPEG")]


@pytest.mark.parametrize("what", NEEDS)
def test_each_need_is_seen_and_handled(what):
    for stored in FORMS[what]:
        assert needs(stored) == (what,)
        assert decode(stored, "RGB").shape[2] == 3 and decode(stored, "L").ndim == 2


def test_what_needs_nothing():
    assert [needs(stored) for stored in PLAIN] == [()] * len(PLAIN)


def test_several_needs_at_once():
    gif = encoded(NOISE[0], "GIF", save_all=True, append_images=NOISE[1:], transparency=0)
    assert {"palette", "several frames"} <= set(needs(gif))


def test_a_header_that_is_none():
    for stored in (b"", b"text", encoded(NOISE[0])[:20]):
        with pytest.raises(BadPicture):
            needs(stored)


def rows(stored):
    return Rows(pa.table({"image": pa.array(stored, pa.large_binary()), "label": ["a"] * len(stored),
                          FILE: ["a.csv"] * len(stored), LINE: list(range(1, len(stored) + 1))}))


def test_they_are_counted_per_split():
    train = [*PLAIN, *FORMS["print colours"], *FORMS["16 bits"], FORMS["rotation"][0]]
    (finding,) = AUDIT.ask(Splits({"train": rows(train), "test": rows([*PLAIN, *FORMS["16 bits"][:1]])}, COLUMNS))
    assert finding.outcome == "passed" and finding.code == "data/pictures-converted"
    assert finding.details == {"converted": {"train": {"print colours": 2, "16 bits": 3, "rotation": 1}, "test": {"16 bits": 1}}, "rows": 7}
    assert str(finding.why).startswith("7 of 27 pictures were converted (print colours (CMYK) turned to RGB: 2; 16 bits scaled to 8: 4; ")
    assert finding.rows[0] == f"a.csv:{len(PLAIN) + 1}" and len(finding.rows) == 7


def test_frames_that_are_left_out_are_an_issue():
    (finding,) = AUDIT.ask(Splits({"train": rows([*PLAIN, FORMS["several frames"][0]])}, COLUMNS))
    assert finding.outcome == "issue"


def test_nothing_to_convert_and_nothing_to_look_at():
    assert AUDIT.ask(Splits({"train": rows(PLAIN)}, COLUMNS))[0].outcome == "passed"
    assert AUDIT.ask(Splits({"train": rows(PLAIN)}, COLUMNS[1:]))[0].outcome == "not applicable"
