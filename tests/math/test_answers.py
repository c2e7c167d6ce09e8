"""Answers: a literal copy of SQuAD's normalisation and F1, CMRC 2018's run of characters, edges."""

import re
import string
from collections import Counter
from random import Random

import pytest

from steelyard.math.answers import chinese_exact, chinese_f1, exact, f1, is_chinese, normalised, pieces


def normalize_answer(s):
    """evaluate-v2.0.py, word for word."""
    def remove_articles(text):
        regex = re.compile(r"\b(a|an|the)\b", re.UNICODE)
        return re.sub(regex, " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def compute_f1(a_gold, a_pred):
    """evaluate-v2.0.py, word for word."""
    gold_toks, pred_toks = normalize_answer(a_gold).split(), normalize_answer(a_pred).split()
    common = Counter(gold_toks) & Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision, recall = num_same / len(pred_toks), num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


WORDS = ["The", "a", "an", "cat's", "U.S.", "Ångström", "—", "1,000", "co-op", "\tdog ", "A", "北京", "", "!", "theatre"]


def test_squad_word_for_word():
    rng = Random(0)
    for _ in range(2000):
        said, truth, other = (" ".join(rng.choices(WORDS, k=rng.randrange(5))) for _ in range(3))
        assert normalised(said) == normalize_answer(said)
        assert exact(said, [truth, other]) == max(int(normalize_answer(said) == normalize_answer(one)) for one in (truth, other))
        assert f1(said, [truth, other]) == pytest.approx(max(compute_f1(one, said) for one in (truth, other)), abs=1e-12)


def test_no_answer_is_right_where_there_is_none():
    assert exact("", []) == f1("", []) == chinese_exact("", []) == chinese_f1("", []) == 1
    assert exact("x", []) == f1("x", []) == chinese_f1("字", []) == 0


def find_lcs(s1, s2):
    """cmrc2018_evaluate.py, word for word."""
    m = [[0 for i in range(len(s2) + 1)] for j in range(len(s1) + 1)]
    mmax = 0
    for i in range(len(s1)):
        for j in range(len(s2)):
            if s1[i] == s2[j]:
                m[i + 1][j + 1] = m[i][j] + 1
                mmax = max(mmax, m[i + 1][j + 1])
    return mmax


def test_cmrc_runs():
    rng = Random(1)
    for _ in range(500):
        said, truth = ("".join(rng.choices("北京大学，ab 1", k=rng.randrange(1, 9))) for _ in range(2))
        a, b = pieces(truth), pieces(said)
        lcs = find_lcs(a, b)
        wanted = float(a == b) if not a or not b else 0 if lcs == 0 else 2 * (lcs / len(b)) * (lcs / len(a)) / (lcs / len(b) + lcs / len(a))
        assert chinese_f1(said, [truth]) == pytest.approx(wanted, abs=1e-12)


def test_chinese():
    assert pieces("《战国无双3》是ω-Force的") == ["战", "国", "无", "双", "3", "是", "ωforce", "的"]
    assert chinese_exact("《三国》", ["三国"]) == 1 and chinese_f1("北京市", ["北京"]) == pytest.approx(0.8)
    assert is_chinese("他说了 hello") and not is_chinese("The word 北京 is a name") and not is_chinese("1234")
