"""A job of seconds, what it gives when nothing happens, and the four conditions that hold after every fault."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.engine import checkpoint

HERE = Path(__file__).parent / "faults"
WRITE, FSYNC, RENAME, UNLINK = range(4)
KILL, EIO, ENOSPC, SHORT, FULL, TORN = range(6)
RECIPE = ("task: image-classification\ndata: {train: builtin:digits}\nmodel: {family: mlp, size: tiny}\nrun: job\n"
          "training: {steps: 12, batch_size: 64, checkpoint_every: 4, evaluate_every: 5, log_every: 4, keep_checkpoints: 2, ema: 0.8, "
          "threads: 1, precision: fp32, layout: contiguous, micro_batch: 64, compile: false}\n"
          "evidence: {only: [quality], show_rows: false}\n")
TIMES = ("time",)


@dataclass
class Ended:
    """How a command ended: exit code (negative: the signal), what it said, and the calls of each kind that were counted."""

    code: int
    said: str
    counts: list[int]


class Nursery:
    """The process that forks one for each command."""

    def __init__(self, layer: Path | None, folder: Path) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
        if layer is not None:
            env["LD_PRELOAD"] = str(layer)
        self.logs, self.number = folder, 0
        self.process = subprocess.Popen([sys.executable, str(HERE / "nursery.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=env)
        self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the nursery is dead"
        return json.loads(line)

    def start(self, folder: Path, *words: str, fault: tuple[Path, int, int, int] | None = None, limit: int = 0, hook: str = "") -> int:
        """The pid of a command that has just begun; `end` waits for it."""
        self.number += 1
        self.log = self.logs / f"{self.number}.log"
        told = {"words": words, "folder": str(folder), "log": str(self.log), "limit": limit, "hook": hook,
                "fault": None if fault is None else [str(fault[0]), *fault[1:]]}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        return int(self._answer()["pid"])

    def end(self) -> Ended:
        """Waits."""
        code = int(self._answer()["code"])
        counts = Path(f"{self.log}.counts")
        said = self.log.read_text(encoding="utf-8", errors="replace")
        return Ended(code, said, json.loads(counts.read_text()) if counts.exists() else [])

    def run(self, folder: Path, *words: str, fault: tuple[Path, int, int, int] | None = None, limit: int = 0,
            hook: str = "") -> Ended:
        """A command from begin to end."""
        self.start(folder, *words, fault=fault, limit=limit, hook=hook)
        return self.end()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


@dataclass
class Job:
    """The job, and what an undisturbed run of it gave."""

    nursery: Nursery
    recipe: Path
    facts: dict[str, Any]
    counts: list[int]  # calls of each kind in the undisturbed run
    run: Path  # the undisturbed one
    seconds: float  # that it took

    def begin(self, folder: Path, **how: Any) -> Ended:
        """`train` in a folder, with a fault."""
        return self.nursery.run(folder, "train", str(self.recipe), "--out", str(folder), **how)

    def hold(self, folder: Path, ended: Ended, says: str = "") -> str:
        """The four conditions; how it came out: "survived", "resumed", "begun anew"."""
        run = folder / "job"
        assert "Traceback" not in ended.said, ended.said
        if ended.code > 0:
            last = ended.said.strip().splitlines()[-1]
            assert says in last and str(folder) in last, ended.said  # (1)
        newest = checkpoint.committed(run / "checkpoints")
        assert not newest or checkpoint.damage(newest[-1]) is None, checkpoint.damage(newest[-1])  # (2)
        how = "survived"
        if not (run / "run.json").is_file():
            assert ended.code != 0
            shutil.rmtree(run, ignore_errors=True)
            again, how = self.begin(folder), "begun anew"
            assert again.code == 0, again.said
        elif ended.code != 0:
            again, how = self.nursery.run(folder, "train", "--resume", str(run)), "resumed"
            assert again.code == 0 or (again.code == 2 and "is finished" in again.said), again.said
        assert facts(run) == self.facts  # (3)
        assert not list(run.rglob("*.tmp"))  # (4)
        return how


def facts(run: Path) -> dict[str, Any]:
    """All that a resume repeats to the bit: the model; weights, optimiser, average and best of the last checkpoint; pointers; metric rows.

    Not the times, and not which older checkpoints are left: one that found no room is not written later.
    """
    events = [json.loads(line) for line in (run / "logs/metrics.jsonl").read_text().splitlines()]
    pointers = [(run / "checkpoints" / name).read_text().strip() for name in ("latest", "best")]
    folders = [run / "model", *(run / "checkpoints" / name for name in pointers)]
    tensors = {str(path.relative_to(run)): path.read_bytes() for folder in folders for path in sorted(folder.glob("*.safetensors"))}
    told = json.loads((run / "run.json").read_text())
    return {"metrics": [{name: value for name, value in event.items() if name not in TIMES and not name.startswith("speed/")}
                        for event in events],
            "tensors": tensors, "pointers": pointers,
            "best": told["best"], "state": told["state"], "rows": (run / "data/test.arrow").read_bytes()}
