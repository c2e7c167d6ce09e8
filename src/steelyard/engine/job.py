"""A training from the first weight to the saved model, in a run folder: begun, resumed, and its files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard import hub
from steelyard.engine import checkpoint, examine, log, machine, seeds, shaped, watch
from steelyard.engine.again import data_hash, hold_same, longer, take
from steelyard.engine.ancestry import keep as keep_traces
from steelyard.engine.chosen import Chosen, Reason
from steelyard.engine.disk import failed, flush, held, tidy
from steelyard.engine.forecast import Forecast, forecast
from steelyard.engine.hub import model_hash
from steelyard.engine.measure import choose
from steelyard.engine.noticed import noticed
from steelyard.engine.prepare import Prepared, prepare, task_state, versions
from steelyard.engine.quiet import no_bars
from steelyard.engine.signals import poll, stoppable
from steelyard.engine.split import Dataset
from steelyard.engine.train import Trained, best_metric, train
from steelyard.errors import InputError, OutsideError
from steelyard.language import Sentence, say
from steelyard.parts import Batch, Key
from steelyard.recipe.reader import anchored, read
from steelyard.recipe.recipe import Recipe
from steelyard.recipe.writer import dump
from steelyard.run import Run, write_text


def begin(recipe: Recipe, root: Path, quiet: bool = False, data: Dataset | None = None) -> Run:
    """Prepare, measure, train, save. The run's folder is made once nothing of the input can be wrong any more. data: see `prepare`."""
    prepared = prepare(recipe, data)
    best_metric(prepared)
    model = first_model(prepared)
    if (remark := shaped.remark(prepared.recipe)) is not None and not quiet:
        print(remark, file=sys.stderr)
    if not quiet:
        for finding in noticed(prepared.task, prepared.dataset.rows, prepared.dataset.mark):
            print(finding.why, file=sys.stderr)
    machine.reset_peak()
    chosen, reasons = choose(prepared, model)
    bill = forecast(prepared, model, chosen)
    if not quiet:
        print(_foretold(bill), file=sys.stderr, flush=True)
    poll()
    run = Run.create(root / (recipe.run or recipe.task))
    with held(run.folder):
        write_text(run.recipe_file, dump(anchored(prepared.recipe)))
        run.update({"state": "training", "started": _now(), **_facts(prepared, model, chosen, reasons), "forecast": bill.to_json()})
        _train(prepared, model, chosen, run, quiet)
    return run


def adopt(recipe: Recipe, root: Path) -> Run:
    """A run of a model that somebody else made: nothing is trained, the model is copied as it is."""
    prepared = prepare(recipe)
    if "test" not in prepared.dataset.rows:
        raise InputError(say("{where}: missing; name the rows that the model is judged on", where=recipe.where("data.test")))
    model = first_model(prepared)
    chosen = Chosen(machine.cores(), "fp32", "contiguous", 1)
    run = Run.create(root / (recipe.run or recipe.task))
    write_text(run.recipe_file, dump(anchored(prepared.recipe)))
    run.update({"state": "training", "started": _now(), **_facts(prepared, model, chosen, [])})
    keep_rows(run, prepared)
    keep_traces(run, prepared.recipe, prepared.dataset)
    save_model(model, prepared, run)
    run.update({"state": "trained", "finished": _now(), "seconds": {"total": 0.0}, "steps": 0,
                "model": {**run.manifest()["model"], **_saved(run)}})
    return run


def resume(run: Run, quiet: bool = False, asked: Recipe | None = None) -> Run:
    """Go on from the newest whole checkpoint, or with the weighing where training is done.

    asked   a recipe that was given along: it may differ in what says nothing about the weights (`again.FREE`)
    Raises InputError where the run is finished, or recipe, data or version are others.
    """
    with held(run.folder):
        manifest = run.manifest()
        if manifest.get("state") not in ("training", "trained"):
            raise InputError(say('"{run}" is finished: there is nothing to resume', run=run.folder))
        tidy(run.folder)
        trains = manifest["state"] == "training"
        if not trains and asked is None:
            return run
        prepared = prepare(read(run.recipe_file) if asked is None else asked)
        if asked is not None:
            take(run, prepared)
        if trains:
            hold_same(run, prepared)
            _train(prepared, None, Chosen(**manifest["chosen"]), run, quiet)
    return run


