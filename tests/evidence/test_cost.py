"""The bill afterwards: measured beside forecast, with the error of each; what was not measured says why."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard import cli
from steelyard.engine import doctor, machine
from steelyard.engine.job import adopt
from steelyard.evidence import cost
from steelyard.evidence.case import Case
from steelyard.facts import Evidence, Quantity
from steelyard.recipe.reader import read
from steelyard.run import Run

RECIPE: dict[str, Any] = {
    "task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp", "size": "tiny"},
    "training": {"epochs": 2, "batch_size": 64, "threads": 1, "precision": "fp32"},
    "evidence": {"cost": {"price_per_hour": [1, 2]}},
}
NAMES = ["time", "memory", "flops", "examples_per_second", "mfu", "waiting", "energy", "money", "co2", "answering"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return steelyard.train(RECIPE, out=tmp_path_factory.mktemp("runs"), quiet=True, evidence=False)


@pytest.fixture
def document(run: Run) -> Evidence:
    return cost.weigh(Case(run))


def test_the_forecast_is_in_the_manifest(run: Run) -> None:
    told = {name: Quantity.from_json(data) for name, data in run.manifest()["forecast"].items()}
    assert list(told) == ["time", "memory", "flops", "examples_per_second", "energy", "money", "co2"]
    assert told["time"].value and told["flops"].how == "counted" and told["energy"].how == "modelled"


def test_measured_beside_forecast(run: Run, document: Evidence) -> None:
    manifest = run.manifest()
    told, details = manifest["forecast"], document.details
    assert list(document.quantities) == NAMES
    assert document.quantities["time"].value == manifest["seconds"]["total"]
    assert document.quantities["memory"].value == manifest["peak_memory_mib"]
    assert details["forecast"] == told and details["chosen"] == manifest["reasons"]
    assert details["error"]["time"] == pytest.approx(manifest["seconds"]["total"] / told["time"]["value"])
    assert details["error"]["flops"] == 1.0
    assert set(details["error"]) == {"time", "memory", "flops", "examples_per_second"}
    assert sum(details["shares"].values()) == pytest.approx(1) and set(details["shares"]) == {"train", "validation", "checkpoint"}
    assert Evidence.from_json(json.loads(json.dumps(document.to_json(), allow_nan=False))).quantities == document.quantities


def test_energy_and_money_are_modelled_from_the_measured_time(document: Evidence) -> None:
    seconds = document.quantities["time"].value or math.nan
    money, energy = document.quantities["money"], document.quantities["energy"]
    assert money.value is None and money.low == pytest.approx(seconds / 3600) and money.high == pytest.approx(2 * seconds / 3600)
    assert energy.how == "modelled" and energy.low == pytest.approx(3.5 * seconds)


def test_examples_a_second_count_the_smaller_last_batch(run: Run, document: Evidence) -> None:
    rows = run.manifest()["data"]["rows"]["train"]
    assert rows % 64 and document.quantities["examples_per_second"].n == 2 * rows


def test_the_share_of_the_peak_wants_a_measured_peak(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    missing = cost.training(Case(run), {"flops": Quantity(value=1e9, n=46)})["mfu"]
    assert missing.value is None and "steelyard doctor" in str(missing.why)
    doctor.keep({"threads": 1, "matmul_flops": {"fp32": 1e12, "bf16": 4e12}})
    found = cost.training(Case(run), {"flops": Quantity(value=1e9, n=46)})["mfu"]
    seconds = run.manifest()["seconds"]
    stepping = seconds["total"] * seconds["train"] / (seconds["train"] + seconds["validation"] + seconds["checkpoint"])
    assert found.value == pytest.approx(1e9 / stepping / 1e12)
    monkeypatch.setattr(machine, "facts", lambda: {"processor": "another"})
    doctor.keep({"threads": 2, "matmul_flops": {"fp32": 9e12}})
    assert cost.training(Case(run), {"flops": Quantity(value=1e9, n=46)})["mfu"].value == found.value


def test_a_training_that_ended_sooner_did_a_part_of_the_arithmetic(run: Run) -> None:
    assert cost.training(Case(run), {"flops": Quantity(value=1000.0, n=4 * run.manifest()["steps"])})["flops"].value == 250.0


def test_errors_are_measured_over_forecast() -> None:
    told = Quantity(value=1000.0, n=10, unit="FLOP", how="counted")
    assert cost.errors({"flops": told}, {"flops": Quantity(value=400.0)}) == {"flops": 0.4}
    assert cost.errors({"flops": told}, {}) == cost.errors({}, {"flops": told}) == {}
    assert cost.errors({"flops": Quantity(value=None)}, {"flops": told}) == {}


def test_a_run_without_a_forecast_says_so(run: Run) -> None:
    found = cost.training(Case(run), {})
    assert found["flops"].value is None and "without a forecast" in str(found["flops"].why)
    assert found["mfu"].value is None and found["time"].value


def test_a_model_that_was_not_trained_here_has_the_cost_of_answering_alone(run: Run, tmp_path: Path) -> None:
    asked = read({"task": "image-classification", "data": {"test": "builtin:digits"}, "model": {"from": str(run.model)},
                  "training": "none"})
    document = cost.weigh(Case(adopt(asked, tmp_path)))
    assert list(document.quantities) == ["answering"] and document.details["error"] == {} and document.details["forecast"] == {}
    answering = document.quantities["answering"]
    assert answering.value is not None and 0 < answering.value < 60 and answering.n > 0


def test_the_verbs_forecast_and_inspect(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                        tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("task: image-classification\ndata: {train: builtin:digits}\nmodel: {family: mlp, size: tiny}\n"
                    "training: {epochs: 1, precision: fp32, micro_batch: 64}\n")
    assert cli.main(["forecast", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 23 and told["forecast"]["flops"]["value"] > 0
    assert cli.main(["inspect", str(run.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] == run.manifest()["model"]["parameters"] and told["layers"][0]["name"] == "layers.0"
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    assert cli.main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "每个样本的 FLOPs" in shown and "layers.0.relu" in shown and "个参数" in shown
    assert cli.main(["forecast", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "训练时间" in shown and "推算" in shown and "modelled" not in shown


def test_nothing_to_forecast_is_a_sentence(run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "judge.yaml"
    file.write_text(f"task: image-classification\ndata: {{test: 'builtin:digits'}}\nmodel: {{from: '{run.model}'}}\ntraining: none\n")
    assert cli.main(["forecast", str(file)]) == 2
    assert "nothing to forecast" in capsys.readouterr().err
    assert cli.main(["inspect", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"]
