"""builtin:messages: what is declared is there, and nothing else by chance."""

from collections import Counter
from hashlib import sha256

import numpy as np
import pytest

from steelyard.sources._messages import HARD_REGION, LABELS, PLANTED, REGIONS, planted, rows


def identity(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def test_the_rows_are_the_same_everywhere() -> None:
    text = "\n".join("\t".join(row.values()) for row in rows(0))
    assert sha256(text.encode()).hexdigest()[:16] == "3586302dd7393862"  # a change here changes every figure quoted on this set
    assert text == "\n".join("\t".join(row.values()) for row in rows(0))
    assert text != "\n".join("\t".join(row.values()) for row in rows(1))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_shape_and_declared_counts(seed: int) -> None:
    table, found = list(rows(seed)), planted(seed)
    assert 2800 <= len(table) <= 3100
    assert {row["label"] for row in table} == set(LABELS) and {row["region"] for row in table} == set(REGIONS)
    in_test = Counter(row["region"] for row in table if row["split"] == "test")
    assert min(in_test.values()) >= 100 and set(Counter(row["split"] for row in table)) == {"train", "validation", "test"}
    assert set(found) == set(PLANTED)
    for fault, numbers in found.items():
        assert numbers == sorted(set(numbers)) and numbers and numbers[-1] <= len(table)
        if PLANTED[fault]["rows"] is not None:
            assert len(numbers) == PLANTED[fault]["rows"], fault
            assert {table[number - 1]["split"] for number in numbers} <= set(PLANTED[fault]["where"].split(", ")), fault


@pytest.mark.parametrize("seed", [0, 3])
def test_every_repetition_is_a_declared_one(seed: int) -> None:
    table, found = list(rows(seed)), planted(seed)
    added = {number for fault in found if fault.startswith("duplicates") or fault == "conflicts" for number in found[fault]}
    originals = {identity(row["text"]): (number, row) for number, row in enumerate(table, start=1) if number not in added}
    empty = set(found["empty"])
    assert len(originals) == len(table) - len(added) - len(empty) + 1  # all empty ones share one identity
    for fault in ("duplicates_exact", "duplicates_normalised", "duplicates_within", "conflicts"):
        for number in found[fault]:
            row = table[number - 1]
            _, other = originals[identity(row["text"])]
            assert other["split"] == "train"
            assert (row["text"] == other["text"]) == (fault != "duplicates_normalised")
            assert (row["label"] == other["label"]) == (fault != "conflicts")


def test_empty_ones_hold_nothing_and_the_word_gives_the_label_away() -> None:
    table, found = list(rows(0)), planted(0)
    assert all(not identity(table[number - 1]["text"]) and table[number - 1]["text"] for number in found["empty"])
    word, label = PLANTED["giveaway"]["word"], PLANTED["giveaway"]["label"]
    for split in ("train", "test"):
        those = [row for row in table if row["split"] == split and word in row["text"].lower()]
        assert {row["label"] for row in those} == {label}
        assert len(those) > 0.85 * sum(row["split"] == split and row["label"] == label for row in table)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_simple_model_is_good_but_not_perfect_and_worse_in_the_hard_region(seed: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    table = list(rows(seed))
    train, test = ([row for row in table if row["split"] == split] for split in ("train", "test"))
    words = TfidfVectorizer()
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform([row["text"] for row in train]), [row["label"] for row in train])
    right = model.predict(words.transform([row["text"] for row in test])) == np.array([row["label"] for row in test])
    hard = np.array([row["region"] == HARD_REGION for row in test])
    assert 0.82 < right.mean() < 0.95
    assert right[~hard].mean() - right[hard].mean() > 0.12
