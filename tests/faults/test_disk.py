"""Real disks: full, with a limit for a file's size, read-only, and a folder that is gone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Job

from steelyard.engine import checkpoint

ROOM = "size=40m"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of its own."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", ROOM, "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


# Once step 5 is done the disk is filled up by this very process; BACK makes room again after step 10.
FILL = """
import os
from steelyard.engine.step import Stepper
real = Stepper.gradients
def gradients(self, indices, key, behind=1.0):
    begun = os.path.exists("job/logs/metrics.jsonl")  # steps are taken beforehand too, to measure
    if begun and key.step == {at}:
        with open("{file}", "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
    if begun and key.step == {back}:
        os.unlink("{file}")
    return real(self, indices, key, behind)
Stepper.gradients = gradients
"""


def test_a_full_disk_is_survived_where_room_comes_back(job: Job, mounted: Path) -> None:
    ended = job.begin(mounted, hook=FILL.format(file=mounted / "filler", at=5, back=10))
    assert ended.code == 0, ended.said
    assert "training goes on, and tries again later" in ended.said
    assert job.hold(mounted, ended) == "survived"


def test_a_full_disk_to_the_end(job: Job, mounted: Path) -> None:
    ended = job.begin(mounted, hook=FILL.format(file=mounted / "filler", at=5, back=10**9))
    assert ended.code == 4, ended.said
    last = ended.said.strip().splitlines()[-1]
    assert "Traceback" not in ended.said and "step-00000012" in last and "the last whole one is step-00000004" in last
    (mounted / "filler").unlink()
    assert job.hold(mounted, ended) == "resumed"


def test_a_full_disk_before_the_first_checkpoint(job: Job, mounted: Path) -> None:
    ended = job.begin(mounted, hook=FILL.format(file=mounted / "filler", at=1, back=10**9))
    assert ended.code == 4 and "No space left on device" in ended.said.strip().splitlines()[-1], ended.said
    (mounted / "filler").unlink()
    assert job.hold(mounted, ended) == "resumed"


def test_a_limit_for_the_size_of_files(job: Job, tmp_path: Path) -> None:
    size = max(path.stat().st_size for path in job.run.rglob("*.safetensors"))
    ended = job.begin(tmp_path, limit=size - 1000)
    assert ended.code == 4 and "File too large" in ended.said.strip().splitlines()[-1], ended.said
    assert job.hold(tmp_path, ended) == "resumed"


def test_a_folder_that_may_not_be_written_any_more(job: Job, tmp_path: Path) -> None:
    """Immutable, so that root meets it too."""
    run = tmp_path / "job"
    pid = job.nursery.start(tmp_path, "train", str(job.recipe), "--out", str(tmp_path), hook=SLOW)
    waited(run / "checkpoints/step-00000004")
    os.kill(pid, signal.SIGSTOP)
    made = subprocess.run(["chattr", "+i", str(run / "checkpoints")], capture_output=True)
    os.kill(pid, signal.SIGCONT)
    ended = job.nursery.end()
    if made.returncode:
        pytest.skip("this disk knows no immutable folders, or chattr is not there")
    refused = job.nursery.run(tmp_path, "train", "--resume", str(run))
    subprocess.run(["chattr", "-i", str(run / "checkpoints")], check=True)
    assert refused.code in (2, 4) and "Traceback" not in refused.said and str(run) in refused.said.strip().splitlines()[-1], refused.said
    assert ended.code == 4, ended.said
    assert job.hold(tmp_path, ended, "Operation not permitted") == "resumed"


SLOW = """
import time
from steelyard.engine.step import Stepper
real = Stepper.gradients
def gradients(self, indices, key, behind=1.0):
    time.sleep(0.3 if key.step > 3 else 0)
    return real(self, indices, key, behind)
Stepper.gradients = gradients
"""


def waited(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.01)


def test_a_folder_that_vanishes(job: Job, tmp_path: Path) -> None:
    run = tmp_path / "job"
    job.nursery.start(tmp_path, "train", str(job.recipe), "--out", str(tmp_path), hook=SLOW)
    waited(run / "checkpoints/step-00000004")
    run.rename(tmp_path / "elsewhere")
    ended = job.nursery.end()
    last = ended.said.strip().splitlines()[-1]
    assert ended.code == 4 and "Traceback" not in ended.said and "No such file or directory" in last and str(run) in last, ended.said
    assert not run.exists(), "what is gone is not made anew"
    (tmp_path / "elsewhere").rename(run)
    assert checkpoint.damage(run / "checkpoints/step-00000004") is None
    assert job.hold(tmp_path, ended, "No such file") == "resumed"


def test_the_second_process_is_refused(job: Job, tmp_path: Path) -> None:
    run = tmp_path / "job"
    shutil.copytree(job.run, run)
    import fcntl

    handle = os.open(run, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for words in (("train", "--resume"), ("weigh",)):
            ended = job.nursery.run(tmp_path, *words, str(run))
            assert ended.code == 2 and f'another process is at work in "{run}"' in ended.said and ended.said.count("\n") == 1
    finally:
        os.close(handle)
    assert job.nursery.run(tmp_path, "weigh", str(run)).code == 0
