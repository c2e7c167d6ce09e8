"""The bill: arithmetic against formulas by hand, time and memory against a real training, and no weight moved."""

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steelyard.engine import flops, machine
from steelyard.engine.bill import bill, power
from steelyard.engine.chosen import Chosen
from steelyard.engine.forecast import Forecast, evaluations, forecast, step_seconds, whole_time
from steelyard.engine.job import first_model
from steelyard.engine.prepare import Prepared
from steelyard.engine.rehearse import answer_seconds, rehearse, spread
from steelyard.engine.signals import Stop
from steelyard.engine.train import train
from steelyard.recipe.evidence import Cost

ONE = Chosen(threads=1, precision="fp32", layout="contiguous", micro_batch=16)


def mlp_by_hand(widths: list[int]) -> int:
    """One example: 2 a multiply-add, forward; backward the same for the weights, and for the inputs of all but the first layer."""
    layers = [2 * a * b for a, b in pairwise(widths)]
    return sum(layers) + sum(layers) + sum(layers[1:])


def bert_by_hand(config: Any, tokens: int) -> int:
    """One example: projections, scores and sums of attention, the two wide layers, pooler, head; backward twice as much."""
    width, wide, labels = config.hidden_size, config.intermediate_size, config.num_labels
    layer = 2 * tokens * (4 * width**2 + 2 * width * wide) + 2 * 2 * tokens**2 * width
    return 3 * (config.num_hidden_layers * layer + 2 * width**2 + 2 * width * labels)