def extend(parent: Run, epochs: float, root: Path, quiet: bool = False) -> Run:
    """Go on from the end of a finished run, as a new run that names it: the same order of rows, the schedule of a training so much longer.

    Raises InputError where the parent is not finished, keeps no checkpoint, or its data changed.
    """
    recipe, told = longer(parent, epochs), parent.manifest()
    found, wrong = checkpoint.newest(parent.checkpoints)
    if found is None:
        raise InputError(wrong[0] if wrong else say('"{run}" keeps no checkpoint to go on from', run=parent.folder))
    prepared = prepare(recipe)
    hold_same(parent, prepared)
    model, chosen = first_model(prepared), Chosen(**told["chosen"])
    run = Run.create(root / (recipe.run or recipe.task))
    with held(run.folder):
        run.logs.mkdir()
        if parent.metrics_file.is_file():
            shutil.copyfile(parent.metrics_file, run.metrics_file)
        checkpoint.save(run.checkpoints, replace(found, state={**found.state, "waited": 0}), 1)
        write_text(run.recipe_file, dump(anchored(prepared.recipe)))
        run.update({"state": "training", "started": _now(), **_facts(prepared, model, chosen, []), "reasons": told.get("reasons", []),
                    "parent": {"run": parent.name, "model": told["model"]["sha256"], "steps": found.state["step"]}})
        _train(prepared, model, chosen, run, quiet)
    return run


def first_model(prepared: Prepared) -> PreTrainedModel:
    """The model that training starts from; random weights come from the recipe's seed."""
    torch.manual_seed(Key(prepared.recipe.seed).number("weights"))
    with no_bars():
        model = prepared.family.start(prepared.task, prepared.config)
    if "train" in prepared.stores:
        prepared.family.prime(model, lambda number: sample(prepared, number))
    if prepared.recipe.training != "none":
        model = shaped.shaped(model, prepared.family, prepared.recipe)
    model.to(machine.device())
    return model


def sample(prepared: Prepared, number: int) -> Batch:
    """Training examples drawn by the seed, at most so many, as one batch: what a family reads weights off."""
    store = prepared.stores["train"]
    rng = np.random.default_rng(Key(prepared.recipe.seed).number("prime"))
    chosen = np.sort(rng.choice(len(store), size=min(number, len(store)), replace=False))
    return prepared.task.collate(store.take(torch.from_numpy(chosen)), prepared.processor, None)


def keep_rows(run: Run, prepared: Prepared) -> None:
    """Put the rows that the run is judged on into its folder, unless the recipe says otherwise."""
    if prepared.recipe.evidence.keep_rows:
        own, beside = run.data / "test.arrow", run.data / "test.arrow.tmp"
        try:
            run.data.mkdir(exist_ok=True)
            prepared.dataset.rows["test"].save(beside)
            flush(beside)
            beside.replace(own)
        except OSError as error:
            with suppress(OSError):  # where nothing was written there is nothing to remove
                beside.unlink()
            raise failed(own, error) from error


def _train(prepared: Prepared, model: PreTrainedModel | None, chosen: Chosen, run: Run, quiet: bool) -> None:
    """The recipe's own seed, whose model is the run's, then the further ones; what is done already is not done again."""
    if prepared.recipe.evidence.keep_rows and not (run.data / "test.arrow").is_file():
        keep_rows(run, prepared)
    if "ancestors" not in run.manifest():
        keep_traces(run, prepared.recipe, prepared.dataset)
    manifest = run.manifest()
    flops = manifest.get("forecast", {}).get("flops", {})
    pace = flops["value"] / flops["n"] if flops.get("value") and flops.get("n") else None

    def learn(own: Prepared, there: Run, start: PreTrainedModel | None = None) -> tuple[PreTrainedModel, seeds.Result]:
        return _learn(own, start or first_model(own), chosen, there, pace, quiet)

    if "steps" not in manifest:
        best, results = learn(prepared, run, model)
        save_model(best, prepared, run)
        run.update({"model": {**manifest["model"], **_saved(run)}, **results})
    further = seeds.train_further(prepared, run, learn)
    run.update({"state": "trained", "finished": _now(), **({"seeds": further} if further else {})})


def _learn(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, there: Run, flops: float | None,
           quiet: bool) -> tuple[PreTrainedModel, seeds.Result]:
    """One training, from its newest checkpoint, with its logs: its model, and what run.json says of it. flops: of a mean step."""
    found, wrong = checkpoint.newest(there.checkpoints)
    with stoppable() as stop, log.Log(there, prepared.plan.total, quiet, found.state["step"] if found else 0,
                                      watch.settings(prepared, chosen), watch.metric_tags(prepared),
                                      found.state["judged"] if found else True) as told:
        for sentence in wrong:
            told.note(str(sentence))
        machine.reset_peak()
        seen = watch.Watch(prepared, chosen, told.board, flops)
        trained = train(prepared, model, chosen, told, stop, there.checkpoints, seen, told.sure)
    log.last(there, {f"best/{trained.best.metric.name}": trained.best.value, "train/seconds": trained.seconds}, trained.steps)
    before = _tokens(prepared, found.state["step"]) if found else 0  # of the processes before this one
    return trained.model, {**_results(prepared, trained), "tokens": before + seen.all_tokens}


