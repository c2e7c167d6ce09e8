"""Texts known by their hashes alone: which text is another one, which is part of one; no letter is held.

A window is so many letters that follow each other. Its hash is a polynomial in an odd base modulo 2**64 over letters that
were mixed first, finished by SplitMix64's mixer: any window's hash then follows from two sums over what lies before it
(Karp & Rabin 1987, IBM J. Res. Dev. 31:249), so that a block of texts is hashed in a few passes of numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LEAST = 24  # letters of a text below which it is only found as a whole: shorter ones ("a good film") stand in texts of other people
WEIGHT = 3  # letters that one of a script without spaces counts for: Chinese titles of 8 characters say as much
NARROW, WIDE = 8, 24  # letters of the windows by which a text is looked for: the least that LEAST allows, and one that is rarer
BLOCK = 1 << 20  # letters that are hashed at a time
MOST = 1 << 22  # windows that a trace keeps: 32 MiB
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_SEPARATOR = "\n"  # between texts of a block; identities hold no white space
_NONE = np.zeros(0, dtype=np.uint64)


def weight(text: str) -> int:
    """Its letters, those from U+2E80 on (Chinese, Japanese, Korean) WEIGHT times."""
    return len(text) if text.isascii() else len(text) + (WEIGHT - 1) * sum(letter >= "\u2e80" for letter in text)


def joined(identities: Sequence[str]) -> str:
    """One text for a row with several inputs."""
    return identities[0] if len(identities) == 1 else "\0".join(identities)


def mixed(words: np.ndarray) -> np.ndarray:
    """uint64 to uint64, one to one: SplitMix64's finaliser (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    done: np.ndarray = words ^ (words >> np.uint64(31))
    return done


@lru_cache(maxsize=4)
def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def _enough(count: int) -> int:
    return 1 << max(10, (count - 1).bit_length())


