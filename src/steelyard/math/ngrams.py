"""Counts of n-grams that two texts share, from which BLEU and chrF of any set of rows follow."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDERS = 4  # of words, for BLEU
LETTERS = 6  # of characters, for chrF
BETA = 2  # chrF: recall counts so many times as much as precision
_RULES = (  # mteval-v13a, as sacrebleu has it
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_HAN = re.compile(r"([\u3400-\u4db5\u4e00-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef\u2e80-\u2fd5\u31c0-\u31ef\u2ff0-\u2ffb])")


def words(text: str) -> list[str]:
    """Divided as mteval-v13a does (sacrebleu's tok:13a); every Chinese character and sign is a word by itself."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(entity, sign)
    text = " " + _HAN.sub(r" \1 ", text) + " "
    for rule, put in _RULES:
        text = rule.sub(put, text)
    return text.split()


def counts(units: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of `order` units stands there."""
    return Counter(tuple(units[i : i + order]) for i in range(len(units) - order + 1))


def bleu_counts(truth: str, said: str) -> np.ndarray:
    """(10,) int64: n-grams of both texts and n-grams said, of each order; words said; words of the truth."""
    ours, theirs = words(said), words(truth)
    both = [(counts(ours, order), counts(theirs, order)) for order in range(1, ORDERS + 1)]
    shared = [(own & other).total() for own, other in both]
    return np.array([*shared, *(own.total() for own, _ in both), len(ours), len(theirs)], dtype=np.int64)


def chrf_counts(truth: str, said: str) -> np.ndarray:
    """(18,) int64: of each order characters' n-grams said, true, and in both; spaces are left out, case counts."""
    ours, theirs = "".join(said.split()), "".join(truth.split())
    found = []
    for order in range(1, LETTERS + 1):
        own, other = counts(ours, order), counts(theirs, order)
        # As sacrebleu: n-grams are said in vain only where the truth is long enough to have some.
        found += [own.total() if other else 0, other.total(), (own & other).total()]
    return np.array(found, dtype=np.int64)


def bleu(sums: np.ndarray) -> float:
    """BLEU (Papineni et al. 2002) of summed `bleu_counts`, in [0, 1]; an order without a match is smoothed as sacrebleu's smooth:exp.

    nan where there is no truth.
    """
    shared, said, length, true = sums[:ORDERS], sums[ORDERS : 2 * ORDERS], float(sums[-2]), float(sums[-1])
    if not true:
        return math.nan
    if not shared.any() or (said == 0).any():
        return 0.0
    smooth, logs = 1.0, 0.0
    for match, total in zip(shared.tolist(), said.tolist(), strict=True):
        if match == 0:
            smooth *= 2
        logs += math.log(match / total if match else 1 / (smooth * total))
    brevity = 0.0 if length >= true else 1 - true / length
    return min(1.0, math.exp(brevity + logs / ORDERS))


def chrf(sums: np.ndarray) -> float:
    """chrF2 (Popovic 2015) of summed `chrf_counts`, in [0, 1]: orders that both texts have are averaged; nan where there is no truth."""
    if not sums[1::3].any():
        return math.nan
    precision = recall = 0.0
    orders = 0
    for said, true, both in sums.reshape(LETTERS, 3).tolist():
        if said > 0 and true > 0:
            precision, recall, orders = precision + both / said, recall + both / true, orders + 1
    if not orders or precision + recall == 0:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
