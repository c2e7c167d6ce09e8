"""Several seeds of one recipe: trained in the run, stopped and gone on with, told with their spread."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import steelyard
from steelyard.engine import seeds
from steelyard.engine.prepare import prepare
from steelyard.evidence import cost
from steelyard.evidence.case import Case
from steelyard.evidence.quality import over_seeds
from steelyard.facts import Quantity, Seeds
from steelyard.recipe.reader import read
from steelyard.report import card, digits
from steelyard.run import Run
from steelyard.verbs.train import resume

RECIPE: dict[str, Any] = {
    "task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp", "size": "tiny"}, "seed": 5,
    "training": {"epochs": 2, "batch_size": 64, "threads": 1, "precision": "fp32", "seeds": 2}, "evidence": {"only": ["quality", "cost"]}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return steelyard.train(RECIPE, out=tmp_path_factory.mktemp("runs"), quiet=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = {**RECIPE, "training": {**RECIPE["training"], "seeds": 1}}
    return steelyard.train(recipe, out=tmp_path_factory.mktemp("runs"), quiet=True)


def test_the_model_is_that_of_the_recipes_own_seed(run: Run, alone: Run) -> None:
    assert (run.model / "model.safetensors").read_bytes() == (alone.model / "model.safetensors").read_bytes()
    ours, theirs = run.evidence("test")["quality"].quantities, alone.evidence("test")["quality"].quantities
    for name, quantity in theirs.items():
        assert quantity.seeds is None and "seeds" not in quantity.to_json()
        assert (ours[name].value, ours[name].low, ours[name].high) == (quantity.value, quantity.low, quantity.high)


def test_a_further_seed_keeps_little(run: Run) -> None:
    folder = seeds.place(run, 6).folder
    assert sorted(path.name for path in folder.iterdir()) == ["logs", "seed.json", "statistics.safetensors"]
    assert [path.name for path in folder.parent.iterdir()] == ["6"]
    assert json.loads((folder / "seed.json").read_text()) == run.manifest()["seeds"][0]


def test_the_spread_over_seeds(run: Run) -> None:
    quality = run.evidence("test")["quality"]
    assert quality.details["seeds"] == [5, 6]
    accuracy = quality.quantities["accuracy"]
    table = load_file(seeds.place(run, 6).folder / "statistics.safetensors")
    other = float((table["probs"].argmax(axis=1) == table["target"]).mean())
    assert accuracy.seeds is not None and accuracy.seeds.n == 2
    assert accuracy.seeds.values == pytest.approx((accuracy.value, other)) and accuracy.value != other
    middle = ((accuracy.value or 0) + other) / 2
    assert accuracy.seeds.mean == pytest.approx(middle) and accuracy.seeds.sd == pytest.approx(abs((accuracy.value or 0) - other) / 2**0.5)
    half = 12.7062 * accuracy.seeds.sd / 2**0.5  # Student's t with one degree of freedom
    assert accuracy.seeds.low == pytest.approx(max(0, middle - half), abs=1e-4)
    assert accuracy.seeds.high == pytest.approx(min(1, middle + half), abs=1e-4)
    assert Quantity.from_json(json.loads(json.dumps(accuracy.to_json()))) == accuracy
    assert "mean of 2 seeds" in run.page_file.read_text() and "mean of 2 seeds" in card.card(run)
    assert "this is one training run" not in run.page_file.read_text()


def test_one_training_says_so(alone: Run) -> None:
    assert "seeds" not in alone.manifest() and not (alone.folder / "seeds").exists()
    assert "mean of" not in card.card(alone) and "this is one training run" in alone.page_file.read_text()


def test_cost_counts_all_seeds(run: Run, alone: Run) -> None:
    manifest, measured = run.manifest(), cost.weigh(Case(run)).quantities
    assert measured["time"].value == pytest.approx(manifest["seconds"]["total"] + manifest["seeds"][0]["seconds"]["total"])
    assert measured["time"].n == 2 * cost.weigh(Case(alone)).quantities["time"].n == 2 * manifest["steps"]
    assert measured["flops"].value == manifest["forecast"]["flops"]["value"] == 2 * alone.manifest()["forecast"]["flops"]["value"]
    assert 0 < (measured["waiting"].value or 0) < 1 and "tokens_per_second" not in measured


def test_each_seed_has_its_final_metrics_in_tensorboard(run: Run) -> None:
    accuracy = run.evidence("test")["quality"].quantities["accuracy"]
    assert accuracy.seeds is not None
    for there, value in zip((run, seeds.place(run, 6)), accuracy.seeds.values, strict=True):
        found = EventAccumulator(str(there.logs))
        found.Reload()
        assert found.Scalars("test/accuracy")[-1].value == pytest.approx(value)
        assert {"best/accuracy", "speed/waiting"} <= set(found.Tags()["scalars"]) or "best/log-loss" in found.Tags()["scalars"]
        assert set(found.PluginTagToContent("hparams")) == {f"_hparams_/{name}" for name in (
            "experiment", "session_start_info", "session_end_info")}


def test_another_seed_draws_training_anew_and_leaves_the_rows() -> None:
    prepared = prepare(read(RECIPE))
    other = seeds.with_seed(prepared, 6)
    assert other.dataset is prepared.dataset and other.stores is prepared.stores and prepared.recipe.seed == 5
    assert not np.array_equal(other.plan.at(0)[1], prepared.plan.at(0)[1])
    assert np.array_equal(np.sort(np.concatenate(other.plan.batches(0))), np.sort(np.concatenate(prepared.plan.batches(0))))


def test_statistics_of_other_rows_are_left_out(run: Run) -> None:
    results = run.manifest()["seeds"]
    data = run.manifest()["data"]["sha256"]
    assert len(seeds.kept(run, results, data)) == 1 and seeds.kept(run, results, "sha256:other") == []


def test_a_metric_that_a_seed_lacks_has_no_spread() -> None:
    quantity = Quantity(value=None, unit="share")
    assert over_seeds({"accuracy": quantity}, [{"guess": np.eye(2).argmax(axis=1), "target": np.array([0, 1])}]) == {"accuracy": quantity}


def test_the_words() -> None:
    three = Seeds(values=(0.96, 0.966, 0.972), mean=0.966, sd=0.006, low=0.951, high=0.981)
    quantity = Quantity(value=0.96, low=0.94, high=0.97, seeds=three)
    assert str(digits.over_seeds(quantity)) == "mean of 3 seeds 96.6% (95.1 to 98.1)"
    assert digits.over_seeds(Quantity(value=0.5)) is None


def test_stopped_in_the_second_seed_it_goes_on_there(run: Run, tmp_path: Path) -> None:
    """SIGTERM while the further seed trains: the own model is there, and the resumed run ends with the same statistics."""
    recipe = {**RECIPE, "run": "cut", "training": {**RECIPE["training"], "checkpoint_every": 1}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    process = subprocess.Popen([sys.executable, "-m", "steelyard", "train", "recipe.yaml"], cwd=tmp_path, stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    cut, until = tmp_path / "runs" / "cut", time.monotonic() + 200
    while not list(cut.glob("seeds/6/checkpoints/step-*[0-9]")) and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 143 and "seed 6" in told and "--resume runs/cut" in told
    own = (cut / "model" / "model.safetensors").stat().st_mtime_ns
    assert not (cut / "seeds" / "6" / "seed.json").exists() and Run(cut).manifest()["state"] == "training"
    resumed = resume(cut, quiet=True)
    assert resumed.manifest()["state"] == "finished" and (cut / "model" / "model.safetensors").stat().st_mtime_ns == own
    ours, theirs = (load_file(seeds.place(one, 6).folder / "statistics.safetensors") for one in (resumed, run))
    assert all(np.array_equal(values, theirs[name]) for name, values in ours.items())
