"""This machine, measured: the peak of matrix products and of memory; kept in the cache, and what is wrong with it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from steelyard.engine import cache, machine
from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.run import read_json, write_json

SIDE = 2048  # of the square matrices: large enough that the product, not the memory, decides
COPIED = 256 << 20  # bytes
SECONDS = 1.0
FREE = 1 << 30  # bytes of disk and of memory below which something will fail
LEANS_ON = ("steelyard", "torch", "transformers", "tokenizers", "safetensors", "numpy", "pyarrow", "scikit-learn", "pillow",
            "tensorboard")
OLDEST = (5, 3)  # of Transformers: before, a config.json could run code


def kept_file() -> Path:
    """Where what was measured is kept; an entry a machine, since caches are copied and shared."""
    return cache.root() / "doctor.json"


def mark(facts: Mapping[str, Any]) -> str:
    """The machine, as run.json names it, without what changes by the minute."""
    return cache.fingerprint({key: facts.get(key) for key in ("system", "processor", "cores", "accelerator")})


def peak(facts: Mapping[str, Any], threads: int, precision: str) -> float | None:
    """FLOP/s of a matrix product on the machine that `facts` name, or None where that was not measured with so many threads."""
    entry = _kept().get(mark(facts))
    if not isinstance(entry, dict) or entry.get("threads") != threads:
        return None
    value = entry.get("matmul_flops", {}).get(precision)
    return float(value) if value else None


def _kept() -> dict[str, Any]:
    try:
        return read_json(kept_file()) if kept_file().is_file() else {}
    except InputError:
        return {}  # half a file of another program: what it said is measured anew


def measure(seconds: float) -> dict[str, Any]:
    """{"threads", "matmul_flops": {"fp32", "bf16"}, "copy_bytes", "load"}: FLOP/s and bytes/s; each for so many seconds."""
    threads = machine.cores()
    torch.set_num_threads(threads)
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    load = round(os.getloadavg()[0], 2)
    return {"threads": threads, "matmul_flops": {name: _matmul(kind, seconds) for name, kind in kinds.items()},
            "copy_bytes": _copy(seconds), "load": load, "torch": str(torch.__version__)}


def keep(measured: Mapping[str, Any]) -> None:
    """Write it into the cache. Raises OutsideError."""
    write_json(kept_file(), {**_kept(), mark(machine.facts()): dict(measured)})


def _best(work: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest run: a peak is what the machine can do, so neighbours must not lower it."""
    where = machine.device()

    def timed() -> float:
        start = time.perf_counter()
        work()
        if where.type == "cuda":
            torch.cuda.synchronize(where)
        return time.perf_counter() - start

    timed()
    until, best = time.perf_counter() + seconds, timed()
    while time.perf_counter() < until:
        best = min(best, timed())
    return best


def _matmul(kind: torch.dtype, seconds: float) -> float:
    left, right = (torch.randn(SIDE, SIDE, device=machine.device()).to(kind) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * SIDE**3 / _best(lambda: torch.matmul(left, right, out=out), seconds)


def _copy(seconds: float) -> float:
    source = torch.ones(COPIED // 4, device=machine.device())
    target = torch.empty_like(source)
    return 2 * COPIED / _best(lambda: target.copy_(source), seconds)  # read once, written once


def versions() -> dict[str, str | None]:
    """Of what steelyard leans on; None where it is missing."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for name in LEANS_ON:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def wrong(runs: Path) -> list[Sentence]:
    """What is wrong with this machine, a sentence each with its remedy.

    runs   the folder that runs are written to
    """
    found = []
    for name, number in versions().items():
        if number is None:
            found.append(say("{name} is not installed: pip install {name}", name=name))
        elif name == "transformers" and _numbers(number) < OLDEST:
            found.append(say("transformers {number} is too old: before 5.3 a model's config.json could run code; "
                             "pip install -U transformers", number=number))
    if machine.free_memory() < FREE:
        found.append(say("only {mib:.0f} MiB of memory are free; a training wants 1 GiB at least", mib=machine.free_memory() / machine.MIB))
    for what, folder in (("STEELYARD_CACHE", cache.root()), ("--out", runs)):
        found += _disk(what, folder)
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _disk(what: str, folder: Path) -> list[Sentence]:
    there = existing(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        return [say('"{folder}" cannot be written to; name another folder with {what}', folder=folder, what=what)]
    free = shutil.disk_usage(there).free
    return [] if free >= FREE else [say('the disk of "{folder}" has only {mib:.0f} MiB left; make room, or name another folder with {what}',
                                        folder=folder, mib=free / machine.MIB, what=what)]


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there: where it would be made."""
    whole = Path(os.path.abspath(folder))
    return next(place for place in (whole, *whole.parents) if place.is_dir())


def disk(folder: Path) -> int:
    """Free bytes where `folder` is or would be."""
    return shutil.disk_usage(existing(folder)).free