def test_flops_of_the_mlp(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 2, "batch_size": 16}, {"hidden_sizes": [24, 12]})
    steps = prepared.plan.total
    count = flops.training(prepared, ONE, steps)
    each = mlp_by_hand([64, 24, 12, 10])
    assert count.total == each * 2 * len(prepared.stores["train"])
    assert count.per_batch[0] == 16 * each
    assert len(count.per_batch) == len(count.batches) == -(-len(prepared.stores["train"]) // 16)


@pytest.mark.parametrize("tokens", [8, 32])
def test_flops_of_a_bert(make: Any, tokens: int) -> None:
    prepared = make("text-classification", "bert", {"steps": 2, "batch_size": 8})
    model = flops.on_meta(prepared.family, prepared.task, prepared.config)
    store = prepared.stores["train"]
    lengths = store.lengths()
    assert lengths is not None
    batch = flops.pair(store, 0, prepared.task, prepared.processor)
    ids = torch.zeros(2, tokens, dtype=torch.int64)
    batch.inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    assert flops.step_flops(model, prepared.task, batch) == 2 * bert_by_hand(prepared.config, tokens)


def test_flops_follow_what_is_padded(make: Any) -> None:
    """Literally: collate every micro-batch of the training, and count the tokens that it is padded to."""
    prepared = make("text-classification", "bert", {"steps": 200, "batch_size": 32})
    store, task = prepared.stores["train"], prepared.task
    total, done, epoch = 0, 0, 0
    while done < 200:
        for batch in prepared.plan.batches(epoch)[: 200 - done]:
            for part in torch.from_numpy(batch).split(10):
                shape = task.collate(store.take(part), prepared.processor, None).inputs["input_ids"].shape
                total += shape[0] * bert_by_hand(prepared.config, shape[1])
            done += 1
        epoch += 1
    assert flops.training(prepared, dataclasses.replace(ONE, micro_batch=10), 200).total == total


def test_flops_by_layer_add_up(make: Any) -> None:
    prepared = make("text-classification", "bert", {"steps": 2, "batch_size": 8})
    model = flops.on_meta(prepared.family, prepared.task, prepared.config)
    batch = flops.pair(prepared.stores["train"], 0, prepared.task, prepared.processor)
    counted = flops.layer_flops(model, batch)
    leaves = {name for name, module in model.named_modules() if not list(module.children())}
    attention = sum(number for name, number in counted.items() if name.endswith("attention.self"))
    inside = sum(number for name, number in counted.items() if name.rpartition(".")[2] in ("query", "key", "value"))
    tokens = batch.inputs["input_ids"].shape[1]
    assert attention - inside == 2 * prepared.config.num_hidden_layers * 4 * tokens**2 * prepared.config.hidden_size
    assert counted[""] == sum(number for name, number in counted.items() if name in leaves) + attention - inside
    assert counted[""] * 3 == flops.step_flops(model, prepared.task, batch)


def test_nothing_is_trained_by_forecasting(make: Any) -> None:
    prepared = make("image-classification", "resnet", {"epochs": 1, "batch_size": 16})
    model = first_model(prepared)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    forecast(prepared, model, ONE)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_forecasting_leaves_no_trace_in_training(make: Any, tmp_path: Path) -> None:
    prepared = make("text-classification", "bert", {"steps": 3, "batch_size": 8, "evaluate_every": 1000})
    plain = train(prepared, first_model(prepared), ONE, lambda event: None, Stop(), tmp_path / "a").model.state_dict()
    model = first_model(prepared)
    forecast(prepared, model, ONE)
    after = train(prepared, model, ONE, lambda event: None, Stop(), tmp_path / "b").model.state_dict()
    assert all(torch.equal(plain[name], tensor) for name, tensor in after.items())


def forecast_and_train(prepared: Prepared, folder: Path) -> tuple[Forecast, float, float]:
    """(what was forecast, seconds, MiB that it took)."""
    model = first_model(prepared)
    told = forecast(prepared, model, ONE)
    machine.reset_peak()
    trained = train(prepared, model, ONE, lambda event: None, Stop(), folder)
    return told, trained.seconds, (machine.peak_memory() or 0) / machine.MIB


def test_time_and_memory_are_of_the_right_size(make: Any, tmp_path: Path) -> None:
    """A busy machine may slow down between the two: then it is asked again."""
    prepared = make("text-classification", "bert", {"steps": 60, "batch_size": 16, "evaluate_every": 30})
    for attempt in range(3):
        told, seconds, peak = forecast_and_train(prepared, tmp_path / str(attempt))
        time, memory = told.quantities["time"], told.quantities["memory"]
        assert time.value is not None and time.low is not None and time.high is not None
        assert time.low < time.value < time.high
        assert memory.value is not None and 0.7 < peak / memory.value < 1.4
        assert 3 <= time.n <= 7
        if 0.5 < seconds / time.value < 2:
            return
    pytest.fail(f"forecast {time.value:.2f} s, took {seconds:.2f} s")


def test_the_rehearsal_takes_at_most_eight_steps(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard.engine import rehearse as module

    done: list[int] = []
    real = module.Stepper.gradients
    monkeypatch.setattr(module.Stepper, "gradients", lambda *args: (done.append(1), real(*args))[1])
    prepared = make("image-classification", "mlp", {"epochs": 50, "batch_size": 64})
    steps = prepared.plan.total
    count = flops.training(prepared, dataclasses.replace(ONE, micro_batch=64), steps)
    told = rehearse(prepared, first_model(prepared), dataclasses.replace(ONE, micro_batch=64), count.batches, count.per_batch, steps)
    assert len(done) <= module.MOST == 8
    assert len(told.seconds) == len(done) - 1


def test_a_rehearsal_of_slow_steps_stops_early(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard.engine import rehearse as module

    monkeypatch.setattr(module, "PATIENCE", 0.0)
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 64})
    count = flops.training(prepared, ONE, 23)
    assert len(rehearse(prepared, first_model(prepared), ONE, count.batches, count.per_batch, 23).seconds) == module.LEAST


def test_batches_are_taken_from_light_to_heavy() -> None:
    weights = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 8.0, 4.0, 6.0])
    assert sorted(weights[spread(weights, 3)]) == [2.0, 5.0, 8.0]
    assert sorted(weights[spread(weights, 9)]) == sorted(weights)
    assert list(spread(np.array([4.0]), 3)) == [0, 0, 0]
    many = np.random.default_rng(0).lognormal(size=10_000)
    assert weights[spread(weights, 9)].mean() == weights.mean()
    assert abs(np.sort(many)[np.argsort(np.argsort(many))[spread(many, 7)]].mean() / many.mean() - 1) < 0.2


