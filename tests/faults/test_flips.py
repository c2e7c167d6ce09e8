"""Bits that flip, files that are cut, empty, gone or of another step: found before anything is used, each with one sentence."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import Job

from steelyard.cli import main
from steelyard.engine import checkpoint
from steelyard.engine.examine import model_damage
from steelyard.run import Run


@contextmanager
def other(path: Path, data: bytes | None) -> Iterator[None]:
    """Inside, the file holds `data`, or is gone."""
    whole = path.read_bytes()
    try:
        path.unlink() if data is None else path.write_bytes(data)
        yield
    finally:
        path.write_bytes(whole)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture
def run(job: Job, tmp_path: Path) -> Run:
    """A copy of the undisturbed run."""
    return Run(Path(shutil.copytree(job.run, tmp_path / "job")))


def newest(run: Run) -> Path:
    return checkpoint.committed(run.checkpoints)[-1]


def parts(run: Run) -> list[Path]:
    """Every file of the newest checkpoint and of model/, the card aside."""
    best = run.checkpoints / (run.checkpoints / "best").read_text().strip()
    files = [path for folder in (newest(run), best, run.model) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if path != run.card_file]


def found(run: Run, path: Path) -> bool:
    bad = model_damage(run) if run.model in path.parents else checkpoint.damage(newest(run))
    return bad is not None and (path.name in str(bad) or path.parent.name in str(bad))


def flips(run: Run, number: int, seed: int) -> int:
    """How many of so many flipped bits were found; every file has its share."""
    rng, files, hits = random.Random(seed), parts(run), 0
    for trial in range(number):
        path = files[trial % len(files)]
        data = path.read_bytes()
        with other(path, flipped(data, rng.randrange(8 * len(data)))):
            hits += found(run, path)
    return hits


def test_a_hundred_flips(run: Run) -> None:
    assert checkpoint.damage(newest(run)) is None and model_damage(run) is None
    assert flips(run, 100, 1) == 100
    assert checkpoint.damage(newest(run)) is None and model_damage(run) is None


@pytest.mark.long
def test_a_thousand_flips(run: Run) -> None:
    hits = flips(run, 1000, 2)
    print(f"flipped bits: 1000 in {len(parts(run))} files, found: {hits}")
    assert hits == 1000


def test_cut_empty_missing(run: Run) -> None:
    files = parts(run)
    for path in files:
        data = path.read_bytes()
        for changed in (data[: len(data) // 2], data[:-1], b"", None, data + b"\0"):
            with other(path, changed):
                assert found(run, path), (path, changed is None)
    print(f"cut, empty, missing, longer: {5 * len(files)} in {len(files)} files, all found")


def test_a_file_of_another_step(run: Run) -> None:
    last, before = checkpoint.committed(run.checkpoints)[-1], checkpoint.committed(run.checkpoints)[-2]
    for path in sorted(last.iterdir()):
        with other(path, (before / path.name).read_bytes()):
            assert checkpoint.damage(last) is not None, path.name
    for path in last.iterdir():
        shutil.copyfile(before / path.name, path)
    assert "holds step" in str(checkpoint.damage(last))


@pytest.mark.parametrize("verb", ["predict", "weigh", "explain"])
def test_nobody_asks_a_damaged_model(run: Run, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    weights = run.model / "model.safetensors"
    words = {"predict": ["x.png"], "explain": ["x.png"], "weigh": []}[verb]
    data = weights.read_bytes()
    for changed in (flipped(data, 8 * len(data) - 5), data[:100], b"", None):
        with other(weights, changed):
            assert main([verb, str(run.folder), *words]) == 2
            said = capsys.readouterr().err.strip().splitlines()
            assert len(said) == 1 and "model.safetensors" in said[0] and "copy the run again" in said[0]
    run.card_file.write_text("people may write in it")
    assert model_damage(run) is None


def test_a_broken_newest_is_named_and_the_one_before_is_used(job: Job, run: Run) -> None:
    """As if it had been killed right after its last checkpoint, which then went bad."""
    shutil.rmtree(run.model)
    told = {name: value for name, value in run.manifest().items() if name not in ("steps", "best", "finished")}
    told["model"] = {name: value for name, value in told["model"].items() if name not in ("sha256", "files")}
    run.manifest_file.unlink()
    run.update({**told, "state": "training"})
    optimizer = newest(run) / "optimizer.safetensors"
    optimizer.write_bytes(flipped(optimizer.read_bytes(), 12345))
    again = job.nursery.run(run.folder.parent, "train", "--resume", str(run.folder))
    assert again.code == 0 and f'"{optimizer}" is damaged' in again.said, again.said
    from harness import facts

    assert facts(run.folder) == job.facts


def test_no_whole_checkpoint_is_left(job: Job, run: Run) -> None:
    run.update({"state": "training"})
    run.manifest_file.write_text(run.manifest_file.read_text().replace('"steps"', '"_steps"'))
    shutil.rmtree(run.model)
    for folder in checkpoint.committed(run.checkpoints):
        (folder / "state.json").write_bytes(b"")
    before = sorted(run.checkpoints.rglob("*"))
    again = job.nursery.run(run.folder.parent, "train", "--resume", str(run.folder))
    assert again.code == 2 and "is whole: copy them again" in again.said.strip().splitlines()[-1]
    assert sorted(run.checkpoints.rglob("*")) == before, "nothing is overwritten"


def test_no_training_starts_from_a_damaged_model(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    config = run.model / "config.json"
    recipe = run.folder.parent / "next.yaml"
    recipe.write_text(f"task: image-classification\ndata: {{train: builtin:digits}}\n"
                      f"model: {{from: {run.folder}}}\ntraining: {{steps: 1}}\n")
    with other(config, config.read_bytes() + b" "):
        assert main(["train", str(recipe), "--out", str(run.folder.parent / "runs")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "config.json" in said[0] and not (run.folder.parent / "runs").exists()