def _tokens(prepared: Prepared, steps: int) -> int:
    """Tokens of the first so many steps; 0 where examples are of one length."""
    lengths = prepared.stores["train"].lengths()
    return 0 if lengths is None else sum(int(lengths[prepared.plan.at(step)[1]].sum()) for step in range(steps))


def _results(prepared: Prepared, trained: Trained) -> dict[str, Any]:
    best = trained.best
    peak = machine.peak_memory()
    return {
        "best": {"metric": best.metric.name, "value": best.value, "step": best.step},
        "steps": trained.steps, "examples": prepared.plan.examples(trained.steps),
        "seconds": {"total": round(trained.seconds, 3), **{name: round(value, 3) for name, value in trained.timing.items()}},
        "peak_memory_mib": None if peak is None else round(peak / machine.MIB, 1),
    }


def save_model(model: PreTrainedModel, prepared: Prepared, run: Run) -> None:
    """model/, whole or not at all: weights, configuration, and what turns rows into numbers; adapters merged, and beside."""
    beside, before = run.folder / "model.tmp", run.folder / "model.old.tmp"
    for left in (beside, before):
        shutil.rmtree(left, ignore_errors=True)
    try:
        model.to(memory_format=torch.contiguous_format)
        if shaped.has_adapters(model):
            origin = prepared.recipe.model.from_ or ""
            shaped.save_adapter(model, beside / shaped.ADAPTER, origin.removeprefix(hub.PREFIX) if prepared.recipe.model.revision else None)
            model = shaped.merged(model)
        with no_bars():
            model.save_pretrained(beside)
            prepared.processor.save_pretrained(beside)
        for path in (*beside.rglob("*"), beside):
            flush(path)
        if run.model.exists():
            run.model.rename(before)
        beside.rename(run.model)
        flush(run.folder)
        shutil.rmtree(before, ignore_errors=True)
    except Exception as error:  # safetensors raises a class of its own where the disk is full
        shutil.rmtree(beside, ignore_errors=True)
        raise OutsideError(say('cannot write "{path}": {reason}; the checkpoints are kept: `steelyard train --resume {run}` goes on once '
                               "there is room", path=run.model, reason=error, run=run.folder)) from error


def _saved(run: Run) -> dict[str, Any]:
    """What run.json says of model/: the weights' hash, which evidence names, and that of every file."""
    return {"sha256": model_hash(run.model), "files": examine.hashes(run.model)}


def _facts(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, reasons: Sequence[Reason]) -> dict[str, Any]:
    data = prepared.dataset
    return {
        "name": prepared.recipe.run, "task": prepared.task.name, "task_state": json.loads(json.dumps(task_state(prepared.task))),
        "versions": versions(), "machine": machine.facts(),
        "model": {**shaped.sizes(model), "family": prepared.family.name, "type": model.config.model_type,
                  "from": prepared.recipe.model.from_, "revision": prepared.recipe.model.revision},
        "data": {"sha256": data_hash(data.mark), "files": list(data.files), "columns": dict(data.found),
                 "rows": {split: len(rows) for split, rows in data.rows.items()},
                 "excluded": [entry.to_json() for entry in data.excluded],
                 "noticed": [finding.to_json() for finding in noticed(prepared.task, data.rows, data.mark)],
                 "bad_rows": [{"origin": bad.origin, "why": bad.why.to_json()} for bad in data.bad]},
        "chosen": chosen.to_json(), "reasons": [reason.to_json() for reason in reasons], "processes": 1,
        "processor": prepared.processor_print,
    }


def _foretold(bill: Forecast) -> Sentence:
    """The bill before it is paid, in a line."""
    seconds, memory = bill.quantities["time"], bill.quantities["memory"]
    if memory.value is None:
        return say("forecast: {steps} steps in about {seconds:.0f} s ({low:.0f} to {high:.0f})", steps=bill.steps, seconds=seconds.value,
                   low=seconds.low, high=seconds.high)
    return say("forecast: {steps} steps in about {seconds:.0f} s ({low:.0f} to {high:.0f}), {mib:.0f} MiB of memory", steps=bill.steps,
               seconds=seconds.value, low=seconds.low, high=seconds.high, mib=memory.value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
