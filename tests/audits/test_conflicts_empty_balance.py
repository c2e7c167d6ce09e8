"""One input under two labels, rows without content, rows per class."""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from steelyard.audits.balance import SHARES, SHIFT, SIZES, Balance, _chance
from steelyard.audits.conflicts import Conflicts
from steelyard.audits.empty import Empty
from steelyard.facts import Finding
from steelyard.parts import Audit, Column, Splits

Make = Callable[..., Splits]
SCALE = (Column(name="text", kind="text"), Column(name="score", kind="number", target=True))


def rows(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in pairs]


def only(audit: Audit, made: Splits) -> Finding:
    (found,) = audit.ask(made)
    return found


def test_a_conflict_across_splits_and_spellings(splits: Make) -> None:
    found = only(Conflicts(), splits({"train": rows(("Fine.", "a"), ("bad", "b"), ("bad", "b"), ("?", "a")),
                                      "test": rows(("fine", "b"), ("!", "b"))}))
    assert found.outcome == "issue" and list(found.rows) == ["train.csv:1", "test.csv:1"]
    assert found.details["inputs"] == 1 and found.details["rows"] == {"train": 1, "test": 1}
    assert found.details["examples"] == [["train.csv:1: a", "test.csv:1: b"]]


@pytest.mark.parametrize("held", [{}, {"train": []}, {"train": rows(("a", "x"))}, {"train": rows(("a", "x"), ("a", "x"))}])
def test_no_conflict(splits: Make, held: dict[str, Any]) -> None:
    assert only(Conflicts(), splits(held)).outcome == "passed"


@pytest.mark.parametrize("seed", range(5))
def test_conflicts_against_the_literal_count(splits: Make, seed: int) -> None:
    rng = random.Random(seed)
    held = rows(*((rng.choice(["a", "A!", "b", "b c", "B-C", "d", "..."]), rng.choice("xyz")) for _ in range(rng.randrange(2, 15))))
    labels: dict[str, list[str]] = defaultdict(list)
    for row in held:
        labels["".join(letter for letter in row["text"].lower() if letter.isalnum())].append(row["label"])
    several = [found for text, found in labels.items() if text and len(set(found)) > 1]
    found = only(Conflicts(), splits({"train": held}))
    assert (found.details["inputs"], found.details["rows"]["train"]) == (len(several), sum(map(len, several)))


def test_numbers_as_targets_do_not_conflict(splits: Make) -> None:
    made = splits({"train": [{"text": "a", "score": 1.0}, {"text": "a", "score": 2.0}]}, SCALE)
    assert only(Conflicts(), made).outcome == "not applicable"
    assert [found.outcome for found in Balance().ask(made)] == ["not applicable"] * 3


def test_planted_conflicts_and_empty_rows_are_found(messages: Splits) -> None:
    from steelyard.sources._messages import planted

    conflicts, empty = only(Conflicts(), messages), only(Empty(), messages)
    assert conflicts.details["inputs"] == 12 and empty.details["rows"]["train"] == 6
    assert list(empty.rows) == [f"messages:{number}" for number in planted(0)["empty"]]
    in_pairs = {origin.split(": ")[0] for pair in conflicts.details["examples"] for origin in pair}
    assert {f"messages:{number}" for number in planted(0)["conflicts"]} <= in_pairs


@pytest.mark.parametrize(("text", "empty"), [("", True), (" ", True), ("?!…", True), ("-", True), ("😀", True),
                                             ("7", False), ("é", False), ("好", False)])
def test_empty(splits: Make, text: str, empty: bool) -> None:
    found = only(Empty(), splits({"train": rows(("fine", "a"), (text, "b"))}))
    assert found.outcome == ("issue" if empty else "passed")
    assert list(found.rows) == (["train.csv:2"] if empty else [])


def test_pictures_cannot_be_empty(splits: Make) -> None:
    columns = (Column(name="image", kind="image"), Column(name="label", kind="label", target=True))
    assert only(Empty(), splits({"train": [{"image": b"", "label": "a"}]}, columns)).outcome == "not applicable"


def balance(splits: Make, **counts: dict[str, int]) -> dict[str, Finding]:
    held = {name: rows(*((f"{label}{i}", label) for label, n in of.items() for i in range(n))) for name, of in counts.items()}
    return {found.code: found for found in Balance().ask(splits(held))}


def test_small_classes_are_named(splits: Make) -> None:
    found = balance(splits, train={"a": 50, "b": 9}, test={"a": 20, "c": 10})
    assert found[SIZES].outcome == "issue" and found[SIZES].details["few"] == {"train": {"b": 9, "c": 0}, "test": {"b": 0}}
    assert '"c" has only 0 rows in train' in str(found[SIZES].why)
    assert balance(splits, train={"a": 50, "b": 10})[SIZES].outcome == "passed"


def test_a_class_that_is_nearly_everything(splits: Make) -> None:
    assert balance(splits, train={"a": 50, "b": 50}, test={"a": 95, "b": 5})[SHARES].outcome == "issue"
    assert balance(splits, train={"a": 95, "b": 5}, test={"a": 50, "b": 50})[SHARES].outcome == "passed"
    assert balance(splits, train={"a": 95, "b": 5})[SHARES].outcome == "issue"  # no other split: train's
    assert balance(splits)[SHARES].outcome == "not applicable"


def test_a_shift_needs_size_and_certainty(splits: Make) -> None:
    assert balance(splits, train={"a": 500, "b": 500}, test={"a": 130, "b": 70})[SHIFT].outcome == "issue"
    assert balance(splits, train={"a": 500, "b": 500}, test={"a": 13, "b": 7})[SHIFT].outcome == "passed"  # chance
    assert balance(splits, train={"a": 50_000, "b": 50_000}, test={"a": 20_800, "b": 19_200})[SHIFT].outcome == "passed"  # sure but small
    assert balance(splits, train={"a": 10})[SHIFT].outcome == "not applicable"


def test_chance_is_pearsons() -> None:
    from scipy.stats import chi2_contingency

    for ours, theirs in (([30, 50, 20], [300, 400, 300]), ([12, 8], [11, 19])):
        assert _chance(ours, theirs) == pytest.approx(chi2_contingency([ours, theirs], correction=False).pvalue, abs=1e-12)
    assert _chance([5], [7]) == 1.0 and _chance([0, 1], [1, 0]) == 1.0


def test_equal_shares_are_seldom_called_a_shift() -> None:
    rng, shares = np.random.default_rng(0), np.array([0.4, 0.3, 0.2, 0.08, 0.015, 0.005])
    calls = sum(_chance(rng.multinomial(300, shares).tolist(), rng.multinomial(2000, shares).tolist()) < 0.05 for _ in range(500))
    assert 8 <= calls <= 45  # 25 are expected
