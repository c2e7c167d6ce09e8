"""The machine: cores, memory that is free, the peak of this process, how it is named in run.json."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

MIB = 1 << 20
CGROUP = Path("/sys/fs/cgroup")


def device() -> torch.device:
    """The accelerator where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cores() -> int:
    """Cores that this process may use: affinity and the cgroup's quota."""
    allowed = len(os.sched_getaffinity(0)) if platform.system() == "Linux" else os.cpu_count() or 1
    quota = _words(CGROUP / "cpu.max")
    return max(1, min(allowed, int(quota[0]) // int(quota[1]))) if len(quota) == 2 and quota[0] != "max" else allowed


def free_memory() -> int:
    """Bytes that this process may still take: MemAvailable, and what its cgroup's limit leaves."""
    available = _meminfo().get("MemAvailable", 4 << 30)
    limit, used = _words(CGROUP / "memory.max"), _words(CGROUP / "memory.current")
    return min(available, int(limit[0]) - int(used[0])) if limit and used and limit[0] != "max" else available


def crowd() -> float:
    """Processes that want to run, over the last minute, for each core that this process may use."""
    return os.getloadavg()[0] / cores()


def reset_peak() -> bool:
    """Start the peak of this process anew; False where the system does not let us."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_memory() -> int | None:
    """The largest resident size since `reset_peak`, in bytes; None where the system does not say."""
    return _status("VmHWM")


def resident_memory() -> int | None:
    """The resident size of this process now, in bytes."""
    return _status("VmRSS")


def facts() -> dict[str, Any]:
    """What run.json says of the machine; no host name, no user name."""
    named = (line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name"))
    model = next(named, platform.processor())
    where = device()
    return {"system": platform.system(), "processor": model, "cores": cores(), "memory_mib": _meminfo().get("MemTotal", 0) // MIB,
            "accelerator": torch.cuda.get_device_name(where) if where.type == "cuda" else None, "load": round(os.getloadavg()[0], 2)}


def _status(key: str) -> int | None:
    line = next((line for line in _lines(Path("/proc/self/status")) if line.startswith(key + ":")), None)
    return int(line.split()[1]) * 1024 if line else None


def _meminfo() -> dict[str, int]:
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in _lines(Path("/proc/meminfo")) if line}


def _words(path: Path) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []  # another system, or a container that hides it