class Hashed:
    """Some texts with the hash of any part of them at hand."""

    def __init__(self, texts: Sequence[str]) -> None:
        sizes = np.array([len(text) for text in texts], dtype=np.int64)
        self.ends = np.cumsum(sizes + 1) - 1  # where each text's separator stands
        self.starts = self.ends - sizes
        letters = np.frombuffer(_SEPARATOR.join((*texts, "")).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        size = _enough(len(letters) + 1)
        self._inverse = _powers(int(_INVERSE), size)
        terms = mixed(letters.astype(np.uint64) + _BASE) * _powers(int(_BASE), size)[: len(letters)]
        self._sums = np.append(np.uint64(0), np.cumsum(terms, dtype=np.uint64))

    def parts(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """(n,) uint64 hashes of the letters from `starts` up to `stops` (n,)."""
        length = (stops - starts).astype(np.uint64)
        return mixed((self._sums[stops] - self._sums[starts]) * self._inverse[starts] ^ length)

    def whole(self) -> np.ndarray:
        """(texts,) uint64."""
        return self.parts(self.starts, self.ends)

    def windows(self, width: int) -> np.ndarray:
        """(letters - width + 1,) uint64 hashes of every window of the block, those that reach over a text's end among them."""
        count = len(self._sums) - width
        if count <= 0:
            return _NONE
        return mixed((self._sums[width:] - self._sums[:count]) * self._inverse[:count] ^ np.uint64(width))

    def owners(self, places: np.ndarray) -> np.ndarray:
        """(n,) the number of the text in which each place lies."""
        return np.searchsorted(self.ends, places, side="left")

    def inside(self, width: int) -> np.ndarray:
        """(letters - width + 1,) bool: the windows that lie within one text."""
        fits = np.zeros(max(0, len(self._sums) - width), dtype=bool)
        for start, end in zip(self.starts, self.ends - width + 1, strict=True):
            fits[start : max(start, end)] = True
        return fits


def blocks(texts: Iterator[str] | Sequence[str], letters: int | None = None) -> Iterator[list[str]]:
    """The texts in order, so many at a time that they have `letters` (BLOCK) together, or one that has more."""
    most = BLOCK if letters is None else letters
    held: list[str] = []
    size = 0
    for text in texts:
        if held and size + len(text) > most:
            yield held
            held, size = [], 0
        held.append(text)
        size += len(text) + 1
    if held:
        yield held


class Needles:
    """Texts that are looked for in others, as a whole and as a part; one that weighs less than LEAST only as a whole.

    Three numbers a text are held: its hash, its length, and the hash of its first letters.
    """

    def __init__(self, texts: Iterator[str] | Sequence[str], parts: bool = True) -> None:
        whole: list[np.ndarray] = []
        anchors: dict[int, list[np.ndarray]] = {NARROW: [], WIDE: []}
        for block in blocks(texts):
            hashed = Hashed(block)
            sums = hashed.whole()
            whole.append(sums)
            long = np.array([parts and weight(text) >= LEAST for text in block], dtype=bool)
            lengths = hashed.ends - hashed.starts
            for width, own in ((NARROW, long & (lengths < WIDE)), (WIDE, long & (lengths >= WIDE))):
                starts = hashed.starts[own]
                anchors[width].append(np.stack([hashed.parts(starts, starts + width), lengths[own].astype(np.uint64)], axis=1))
        self.whole = np.unique(np.concatenate(whole)) if whole else _NONE
        self._anchors = {width: _Anchors(np.concatenate(pairs)) for width, pairs in anchors.items() if any(len(pair) for pair in pairs)}

    def find(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(texts,) bool: those that are one of ours; (texts,) bool: those of which one of ours is a part, and that are none."""
        whole, part = np.zeros(len(texts), dtype=bool), np.zeros(len(texts), dtype=bool)
        done = 0
        for block in blocks(texts):
            hashed = Hashed(block)
            here = slice(done, done + len(block))
            whole[here] = np.isin(hashed.whole(), self.whole)
            for width, anchors in self._anchors.items():
                part[here][anchors.within(hashed, width, self.whole)] = True
            done += len(block)
        return whole, part & ~whole


class _Anchors:
    """First windows of texts with the texts' lengths: (n, 2) uint64, each pair once."""

    def __init__(self, pairs: np.ndarray) -> None:
        pairs = np.unique(pairs, axis=0)
        self.lengths = pairs[:, 1].astype(np.int64)
        self.first, self.begins, self.counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
        bits = min(27, max(16, (16 * len(self.first)).bit_length()))
        self.shift = np.uint64(64 - bits)
        self.maybe = np.zeros(1 << bits, dtype=bool)  # spares nearly all windows a search
        self.maybe[self.first >> self.shift] = True

    def within(self, hashed: Hashed, width: int, whole: np.ndarray) -> np.ndarray:
        """Numbers of the texts that hold one of `whole` (sorted) which begins with one of these windows."""
        windows = hashed.windows(width)
        places = np.flatnonzero(self.maybe[windows >> self.shift])
        at = np.searchsorted(self.first, windows[places]).clip(max=len(self.first) - 1)
        known = self.first[at] == windows[places]
        places, at = places[known], at[known]
        owners = hashed.owners(places)
        found: list[np.ndarray] = []
        for turn in range(int(self.counts[at].max()) if len(at) else 0):
            more = self.counts[at] > turn
            places, at, owners = places[more], at[more], owners[more]
            stops = places + self.lengths[self.begins[at] + turn]
            fits = stops <= hashed.ends[owners]
            held = np.isin(hashed.parts(places[fits], stops[fits]), whole)
            found.append(owners[fits][held])
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Trace:
    """What texts leave behind: the hash of each, and of a sample of their windows.

    whole     (texts,) uint64, sorted, each once
    windows   (n,) uint64, sorted, each once: every window of WIDE letters whose hash is below `limit`; so the sample of a part is part
              of the sample of the whole
    limit     of 2**64; the more letters, the lower, so that MOST are kept
    """

    whole: np.ndarray
    windows: np.ndarray
    limit: int

    def find(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(texts,) bool each: one of those texts; part of one of them and none itself; too short, or without a window of the sample.

        A text is taken for a part of one where all its windows of the sample are there.
        """
        whole, part, open_ = (np.zeros(len(texts), dtype=bool) for _ in range(3))
        done = 0
        for block in blocks(texts):
            hashed = Hashed(block)
            here = slice(done, done + len(block))
            whole[here] = np.isin(hashed.whole(), self.whole)
            windows = hashed.windows(WIDE)
            places = np.flatnonzero((windows < np.uint64(self.limit)) & hashed.inside(WIDE)) if self.limit else np.zeros(0, np.int64)
            owners = hashed.owners(places)
            asked = np.bincount(owners, minlength=len(block))
            there = np.bincount(owners[np.isin(windows[places], self.windows)], minlength=len(block))
            part[here], open_[here] = (asked > 0) & (asked == there), asked == 0
            done += len(block)
        return whole, part & ~whole, open_ & ~whole


def trace(texts: Iterator[str], parts: bool = True, most: int = MOST) -> Trace:
    """The trace of texts that are read once. Without `parts` (pictures) no windows are kept."""
    whole: list[np.ndarray] = []
    kept, limit = _NONE, (1 << 61 if parts else 0)  # one window in eight, to begin with
    fresh: list[np.ndarray] = []
    for block in blocks(texts):
        hashed = Hashed(block)
        whole.append(hashed.whole())
        if not limit:
            continue
        windows = hashed.windows(WIDE)
        fresh.append(windows[(windows < np.uint64(limit)) & hashed.inside(WIDE)])
        if sum(map(len, fresh)) > most // 4:
            kept, limit, fresh = *_lowest(kept, fresh, limit, most), []
    kept, limit = _lowest(kept, fresh, limit, most)
    return Trace(np.unique(np.concatenate(whole)) if whole else _NONE, kept, limit)


def _lowest(kept: np.ndarray, fresh: list[np.ndarray], limit: int, most: int) -> tuple[np.ndarray, int]:
    """At most `most` windows below a limit that is halved until they are so few."""
    kept = np.unique(np.concatenate([kept, *fresh]))
    while (count := int(np.searchsorted(kept, np.uint64(limit)))) > most:
        limit //= 2
    return kept[:count], limit
