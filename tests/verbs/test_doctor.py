"""doctor: this machine in sentences; a run whole, damaged, interrupted."""

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard import cli
from steelyard.engine import cache, checkpoint, doctor, machine
from steelyard.engine.checkpoint import Checkpoint
from steelyard.engine.hub import model_hash
from steelyard.run import Run
from steelyard.verbs.doctor import check


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Small matrices, hardly any time, and a cache of its own."""
    monkeypatch.setattr(doctor, "SIDE", 64)
    monkeypatch.setattr(doctor, "COPIED", 1 << 16)
    monkeypatch.setattr(doctor, "SECONDS", 0.01)
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_machine_is_measured_and_kept(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = machine.facts()
    assert doctor.peak(facts, machine.cores(), "fp32") is None
    assert cli.main(["doctor", "--json", "--out", str(quick)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["wrong"] == [] and told["versions"]["torch"]
    assert set(told["measured"]["matmul_flops"]) == {"fp32", "bf16"} and told["measured"]["copy_bytes"] > 0
    assert doctor.peak(facts, machine.cores(), "bf16") == pytest.approx(told["measured"]["matmul_flops"]["bf16"])
    assert doctor.peak(facts, machine.cores() + 1, "bf16") is None, "another number of threads has another peak"
    assert doctor.peak({**facts, "processor": "another"}, machine.cores(), "bf16") is None
    assert doctor.peak({**facts, "load": 99.0}, machine.cores(), "bf16") is not None, "the load of the moment is not the machine"


def test_people_read_sentences(quick: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["doctor", "--out", str(quick)]) == 0
    english = capsys.readouterr().out
    assert "GFLOP/s" in english and "nothing is wrong with this machine" in english
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    assert cli.main(["doctor", "--out", str(quick)]) == 0
    chinese = capsys.readouterr().out
    assert "本机没有问题" in chinese and "wrong" not in chinese


def test_what_is_wrong_is_said(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {**doctor.versions(), "transformers": "5.2.9", "pillow": None}
    monkeypatch.setattr(doctor, "versions", lambda: versions)
    monkeypatch.setattr(machine, "free_memory", lambda: 300 << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 100 << 20})())
    said = [str(sentence) for sentence in doctor.wrong(quick)]
    for word in ("transformers 5.2.9 is too old", "pillow is not installed", "300 MiB of memory", "STEELYARD_CACHE", "--out"):
        assert any(word in sentence for sentence in said), word


def test_a_folder_that_cannot_be_written_to(quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (quick / "file").write_text("")
    monkeypatch.setenv("STEELYARD_CACHE", str(quick / "file" / "cache"))
    assert cli.main(["doctor", "--json", "--out", str(quick)]) == 0
    assert any("cannot write" in sentence for sentence in json.loads(capsys.readouterr().out)["wrong"])
    monkeypatch.setattr(doctor.os, "access", lambda folder, mode: False)  # root may write anywhere
    assert any("cannot be written to" in str(sentence) for sentence in doctor.wrong(quick))


def test_a_damaged_note_is_measured_anew(quick: Path) -> None:
    cache.root().mkdir(parents=True)
    doctor.kept_file().write_text("{")
    assert doctor.peak(machine.facts(), machine.cores(), "fp32") is None
    doctor.keep(doctor.measure(0.01))
    assert doctor.peak(machine.facts(), machine.cores(), "fp32")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a model and two checkpoints."""
    import torch
    from safetensors.torch import save_file

    made = Run.create(tmp_path / "run")
    made.model.mkdir()
    made.recipe_file.write_text("task: text-classification\ndata: {train: rows.csv}\n")
    weights = {"a": torch.arange(4.0)}
    save_file(weights, made.model / "model.safetensors")
    made.update({"state": "finished", "model": {"sha256": model_hash(made.model)}})
    for step in (10, 20):
        state: dict[str, Any] = {"step": step, "best_step": 0, "best_value": None, "waited": 0, "seconds": 1.0}
        checkpoint.save(made.checkpoints, Checkpoint(weights, {}, None, {}, state), keep=2)
    return made


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))


def test_a_whole_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", str(run.folder)]) == 0
    out = capsys.readouterr().out
    assert "2 checkpoints are whole, the newest is step-00000020" in out and "the model is whole" in out


def test_a_damaged_checkpoint(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    flip(run.checkpoints / "step-00000020" / "model.safetensors")
    run.update({"state": "training", "model": {}})
    assert cli.main(["doctor", str(run.folder), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert "step-00000020" in told["damaged"][0] and "goes on from step-00000010" in told["remedy"]


def test_a_damaged_model(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    flip(run.model / "model.safetensors")
    assert cli.main(["doctor", str(run.folder)]) == 2
    assert "sha256" in capsys.readouterr().out


def test_an_interrupted_run_without_checkpoints(tmp_path: Path) -> None:
    made = Run.create(tmp_path / "run")
    made.recipe_file.write_text("task: text-classification\ndata: {train: rows.csv}\n")
    made.update({"state": "training", "model": {}})
    assert "begins anew" in str(check(made).remedy)


def test_no_run_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", str(tmp_path)]) == 2
    assert "run.json" in capsys.readouterr().err
