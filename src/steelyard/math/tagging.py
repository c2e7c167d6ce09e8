"""Tags of words and the entities that they mark: IOB1, IOB2, IOBES and BILOU are read alike; valid paths of tags."""

import re
from collections.abc import Sequence

import numpy as np

Entity = tuple[str, int, int]  # type, the first word, the one behind the last

_SHAPED = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
_ALIKE = {"L": "E", "U": "S"}  # BILOU's last and unit are IOBES's end and single
OUTSIDE = "O"


def split_tag(tag: str) -> tuple[str, str]:
    """(sign, type): ("B", "person"), ("O", ""); a tag without a sign is an entity of one word, ("S", tag)."""
    if tag in (OUTSIDE, "", "_"):
        return OUTSIDE, ""
    if found := _SHAPED.fullmatch(tag):
        return _ALIKE.get(found[1], found[1]), found[2]
    return "S", tag


def is_shaped(tag: str) -> bool:
    """Whether the tag says where in its entity a word stands (B-person)."""
    return _SHAPED.fullmatch(tag) is not None


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities that tags mark, whatever their scheme: a new type begins one, B and S do, and so does I after O or an end.

    Source: conlleval's rule, which is seqeval's default (Nakayama 2018); I after O is taken for B.
    """
    found: list[Entity] = []
    begin, kind, before = 0, "", OUTSIDE
    for place, (sign, own) in enumerate([*map(split_tag, tags), (OUTSIDE, "")]):
        if before != OUTSIDE and (sign in "OBS" or before in "ES" or own != kind):
            found.append((kind, begin, place))
            before = OUTSIDE
        if sign != OUTSIDE and before == OUTSIDE:
            begin, kind = place, own
        before = sign
    return found


def broken(tags: Sequence[str]) -> int:
    """How many tags break BIO (IOB2): I that follows neither B nor I of its type; ends of IOBES too."""
    read = [split_tag(tag) for tag in tags]
    return sum(sign in "IE" and (place == 0 or read[place - 1][1] != own or read[place - 1][0] not in "BI")
               for place, (sign, own) in enumerate(read))


def allowed(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(labels,) bool, which may come first, and (labels, labels) bool, which [before, after] may follow each other.

    I-x goes on what B-x or I-x began. Where the labels have no B-x, I-x begins too (IO and IOB1 models); all else is free.
    """
    read = [split_tag(label) for label in labels]
    begins = {kind for sign, kind in read if sign == "B"}
    inner = np.array([sign in "IE" and kind in begins for sign, kind in read])
    goes_on = np.array([[a in "BI" and kind == own for _, own in read] for a, kind in read]).reshape(len(read), len(read))
    return ~inner, ~inner[None, :] | goes_on


def viterbi(logs: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """(words,) int64: the valid path of tags with the greatest sum of log probabilities.

    logs   (words, labels) float
    Source: Viterbi 1967; transitions as in `allowed`, each for nothing.
    """
    if not len(logs):
        return np.zeros(0, dtype=np.int64)
    first, follows = allowed(labels)
    cost = np.where(follows, 0.0, -np.inf)
    best = np.where(first, logs[0].astype(np.float64), -np.inf)
    came = np.zeros(logs.shape, dtype=np.int64)
    for place in range(1, len(logs)):
        paths = best[:, None] + cost
        came[place] = paths.argmax(axis=0)
        best = paths.max(axis=0) + logs[place]
    path = [int(best.argmax())]
    for place in range(len(logs) - 1, 0, -1):
        path.append(int(came[place, path[-1]]))
    return np.array(path[::-1], dtype=np.int64)
