"""Words and columns that give the label away; labels that look wrong."""

import csv
import gzip
import random
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.audits._words import words
from steelyard.audits.giveaway import COLUMN, WORD, Giveaway
from steelyard.audits.labels import Labels, doubts, surest
from steelyard.facts import Finding
from steelyard.parts import Column, Splits

Make = Callable[..., Splits]
PICTURES = (Column(name="image", kind="image"), Column(name="label", kind="label", target=True))
VOCABULARY = [f"{a}{b}" for a in "bcdfghjklm" for b in ("an", "en", "on", "ul")]


def table(n: int, seed: int, leak: float = 0.0, spill: float = 0.0, labels: str = "ab") -> list[dict[str, Any]]:
    """Random words; "zebra" in a share `leak` of the rows labelled a, and `spill` of the others."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        label = labels[i % len(labels)]
        zebra = rng.random() < (leak if label == "a" else spill)
        made.append({"text": " ".join(rng.choices(VOCABULARY, k=8)) + (f" Zebra-{i}" if zebra else ""), "label": label})
    return made


def ask(made: Splits) -> dict[str, Finding]:
    return {found.code: found for found in Giveaway().ask(made)}


def test_words() -> None:
    assert words("RTN-48213, Ärger!") == ["rtn", "48213", "ärger"]
    assert words("退货 ok") == ["退", "货", "退货", "ok"]
    assert words("") == words("...") == []


def test_a_word_that_covers_half_a_label_is_an_issue(splits: Make) -> None:
    found = ask(splits({"train": table(400, 0, leak=0.8), "test": table(200, 1, leak=0.8)}))[WORD]
    assert found.outcome == "issue" and found.details["strongest"][0]["cue"] == "zebra" and found.details["strongest"][0]["label"] == "a"
    assert len(found.rows) == 20 and all(origin.startswith("test.csv:") for origin in found.rows)


@pytest.mark.parametrize(("train", "test"), [
    ({"leak": 0.3}, {"leak": 0.3}),  # tells, but of too few rows
    ({"leak": 0.8, "spill": 0.1}, {"leak": 0.8, "spill": 0.1}),  # stands elsewhere too
    ({"leak": 0.8}, {"leak": 0.1}),  # not in test
    ({"leak": 0.8}, {"leak": 0.8, "spill": 0.1}),  # tells nothing in test
    ({}, {}),
])
def test_a_weaker_word_passes(splits: Make, train: dict[str, float], test: dict[str, float]) -> None:
    assert ask(splits({"train": table(400, 0, **train), "test": table(200, 1, **test)}))[WORD].outcome == "passed"


def test_common_words_of_a_common_label_pass(splits: Make) -> None:
    common = table(1000, 0, leak=0.9, spill=0.9, labels="a" * 49 + "b")  # 98% are "a": a word tells nothing by that
    assert ask(splits({"train": common}))[WORD].outcome == "passed"


@pytest.mark.parametrize("held", [{}, {"train": []}, {"train": [{"text": "a", "label": "x"}]}])
def test_giveaway_without_two_labels(splits: Make, held: dict[str, Any]) -> None:
    assert {found.outcome for found in ask(splits(held)).values()} == {"not applicable"}


def test_a_word_of_a_script_without_spaces(splits: Make) -> None:
    def chinese(seed: int) -> list[dict[str, Any]]:
        return [{"text": row["text"].replace(" Zebra-", "，我要退款了"), "label": row["label"]} for row in table(300, seed, leak=0.9)]

    found = ask(splits({"train": chinese(0), "test": chinese(1)}))[WORD]
    assert found.outcome == "issue" and found.details["strongest"][0]["cue"] in "我要退款了"


@pytest.mark.parametrize(("name", "value"), [
    ("kind", lambda label, i: label.upper()),
    ("id", lambda label, i: f"{label}_{i:05}"),  # every value differs, its letters tell
    ("number", lambda label, i: str(i + (0 if label == "a" else 10_000))),  # the table was sorted by label
])
def test_columns_that_tell(splits: Make, name: str, value: Callable[[str, int], str]) -> None:
    held = {split: [{**row, name: value(row["label"], i), "noise": str(i * 7919 % 13)} for i, row in enumerate(table(600, seed))]
            for split, seed in (("train", 0), ("test", 1))}
    found = ask(splits(held))[COLUMN]
    assert found.outcome == "issue" and [cue["cue"] for cue in found.details["strongest"]] == [name]
    assert found.details["strongest"][0]["coverage"]["test"] > 0.9


@pytest.mark.parametrize("value", [str, lambda i: str(i // 2 % 4), lambda i: f"C{i % 90}", lambda i: None,
                                   lambda i: f"2024-01-{i % 28 + 1:02}"])
def test_columns_that_do_not_tell(splits: Make, value: Callable[[int], str | None]) -> None:
    made = splits({split: [{**row, "extra": value(i)} for i, row in enumerate(table(600, seed))]
                   for split, seed in (("train", 0), ("test", 1))})
    assert ask(made)[COLUMN].outcome == "passed"


def test_the_planted_word_is_found_and_the_regions_pass(messages: Splits) -> None:
    from steelyard.sources._messages import PLANTED

    found = ask(messages)
    strongest = found[WORD].details["strongest"][0]
    assert found[WORD].outcome == "issue"
    assert (strongest["cue"], strongest["label"]) == (PLANTED["giveaway"]["word"], PLANTED["giveaway"]["label"])
    assert found[WORD].details["strongest"][1]["coverage"]["test"] < 0.2
    assert found[COLUMN].outcome == "passed"


def test_question_words_are_no_leak_but_the_finer_label_is(splits: Make, data: Path) -> None:
    train = gzip.decompress((data / "trec/train.csv.gz").read_bytes()).decode("utf-8")
    test = (data / "trec/test.csv").read_text(encoding="utf-8")
    held = {name: [{"text": row["text"], "label": row["coarse_label"], "fine_label": row["fine_label"]}
                   for row in csv.DictReader(StringIO(text, newline=""))] for name, text in (("train", train), ("test", test))}
    found = ask(splits(held))
    assert found[WORD].outcome == "passed"
    assert found[COLUMN].outcome == "issue" and found[COLUMN].details["strongest"][0]["cue"] == "fine_label"


def literal_doubts(probs: np.ndarray, label: np.ndarray, least: float) -> list[int]:
    """Northcutt et al. 2021, section 3, in plain Python, with our margin."""
    classes = range(probs.shape[1])
    means = {c: [p[c] for p, y in zip(probs, label, strict=True) if y == c] for c in classes}
    thresholds = {c: sum(own) / len(own) for c, own in means.items() if own}
    rather = []
    for p, y in zip(probs, label, strict=True):
        reached = [c for c in thresholds if p[c] >= thresholds[c]]
        best = max(reached, key=lambda c: p[c], default=y)
        rather.append(best if best != y and p[best] - p[y] >= least else -1)
    return rather


@pytest.mark.parametrize("seed", range(5))
def test_doubts_against_the_literal_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probs, label = rng.dirichlet(np.ones(4) / 3, 60), rng.integers(0, 3, 60)  # class 3 labels no row
    for least in (0.0, 0.6):
        assert doubts(probs, label, least)[0].tolist() == literal_doubts(probs, label, least)


def test_surest_takes_a_share_of_each_answer() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
    assert surest(probs, 0.5).tolist() == [True, True, False, False, False]
    assert surest(np.zeros((0, 2))).tolist() == []


def test_most_of_the_planted_wrong_labels_are_found(messages: Splits) -> None:
    from steelyard.audits import labels
    from steelyard.sources._messages import planted

    (found,) = Labels().ask(messages)
    assert found.outcome == "issue" and len(found.rows) == len(found.details["doubts"]) == 20
    wrong = {f"messages:{number}" for number in planted(0)["wrong_labels"] + planted(0)["conflicts"]}
    assert sum(origin in wrong for origin in found.rows) >= 12  # the list's head: those to be looked at
    sample, _ = labels._sample(messages, labels.MOST_TEXTS)
    rather, _ = doubts(labels._out_of_fold(labels._texts(messages, sample), sample), sample.label)
    doubted = {labels._origin(messages, sample, row) for row in (rather >= 0).nonzero()[0]}
    planted_wrong = {f"messages:{number}" for number in planted(0)["wrong_labels"]}
    assert len(planted_wrong & doubted) >= 0.75 * len(planted_wrong)
    assert len(doubted) < 2 * len(planted_wrong)


def png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    with BytesIO() as file:
        Image.fromarray(pixels).save(file, "png")
        return file.getvalue()


@pytest.mark.parametrize("turned", [0.0, 0.04])
def test_wrong_labels_of_pictures(splits: Make, turned: float) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    wrong = np.random.default_rng(0).random(len(digits.target)) < turned
    held = [{"image": png((picture * 15.9).astype(np.uint8)), "label": str((label + bad * 3) % 10), "camera": f"C{int(label == 1)}"}
            for picture, label, bad in zip(digits.images, digits.target, wrong, strict=True)]
    made = splits({"train": held[:1200], "test": held[1200:]}, PICTURES)
    (found,) = Labels().ask(made)
    assert found.outcome == ("issue" if turned else "passed")
    assert found.details["disagree"]["value"] == pytest.approx(turned, abs=0.02)
    if turned:
        origins = {f"{'train' if i < 1200 else 'test'}.csv:{i + 1 if i < 1200 else i - 1199}" for i in wrong.nonzero()[0]}
        assert sum(row in origins for row in found.rows) >= 18
    assert ask(made)[WORD].outcome == "not applicable" and ask(made)[COLUMN].outcome == "passed"


def test_a_weak_simple_model_does_not_accuse(splits: Make) -> None:
    (found,) = Labels().ask(splits({"train": table(500, 0)}))
    assert found.outcome == "inconclusive" and found.details["mean_accuracy_per_class"] < 0.7


@pytest.mark.parametrize("held", [{}, {"train": []}, {"train": table(12, 0)},
                                  {"train": [{"text": "!", "label": "a"}, {"text": "?", "label": "b"}]}])
def test_too_little_to_doubt(splits: Make, held: dict[str, Any]) -> None:
    (found,) = Labels().ask(splits(held))
    assert found.outcome == "not applicable"
