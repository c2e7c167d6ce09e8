"""Texts found by their hashes, against plain comparisons of strings."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from steelyard.math import traces
from steelyard.math.traces import BLOCK, LEAST, WIDE, Hashed, Needles, blocks, joined, trace, weight


def literal(needles: Sequence[str], texts: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """Every text against every needle."""
    whole = [text in needles for text in texts]
    long = [needle for needle in needles if weight(needle) >= LEAST]
    return whole, [not same and any(needle in text for needle in long) for text, same in zip(texts, whole, strict=True)]


def drawn(rng: random.Random, count: int, letters: str = "ab", longest: int = 60) -> list[str]:
    return ["".join(rng.choices(letters, k=rng.randint(0, longest))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_needles_agree_with_comparing_strings(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "BLOCK", 200)
    rng = random.Random(seed)
    needles = drawn(rng, 40) + drawn(rng, 20, "的一是了", 30) + ["x" * 24, "x" * 23, "的" * 8, "的" * 7]
    texts = drawn(rng, 60) + [f"b{needle}a" for needle in rng.sample(needles, 30)] + needles[:10] + ["", "x" * 30, "的" * 9 + "x"]
    texts += ["a" + needles[3] + needles[5], needles[3][:-1], "x" * 1000]
    whole, part = Needles(needles).find(texts)
    assert (whole.tolist(), part.tolist()) == literal(needles, texts)
    assert part.any() and whole.any()


def test_one_text_does_not_reach_into_the_next() -> None:
    needle = "abcdefghijklmnopqrstuvwxyz"
    whole, part = Needles([needle]).find([needle[:13], needle[13:], "", needle, "-" + needle])
    assert whole.tolist() == [False, False, False, True, False]
    assert part.tolist() == [False, False, False, False, True]


def test_short_texts_are_found_whole_only() -> None:
    whole, part = Needles(["agoodfilm", "好看"]).find(["thisisagoodfilm", "agoodfilm", "真好看", "好看"])
    assert whole.tolist() == [False, True, False, True] and not part.any()
    assert weight("a" * 23) < LEAST <= weight("的" * 8) and weight("的" * 7) < LEAST


def test_many_texts_with_one_beginning_are_told_apart() -> None:
    stem = "a template of more than so many letters "
    needles = [stem + "x" * n for n in range(1, 200, 2)]
    whole, part = Needles(needles).find([stem + "x" * 4 + "y", stem + "y" * 10, stem + "x" * 7])
    assert whole.tolist() == [False, False, True] and part.tolist() == [True, False, False]


def test_pictures_are_never_part_of_each_other() -> None:
    whole, part = Needles(["f" * 64], parts=False).find(["f" * 64, "f" * 65])
    assert whole.tolist() == [True, False] and not part.any()


def test_nothing_is_found_in_nothing() -> None:
    for needles, texts in (([], ["a"]), (["a"], []), ([], [])):
        whole, part = Needles(needles).find(texts)
        assert not whole.any() and not part.any() and len(whole) == len(part) == len(texts)


def test_windows_follow_their_definition() -> None:
    """The hash of a window depends on its letters alone: not on its block, nor on its place."""
    alone = Hashed(["bcdefghij"]).parts(np.array([0]), np.array([8]))
    other = Hashed(["xyz", "abcdefghij"])
    assert other.windows(8)[5] == alone[0] == Hashed(["bcdefghi"]).whole()[0]
    assert other.inside(8).tolist() == [False] * 4 + [True] * 3 + [False]
    assert other.owners(np.array([0, 2, 4, 13])).tolist() == [0, 0, 1, 1]
    assert len(Hashed(["abc"]).windows(8)) == 0 and len(Hashed([""]).whole()) == 1


def test_blocks_are_bounded_by_letters() -> None:
    texts = ["a" * 10, "b" * 10, "c" * 50, "", "d"]
    assert list(blocks(texts, 25)) == [texts[:2], texts[2:3], texts[3:]]
    assert list(blocks([], 25)) == []
    assert BLOCK >= 1 << 16


@pytest.mark.parametrize("most", [traces.MOST, 4000, 300])
def test_a_trace_knows_its_texts_and_their_parts(most: int) -> None:
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz的一是不了人"
    texts = ["".join(rng.choices(letters, k=rng.randint(80, 400))) for _ in range(300)]
    made = trace(iter(texts), most=most)
    assert len(made.windows) <= most and len(made.whole) == 300
    assert all(np.all(np.diff(held.astype(object)) > 0) for held in (made.whole, made.windows))
    whole, part, unknown = made.find(texts)
    assert whole.all() and not part.any() and not unknown.any()
    strangers = ["".join(rng.choices(letters, k=200)) for _ in range(100)]
    whole, part, unknown = made.find(strangers)
    assert not whole.any() and not part.any()
    pieces = [text[5:-5] for text in texts]
    whole, part, unknown = made.find(pieces)
    assert not whole.any() and (part | unknown).all(), "what is no part is at least not told to be none"
    share = made.limit / 2**64
    assert part.mean() >= (0.99 if share == 1 / 8 else 1 - (1 - share) ** 50 - 0.1)


def test_half_a_text_in_another_is_no_part() -> None:
    rng = random.Random(2)
    texts = ["".join(rng.choices("abcdefghij", k=300)) for _ in range(50)]
    mixed = [a[:150] + b for a, b in zip(texts, ["".join(rng.choices("abcdefghij", k=150)) for _ in range(50)], strict=True)]
    assert not trace(iter(texts)).find(mixed)[1].any()


def test_the_sample_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    texts = drawn(rng, 200, "abcdef", 300)
    one = trace(iter(texts), most=200)
    monkeypatch.setattr(traces, "BLOCK", 500)
    two = trace(iter(texts), most=200)
    assert one.limit == two.limit and np.array_equal(one.windows, two.windows) and np.array_equal(one.whole, two.whole)


def test_a_trace_of_pictures_has_no_windows() -> None:
    made = trace(iter(["f" * 64, "0" * 64]), parts=False)
    whole, part, _ = made.find(["f" * 64, "e" * 64, "f" * 30])
    assert whole.tolist() == [True, False, False] and not part.any() and not len(made.windows)
    assert len(trace(iter([])).whole) == 0


def test_inputs_are_told_apart() -> None:
    assert joined(["ab", "c"]) != joined(["a", "bc"]) and joined(["ab"]) == "ab"
    assert WIDE == LEAST
