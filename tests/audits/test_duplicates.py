"""Duplicates within and across splits, against a literal reference, and on what was planted."""

import csv
import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.audits.duplicates import ACROSS, WITHIN, Duplicates
from steelyard.facts import Finding
from steelyard.parts import Column, Splits

Make = Callable[..., Splits]


def ask(made: Splits) -> tuple[Finding, Finding]:
    within, across = Duplicates().ask(made)
    assert (within.code, across.code) == (WITHIN, ACROSS)
    return within, across


def rows(*texts: str, label: str = "a") -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text in texts]


def normal(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def test_case_space_and_punctuation_do_not_hide_a_duplicate(splits: Make) -> None:
    made = splits({"train": rows("It is late!", "x1", "x2", "...", "你好，世界"), "test": rows("it  is LATE", "x3", "?", "你好世界。")})
    within, across = ask(made)
    assert within.outcome == "passed" and across.outcome == "issue"
    assert across.rows == ["test.csv:1", "test.csv:4"]
    assert across.details["examples"] == [["test.csv:1", "train.csv:1"], ["test.csv:4", "train.csv:5"]]
    assert across.details["pairs"]["test|train"] == {"normalised": 2, "exact": 0, "other_label": 0}
    assert "2 of 4 test rows (50.0%) are also in train" in str(across.why)


def test_the_score_stands_with_and_without_them(splits: Make) -> None:
    made = splits({"train": rows("a b", "c d"), "test": rows("A, b", "e f", "g h", "i j")}, right={"test": [1, 1, 0, 0]})
    _, across = ask(made)
    assert across.details["with"]["value"] == 0.5 and across.details["with"]["n"] == 4
    assert across.details["without"]["value"] == pytest.approx(1 / 3) and across.details["without"]["n"] == 3
    assert across.details["without"]["low"] < 1 / 3 < across.details["without"]["high"]
    assert "the score is 50.0% with them and 33.3% without" in str(across.why)


def test_nothing_left_without_them_is_null_with_its_reason(splits: Make) -> None:
    _, across = ask(splits({"train": rows("a b"), "test": rows("a b")}, right={"test": [1]}))
    assert across.details["without"]["value"] is None and across.details["without"]["why"]["text"] == "no row is left"
    assert "without them no row is left" in str(across.why)


def test_answers_that_are_half_right_have_a_mean(splits: Make) -> None:
    _, across = ask(splits({"train": rows("a b"), "test": rows("a b", "c d", "e f")}, right={"test": [0.5, 1, 0]}))
    assert across.details["with"]["value"] == 0.5 and across.details["with"]["how"].startswith("t 95%")


@pytest.mark.parametrize("held", [{}, {"train": []}, {"train": [{"text": "a", "label": "b"}]}, {"test": [{"text": "a", "label": "b"}]},
                                  {"train": [{"text": "a", "label": "b"}], "test": []}])
def test_one_split_or_none_does_not_apply(splits: Make, held: dict[str, Any]) -> None:
    within, across = ask(splits(held))
    assert within.outcome == "passed" and across.outcome == "not applicable"


def test_validation_that_leaks_is_said_where_test_is_clean(splits: Make) -> None:
    _, across = ask(splits({"train": rows("a b"), "validation": rows("A b"), "test": rows("c d")}))
    assert across.outcome == "issue" and across.details["about"] == "validation" and across.rows == ["validation.csv:1"]


def test_missing_values_and_a_second_input_count(splits: Make) -> None:
    columns = (Column(name="text", kind="text"), Column(name="title", kind="text", required=False),
               Column(name="label", kind="label", target=True))
    made = splits({"train": [{"text": "a b", "title": "c", "label": "x"}, {"text": "a", "title": "bc", "label": "x"}],
                   "test": [{"text": "a b", "title": None, "label": "x"}, {"text": "A B", "title": "c", "label": "x"}]}, columns)
    within, across = ask(made)
    assert within.outcome == "passed" and across.rows == ["test.csv:2"]


@pytest.mark.parametrize("seed", range(5))
def test_against_the_literal_count(splits: Make, seed: int) -> None:
    rng = random.Random(seed)
    held = {name: [{"text": rng.choice(["", "!", "a", "A", "a b", "b. a", "c", "C?", "d e f", "D-E-F"]) + rng.choice(["", " ", "!", "1"]),
                    "label": rng.choice("xy")} for _ in range(rng.randrange(1, 30))] for name in ("train", "validation", "test")}
    within, across = ask(splits(held))
    for name, listed in held.items():
        texts = [normal(row["text"]) for row in listed if normal(row["text"])]
        assert within.details["normalised"][name] == sum(text in texts[:i] for i, text in enumerate(texts))
    for pair, found in across.details["pairs"].items():
        later, earlier = pair.split("|")
        there = {normal(other["text"]) for other in held[earlier]}
        hits = [row for row in held[later] if normal(row["text"]) and normal(row["text"]) in there]
        assert found["normalised"] == len(hits)
        assert found["exact"] == sum(any(row["text"] == other["text"] for other in held[earlier]) for row in hits)
        assert found.get("other_label", 0) == sum(all(normal(row["text"]) != normal(other["text"]) or row["label"] != other["label"]
                                                      for other in held[earlier]) for row in hits)


def test_what_was_planted_is_found(messages: Splits) -> None:
    from steelyard.sources._messages import planted

    within, across = ask(messages)
    found = planted(0)
    copies = {f"messages:{number}" for number in found["duplicates_exact"] + found["duplicates_normalised"]}
    assert across.details["rows"] == len(copies) == 70
    assert across.details["pairs"]["test|train"]["exact"] == len(found["duplicates_exact"])
    assert len(across.rows) == 20 and set(across.rows) <= copies
    assert within.outcome == "issue" and within.details["normalised"]["train"] == len(found["duplicates_within"]) + len(found["conflicts"])


def test_the_leak_of_movie_reviews_into_sst2(splits: Make, data: Path) -> None:
    with gzip.open(data / "movie-reviews/rt_polarity.csv.gz", "rt", encoding="utf-8", newline="") as file:
        train = [{"text": row["text"], "label": {"pos": "1", "neg": "0"}[row["label"]]} for row in csv.DictReader(file)]
    lines = (data / "sst2/sentences/test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    test = [dict(zip(("text", "label"), line.split("\t"), strict=True)) for line in lines]
    _, across = ask(splits({"train": train, "test": test}))
    assert (len(train), len(test)) == (10_662, 1_821)
    assert across.details["pairs"]["test|train"] == {"normalised": 1425, "exact": 14, "other_label": 55}
