"""The whole thread with every task: it learns its tiny set, and not a set without sense; it is weighed, asked, explained, told, resumed."""

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import steelyard
from steelyard import catalog, cli
from steelyard.engine.answer import columns
from steelyard.engine.ask import Asked
from steelyard.engine.job import begin, resume
from steelyard.engine.prepare import prepare
from steelyard.engine.split import Dataset
from steelyard.evidence.case import Case
from steelyard.evidence.quality import measures
from steelyard.math.sound import wav
from steelyard.parts import BadValue, Metric, Statistics, Task
from steelyard.recipe.reader import read
from steelyard.rows import Rows
from steelyard.run import Run

TASKS = catalog.names("tasks")
QUICK = {"threads": 1, "precision": "fp32", "compile": False, "layout": "contiguous"}
FEW = 12  # rows that are learnt by heart


def tiny(name: str, **training: Any) -> dict[str, Any]:
    own = catalog.load("tasks", name, "test").tiny
    return {**own, "run": "tiny", "training": {**own["training"], **QUICK, **training}}


def metric_of(task: Task) -> Metric:
    found: Metric = catalog.load("metrics", task.metrics[0], "test")()
    return found


def gain(metric: Metric, ours: Statistics, theirs: Statistics) -> tuple[float, float]:
    """The ends of the interval of how much better ours is."""
    found = metric.difference(ours, theirs)
    assert found.low is not None and found.high is not None
    return (found.low, found.high) if metric.better != "lower" else (-found.high, -found.low)


def measured(run: Run, rows: Rows) -> Statistics:
    asked = Asked(run)
    own = list(rows)
    return columns(asked.task.measure(row, answer) for row, answer in zip(own, asked.answers(own), strict=True))


def held(rows: Rows) -> pa.Table:
    return rows.table.take(pa.array(rows.chosen))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Task -> the run of its tiny recipe, trained once."""
    @cache
    def run(name: str) -> Run:
        return steelyard.train(tiny(name), out=tmp_path_factory.mktemp(name), quiet=True, evidence=False)

    return run


@pytest.mark.parametrize("name", TASKS)
def test_it_learns_its_tiny_set(name: str, trained: Any) -> None:
    case = Case(trained(name))
    assert case.constants is not None
    low, _ = gain(metric_of(case.task), case.answered.statistics, case.constants)
    assert low > 0, {name: quantity.value for name, quantity in measures(case, case.answered.statistics).items()}


@pytest.mark.parametrize("name", TASKS)
def test_it_learns_a_few_rows_by_heart(name: str, tmp_path: Path) -> None:
    """Nearly perfect where the rows to answer are those that were learnt, and far better than a constant."""
    own_targets = not any(column.target for column in catalog.load("tasks", name, "test").columns)  # another part is asked in each epoch
    steps = 480 if own_targets else 160
    recipe = read(tiny(name, epochs=None, steps=steps, batch_size=FEW, evaluate_every=steps // 4, augment={}))
    data = prepare(recipe).dataset
    few = data.rows["train"].select(np.arange(FEW))
    own = Dataset({"train": few, "validation": few, "test": few}, data.columns, data.found, data.files, data.bad, data.mark + "-few")
    run = begin(recipe, tmp_path, quiet=True, data=own)
    metric, statistics = metric_of(Asked(run).task), measured(run, few)
    value = metric.value(statistics)
    if metric.unit == "share":
        assert value >= 0.95 if metric.better == "higher" else value <= 0.05
    assert Asked(run).task.right(statistics).mean() >= 0.9


@pytest.mark.parametrize("name", TASKS)
def test_what_has_no_sense_is_not_learnt(name: str, trained: Any, tmp_path: Path) -> None:
    """Targets that are dealt out anew among the training rows teach nothing about others, but for what answers look like."""
    epochs = catalog.load("tasks", name, "test").tiny["training"].get("epochs", 2)
    recipe = read(tiny(name, epochs=max(1, epochs // 2)))
    prepared = prepare(recipe)
    data, rng = prepared.dataset, np.random.default_rng(5)
    targets = [column.name for column in data.columns if column.target]
    if not targets:
        pytest.skip("its texts are their own targets: there is nothing to deal out")
    splits = dict(data.rows)
    for split in ("train", "validation"):
        table = held(data.rows[split])
        dealt = pa.array(rng.permutation(table.num_rows))
        for column in targets:
            table = table.set_column(table.schema.get_field_index(column), table.schema.field(column), table[column].take(dealt))
        able = [number for number, row in enumerate(Rows(table)) if fits(prepared.task, row, prepared.processor)]
        splits[split] = Rows(table).select(able)
    run = begin(recipe, tmp_path, quiet=True, data=replace(data, rows=splits, mark=data.mark + "-dealt"))
    task, test = Asked(run).task, data.rows["test"]
    simple = list(task.counterweights().values())
    nobody = simple[-1] if metric_of(task).unit == "bits" else simple[0]  # what texts look like is most of their bits
    theirs = columns(task.measure(row, answer) for row, answer in zip(test, nobody(data.rows["train"], test), strict=True))
    metric = metric_of(task)
    dealt_out, nothing = metric.value(measured(run, test)), metric.value(theirs)
    sense = metric.value(Case(trained(name)).answered.statistics)
    assert (dealt_out - nothing) / (sense - nothing) < 0.4, (dealt_out, nothing, sense)



def fits(task: Task, row: Any, processor: Any) -> bool:
    """Whether a row can be encoded: a long transcript has no room in a short sound."""
    try:
        task.encode([row], processor)
    except BadValue:
        return False
    return True


@pytest.mark.parametrize("name", TASKS)
def test_it_is_weighed_and_told(name: str, trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_LANG", "en")
    run = steelyard.weigh(trained(name), seconds=2, quiet=True)
    documents = run.evidence("test") | run.evidence()
    assert {"quality", "data", "bias", "explanation", "cost"} <= set(documents)
    task = Case(run).task
    quality = documents["quality"]
    assert set(quality.quantities) == set(task.metrics)
    assert len(quality.details["sample"]) == 10
    for part in quality.details.get("parts", {}).values():
        assert set(part) == {"n", *task.detailed}
    assert bool(task.detailed) == bool(quality.details.get("parts"))
    page, card = run.page_about("test").read_text(encoding="utf-8"), run.card_file.read_text(encoding="utf-8")
    assert "One by one" in page if task.detailed else True
    assert f"pipeline_tag: {name}" in card or name in card


def given(row: Any, task: Task) -> dict[str, Any]:
    """The row as a person has it: a sound as a file's bytes, without the answer."""
    inputs = {column.name for column in task.columns if not column.target}
    own = {name: value for name, value in row.items() if name in inputs and value is not None}
    if task.takes == "audio":
        own["audio"] = wav(np.frombuffer(own["audio"], dtype="<i2"))
    return own


