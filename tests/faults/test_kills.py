"""kill -9 at a random moment of a run, and of the run that resumes it; then the four conditions of `Job.hold`."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Ended, Job

AHEAD = 1.05  # of the undisturbed run's time: some kills come when all is done


def killed(job: Job, folder: Path, seconds: float, *words: str) -> Ended:
    """The command, killed after so many seconds, if it still runs then."""
    pid = job.nursery.start(folder, *words)
    time.sleep(seconds)
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, signal.SIGKILL)
    return job.nursery.end()


def trial(job: Job, folder: Path, rng: random.Random) -> str:
    folder.mkdir()
    ended = killed(job, folder, rng.uniform(0.05, AHEAD) * job.seconds, "train", str(job.recipe), "--out", str(folder))
    run = folder / "job"
    if ended.code and (run / "run.json").is_file() and rng.random() < 0.3:  # the resume is killed too
        ended = killed(job, folder, rng.uniform(0.05, AHEAD) * job.seconds, "train", "--resume", str(run))
    return job.hold(folder, ended)


def trials(job: Job, folder: Path, number: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    return Counter(trial(job, folder / str(i), rng) for i in range(number))


def test_six_kills(job: Job, tmp_path: Path) -> None:
    assert sum(trials(job, tmp_path, 6, 6).values()) == 6


@pytest.mark.long
def test_a_hundred_kills(job: Job, tmp_path: Path) -> None:
    outcomes = trials(job, tmp_path, 100, 100)
    print(f"kill -9 at a random moment: {sum(outcomes.values())}: {dict(outcomes)}")
    assert outcomes["resumed"] > 30
