"""What a run was trained on, as hashes, and the runs that its model comes from: a leak through pretraining is found.

A run holds the trace of its own training rows and those of its ancestors, so that it can be moved and they can be deleted.
Of a row 8 bytes are kept, and of texts a sample of their windows, 32 MiB at most; no row can be read out of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.engine import cache
from steelyard.engine.identity import has_parts, identities, inputs
from steelyard.engine.split import Dataset
from steelyard.errors import InputError, OutsideError
from steelyard.language import say
from steelyard.math.traces import Trace, trace
from steelyard.recipe.recipe import Recipe
from steelyard.run import Run


def keep(run: Run, recipe: Recipe, data: Dataset) -> None:
    """Write the trace of what this run trains on, and those of its ancestors, nearest first. Raises OutsideError where the disk says no."""
    try:
        run.data.mkdir(exist_ok=True)
        if recipe.training != "none":
            shutil.copyfile(_kept(data), run.trained_file)
        known = []
        for number, (entry, file) in enumerate(_chain(recipe), start=1):
            own = run.ancestor_file(number)
            if file is not None:
                own.parent.mkdir(exist_ok=True)
                _same_or_copy(file, own)
            known.append({**entry, "file": None if file is None else str(own.relative_to(run.folder))})
        run.update({"ancestors": known})
    except OSError as error:
        raise OutsideError(say('cannot write "{path}": {reason}', path=run.data, reason=error)) from error


def traces(run: Run) -> dict[str, Trace | None]:
    """Name -> trace of each ancestor, nearest first; None where its run held none. Raises InputError where one is damaged."""
    return _named((entry["run"], run.folder / entry["file"] if entry["file"] else None) for entry in run.manifest().get("ancestors", ()))


def traces_of(recipe: Recipe) -> dict[str, Trace | None]:
    """The same for a run that is not made yet."""
    return _named((entry["run"], file) for entry, file in _chain(recipe))


def _named(files: Iterator[tuple[str, Path | None]]) -> dict[str, Trace | None]:
    found: dict[str, Trace | None] = {}
    for name, file in files:
        while name in found:  # runs in two folders may bear one name
            name += "'"
        found[name] = None if file is None else read(file)
    return found


def _chain(recipe: Recipe) -> Iterator[tuple[dict[str, Any], Path | None]]:
    """(what run.json says of it, its trace) of the run that model.from names, then of its ancestors."""
    parent = _parent(recipe)
    if parent is None:
        return
    manifest = parent.manifest()
    if manifest.get("steps") != 0:  # else it judged a model that somebody else made
        yield ({"run": parent.name, "model": manifest.get("model", {}).get("sha256"), "data": manifest.get("data", {}).get("sha256"),
                "rows": manifest.get("data", {}).get("rows", {}).get("train")},
               parent.trained_file if parent.trained_file.is_file() else None)
    for entry in manifest.get("ancestors", ()):
        file = parent.folder / entry["file"] if entry["file"] else None
        yield dict(entry), file if file is not None and file.is_file() else None


def _parent(recipe: Recipe) -> Run | None:
    """The run that model.from names, by its folder or that of its model."""
    if recipe.model.from_ is None:
        return None
    folder = recipe.folder / Path(recipe.model.from_).expanduser()
    for place in (folder, folder.parent if folder.name == "model" else folder):
        if (place / "run.json").is_file():
            return Run.open(place)
    return None


def _kept(data: Dataset) -> Path:
    """The trace of the training rows, from the cache where nothing changed."""
    rows = data.rows["train"]

    def make(folder: Path) -> None:
        made = trace((text for text in identities(rows, data.columns) if text), has_parts(data.columns))
        write(folder / "trained.safetensors", made)

    mark = cache.fingerprint({"rows": data.mark, "chosen": sha256(rows.chosen.tobytes()).hexdigest(),
                              "columns": [(column.name, column.kind) for column in inputs(data.columns)]})
    return cache.kept("traces", mark, make) / "trained.safetensors"


def write(path: Path, made: Trace) -> None:
    """A trace as safetensors: `whole` and `windows`; the limit beside them."""
    from safetensors.numpy import save_file

    save_file({"whole": made.whole, "windows": made.windows}, path, {"limit": str(made.limit)})


def read(path: Path) -> Trace:
    """The inverse. Raises InputError where the file is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return Trace(file.get_tensor("whole"), file.get_tensor("windows"), int(file.metadata()["limit"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(say('"{path}" is damaged: {reason}', path=path, reason=error)) from error


def _same_or_copy(file: Path, own: Path) -> None:
    """One file under two names where the file system allows: traces are never written again."""
    try:
        os.link(file, own)
    except OSError:  # another disk
        shutil.copyfile(file, own)