@pytest.mark.parametrize("name", TASKS)
def test_it_is_asked_and_explained(name: str, trained: Any) -> None:
    run = trained(name)
    asked = Asked(run)
    rows = list(Rows.open(run.data / "test.arrow").select(np.arange(4)))
    answers = list(steelyard.predict(run, [given(row, asked.task) for row in rows]))
    targets = {column.name for column in asked.task.columns if column.target}
    bare = [{name: value for name, value in row.items() if name not in targets} for row in rows]
    assert close(answers, [json.loads(json.dumps(answer)) for answer in asked.answers(bare)])
    assert all(asked.task.line(answer, 2) for answer in answers)
    found = steelyard.explain(run, given(rows[0], asked.task), ["occlusion"])
    units = found.said[0].units
    assert units and all(isinstance(unit["spot"], str) and np.isfinite(unit["score"]) for unit in units)


def close(a: Any, b: Any) -> bool:
    """JSON values alike, numbers to 1e-4."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == pytest.approx(b, abs=1e-4)) if isinstance(a, float) else bool(a == b)


@pytest.mark.parametrize("name", TASKS)
def test_it_goes_on_where_it_was_left(name: str, tmp_path: Path) -> None:
    """From an earlier checkpoint to the same bytes."""
    run = steelyard.train(tiny(name, epochs=None, steps=4, checkpoint_every=2, evaluate_every=2), out=tmp_path, quiet=True, evidence=False)
    weights = (run.model / "model.safetensors").read_bytes()
    cut = tmp_path / "cut"
    shutil.copytree(run.folder, cut)
    shutil.rmtree(cut / "model")
    kept = sorted(path for path in (cut / "checkpoints").iterdir() if path.name.startswith("step-"))
    assert len(kept) > 1, "an earlier checkpoint is kept"
    shutil.rmtree(kept[-1])
    again = Run.open(cut)
    manifest = {key: value for key, value in again.manifest().items() if key not in ("steps", "finished", "seconds", "best")}
    (cut / "run.json").write_text(json.dumps({**manifest, "state": "training"}), encoding="utf-8")
    resume(again, quiet=True)
    assert (cut / "model" / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("name", TASKS)
def test_it_says_how_to_begin(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STEELYARD_LANG", "en")
    part = catalog.load("tasks", name, "test")
    assert set(part.forms) <= set(catalog.names("sources"))
    assert set(part.detailed.values()) <= set(catalog.names("metrics"))
    assert cli.main(["tasks", name]) == 0
    out = capsys.readouterr().out
    for words in (f"{name}: ", "  columns: ", "  forms of data: ", "  new models: ", "  metrics: ", f"steelyard train {name}.yaml"):
        assert words in out
