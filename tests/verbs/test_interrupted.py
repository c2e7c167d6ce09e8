"""A training that is stopped or killed in its own process goes on to the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROWS = "text,label\n" + "".join(f"the {word} number {i} is {'good' if i % 2 else 'bad'},{'ab'[i % 2]}\n"
                                for i, word in enumerate(["cat", "dog", "cow", "hen"] * 40))
RECIPE = ("task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\n"
          "training: {steps: 60, batch_size: 16, checkpoint_every: 10, evaluate_every: 20, threads: 1}\nevidence: {only: [quality]}\n")


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "steelyard", "train", *words], cwd=folder, stderr=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def metrics(run: Path) -> list[dict[str, float]]:
    events = [json.loads(line) for line in (run / "logs" / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in event.items() if name != "time" and not name.startswith("speed/")} for event in events]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_it_goes_on_to_the_same_bytes(number: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    whole = started(tmp_path, "recipe.yaml", "--set", "run=whole", "--set", "training.precision=fp32")
    assert whole.communicate(timeout=300) and whole.returncode == 0
    cut = started(tmp_path, "recipe.yaml", "--set", "run=cut", "--set", "training.precision=fp32")
    until = time.monotonic() + 200
    while not list((tmp_path / "runs").glob("cut/checkpoints/step-000000[1-4]0")) and time.monotonic() < until:
        time.sleep(0.02)
    cut.send_signal(number)
    _, told = cut.communicate(timeout=100)
    assert cut.returncode == code, told
    run = tmp_path / "runs" / "cut"
    assert not (run / "model").exists()
    if number != signal.SIGKILL:
        assert "--resume runs/cut" in told.strip().splitlines()[-1]
    again = started(tmp_path, "--resume", "runs/cut")
    _, told = again.communicate(timeout=300)
    assert again.returncode == 0, told
    assert (run / "model" / "model.safetensors").read_bytes() == (tmp_path / "runs/whole/model/model.safetensors").read_bytes()
    assert metrics(run) == metrics(tmp_path / "runs" / "whole")
    more = started(tmp_path, "--resume", "runs/cut")
    _, told = more.communicate(timeout=100)
    assert more.returncode == 2 and "finished" in told and len(told.strip().splitlines()) == 1
