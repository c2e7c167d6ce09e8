"""SIGTERM and Ctrl-C while a run prepares, trains, answers, saves and is weighed: a sentence, the exit code, and nothing is lost."""

import random
import signal
from pathlib import Path

import pytest
from harness import Job

# The signal comes from within, at the n-th call of that function: where a person's would come by chance.
HOOK = """
import os, importlib, tempfile
if {cold}:
    os.environ["STEELYARD_CACHE"] = tempfile.mkdtemp(dir="{folder}", prefix="cache-")
module = importlib.import_module("{module}")
owner = getattr(module, "{owner}") if "{owner}" else module
real, calls = getattr(owner, "{name}"), []
def hooked(*words, **more):
    calls.append(1)
    if len(calls) == {at}:
        os.kill(os.getpid(), {number})
    return real(*words, **more)
setattr(owner, "{name}", hooked)
"""
PHASES = {  # module, class, function, calls of it in a run
    "preparing": ("steelyard.engine.store", "", "write", 3),
    "measuring": ("steelyard.engine.job", "", "choose", 1),
    "training": ("steelyard.engine.train", "", "clipped", 12),
    "answering": ("steelyard.engine.answer", "", "_partials", 3),
    "saving": ("steelyard.engine.checkpoint", "", "write_tensors", 10),
    "saving the model": ("steelyard.engine.job", "", "_saved", 1),
    "weighing": ("steelyard.evidence.case", "", "answers", 1),
}


def struck(job: Job, folder: Path, phase: str, at: int, number: int) -> str:
    folder.mkdir()
    module, owner, name, _ = PHASES[phase]
    hook = HOOK.format(cold=phase == "preparing", folder=folder, module=module, owner=owner, name=name, at=at, number=int(number))
    ended = job.begin(folder, hook=hook)
    assert ended.code == 128 + number, (phase, ended.code, ended.said)
    said = ended.said.strip().splitlines()[-1]
    assert "Traceback" not in ended.said
    run = folder / "job"
    if (run / "run.json").is_file():
        assert "--resume" in said and str(run) in said, said
    else:
        assert "nothing was overwritten" in said
        ended.code = 0 - ended.code  # there is no folder to name yet
    return job.hold(folder, ended if ended.code < 0 else type(ended)(-15, ended.said, []))


@pytest.mark.parametrize("phase", PHASES)
def test_stopped(job: Job, tmp_path: Path, phase: str) -> None:
    number = signal.SIGINT if phase == "training" else signal.SIGTERM
    how = struck(job, tmp_path / "one", phase, (PHASES[phase][3] + 1) // 2, number)
    assert how == ("begun anew" if phase in ("preparing", "measuring") else "resumed")


@pytest.mark.long
@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in ("saving the model", "measuring")])
def test_stopped_twenty_times(job: Job, tmp_path: Path, phase: str) -> None:
    rng = random.Random(20)
    for i in range(20):
        struck(job, tmp_path / str(i), phase, rng.randint(1, PHASES[phase][3]), rng.choice([signal.SIGTERM, signal.SIGINT]))
    print(f"signal while {phase}: 20")