def test_the_interval_of_step_times() -> None:
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    mean, exact = step_seconds(0.1 * weights, weights, crowd=0.5)
    assert mean == pytest.approx(0.4) and exact == pytest.approx(math.exp(0.1))  # all explained by what the batches hold
    noisy = 0.1 * weights * np.exp([0.3, -0.3, 0.3, -0.3, 0.3, -0.3, 0.3])
    assert step_seconds(noisy, weights, 0.5)[1] > 1.25
    assert step_seconds(0.1 * weights, weights, crowd=4)[1] == pytest.approx(math.exp(0.1 + math.log(4)))
    assert step_seconds(np.array([0.2]), np.ones(1), 0.5) == (0.2, pytest.approx(math.exp(math.hypot(math.log(2), 0.1))))


def test_the_interval_covers_a_steady_machine() -> None:
    """Log-normal noise step by step: 95% of the intervals of seven steps hold the true mean, or more."""
    rng, held = np.random.default_rng(1), 0
    for _ in range(2000):
        mean, factor = step_seconds(rng.lognormal(0.0, 0.2, size=7), np.ones(7), 1.0)
        held += mean / factor <= math.exp(0.02) <= mean * factor
    assert held / 2000 > 0.94


def test_evaluations_and_checkpoints_are_counted(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"steps": 100, "batch_size": 64, "evaluate_every": 30, "checkpoint_every": 25})
    assert evaluations(prepared, 100) == 4  # at 30, 60, 90 and the end
    size = 4_000_000
    save = size * 4 / 400e6 + 0.05
    assert whole_time(10.0, 2.0, size, 100, prepared) == pytest.approx(12 + 4 * save)


def test_answers_are_timed_a_row(make: Any) -> None:
    prepared = make("text-classification", "bert", {"steps": 1, "batch_size": 8})
    rows, store = prepared.dataset.rows["validation"], prepared.stores["validation"]
    seconds, n = answer_seconds(first_model(prepared), prepared.task, prepared.processor, store, rows)
    assert 0 < seconds < 1 and 0 < n <= len(rows)


def test_energy_money_and_co2_are_ranges() -> None:
    watts = power(2, 1024, 0)
    assert (watts.low, watts.high) == (7.0, pytest.approx((31.2 + 0.392) * 1.58))
    prices = Cost(grid_g_per_kwh=(100.0, 200.0), price_per_kwh=(0.1, 0.3), price_per_hour=(1.0, 2.0), currency="CHF")
    told = bill((3600.0, 7200.0), watts, prices)
    energy, money, co2 = told["energy"], told["money"], told["co2"]
    assert all(q.value is None and q.how == "modelled" and q.why is not None for q in told.values())
    assert energy.low == 7.0 * 3600 and energy.high == watts.high * 7200 and energy.unit == "J"
    assert co2.low == pytest.approx(0.7) and co2.high == pytest.approx(watts.high * 2 / 1000 * 200)
    assert money.low == pytest.approx(1 + 0.0007) and money.high == pytest.approx(4 + watts.high * 2 / 1000 * 0.3) and money.unit == "CHF"


def test_without_prices_there_is_no_money() -> None:
    money = bill((1.0, 2.0), power(1, 0, 0), Cost())["money"]
    assert money.value is None and money.low is None and "price" in str(money.why)


def test_a_forecast_survives_json(make: Any) -> None:
    prepared = make("image-classification", "mlp", {"epochs": 1, "batch_size": 64})
    told = forecast(prepared, first_model(prepared), ONE)
    assert list(told.to_json()) == ["time", "memory", "flops", "examples_per_second", "energy", "money", "co2"]
    assert json.loads(json.dumps(told.to_json(), allow_nan=False)) == told.to_json()
    assert told.steps == 23 and told.quantities["flops"].n == 23
