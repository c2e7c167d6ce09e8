"""Pictures: encoded bytes, checked with a cap before they are decoded; arrays of 8 bits; the plain form (PGM)."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

from steelyard.language import Sentence, say

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 64_000_000  # a picture of a few kilobytes may claim to be of any size
MOST_BYTES = 256 * 2**20
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM", "TIFF")  # Pillow's names; it knows many more, and more ways to fail
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".pgm", ".ppm", ".pbm", ".pnm", ".tif", ".tiff")
NEEDS = ("print colours", "16 bits", "one bit", "palette", "transparency", "rotation", "several frames")
_PGM = re.compile(rb"P5\s(\d{1,9})\s(\d{1,9})\s255\s")
_ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # Exif 2.3, table 6
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


class BadPicture(ValueError):
    """Bytes that are no picture, a broken one or one too large."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def check(stored: bytes) -> None:
    """Raises BadPicture where `decode` would; costs next to nothing for PGM of 8 bits, a decoding for all else."""
    if _plain(stored) is None:
        _array(stored, "L", small=True)


def decode(stored: bytes, mode: Literal["L", "RGB"]) -> np.ndarray:
    """(height, width) uint8 of `mode` "L", (height, width, 3) of "RGB"; the first picture of several.

    The right way up (EXIF), what is transparent over white, 16 bits scaled to 8, any colours to sRGB's names, grey by
    ITU-R 601-2. Raises BadPicture.
    """
    if (place := _plain(stored)) is None:
        return _array(stored, mode, small=False)
    width, height, start = place
    grey = np.frombuffer(stored, np.uint8, width * height, start).reshape(height, width)
    return grey.copy() if mode == "L" else np.repeat(grey[:, :, None], 3, axis=2)


def needs(stored: bytes) -> tuple[str, ...]:
    """What `decode` must do to a picture beyond unpacking its pixels, in words of NEEDS; from its header alone. Raises BadPicture."""
    if _plain(stored) is not None:
        return ()
    with _opened(stored) as picture:
        mode, clear = picture.mode, "transparency" in picture.info
        found = {
            "print colours": mode == "CMYK",
            "16 bits": mode == "I" or mode.startswith("I;16"), "one bit": mode == "1", "palette": mode in ("P", "PA"),
            "transparency": clear or mode in ("RGBA", "LA", "PA", "RGBa", "La"), "rotation": _held(picture) in _UPRIGHT,
            "several frames": _has_more(picture),
        }
    return tuple(name for name in NEEDS if found[name])


def size_of(stored: bytes) -> tuple[int, int]:
    """(width, height) of what `decode` gives, from the header alone. Raises BadPicture."""
    if (place := _plain(stored)) is not None:
        return place[0], place[1]
    with _opened(stored) as picture:
        width, height = picture.size
        return (height, width) if _held(picture) in (5, 6, 7, 8) else (width, height)


def pgm(pixels: np.ndarray) -> bytes:
    """(height, width) uint8 -> the plain grey form (netpbm P5): a header and the pixels."""
    height, width = pixels.shape
    return b"P5 %d %d 255\n" % (width, height) + np.ascontiguousarray(pixels, np.uint8).tobytes()


def _plain(stored: bytes) -> tuple[int, int, int] | None:
    """Width, height and where the pixels start, of PGM with 8 bits; None for all else, which Pillow reads."""
    if (match := _PGM.match(stored)) is None:
        return None
    width, height = int(match[1]), int(match[2])
    _cap(width, height)
    if len(stored) - match.end() < width * height:
        raise BadPicture(say("the picture is cut short"))
    return width, height, match.end()


def _cap(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise BadPicture(say("the picture claims {width} x {height} pixels; at most {most} million are read",
                             width=width, height=height, most=MOST_PIXELS // 10**6))
    if width * height == 0:
        raise BadPicture(say("the picture has no pixels"))


def _array(stored: bytes, mode: Literal["L", "RGB"], small: bool) -> np.ndarray:
    """`decode` by Pillow; `small` lets a JPEG be read whole but drawn at an eighth of its size, to check it."""
    with _opened(stored) as picture:
        if small:
            picture.draft("RGB", (1, 1))
        picture.load()
        return _eight_bits(picture, mode)


@contextmanager
def _opened(stored: bytes) -> Iterator["Image.Image"]:
    """The picture, its header read and its size within the caps; whatever fails inside the block is BadPicture."""
    from PIL import Image, UnidentifiedImageError

    if len(stored) > MOST_BYTES:
        raise BadPicture(say("the picture has {got} MiB; at most {most} are read", got=len(stored) >> 20, most=MOST_BYTES >> 20))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(stored), formats=FORMATS) as picture:
                _cap(*picture.size)
                yield picture
    except BadPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(say("the picture claims more than {most} million pixels", most=MOST_PIXELS // 10**6)) from error
    except UnidentifiedImageError as error:
        raise BadPicture(say("this is no picture, or of a form that is not read ({formats} are)", formats=", ".join(FORMATS))) from error
    except Exception as error:  # Pillow's decoders raise whatever comes up on a damaged file: struct.error, SyntaxError, KeyError...
        raise BadPicture(say("the picture is cut short or broken: {reason}", reason=str(error) or type(error).__name__)) from error


def _eight_bits(picture: "Image.Image", mode: Literal["L", "RGB"]) -> np.ndarray:
    from PIL import Image

    turn = _UPRIGHT.get(_held(picture), np.asarray)
    if picture.mode == "F":
        raise BadPicture(say("the picture's pixels are fractions, whose range nobody knows; save it with 8 or 16 bits"))
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        deep = np.asarray(picture).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise BadPicture(say("the picture's pixels exceed 16 bits; save it with 8 or 16"))
        grey = np.rint(turn(deep) / 257).astype(np.uint8)
        return grey if mode == "L" else np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        clear = picture.convert("LA").convert("RGBA") if picture.mode == "La" else picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    pixels: np.ndarray = np.asarray(picture.convert(mode))
    return np.array(turn(pixels), dtype=np.uint8, order="C")


def _has_more(picture: "Image.Image") -> bool:
    """Whether frames or pages follow the first."""
    try:
        picture.seek(1)
    except EOFError:
        return False
    return True


def _held(picture: "Image.Image") -> int:
    """How the camera was held, 1 to 8; 1 is upright."""
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF says nothing about how the camera was held, and harms no pixel
        return 1
