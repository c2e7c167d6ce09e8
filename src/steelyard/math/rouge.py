"""ROUGE (Lin 2004): words or runs of words that two texts share, and their longest common subsequence; F1, without stemming."""

import re
from collections.abc import Sequence

from steelyard.math.ngrams import counts

# A Chinese character is a word by itself; letters of other scripts than Latin count, too.
_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[a-z0-9]+|[^\W_a-z0-9\u3400-\u9fff\uf900-\ufaff]+")


def words(text: str) -> list[str]:
    """In lower case, without signs."""
    return _WORD.findall(text.lower())


def rouge_n(truth: Sequence[str], said: Sequence[str], order: int) -> float:
    """F1 of the n-grams of two texts in words; 0 where either has none."""
    theirs, ours = counts(truth, order), counts(said, order)
    return _f1((theirs & ours).total(), theirs.total(), ours.total())


def rouge_l(truth: Sequence[str], said: Sequence[str]) -> float:
    """F1 of the longest common subsequence of two texts in words; 0 where either has none."""
    row = [0] * (len(said) + 1)
    for word in truth:
        before = 0
        for place, own in enumerate(said, start=1):
            above = row[place]
            row[place] = before + 1 if own == word else max(above, row[place - 1])
            before = above
    return _f1(row[-1], len(truth), len(said))


def _f1(both: int, truth: int, said: int) -> float:
    return 2 * both / (truth + said) if both else 0.0
