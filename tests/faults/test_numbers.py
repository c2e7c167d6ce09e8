"""NaN in a batch, a gradient, a weight, a metric: it stops before the update and says where, or is never the best."""

import json
import random
from pathlib import Path

import pytest
from harness import Job

from steelyard.engine import checkpoint

BATCH = """
import os
from steelyard.engine.step import Stepper
real = Stepper.gradients
def gradients(self, indices, key, behind=1.0):
    if key.step == {at} and os.path.exists("job/logs/metrics.jsonl"):
        inner = self.collated
        def collated(*words, **more):
            batch = inner(*words, **more)
            next(iter(batch.inputs.values())).view(-1)[3] = float("{value}")
            return batch
        self.collated, self.small, self.ahead = collated, False, {{}}
    return real(self, indices, key, behind)
Stepper.gradients = gradients
"""
GRADIENT = """
from steelyard.engine import train
real, calls = train.clipped, []
def clipped(weights, longest):
    calls.append(1)
    if len(calls) == {at} + 1:
        weights[0].grad.view(-1)[0] = float("{value}")
    return real(weights, longest)
train.clipped = clipped
"""
WEIGHT = """
import os
from steelyard.engine.step import Stepper
real = Stepper.gradients
def gradients(self, indices, key, behind=1.0):
    if key.step == {at} and os.path.exists("job/logs/metrics.jsonl"):  # steps are taken beforehand too, to measure
        next(iter(self.model.parameters())).data.view(-1)[0] = float("{value}")
    return real(self, indices, key, behind)
Stepper.gradients = gradients
"""
SAVED = """
from steelyard.engine import train
real = train.Learner.checkpoint
def checkpoint(self, done, *words):
    if done > {at}:
        next(iter(self.model.parameters())).data.view(-1)[0] = float("{value}")
    return real(self, done, *words)
train.Learner.checkpoint = checkpoint
"""
METRIC = """
from steelyard.engine import train
real, calls = train.validate, []
def validate(*words):
    calls.append(1)
    found = real(*words)
    return {{name: float("nan") for name in found}} if len(calls) == {at} else found
train.validate = validate
"""
HOOKS = {"batch": BATCH, "gradient": GRADIENT, "weight": WEIGHT, "saved": SAVED}


def struck(job: Job, folder: Path, what: str, at: int, value: str) -> None:
    folder.mkdir()
    ended = job.begin(folder, hook=HOOKS[what].format(at=at, value=value))
    assert ended.code == 4, ended.said
    said = ended.said.strip().splitlines()[-1]
    step = next(due for due in (4, 8, 12) if due > at) if what == "saved" else at + 1
    assert f"step {step}" in said and "not finite" in said and "Traceback" not in ended.said, said
    if what != "saved":
        assert "builtin:digits" in said and "nothing was updated" in said
    newest = checkpoint.newest(folder / "job/checkpoints")[0]
    assert newest is None or all(bool(tensor.isfinite().all()) for tensor in newest.model.values())
    again = job.nursery.run(folder, "train", "--resume", str(folder / "job"))
    assert again.code == 0, again.said
    from harness import facts

    assert facts(folder / "job") == job.facts


@pytest.mark.parametrize(("what", "at", "value"), [("batch", 6, "nan"), ("gradient", 5, "inf"), ("weight", 9, "nan"), ("saved", 7, "nan")])
def test_it_stops_before_the_update(job: Job, tmp_path: Path, what: str, at: int, value: str) -> None:
    struck(job, tmp_path / "one", what, at, value)


def test_a_metric_that_is_no_number_is_never_the_best(job: Job, tmp_path: Path) -> None:
    ended = job.begin(tmp_path, hook=METRIC.format(at=1))
    assert ended.code == 0, ended.said
    told = json.loads((tmp_path / "job/run.json").read_text())
    assert told["best"]["step"] in (10, 12) and told["best"]["value"] is not None


@pytest.mark.long
@pytest.mark.parametrize("what", HOOKS)
def test_twenty(job: Job, tmp_path: Path, what: str) -> None:
    rng = random.Random(20)
    for i in range(20):
        struck(job, tmp_path / str(i), what, rng.randrange(12), rng.choice(["nan", "inf"]))
    print(f"no number in {what}: 20")


@pytest.mark.long
def test_twenty_metrics(job: Job, tmp_path: Path) -> None:
    for i in range(20):
        folder = tmp_path / str(i)
        folder.mkdir()
        assert job.begin(folder, hook=METRIC.format(at=1 + i % 3)).code == 0
        assert json.loads((folder / "job/run.json").read_text())["best"]["step"] != (5, 10, 12)[i % 3]
    print("no number in metric: 20")
