"""Whether a run can go on here: the same recipe, data, tokenizer and version, or a sentence that says what differs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from steelyard.engine.prepare import Prepared, versions
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.recipe.reader import anchored, read
from steelyard.recipe.recipe import Recipe
from steelyard.recipe.training import Training
from steelyard.recipe.writer import dump, plain
from steelyard.run import Run, write_text

# What says nothing about the weights: a resume may change it.
FREE = ("gates", "evidence", "about", "run", "training.log_every", "training.checkpoint_every", "training.keep_checkpoints")


def data_hash(mark: str) -> str:
    """The fingerprint of files and reading, as evidence names it."""
    return "sha256:" + sha256(mark.encode()).hexdigest()


def differences(ours: Recipe, theirs: Recipe) -> list[str]:
    """ "training.learning_rate: 0.001 -> 0.002" for each key that two resolved recipes differ in, but for those of FREE."""
    before, after = _flat(plain(ours)), _flat(plain(theirs))
    keys = [key for key in dict.fromkeys((*before, *after)) if not any(key == free or key.startswith(f"{free}.") for free in FREE)]
    return [f"{key}: {before.get(key, '-')} -> {after.get(key, '-')}" for key in keys if before.get(key) != after.get(key)]


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) and value else {f"{above}{key}": value}
    return found


def take(run: Run, prepared: Prepared) -> None:
    """Put a recipe that was given along with --resume in the place of the run's. Raises InputError where the training would be another."""
    whole = anchored(prepared.recipe)
    if changed := differences(read(run.recipe_file), whole):
        raise InputError(say('"{run}" was begun with another recipe ({changes}); leave the recipe out to go on as it was begun, or train '
                             "the new one without --resume", run=run.folder, changes=listing(changed)))
    write_text(run.recipe_file, dump(whole.model_copy(update={"run": read(run.recipe_file).run})))


def hold_same(run: Run, prepared: Prepared) -> None:
    """Raises InputError where version, data or tokenizer are not those that the run was begun with."""
    manifest = run.manifest()
    before, now = manifest["versions"], versions()
    if before["steelyard"] != now["steelyard"]:
        raise InputError(say('"{run}" was begun with steelyard {before}, this is {now}: the order of rows may differ; go on with that '
                             "version (pip install steelyard=={before}), or train anew", run=run.folder, before=before["steelyard"],
                             now=now["steelyard"]))
    if other := [f"{name} {before.get(name)} -> {now[name]}" for name in ("torch", "transformers") if before.get(name) != now[name]]:
        print(say("versions changed since the run was begun ({changes}): it goes on, but not to the same last bit", changes=listing(other)),
              file=sys.stderr, flush=True)
    if data_hash(prepared.dataset.mark) != manifest["data"]["sha256"]:
        was = {file["file"]: file for file in manifest["data"]["files"]}
        changed = [file["file"] for file in prepared.dataset.files if was.get(file["file"]) != file]
        raise InputError(say('the data of "{run}" changed since it was begun ({files}); put it back, or train anew', run=run.folder,
                             files=listing(changed or was)))
    if prepared.processor_print != manifest["processor"]:
        raise InputError(say('"{run}" was begun with another tokenizer or image processor than these versions make of its data; train anew',
                             run=run.folder))


def longer(parent: Run, epochs: float) -> Recipe:
    """The recipe of a finished run, so many epochs longer. Raises InputError where the run is not finished, or cannot be extended."""
    manifest, recipe = parent.manifest(), read(parent.recipe_file)
    training = recipe.training
    if manifest.get("state") == "training":
        raise InputError(say('the training of "{run}" is not finished; go on with `steelyard train --resume {run}`', run=parent.folder))
    if not isinstance(training, Training) or not manifest.get("steps"):
        raise InputError(say('nothing was trained in "{run}", so there is nothing to extend', run=parent.folder))
    if training.seeds > 1:
        raise InputError(say('"{run}" is of {n} seeds, and of the further ones no weights are kept; train its recipe anew with more epochs',
                             run=parent.folder, n=training.seeds))
    if training.steps is not None:
        step_an_epoch = max(1, round(int(manifest["steps"]) * manifest["data"]["rows"]["train"] / max(1, int(manifest["examples"]))))
        more = training.model_copy(update={"steps": training.steps + max(1, round(epochs * step_an_epoch))})
    else:
        more = training.model_copy(update={"epochs": (training.epochs or 0) + epochs})
    return recipe.model_copy(update={"training": more, "run": parent.name})
