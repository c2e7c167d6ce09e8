"""A run gone over: which of its files are as they were written, what can be gone on with, and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.engine import checkpoint
from steelyard.engine.cache import file_hash
from steelyard.engine.disk import held
from steelyard.engine.hub import model_hash
from steelyard.errors import InputError, SteelyardError
from steelyard.language import Sentence, say
from steelyard.recipe.reader import read
from steelyard.run import Run, read_json

CARD = "README.md"  # people may write in it


@dataclass
class Examined:
    """What is whole, what is damaged, and how the run goes on; checkpoints: name -> what is wrong with it, or None."""

    whole: list[Sentence] = field(default_factory=list)
    damaged: list[Sentence] = field(default_factory=list)
    remedy: Sentence | None = None
    checkpoints: dict[str, Sentence | None] = field(default_factory=dict)
    goes_on_from: str | None = None  # the checkpoint that --resume would load


def hashes(folder: Path) -> dict[str, str]:
    """Each file of a model folder by its place in it, the card aside -> sha256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CARD)
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def model_damage(run: Run) -> Sentence | None:
    """What is wrong with model/, held against run.json; None where all is as it was saved, or nothing was said of it."""
    told = run.manifest().get("model", {})
    if (files := told.get("files")) is None:
        if (want := told.get("sha256")) is None or (run.model.is_dir() and model_hash(run.model) == want):
            return None
        return say('the weights in "{folder}" are not those that were saved: their sha256 is another', folder=run.model)
    for name, want in files.items():
        path = run.model / name
        try:
            if not path.is_file():
                return say('"{file}" is missing: the run was saved with it', file=path)
            if file_hash(path) != want:
                return say('"{file}" is not as it was saved ({size} bytes): its sha256 is another', file=path, size=path.stat().st_size)
        except OSError as error:
            return say('"{path}" cannot be read: {reason}', path=path, reason=error.strerror or error)
    return None


def hold_whole(run: Run) -> None:
    """Raises InputError where a file of model/ is not as it was saved: nobody asks a damaged model."""
    if (bad := model_damage(run)) is not None:
        raise InputError(say("{what}; copy the run again from where it was made, or train its recipe anew: `steelyard train {recipe}`",
                             what=bad, recipe=run.recipe_file))


def examine(run: Run) -> Examined:
    """Go over manifest, recipe, model, checkpoints, rows, logs and evidence. Raises InputError where run.json cannot be read."""
    manifest, found = run.manifest(), Examined()
    state = str(manifest.get("state"))
    saved = manifest.get("model", {}).get("sha256") is not None
    _recipe(run, found)
    if saved:
        _model(run, found)
    for folder in checkpoint.committed(run.checkpoints):
        bad = found.checkpoints[folder.name] = checkpoint.damage(folder)
        if bad is None:
            found.goes_on_from = folder.name
        else:
            found.damaged.append(bad)
    if good := [name for name, bad in found.checkpoints.items() if bad is None]:
        found.whole.append(say("{n} checkpoints are whole, the newest is {name}", n=len(good), name=good[-1]))
    _documents(run, found)
    busy = _busy(run)
    if busy:
        found.whole.append(say("another process is at work in it now"))
    elif left := sorted(path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*.tmp")):
        found.whole.append(say("{n} half-written files were left by a process that was ended ({name}): the next start removes them",
                               n=len(left), name=left[0]))
    found.remedy = None if busy else _remedy(run, state, saved, found)
    return found


def _recipe(run: Run, found: Examined) -> None:
    try:
        read(run.recipe_file)
    except SteelyardError as error:
        found.damaged.append(error.sentence)


def _model(run: Run, found: Examined) -> None:
    bad = model_damage(run)
    if bad is not None:
        found.damaged.append(bad)
    else:
        found.whole.append(say("the model is whole: its files have the sha256 of run.json"))


def _documents(run: Run, found: Examined) -> None:
    """Rows, logs and evidence: whether they can be read."""
    for path in sorted(run.folder.glob("evidence/**/*.json")):
        try:
            read_json(path)
        except InputError as error:
            found.damaged.append(error.sentence)
    for path in sorted(run.data.glob("*.arrow")):
        if (reason := _unreadable(path)) is not None:
            found.damaged.append(say('"{path}" is damaged: {reason}', path=path, reason=reason))
    if run.metrics_file.is_file():
        lines = run.metrics_file.read_bytes().splitlines()
        if (bad := next((number for number, line in enumerate(lines[:-1], 1) if not _is_event(line)), None)) is not None:
            found.damaged.append(say('"{path}" is damaged: {reason}', path=run.metrics_file, reason=bad))


def _unreadable(path: Path) -> str | None:
    import pyarrow as pa

    from steelyard.rows import Rows

    try:
        Rows.open(path)
    except (OSError, pa.ArrowInvalid) as error:
        return " ".join(str(error).split())[:200]
    return None


def _is_event(line: bytes) -> bool:
    try:
        event: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict)


def _busy(run: Run) -> bool:
    try:
        with held(run.folder):
            return False
    except InputError:
        return True


def _remedy(run: Run, state: str, saved: bool, found: Examined) -> Sentence | None:
    if state == "training" and not saved:
        if found.goes_on_from is not None:
            return say("the training was interrupted; `steelyard train --resume {run}` goes on from {name}", run=run.folder,
                       name=found.goes_on_from)
        if not found.checkpoints:
            return say("the training was interrupted before a whole checkpoint; `steelyard train --resume {run}` begins anew",
                       run=run.folder)
    if found.damaged:
        return say("copy the run again from where it was made, or train its recipe anew: `steelyard train {recipe}`",
                   recipe=run.recipe_file)
    if state == "training":
        return say("the model is saved, the run is not finished; go on with `steelyard train --resume {run}`", run=run.folder)
    return say("`steelyard weigh {run}` was not finished; run it again", run=run.folder) if state == "trained" else None
