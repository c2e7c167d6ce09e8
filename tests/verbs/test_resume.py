"""--resume and --extend: what may differ, what may not, and who is refused with which sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.cli import main
from steelyard.run import Run

WORDS = ["cat", "dog", "cow", "hen"]
ROWS = "text,label\n" + "".join(f"the {WORDS[i % 4]} number {i} is {'good' if i % 2 else 'bad'},{'ab'[i % 2]}\n" for i in range(120))
RECIPE = ("task: text-classification\nrun: job\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\n"
          "training: {epochs: 2, batch_size: 16, learning_rate: 0.001, threads: 1, precision: fp32, micro_batch: 16, compile: false}\n"
          "evidence: {only: [quality]}\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "rows.csv").write_text(ROWS)
    (folder / "job.yaml").write_text(RECIPE)
    steelyard.train(folder / "job.yaml", out=folder / "runs", quiet=True)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, the run as if it had been killed right before its model was saved."""
    whole = Path(shutil.copytree(made, tmp_path / "own"))
    run = Run(whole / "runs/job")
    text = run.recipe_file.read_text().replace(str(made), str(whole))
    run.recipe_file.write_text(text)
    told = {name: value for name, value in run.manifest().items() if name not in ("steps", "best", "finished")}
    told["model"] = {name: value for name, value in told["model"].items() if name not in ("sha256", "files")}
    run.manifest_file.unlink()
    run.update({**told, "state": "training"})
    shutil.rmtree(run.model)
    return whole


def said(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> str:
    """The last line of standard error."""
    assert main([str(word) for word in words]) == code
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_recipe_that_trains_otherwise_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs/job"
    before = (run / "recipe.yaml").read_text()
    (folder / "job.yaml").write_text(RECIPE.replace("0.001", "0.002"))
    line = said(capsys, 2, "train", folder / "job.yaml", "--resume", run)
    assert "training.learning_rate: 0.001 -> 0.002" in line and line.count("->") == 1
    line = said(capsys, 2, "train", "--resume", run, "--set", "seed=7", "--set", "training.epochs=3")
    assert "seed: 0 -> 7" in line and "training.epochs: 2.0 -> 3.0" in line
    assert (run / "recipe.yaml").read_text() == before


def test_gates_and_evidence_may_differ(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs/job"
    (folder / "job.yaml").write_text(RECIPE + "gates: [quality.accuracy >= 0.01]\n")
    assert main(["train", str(folder / "job.yaml"), "--resume", str(run), "--set", "training.keep_checkpoints=1"]) == 0
    assert "quality.accuracy >= 0.01" in (run / "recipe.yaml").read_text() and Run(run).manifest()["state"] == "finished"
    assert "is finished: there is nothing to resume" in said(capsys, 2, "train", "--resume", run)


def test_changed_data_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "rows.csv").open("a") as rows:
        rows.write("one more,a\n")
    line = said(capsys, 2, "train", "--resume", folder / "runs/job")
    assert "changed since it was begun" in line and "rows.csv" in line


def test_other_versions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(folder / "runs/job")
    versions: dict[str, Any] = run.manifest()["versions"]
    run.update({"versions": {**versions, "steelyard": "0.0.1"}})
    assert "pip install steelyard==0.0.1" in said(capsys, 2, "train", "--resume", run.folder)
    run.update({"versions": versions, "format": 99})
    assert "another version of steelyard" in said(capsys, 2, "train", "--resume", run.folder)
    run.update({"versions": {**versions, "torch": "1.0"}, "format": 1})
    assert main(["train", "--resume", str(run.folder)]) == 0
    assert "torch 1.0 ->" in capsys.readouterr().err


def test_what_is_no_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert "is no run" in said(capsys, 2, "train", "--resume", folder)
    assert "give a recipe" in said(capsys, 2, "train")
    assert "--extend needs" in said(capsys, 2, "train", folder / "job.yaml", "--extend", 1)
    assert "above 0" in said(capsys, 2, "train", "--resume", folder / "runs/job", "--extend", -1)
    assert "leave the recipe" in said(capsys, 2, "train", folder / "job.yaml", "--resume", folder / "runs/job", "--extend", 1)
    assert "is not finished" in said(capsys, 2, "train", "--resume", folder / "runs/job", "--extend", 1)
    assert sorted(folder.rglob("*")) == before


def test_extended(made: Path, tmp_path: Path) -> None:
    parent = Run(made / "runs/job")
    assert main(["train", "--resume", str(parent.folder), "--extend", "1", "--out", str(tmp_path)]) == 0
    run = Run(tmp_path / "job")
    told, before = run.manifest(), parent.manifest()
    assert told["parent"] == {"run": "job", "model": before["model"]["sha256"], "steps": before["steps"]}
    assert told["steps"] == 3 * before["steps"] // 2 and told["examples"] == 3 * before["examples"] // 2
    assert told["chosen"] == before["chosen"] and told["model"]["sha256"] != before["model"]["sha256"]
    events = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert events[: len(parent.metrics_file.read_text().splitlines())] == [json.loads(line) for line in
                                                                           parent.metrics_file.read_text().splitlines()]
    assert sum("eval/accuracy" in event for event in events) == 3
    assert parent.manifest() == before, "the parent is as it was"


def test_doctor_says_how_it_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(folder / "runs/job")
    (run.folder / "model.tmp").mkdir()
    assert main(["doctor", str(run.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    last = sorted(told["checkpoints"])[-1]
    assert told["goes_on_from"] == last and told["checkpoints"][last] is None and "--resume" in told["remedy"]
    assert any("half-written" in sentence for sentence in told["whole"])
    with (run.checkpoints / last / "state.json").open("a") as state:
        state.write(" ")
    run.data.joinpath("test.arrow").write_bytes(b"ARROW1")
    assert main(["doctor", str(run.folder), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["goes_on_from"] is None and "state.json" in told["checkpoints"][last]
    assert any("test.arrow" in sentence for sentence in told["damaged"])
