"""Sets that come with steelyard: `builtin:digits`, `builtin:messages`, `builtin:tones`..., read without a file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import unknown
from steelyard.language import say
from steelyard.parts import ReadOptions, Record, Source
from steelyard.version import __version__

_PREFIX = "builtin:"


def _digits() -> Iterator[Mapping[str, object]]:
    """1,797 grey pictures of 8 x 8 of handwritten digits; scikit-learn's copy of UCI's test part (Alpaydin, Kaynak 1998)."""
    import numpy as np
    from sklearn.datasets import load_digits

    from steelyard.math.pictures import pgm

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return ({"image": pgm(picture), "label": int(label)} for picture, label in zip(pixels, digits.target, strict=True))


def _messages() -> Iterator[Mapping[str, object]]:
    """Customers' messages, made by a seeded function, with faults planted that the evidence must find."""
    from steelyard.sources._messages import rows

    return (dict(row) for row in rows(seed=0))


def _tones() -> Iterator[Mapping[str, object]]:
    """Notes sung by name, made by a seeded function: the smallest speech there is."""
    from steelyard.sources._tones import rows

    return (dict(row) for row in rows(seed=0))


def _entities() -> Iterator[Mapping[str, object]]:
    """Sentences whose names of people, places and firms are tagged, made by a seeded function."""
    from steelyard.sources._entities import rows

    return (dict(row) for row in rows(seed=0))


def _questions() -> Iterator[Mapping[str, object]]:
    """Questions about made-up people, each with a text that holds the answer, by a seeded function."""
    from steelyard.sources._questions import rows

    return (dict(row) for row in rows(seed=0))


def _shapes() -> Iterator[Mapping[str, object]]:
    """Grey pictures of discs, squares and triangles with their boxes, made by a seeded function."""
    from steelyard.sources._shapes import rows

    return (dict(row) for row in rows(seed=0))


def _phrases() -> Iterator[Mapping[str, object]]:
    """Sentences with their translation into a made-up language, by a seeded function."""
    from steelyard.sources._phrases import rows

    return (dict(row) for row in rows(seed=0))


def _accounts() -> Iterator[Mapping[str, object]]:
    """Short accounts of a day with their summaries, by a seeded function."""
    from steelyard.sources._accounts import rows

    return (dict(row) for row in rows(seed=0))


def _creatures() -> Iterator[Mapping[str, object]]:
    """Sentences about creatures, each word of which follows from the others, by a seeded function."""
    from steelyard.sources._creatures import rows

    return (dict(row) for row in rows(seed=0))


def _answers() -> Iterator[Mapping[str, object]]:
    """Questions about animals with their answers, by a seeded function."""
    from steelyard.sources._answers import rows

    return (dict(row) for row in rows(seed=0))


_SETS: Mapping[str, Callable[[], Iterator[Mapping[str, object]]]] = {
    "digits": _digits, "messages": _messages, "tones": _tones, "entities": _entities, "questions": _questions,
    "shapes": _shapes, "phrases": _phrases, "accounts": _accounts, "creatures": _creatures, "answers": _answers}


class Builtin(Source):
    """A set by its name; the line is the row's number, from 1."""

    name = "builtin"
    help = say("builtin:digits, builtin:messages, builtin:tones, builtin:entities, builtin:questions, builtin:shapes, builtin:phrases, "
               "builtin:accounts, builtin:creatures, builtin:answers")

    def accepts(self, path: Path) -> bool:
        """By the prefix."""
        return str(path).startswith(_PREFIX)

    def facts(self, path: Path) -> Mapping[str, Any]:
        """They hang on the version that makes them."""
        return {"bytes": 0, "mark": f"steelyard {__version__}"}

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where there is no such set."""
        name = str(path).removeprefix(_PREFIX)
        if name not in _SETS:
            raise unknown("built-in set", name, _SETS, "data")
        for number, values in enumerate(_SETS[name](), start=1):
            yield Record(values, str(path), number)


PART = Builtin
