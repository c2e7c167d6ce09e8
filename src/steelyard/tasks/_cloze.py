"""What stands at a gap of a text: the words that are hidden, and simple models that guess them from their neighbours."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np

from steelyard.math.draws import uniform
from steelyard.tasks._words import WORD

SHARE = 0.15  # of the words that are hidden: Devlin et al. 2019, arXiv:1810.04805
TOP = 5  # candidates of an answer
LISTED = 50  # words of the constant
LEARNT = 50_000  # training texts that a counterweight reads at most
EDGE = ""  # stands before the first word and behind the last
BESIDE = 0.4  # weight of what each neighbour says; the rest is the words' own frequency

Place = tuple[int, int]


def words_of(text: str) -> list[Place]:
    """(start, end) of each word; a Chinese character is one."""
    return [found.span() for found in WORD.finditer(text)]


def hidden_words(text: str) -> list[Place]:
    """The words of a text that are asked for when a model is judged: the same for the same text; one at least, if it has any."""
    words = words_of(text)
    if not words:
        return []
    key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    draws = uniform(key, np.arange(len(words)), 1)[:, 0]
    count = max(1, round(SHARE * len(words)))
    return [words[i] for i in sorted(np.argsort(draws, kind="stable")[:count].tolist())]


def drawn_words(words: np.ndarray, share: float, draws: np.ndarray) -> np.ndarray:
    """(words drawn,) of the different numbers in `words`, one at least, `share` of them on average.

    share   in [0, 1), decides whether a broken number of words is rounded up
    draws   (n,) in [0, 1), one a word at least
    """
    own = np.unique(words[words >= 0])
    count = min(len(own), max(1, math.floor(SHARE * len(own) + share)))
    chosen: np.ndarray = own[np.argsort(draws[: len(own)], kind="stable")[:count]]
    return chosen


class Neighbours:
    """Counts of words, and of which word stands beside which; all in lower case."""

    def __init__(self, texts: Iterator[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.after: dict[str, Counter[str]] = {}
        self.before: dict[str, Counter[str]] = {}
        for text in texts:
            words = [EDGE, *(text[a:b].lower() for a, b in words_of(text)), EDGE]
            self.counts.update(words[1:-1])
            for left, right in pairwise(words):
                self.after.setdefault(left, Counter())[right] += 1
                self.before.setdefault(right, Counter())[left] += 1
        self.all = sum(self.counts.values()) + len(self.counts) + 1

    def share(self, word: str) -> float:
        """How common a word is, in (0, 1): each counts once more than it was seen, so that none is impossible."""
        return (self.counts[word] + 1) / self.all

    def constant(self) -> list[dict[str, Any]]:
        """The commonest words with their shares; `rest` (nats) is the log probability of each other one."""
        common = self.counts.most_common(LISTED)
        left = 1 - sum(self.share(word) for word, _ in common)
        rest = math.log(max(left, 1e-9) / (len(self.counts) - len(common) + 1))
        return [element(word, self.share(word)) | {"rest": rest} for word, _ in common]

    def guesses(self, text: str, places: Sequence[Place]) -> list[dict[str, Any]]:
        """The likeliest TOP words of each place by the words beside it, those that are hidden too left out."""
        words = words_of(text)
        spelled = [EDGE, *(text[a:b].lower() for a, b in words), EDGE]
        gone = {number + 1 for number, place in enumerate(words) if place in places}
        found = []
        for mask, place in enumerate(places):
            number = words.index(place) + 1
            beside = [known[spelled[near]] for near, known in ((number - 1, self.after), (number + 1, self.before))
                      if near not in gone and spelled[near] in known]
            scores = self._scores(beside)
            truth = spelled[number]
            own = scores.get(truth, self._score(truth, beside))
            rank = sum(score > own for score in scores.values())
            likeliest = sorted(scores, key=lambda word: (-scores[word], word))[:TOP]
            found += [element(word, scores[word], text, place) | {"mask": mask, "log_prob": math.log(own), "rank": rank}
                      for word in likeliest]
        return found

    def _scores(self, beside: Sequence[Counter[str]]) -> dict[str, float]:
        candidates = {word for word, _ in self.counts.most_common(LISTED)}.union(*beside) - {EDGE}
        return {word: self._score(word, beside) for word in candidates}

    def _score(self, word: str, beside: Sequence[Counter[str]]) -> float:
        near = sum(BESIDE * known[word] / known.total() for known in beside)
        return near + (1 - BESIDE * len(beside)) * self.share(word)


def element(word: str, score: float, text: str = "", place: Place = (0, 0), token: int = -1) -> dict[str, Any]:
    """One candidate as huggingface_hub's FillMaskOutputElement; start and end are the gap's, in characters of the text."""
    start, end = place
    filled = text[:start] + word.removeprefix("##").strip() + text[end:]
    return {"score": score, "token": token, "token_str": word, "sequence": filled, "start": start, "end": end}
