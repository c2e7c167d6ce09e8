"""Pictures: every mode and form to 8 bits, the right way up; what is too large or broken is refused before it costs anything."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from steelyard.math.pictures import MOST_PIXELS, BadPicture, check, decode, pgm

GREY = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def claims(width, height):
    """A PNG of a few bytes whose header claims a size."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_grey_without_loss(form):
    stored = encoded(Image.fromarray(GREY), form)
    check(stored)
    assert (decode(stored, "L") == GREY).all()
    assert (decode(stored, "RGB") == GREY[:, :, None]).all()


@pytest.mark.parametrize("form, options", [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})])
def test_colour_without_loss(form, options):
    stored = encoded(Image.fromarray(COLOUR), form, **options)
    check(stored)
    assert (decode(stored, "RGB") == COLOUR).all()
    luma = COLOUR @ np.array([299, 587, 114]) / 1000  # ITU-R 601-2
    assert np.abs(decode(stored, "L") - luma).max() <= 1


def test_the_plain_form_and_pillow_agree():
    stored = pgm(GREY)
    assert (np.asarray(Image.open(io.BytesIO(stored))) == GREY).all()
    for mode in ("L", "RGB"):
        got = decode(stored, mode)
        assert got.flags.writeable and (got == decode(encoded(Image.fromarray(GREY)), mode)).all()
    odd = b"P5\n# a comment\n3 2\n255\n" + GREY.tobytes()  # not the short way
    assert (decode(odd, "L") == GREY).all()
    assert (decode(b"P5 3 2 15\n" + bytes([0, 3, 6, 9, 12, 15]), "L") == [[0, 51, 102], [153, 204, 255]]).all()
    assert (decode(b"P5 1 1 255\n\n", "L") == [[10]]).all()  # a pixel that looks like space


def test_pixels_that_are_not_in_order():
    assert (decode(pgm(GREY.T), "L") == GREY.T).all()


@pytest.mark.parametrize("orientation", range(1, 10))
def test_the_right_way_up(orientation):
    picture = Image.fromarray(COLOUR)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(picture, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(stored)))
    assert (decode(stored, "RGB") == np.asarray(upright)).all()


def test_broken_exif_harms_nothing():
    stored = encoded(Image.fromarray(COLOUR), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")
    check(stored)
    assert (decode(stored, "RGB") == COLOUR).all()


def test_what_is_transparent_lies_over_white():
    half = np.dstack([np.full((2, 2, 3), 0, np.uint8), np.array([[0, 255], [128, 255]], np.uint8)])
    assert (decode(encoded(Image.fromarray(half)), "L") == [[255, 0], [127, 0]]).all()
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert (decode(encoded(palette, transparency=0), "RGB") == [[[255, 255, 255], [10, 20, 30]]]).all()


def test_sixteen_bits_are_scaled():
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)
    for form in ("PNG", "TIFF", "PPM"):
        assert (decode(encoded(Image.fromarray(deep), form), "L") == [[0, 1, 128, 255]]).all()
    assert decode(encoded(Image.fromarray(deep)), "RGB").shape == (1, 4, 3)
    with pytest.raises(BadPicture, match="16 bits"):
        check(encoded(Image.fromarray(np.array([[70000]], np.int32)), "TIFF"))
    with pytest.raises(BadPicture, match="fractions"):
        check(encoded(Image.fromarray(np.array([[0.5]], np.float32)), "TIFF"))


def test_print_colours():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(decode(encoded(red, "JPEG", quality=95), "RGB").astype(int) - [255, 0, 0]).max() < 8


def test_the_first_frame_of_several():
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    assert (decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "L") == 10).all()


@pytest.mark.parametrize("stored, words", [
    (claims(100_000, 100_000), "claims"), (claims(9_000, 9_000), "claims 9000 x 9000"), (claims(2**31 - 1, 1), "claims"),
    (b"P5 100000 100000 255\n", "claims"), (b"P5 0 5 255\n", "no pixels"), (b"P5 999999999 999999999 255\n", "claims"),
    (b"P5 3 2 255\nabcde", "cut short"),
    (b"", "no picture"), (b"GIF89a", "no picture"), (b"\xff\xd8\xff\xe0", "no picture"), (b"<svg></svg>", "no picture"),
    (b"\x80\x04K\x01.", "no picture"),
    (claims(50, 50), "cut short or broken"),
], ids=range(13))
def test_bombs_and_ruins(stored, words):
    for way in (check, lambda data: decode(data, "RGB")):
        with pytest.raises(BadPicture, match=words):
            way(stored)


def test_the_cap_is_the_caps():
    assert MOST_PIXELS == 8_000 * 8_000
    with pytest.raises(BadPicture, match="claims 8001 x 8000"):
        check(claims(8_001, 8_000))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_a_picture_cut_short_never_passes(form):
    stored = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)), form)
    check(stored)
    for share in (0.05, 0.3, 0.6, 0.9):
        with pytest.raises(BadPicture):
            check(stored[: int(share * len(stored))])


def test_what_passes_the_check_decodes():
    rng = np.random.default_rng(2)
    whole = [encoded(Image.fromarray(COLOUR), form) for form in ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")]
    passed = 0
    for number in range(400):  # one flipped byte: refused, or decoded; never a crash
        broken = bytearray(whole[number % len(whole)])
        broken[rng.integers(len(broken))] = rng.integers(256)
        try:
            check(bytes(broken))
        except BadPicture:
            continue
        passed += 1
        assert decode(bytes(broken), "RGB").ndim == 3
    assert 0 < passed < 400
