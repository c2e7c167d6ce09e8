"""Rows -> train, validation and test: given splits are kept as given; shares that we draw keep what is alike on one side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.engine import cache
from steelyard.engine.draw import draw
from steelyard.engine.exclude import Excluded, exclude
from steelyard.engine.identity import inputs
from steelyard.engine.read import BadRow, Table, locate, table
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import Column, Task
from steelyard.recipe.data import SplitBy, share
from steelyard.recipe.recipe import Recipe
from steelyard.rows import Rows

SHARE = 0.1  # of what is drawn, where the recipe says nothing


@dataclass(frozen=True)
class Dataset:
    """The rows of each split, and what became of every row.

    rows    "train", "validation", "test" (those that there are)
    mix     (weight, its places in rows["train"]) of each training set that the recipe gives a weight
    mark    fingerprint of the files and of how they are read and split
    excluded  what each entry of data.exclude took from the training rows
    """

    rows: Mapping[str, Rows]
    columns: tuple[Column, ...]
    found: Mapping[str, str]
    files: Sequence[Mapping[str, Any]]
    bad: tuple[BadRow, ...]
    mark: str
    mix: tuple[tuple[float, np.ndarray], ...] = ()
    excluded: tuple[Excluded, ...] = ()


def dataset(recipe: Recipe, task: type[Task] | Task) -> Dataset:
    """Read and split what the recipe names. Raises InputError."""
    tables: dict[str, Table] = {}
    places = {"train": recipe.data.train, "validation": recipe.data.validation, "test": recipe.data.test}
    for split, place in places.items():
        if isinstance(place, str | tuple | Mapping) and share(place) is None:
            where = recipe.where(f"data.{split}")
            named = tuple(place) if isinstance(place, Mapping) else place
            tables[split] = table(locate(named, recipe.folder, where), task.columns, recipe.data, where, recipe.folder)
    bad = tuple(one for own in tables.values() for one in own.bad)
    refuse_bad(bad, recipe)
    rows = {split: own.rows for split, own in tables.items()}
    excluded: tuple[Excluded, ...] = ()
    by = ""
    if "train" in rows:
        taken, excluded, by = _from_train(recipe, rows, tables["train"])
        rows |= taken
    for split, own in rows.items():
        if not len(own):
            raise InputError(say("{where}: no row is left for {split}; give more rows, or another share",
                                 where=recipe.where(f"data.{split}"), split=split))
    targets = {c.name for c in task.columns if c.target and c.required}
    told = [{c.name for c in task.columns if c.target and c.name in own.found} for own in tables.values()]
    lacking = {name for found in told for name in (set[str]().union(*told) - found if found else targets)}
    if lacking:
        raise InputError(say("{where}: no column tells the answers ({names}); name it with data.columns.{first}, "
                             "or use `steelyard predict`", where=recipe.where("data.train"), names=listing(sorted(lacking)),
                             first=min(lacking)))
    first = next(iter(tables.values()))
    mark = "+".join(own.mark for own in tables.values()) + (f"-{by}" if by else "")
    return Dataset(rows, first.columns, first.found, [file for own in tables.values() for file in own.files], bad, mark,
                   _mix(recipe, tables["train"], rows["train"]) if "train" in rows else (), excluded)


def _mix(recipe: Recipe, read: Table, train: Rows) -> tuple[tuple[float, np.ndarray], ...]:
    """The training rows by the set that they come from, where the recipe gives the sets weights."""
    if not isinstance(recipe.data.train, Mapping):
        return ()
    ends, path, mix = np.cumsum([0, *read.counts]), 0, []
    for place, weight in recipe.data.train.items():
        where = recipe.where("data.train")
        files = len(locate(place, recipe.folder, where))
        own = np.flatnonzero((train.chosen >= ends[path]) & (train.chosen < ends[path + files]))
        if not len(own):
            raise InputError(say('{where}: no row of "{path}" is left to train on', where=where, path=place))
        mix.append((weight, own))
        path += files
    return tuple(mix)


def refuse_bad(bad: Sequence[BadRow], recipe: Recipe) -> None:
    """Raises InputError, which names the first, where more rows are broken than the recipe allows."""
    if len(bad) > recipe.data.max_bad_rows:
        raise InputError(say("{origin} {why}; {n} broken rows in all: fix them, or allow them with data.max_bad_rows: {n}",
                             origin=bad[0].origin, why=bad[0].why, n=len(bad)))


def extra_set(path: str, recipe: Recipe, task: Task) -> Dataset:
    """Further rows to be weighed on: `weigh RUN --data FILE`; relative to the working directory."""
    new = recipe.model_copy(update={"data": recipe.data.model_copy(update={"train": path, "validation": None, "test": None})})
    own = table(locate(path, Path(), "--data"), task.columns, new.data, "--data", recipe.folder)
    refuse_bad(own.bad, recipe)
    return Dataset({"rows": own.rows}, own.columns, own.found, own.files, own.bad, own.mark)


def _from_train(recipe: Recipe, rows: Mapping[str, Rows], read: Table) -> tuple[dict[str, Rows], tuple[Excluded, ...], str]:
    """What the other splits take from the training file: rows by a column's value, or shares drawn by the seed of what is not excluded.

    With what was excluded, and the fingerprint of the entries that say so.
    """
    data, left = recipe.data, np.arange(len(read.rows))
    taken: dict[str, np.ndarray] = {}
    for split, place in (("test", data.test), ("validation", data.validation)):
        if isinstance(place, SplitBy):
            if place.column not in read.rows.names:
                raise InputError(say('{where}: the training file has no column "{column}"; there are: {known}',
                                     where=recipe.where(f"data.{split}"), column=place.column,
                                     known=listing(n for n in read.rows.names if not n.startswith("_"))))
            values = np.array(read.rows.column(place.column), dtype=object)
            taken[split] = np.flatnonzero(values == place.value)
            if not len(taken[split]):
                raise InputError(say('{where}: no row has "{value}" in column "{column}"; there are: {known}',
                                     where=recipe.where(f"data.{split}"), value=place.value, column=place.column,
                                     known=listing(sorted({str(v) for v in values}))))
            left = np.setdiff1d(left, taken[split])
    left, excluded, by = exclude(recipe, read, left)
    wanted = _shares(recipe, {*rows, *taken})
    if wanted:
        drawn = _drawn(recipe, read, left, wanted)
        taken |= {split: left[indices] for split, indices in drawn.items()}
        left = np.setdiff1d(left, np.concatenate([left[indices] for indices in drawn.values()]))
    if not len(left):
        raise InputError(say("{where}: no row is left to train on", where=recipe.where("data.train")))
    return {"train": read.rows.select(left), **{split: read.rows.select(indices) for split, indices in taken.items()}}, excluded, by


def _drawn(recipe: Recipe, read: Table, left: np.ndarray, wanted: Mapping[str, float]) -> dict[str, np.ndarray]:
    """As `draw`, of the rows `left`; from the cache where nothing changed, for it reads every row."""
    group_by, seed = recipe.data.group_by, recipe.seed
    mark = cache.fingerprint({"rows": read.mark, "left": sha256(left.tobytes()).hexdigest(), "group_by": group_by, "seed": seed,
                              "wanted": list(wanted.items()), "columns": [(column.name, column.kind) for column in inputs(read.columns)]})

    def make(folder: Path) -> None:
        for split, places in draw(read.rows.select(left), read.columns, group_by, wanted, seed, recipe.where("data.group_by")).items():
            np.save(folder / f"{split}.npy", places)

    folder = cache.kept("splits", mark, make)
    return {split: np.load(folder / f"{split}.npy", allow_pickle=False) for split in wanted}


def _shares(recipe: Recipe, given: set[str]) -> dict[str, float]:
    """Which shares are drawn from the training rows: a share of the recipe, else a tenth where a split is missing."""
    wanted = {}
    for split, place in (("test", recipe.data.test), ("validation", recipe.data.validation)):
        if split in given:
            continue
        told = share(place)
        if told is not None or split == "validation" or recipe.data.validation is None:
            wanted[split] = told if told is not None else SHARE
    return wanted
