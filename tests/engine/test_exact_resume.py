"""Killed with kill -9 in the middle and gone on with, in processes of their own: the same bytes as one that was never disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WORDS = ["cat", "dog", "cow", "hen"]
ROWS = "text,label\n" + "".join(f"the {WORDS[i % 4]} number {i} is {'good' if i % 2 else 'bad'} {'very ' * (i % 7)},{'ab'[i % 2]}\n"
                                for i in range(200))
COMMON = "checkpoint_every: 3, evaluate_every: 4, log_every: 1, layout: contiguous, compile: false"
JOBS = {
    "bert in bf16 with dropout, accumulation, ema and two threads": (
        "task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\n"
        f"training: {{epochs: 3, batch_size: 32, micro_batch: 8, precision: bf16, threads: 2, ema: 0.9, {COMMON}}}\n"),
    "augmented resnet": (
        "task: image-classification\ndata: {train: builtin:digits}\nmodel: {family: resnet, size: tiny}\n"
        "training: {steps: 14, batch_size: 64, micro_batch: 32, precision: fp32, threads: 1, optimizer: muon, "
        f"augment: {{flip: true, shift: 1, cutout: 2, mixup: 0.2}}, {COMMON}}}\n"),
    "lora": (
        "task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny, lora: {rank: 2, dropout: 0.1}}\n"
        f"training: {{epochs: 2, batch_size: 16, micro_batch: 8, precision: fp32, threads: 1, {COMMON}}}\n"),
}


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen([sys.executable, "-m", "steelyard", "train", *words], cwd=folder, stderr=said, stdout=said, text=True,
                                env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})


def ended(process: subprocess.Popen[str], folder: Path, code: int = 0) -> str:
    process.wait(timeout=400)
    said = (folder / "said.txt").read_text()
    assert process.returncode == code, said
    return said


def facts(run: Path) -> dict[str, Any]:
    events = [json.loads(line) for line in (run / "logs" / "metrics.jsonl").read_text().splitlines()]
    rows = [{name: value for name, value in event.items() if name != "time" and not name.startswith("speed/")} for event in events]
    tensors = {str(path.relative_to(run)): path.read_bytes() for folder in ("model", "checkpoints")
               for path in sorted((run / folder).rglob("*.safetensors"))}
    told = json.loads((run / "run.json").read_text())
    return {"rows": rows, "tensors": tensors, "best": told["best"], "examples": told["examples"], "tokens": told.get("tokens"),
            "pointer": (run / "checkpoints/best").read_text()}


@pytest.mark.long
@pytest.mark.parametrize("name", JOBS)
def test_the_same_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "job.yaml").write_text(JOBS[name] + "evidence: {only: [quality], show_rows: false}\n")
    ended(started(tmp_path, "job.yaml", "--set", "run=whole"), tmp_path)
    whole = tmp_path / "runs/whole"
    chosen = json.loads((whole / "run.json").read_text())["chosen"]
    cut = started(tmp_path, "job.yaml", "--set", "run=cut")
    run, until = tmp_path / "runs/cut", time.monotonic() + 300
    while not list(run.glob("checkpoints/step-0000000[6-9]")) and cut.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    cut.send_signal(signal.SIGKILL)
    ended(cut, tmp_path, -9)
    assert not (run / "model").exists()
    ended(started(tmp_path, "--resume", "runs/cut"), tmp_path)
    assert facts(run) == facts(whole)
    assert json.loads((run / "run.json").read_text())["chosen"] == chosen
