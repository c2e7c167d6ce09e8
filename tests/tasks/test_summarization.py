"""summarization: ROUGE as rouge-score has it, Chinese by characters, the first sentences."""

import random
from functools import cache

import pytest

from steelyard.math import rouge
from steelyard.tasks.summarization import Summarization, sentences

WORDS = ["The", "cat", "sat", "on", "a", "mat,", "mat", "and", "3.5", "dogs", "ran", "don't", "re-do", "running", "!"]


def test_parity_with_rouge_score():
    scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    theirs = scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rng = random.Random(2)
    for _ in range(200):
        truth, said = (" ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 12))) for _ in range(2))
        found, a, b = theirs.score(truth, said), rouge.words(truth), rouge.words(said)
        assert rouge.rouge_n(a, b, 1) == pytest.approx(found["rouge1"].fmeasure)
        assert rouge.rouge_n(a, b, 2) == pytest.approx(found["rouge2"].fmeasure)
        assert rouge.rouge_l(a, b) == pytest.approx(found["rougeL"].fmeasure)


def test_the_longest_common_subsequence_literally():
    rng = random.Random(3)
    for _ in range(50):
        a, b = ([rng.choice("xyz") for _ in range(rng.randint(1, 8))] for _ in range(2))

        @cache
        def longest(i, j, a=tuple(a), b=tuple(b)):
            if i == len(a) or j == len(b):
                return 0
            return 1 + longest(i + 1, j + 1) if a[i] == b[j] else max(longest(i + 1, j), longest(i, j + 1))

        assert rouge.rouge_l(a, b) == pytest.approx(2 * longest(0, 0) / (len(a) + len(b)))


def test_chinese_with_itself_is_one():
    words = rouge.words("两人讨论了明天的会议。")
    assert len(words) == 10
    assert rouge.rouge_n(words, words, 1) == rouge.rouge_n(words, words, 2) == rouge.rouge_l(words, words) == 1


def test_nothing_said_scores_nothing():
    assert rouge.rouge_n([], ["a"], 1) == rouge.rouge_l([], []) == rouge.rouge_n(["a"], ["a"], 2) == 0


def test_first_sentences():
    found = [one.strip() for one in sentences("It is 3.5 m. Yes! 你好。再见\n#A#: so")]
    assert found == ["It is 3.5 m.", "Yes!", "你好。", "再见", "#A#: so"]


def test_of_several_summaries_the_first_is_learnt_and_the_mean_is_scored():
    task = Summarization()
    row = {"text": "Ann rang Bo. Bo left.", "summary": ["Ann rang Bo", "Bo left"]}
    one, two = ({**row, "summary": [text]} for text in row["summary"])
    answer = {"summary_text": "Ann rang"}
    both, first, second = (task.measure(own, answer) for own in (row, one, two))
    assert task.target(row) == "Ann rang Bo" and task.show(row)["target"] == "Ann rang Bo\nBo left"
    assert first["rouge1"] == pytest.approx(0.8) and second["rouge1"] == 0
    assert all(both[name] == pytest.approx((first[name] + second[name]) / 2) for name in both)
    assert task.target({"text": "x"}) is None and task.measure({"text": "x"}, answer) == {} and task.show({"text": "x"})["target"] is None
