"""The k-th write, fsync, rename or unlink within a run: killed there, refused, cut short. After each the four conditions of `Job.hold`."""

from collections import Counter
from pathlib import Path

import pytest
from harness import EIO, ENOSPC, FSYNC, FULL, KILL, RENAME, SHORT, TORN, UNLINK, WRITE, Job

CALLS = {"write": WRITE, "fsync": FSYNC, "rename": RENAME, "unlink": UNLINK}
ACTIONS = {"killed": KILL, "killed half-way": TORN, "EIO": EIO, "ENOSPC": ENOSPC, "short": SHORT, "full from there on": FULL}
SAYS = {EIO: "Input/output error", ENOSPC: "No space left on device", FULL: "No space left on device"}


def strike(job: Job, folder: Path, call: int, k: int, action: int) -> str:
    folder.mkdir()
    ended = job.begin(folder, fault=(folder, call, k, action))
    assert ended.code in ((-9,) if action in (KILL, TORN) else (0, 4)), ended.said
    return job.hold(folder, ended, SAYS.get(action, ""))


def sample(count: int, number: int) -> list[int]:
    """So many of 1 ... count, evenly, the last among them."""
    return sorted({1 + round(i * (count - 1) / (number - 1)) for i in range(number)}) if number > 1 else [count]


@pytest.mark.parametrize(("call", "action", "number"), [("write", KILL, 2), ("write", EIO, 2), ("fsync", KILL, 1), ("fsync", ENOSPC, 1),
                                                        ("rename", KILL, 2), ("unlink", KILL, 1), ("write", SHORT, 1)])
def test_some_calls(job: Job, tmp_path: Path, call: str, action: int, number: int) -> None:
    count = job.counts[CALLS[call]]
    assert count > number
    for k in sample(count * 2 // 3, number):
        strike(job, tmp_path / str(k), CALLS[call], k, action)


@pytest.mark.long
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("call", CALLS)
def test_every_call(job: Job, tmp_path: Path, call: str, action: str) -> None:
    if action in ("short", "killed half-way") and call != "write":
        pytest.skip("only a write has halves")
    outcomes = Counter(strike(job, tmp_path / str(k), CALLS[call], k, ACTIONS[action]) for k in range(1, job.counts[CALLS[call]] + 1))
    print(f"{call}, {action}: {job.counts[CALLS[call]]} calls: {dict(outcomes)}")
