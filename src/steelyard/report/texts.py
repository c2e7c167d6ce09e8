"""What comes from the user's data, made fit to be shown: shortened, with nothing in it that could disturb the page."""

import base64
import binascii
import io
import re
import warnings
from functools import lru_cache

from steelyard.language import say

LONGEST = 600  # characters of one text
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})\Z")
_SOUND = re.compile(r"data:audio/(wav|mpeg|ogg|flac);base64,[A-Za-z0-9+/]+={0,2}\Z")
_LONGEST_SOUND = 400_000  # characters of a sound's URL
_LARGEST = 24_000  # bytes of a picture that goes into the page as it is
_SIDE = 160  # pixels of a picture that had to be made smaller
_PIXELS = 64_000_000  # a picture that claims more is not opened


def tidy(text: object) -> str:
    """Control characters and marks that turn the direction of writing are shown by their number instead of obeyed."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(text))


def shorten(text: object, longest: int = LONGEST) -> str:
    """At most `longest` characters, and how many are left out where it was meant to be read in full."""
    text = str(text)
    if len(text) <= longest:
        return tidy(text)
    if longest < 200:
        return tidy(text[:longest]) + "…"
    return tidy(text[:longest]) + str(say("… ({n:,} more characters)", n=len(text) - longest))


def picture(url: object) -> str | None:
    """A data: URL of a picture small enough for the page, or None where it is none: nothing else may be an address."""
    return _picture(url) if isinstance(url, str) else None


def sound(url: object) -> str | None:
    """A data: URL of a sound small enough for the page, or None where it is none."""
    return url if isinstance(url, str) and len(url) <= _LONGEST_SOUND and _SOUND.match(url) else None


@lru_cache(maxsize=256)
def _picture(url: str) -> str | None:
    found = _PICTURE.match(url)
    if found is None:
        return None
    if len(found[2]) * 3 // 4 <= _LARGEST:
        return found[0]
    try:
        return _smaller(base64.b64decode(found[2], validate=True))
    except (binascii.Error, OSError, ValueError, SyntaxError):  # Pillow's ways to say that a picture is broken
        return None


def _smaller(encoded: bytes) -> str | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(encoded), formats=("PNG", "JPEG", "GIF", "WEBP"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    with opened as image:
        if image.width * image.height > _PIXELS:
            return None
        small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
