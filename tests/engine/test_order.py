"""Order, schedule and store: pure functions of keys and steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from steelyard.engine import store
from steelyard.engine.optim import learning_rate
from steelyard.engine.order import epoch_order, steps_per_epoch, total_steps
from steelyard.math.lengths import padded_length
from steelyard.parts import Key
from steelyard.recipe.training import Training


@pytest.mark.parametrize("sorted_by_length", [False, True])
def test_an_epoch_has_every_example_once(sorted_by_length: bool) -> None:
    lengths = np.random.default_rng(0).integers(3, 40, 1003) if sorted_by_length else None
    batches = epoch_order(1003, 32, Key(7, 2), lengths)
    assert len(batches) == steps_per_epoch(1003, 32) == 32
    assert sorted(np.concatenate(batches)) == list(range(1003))
    again = epoch_order(1003, 32, Key(7, 2), lengths)
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
    assert not (np.concatenate(batches) == np.concatenate(epoch_order(1003, 32, Key(7, 3), lengths))).all()


def test_batches_of_like_length_pad_less() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 5000)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(len(batch) * lengths[batch].max() for batch in batches)

    assert padded(epoch_order(5000, 32, Key(0), lengths)) < 1.1 * lengths.sum() < 0.7 * padded(epoch_order(5000, 32, Key(0)))


def test_steps_of_a_training() -> None:
    assert total_steps(100, 32, 2.0, None) == 8
    assert total_steps(100, 32, 0.5, None) == 2
    assert total_steps(100, 32, None, 5) == 5
    assert total_steps(1, 1, 0.001, None) == 1


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
