"""YAML in, a Recipe out: every complaint is one sentence with file, line and dotted key."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.recipe import _yaml
from steelyard.recipe._complaints import complaints, error_of
from steelyard.recipe.data import SplitBy, share
from steelyard.recipe.recipe import Recipe

_PATHS = ("train", "validation", "test", "exclude", "label_names")  # keys of section `data`
_FORMS = ("builtin:", "hub:")  # names, no paths


def read(source: Path | str | Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file or a dict, with "training.epochs=5" and the like put over it.

    Paths stay as they are written: relative to `recipe.folder`, the file's (a dict's: where the process runs).
    Raises InputError with up to five complaints, one a line.
    """
    file = None if isinstance(source, Mapping) else Path(source)
    tree = _yaml.from_mapping(source) if isinstance(source, Mapping) else _yaml.read_file(Path(source))
    for text in overrides:
        _yaml.override(tree, text)
    try:
        recipe = Recipe.model_validate(tree.values)
    except ValidationError as error:
        raise error_of([*tree.complaints, *complaints(error, Recipe, tree)]) from None
    if tree.complaints:
        raise error_of(tree.complaints)
    if recipe.run is None:
        recipe = recipe.model_copy(update={"run": _run_name(file, recipe)})
    return _placed(recipe, file.parent if file else Path(), tree.places)


def anchored(recipe: Recipe) -> Recipe:
    """The same recipe with absolute paths: a run may be moved, the data that it names stays where it is."""
    def path(text: str) -> str:
        return text if text.startswith(_FORMS) else os.path.abspath(recipe.folder / Path(text).expanduser())

    def value(given: str | tuple[str, ...] | dict[str, float] | SplitBy | None) -> Any:
        if isinstance(given, str):
            return given if share(given) is not None else path(given)
        if isinstance(given, dict):
            return {path(item): weight for item, weight in given.items()}
        return tuple(path(item) for item in given) if isinstance(given, tuple) else given

    data = recipe.data.model_copy(update={name: value(getattr(recipe.data, name)) for name in _PATHS})
    origin = recipe.model.from_
    local = origin is not None and not origin.startswith(_FORMS) and (recipe.folder / origin).exists()
    model = recipe.model.model_copy(update={"from_": path(origin)}) if local and origin else recipe.model
    return _placed(recipe.model_copy(update={"data": data, "model": model}), recipe.folder, recipe._places)


def _placed(recipe: Recipe, folder: Path, places: Mapping[str, str]) -> Recipe:
    copy = recipe.model_copy()
    copy._folder, copy._places = folder, dict(places)
    return copy


def _run_name(file: Path | None, recipe: Recipe) -> str:
    """The recipe file's stem; a dict's run is called by its task."""
    name = (file.stem if file else recipe.task).strip(". ")
    safe = "".join("-" if letter in '/\\:*?"<>|.' or ord(letter) < 32 else letter for letter in name)[:200]
    if not safe:
        raise InputError(say("{where}: no folder can be named after this file; name the run with `run: some-name`", where=file))
    return safe
