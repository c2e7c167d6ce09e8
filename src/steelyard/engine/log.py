"""Where events of a training go: metrics.jsonl (the truth), TensorBoard, and a person's terminal or log."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from steelyard.engine import board
from steelyard.engine.disk import Lines
from steelyard.run import Run

Event = Mapping[str, Any]  # {"step", "epoch", "train/loss"...}: names as TensorBoard shows them
Logger = Callable[[Event], None]
UNITS = {"speed/examples_per_second": "examples/s", "speed/tokens_per_second": "tokens/s", "speed/mfu": "MFU",
         "speed/waiting": "waiting for data"}


class Log:
    """All loggers of a run; a context, so that files are closed.

    settings, metrics   for TensorBoard's HPARAMS tab: what was set, and the tag of every metric that will come
    judged              whether the validation after `from_step` was told; else it comes once more

    A full disk costs no line of metrics.jsonl as long as the process lives; TensorBoard and train.log go on without what it cost them.
    """

    def __init__(self, run: Run, total: int, quiet: bool = False, from_step: int = 0,
                 settings: Mapping[str, board.Setting] | None = None, metrics: Sequence[str] = (), judged: bool = True) -> None:
        began = run.metrics_file.exists()
        cut_back(run.metrics_file, from_step, judged)
        self.lines = Lines(run.metrics_file, waits=True)
        self.board = board.writer(run.logs, from_step if began else None)
        if settings is not None:
            board.begin(self.board, settings, metrics, time.time())
        self.shown = None if quiet else Shown(total, run.logs / "train.log")
        self.start = time.perf_counter()

    def __call__(self, event: Event) -> None:
        """One event to each."""
        self.lines.add((json.dumps({**event, "time": round(time.perf_counter() - self.start, 3)}) + "\n").encode())
        for name, value in event.items():
            if name not in ("step", "time", "epoch") and isinstance(value, int | float):
                self.board.add_scalar(name, value, event["step"])
        if "train/loss" in event:
            self.board.add_scalar("train/epoch", event["epoch"], event["step"])
        if self.shown is not None:
            self.shown(event)

    def sure(self) -> None:
        """What was told lies on the disk: before a checkpoint is written, which says that it does. Raises OutsideError."""
        self.lines.sure()

    def note(self, text: str) -> None:
        """A sentence for the person, and for train.log."""
        if self.shown is not None:
            self.shown.note(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lines.close()
        board.end(self.board, error is None, time.time())
        self.board.close()
        if self.shown is not None:
            self.shown.close()


class Shown:
    """A bar on a terminal, plain lines elsewhere and in train.log; all on standard error."""

    def __init__(self, total: int, file: Path) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.file = Lines(file, waits=False)
        self.terminal = sys.stderr.isatty()
        self.bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                            TextColumn("{task.fields[last]}"), console=Console(stderr=True), disable=not self.terminal)
        self.task = self.bar.add_task("", total=total, last="")
        self.bar.start()

    def __call__(self, event: Event) -> None:
        """The step and what was measured there."""
        names = [name for name in event if "/" in name and name not in ("train/learning_rate", "train/grad_norm")]
        words = "  ".join(_short(name, event[name]) for name in names if isinstance(event[name], int | float))
        line = f"step {event['step']}  epoch {event['epoch']:.2f}  {words}"
        self.file.add((line + "\n").encode())
        self.bar.update(self.task, completed=event["step"], last=words)
        if not self.terminal and any(name.startswith("eval/") for name in names):
            print(line, file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """A line of its own."""
        self.file.add((text + "\n").encode())
        self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """The bar stays as it was last."""
        self.bar.stop()
        self.file.close()


def cut_back(file: Path, step: int, judged: bool = True) -> None:
    """Cut off the events after `step`, and half a line: a resumed run says nothing twice. judged: as Log's."""
    if not file.exists():
        return
    end = 0
    with file.open("rb+") as lines:
        for line in lines:
            try:
                event = json.loads(line)
                late = event["step"] > step or (not judged and event["step"] == step and any(name.startswith("eval/") for name in event))
            except (ValueError, KeyError, TypeError, RecursionError):
                late = True
            if late or not line.endswith(b"\n"):
                break
            end += len(line)
        lines.truncate(end)


def _short(name: str, value: float) -> str:
    """"eval/accuracy 0.912", "3,214 examples/s", "41.0% MFU": a number with its name, short enough for a line with others."""
    if name not in UNITS:
        return f"{name} {value:.4g}"
    number = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") if name.endswith("_per_second") else f"{value:.1%}"
    return f"{number} {UNITS[name]}"


def last(run: Run, metrics: Mapping[str, float | None], step: int) -> None:
    """What is known once a run is trained or weighed, under the names that were declared for the HPARAMS tab; what is None is left out."""
    writer = board.writer(run.logs)
    for name, value in metrics.items():
        if value is not None:
            writer.add_scalar(name, value, step)
    writer.close()
