"""Shares of rows, against the plain way with a dictionary of groups."""

import random
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest

from steelyard.engine.draw import draw
from steelyard.errors import InputError
from steelyard.math.texts import same
from steelyard.parts import Column
from steelyard.rows import Rows

COLUMNS = (Column(name="text", kind="text"), Column(name="label", kind="label", target=True))


def literal(groups: list[str], wanted: Mapping[str, float], seed: int) -> dict[str, list[int]]:
    """Group after group in the order of their hashes, until the share is full."""
    members: dict[bytes, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(blake2b(group.encode(), digest_size=16).digest(), []).append(index)
    order = iter(sorted(members, key=lambda name: blake2b(f"{seed}/".encode() + name, digest_size=16).digest()))
    drawn = {}
    for split, part in wanted.items():
        chosen: list[int] = []
        while len(chosen) < round(part * len(groups)) and (name := next(order, None)) is not None:
            chosen.extend(members[name])
        drawn[split] = sorted(chosen)
    return drawn


@pytest.mark.parametrize("count", [0, 1, 7, 200])
@pytest.mark.parametrize("wanted", [{"test": 0.1, "validation": 0.1}, {"validation": 0.35}, {"test": 0.01, "validation": 0.9}, {}])
def test_shares_are_the_plain_ones(count: int, wanted: Mapping[str, float]) -> None:
    rng = random.Random(count)
    texts = [f"Text, {rng.randrange(max(1, count // 2))}!" for _ in range(count)]
    rows = Rows(pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(["a"] * count, pa.string()),
                          "speaker": pa.array([str(i % 5) for i in range(count)], pa.string())}))
    some = rows.select(np.arange(0, count, 2))
    for seed in (0, 3):
        drawn = draw(rows, COLUMNS, None, wanted, seed, "group_by")
        assert {split: places.tolist() for split, places in drawn.items()} == literal([same(text) for text in texts], wanted, seed)
        drawn = draw(some, COLUMNS, "speaker", wanted, seed, "group_by")
        want = literal([str(i % 5) for i in range(0, count, 2)], wanted, seed)
        assert {split: places.tolist() for split, places in drawn.items()} == want


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match='no column "who"; there are: text'):
        draw(Rows(pa.table({"text": ["a"]})), COLUMNS, "who", {"test": 0.1}, 0, "recipe.yaml:3 data.group_by")
