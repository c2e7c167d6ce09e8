"""Transcripts compared: edits between two, words and characters of one, and the form in which case and punctuation do not count."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

_ALONE = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")  # kana and Chinese: each character is a word by itself
_INSIDE = re.compile(r"(?<=\w)['’](?=\w)")  # the apostrophe of "don't"


def edits(reference: Sequence[object], said: Sequence[object]) -> int:
    """The least number of substitutions, deletions and insertions that turn one into the other (Levenshtein 1965).

    Row by row; insertions within a row are a running minimum, for they cost the same at every place.
    """
    if not reference or not said:
        return max(len(reference), len(said))
    known = {item: number for number, item in enumerate(dict.fromkeys([*reference, *said]))}
    across = np.array([known[item] for item in said])
    places = np.arange(len(said) + 1)
    row = places.copy()
    for number, item in enumerate(reference, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (across != known[item]))
        row = np.minimum.accumulate(np.append(number, best) - places) + places
    return int(row[-1])


def words(text: str) -> list[str]:
    """What spaces separate."""
    return text.split()


def characters(text: str) -> list[str]:
    """All of them, spaces at the ends aside."""
    return list(text.strip())


def normalised(text: str) -> str:
    """Lower case, one width (NFKC), no punctuation but apostrophes within words, one space between words.

    A Chinese character or kana is a word by itself, as in the mixed error rate.
    """
    text = _INSIDE.sub("\x00", unicodedata.normalize("NFKC", text).lower())
    kept = "".join(" " if unicodedata.category(letter)[0] in "PSZC" and letter != "\x00" else letter for letter in text)
    return " ".join(_ALONE.sub(r" \1 ", kept.replace("\x00", "'")).split())
