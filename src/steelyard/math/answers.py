"""How near an answer is to the true ones: exact match and F1, as SQuAD's script has them, and CMRC 2018's for Chinese."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_HAN = re.compile(r"[\u4e00-\u9fa5]")
_PIECES = re.compile(r"\w+|[^\w\s]")
_SIGNS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》……·、「」（）－～『』")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
MOSTLY = 0.3  # share of Chinese characters among a text's letters from which on it is Chinese


def is_chinese(text: str) -> bool:
    """Whether a text is judged by characters."""
    letters = sum(letter.isalpha() for letter in text)
    return letters > 0 and len(_HAN.findall(text)) >= MOSTLY * letters


def normalised(text: str) -> str:
    """In lower case, without ASCII punctuation, English articles and spare spaces. Source: SQuAD's evaluate-v1.1 and v2.0."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(said: str, truths: Sequence[str]) -> float:
    """1 where the answer is one of the true ones once both are normalised, else 0; no true one: the empty answer is right."""
    return float(any(normalised(said) == normalised(truth) for truth in truths or ("",)))


def f1(said: str, truths: Sequence[str]) -> float:
    """The best F1 of words with one of the true answers; where either has no word, 1 if neither has (SQuAD's v2.0)."""
    return max(_overlap(normalised(said).split(), normalised(truth).split()) for truth in truths or ("",))


def _overlap(said: Sequence[str], truth: Sequence[str]) -> float:
    if not said or not truth:
        return float(said == truth)
    same = sum((Counter(said) & Counter(truth)).values())
    return 2 * same / (len(said) + len(truth))


def chinese_exact(said: str, truths: Sequence[str]) -> float:
    """1 where the answer is a true one but for case and signs. Source: CMRC 2018's cmrc2018_evaluate.py, remove_punctuation."""
    return float(any(_bare(said) == _bare(truth) for truth in truths or ("",)))


def chinese_f1(said: str, truths: Sequence[str]) -> float:
    """The best F1 of the longest run of pieces that answer and truth share; a piece is a Chinese character or another script's word.

    Source: CMRC 2018's cmrc2018_evaluate.py, find_lcs; words are cut by a regular expression where it asks NLTK.
    """
    return max(_run(pieces(said), pieces(truth)) for truth in truths or ("",))


def pieces(text: str) -> list[str]:
    """Chinese characters and other words, in lower case, without signs."""
    found: list[str] = []
    held = ""
    for letter in text.lower().strip():
        if letter in _SIGNS:
            continue
        if _HAN.match(letter):
            found += [*_PIECES.findall(held), letter]
            held = ""
        else:
            held += letter
    return found + _PIECES.findall(held)


def _bare(text: str) -> str:
    return "".join(letter for letter in text.lower().strip() if letter not in _SIGNS)


def _run(said: Sequence[str], truth: Sequence[str]) -> float:
    if not said or not truth:
        return float(said == truth)
    longest, before = 0, [0] * (len(truth) + 1)
    for piece in said:
        now = [0] * (len(truth) + 1)
        for place, other in enumerate(truth):
            if piece == other:
                now[place + 1] = before[place] + 1
                longest = max(longest, now[place + 1])
        before = now
    return 2 * longest / (len(said) + len(truth))
