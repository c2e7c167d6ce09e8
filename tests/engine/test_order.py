"""Order, schedule and store: pure functions of keys and steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steelyard.engine import store
from steelyard.engine.optim import learning_rate
from steelyard.engine.order import Plan
from steelyard.math.lengths import padded_length
from steelyard.recipe.training import Training


def plan(count: int, **told: Any) -> Plan:
    return Plan(count, **{"seed": 7, "batch_size": None if "batch_tokens" in told else 32, "epochs": 1.0, **told})


@pytest.mark.parametrize("by", ["nothing", "length", "tokens"])
def test_an_epoch_has_every_example_once(by: str) -> None:
    lengths = None if by == "nothing" else np.random.default_rng(0).integers(3, 40, 1003)
    told = {"lengths": lengths, **({"batch_tokens": 512} if by == "tokens" else {})}
    own = plan(1003, **told)
    batches = own.batches(2)
    assert len(batches) == own.length(2) == own.total
    assert sorted(np.concatenate(batches)) == list(range(1003))
    again = plan(1003, **told).batches(2)
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
    assert not (np.concatenate(batches) == np.concatenate(plan(1003, **told).batches(3))).all()


def test_steps_are_found_again_wherever_one_begins() -> None:
    own = plan(100, epochs=3.0)
    seen = [own.at(step) for step in range(own.total)]
    assert [epoch for epoch, _ in seen] == [0] * 4 + [1] * 4 + [2] * 4
    for step in (11, 3, 4, 0, 8):
        epoch, batch = plan(100, epochs=3.0).at(step)
        assert epoch == seen[step][0] and (batch == seen[step][1]).all()
    assert [own.ends_epoch(done) for done in (1, 3, 4, 5, 8)] == [False, False, True, False, True]
    assert own.passed(0) == 0.0 and own.passed(2) == 0.5 and own.passed(4) == 1.0 and own.passed(9) == 2.25
    assert [own.examples(done) for done in (0, 1, 4, 5, 12)] == [0, 32, 100, 132, 300]


def test_batches_of_like_length_pad_less() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 5000)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(len(batch) * lengths[batch].max() for batch in batches)

    assert padded(plan(5000, lengths=lengths).batches(0)) < 1.1 * lengths.sum() < 0.7 * padded(plan(5000).batches(0))


def test_batches_by_tokens_hold_no_more_padding_included() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, 4000)
    own = plan(4000, batch_tokens=4096, lengths=lengths)
    sizes = [len(batch) * padded_length(int(lengths[batch].max()), 10**9) for batch in own.batches(0)]
    assert max(sizes) <= 4096 and np.median(sizes) > 3000
    assert len({own.length(epoch) for epoch in range(5)}) == 1
    assert [len(batch) for batch in plan(3, batch_tokens=10, lengths=np.array([50, 60, 70])).batches(0)] == [1, 1, 1]


@pytest.mark.parametrize("by", ["examples", "tokens"])
def test_sets_are_mixed_by_weight_and_every_row_has_its_turn(by: str) -> None:
    """Two sets, 10 and 90 rows, at equal weights: each epoch is half of one; a row comes twice only after all came once."""
    lengths = np.random.default_rng(1).integers(1, 30, 100) if by == "tokens" else None
    own = plan(100, epochs=4.0, sets=[(1.0, np.arange(10)), (1.0, np.arange(10, 100))], lengths=lengths,
               **({"batch_tokens": 64} if by == "tokens" else {}))
    epochs = [np.concatenate(own.batches(epoch)) for epoch in range(4)]
    assert all(len(epoch) == 100 and (epoch < 10).sum() == 50 for epoch in epochs)
    assert all((np.bincount(epoch[epoch < 10], minlength=10) == 5).all() for epoch in epochs)
    large = np.concatenate([epoch[epoch >= 10] for epoch in epochs])
    counts = np.bincount(large, minlength=100)[10:]
    assert counts.sum() == 200 and counts.max() - counts.min() <= 1
    assert own.total == sum(len(own.batches(epoch)) for epoch in range(4))


def test_steps_of_a_training() -> None:
    assert plan(100, epochs=2.0).total == 8
    assert plan(100, epochs=0.5).total == 2
    assert plan(100, epochs=None, steps=5).total == 5
    assert plan(1, batch_size=1, epochs=0.001).total == 1
    assert plan(100, epochs=1.1).total == 5


def test_learning_rates_rise_and_fall() -> None:
    cosine = Training(learning_rate=1.0, schedule="cosine", warmup_steps=10)
    rates = [learning_rate(step, 110, cosine) for step in range(110)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10] == 1.0 and rates[60] == pytest.approx(0.5) and 0 < rates[-1] < 0.001
    linear = Training(learning_rate=1.0, schedule="linear", warmup_steps="10%")
    assert [learning_rate(step, 100, linear) for step in (10, 55, 99)] == pytest.approx([1.0, 0.5, 1 / 90])
    constant = Training(learning_rate=0.1, schedule="constant", warmup_steps=0)
    assert {learning_rate(step, 9, constant) for step in range(9)} == {0.1}
    assert learning_rate(0, 1, Training(learning_rate=1.0, schedule="cosine", warmup_steps=5)) == 0.5


def test_padded_lengths_are_few_and_enough() -> None:
    sizes = {padded_length(n, 512) for n in range(1, 513)}
    assert len(sizes) <= 16 and max(sizes) == 512
    assert all(padded_length(n, 512) >= n for n in range(1, 2000))
    assert padded_length(20, 20) == 20 and padded_length(1025, 4096) == 1536


def test_a_store_gives_back_what_was_written(tmp_path: Path) -> None:
    groups = [[{"ids": np.arange(n, dtype=np.int32), "box": np.full((2, n), n, dtype=np.float32), "target": np.array(n)}]
              for n in (3, 1, 4)]
    groups.insert(1, [])  # a row without an example
    groups.append([groups[0][0], groups[2][0]])  # a row of two windows
    store.write(tmp_path, groups)
    found = store.Store(tmp_path, free=1 << 30)
    assert len(found) == 5 and found.num_rows == 5 and found.rows.tolist() == [0, 2, 3, 4, 4]
    taken = found.take(torch.tensor([4, 0]))
    assert [t.tolist() for t in taken.fields["ids"]] == [[0], [0, 1, 2]] and taken.rows.tolist() == [4, 0]
    assert torch.equal(torch.as_tensor(taken.fields["target"]), torch.tensor([1, 3]))
    assert found.one(2)["box"].shape == (2, 4) and found.lengths() is not None and found.lengths().tolist() == [3, 1, 4, 3, 1]


def test_an_empty_store(tmp_path: Path) -> None:
    store.write(tmp_path, [])
    assert len(store.Store(tmp_path, free=1)) == 0
