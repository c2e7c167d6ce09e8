"""Rows -> train, validation and test: given splits are kept as given; shares that we draw keep what is alike on one side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.engine.columns import kind_of
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
    mark    fingerprint of the files and of how they are read and split
    """

    rows: Mapping[str, Rows]
    columns: tuple[Column, ...]
    found: Mapping[str, str]
    files: Sequence[Mapping[str, Any]]
    bad: tuple[BadRow, ...]
    mark: str


def dataset(recipe: Recipe, task: type[Task] | Task) -> Dataset:
    """Read and split what the recipe names. Raises InputError."""
    tables: dict[str, Table] = {}
    places = {"train": recipe.data.train, "validation": recipe.data.validation, "test": recipe.data.test}
    for split, place in places.items():
        if isinstance(place, str | tuple) and share(place) is None:
            where = recipe.where(f"data.{split}")
            tables[split] = table(locate(place, recipe.folder, where), task.columns, recipe.data, where)
    bad = tuple(one for own in tables.values() for one in own.bad)
    refuse_bad(bad, recipe)
    rows = {split: own.rows for split, own in tables.items()}
    if "train" in rows:
        rows |= _from_train(recipe, rows, tables["train"])
    for split, own in rows.items():
        if not len(own):
            raise InputError(say("{where}: no row is left for {split}; give more rows, or another share",
                                 where=recipe.where(f"data.{split}"), split=split))
    targets = {c.name for c in task.columns if c.target and c.required}
    lacking = {name for name in targets if any(name not in own.found for own in tables.values())}
    if lacking:
        raise InputError(say("{where}: no column tells the answers ({names}); name it with data.columns.{first}, "
                             "or use `steelyard predict`", where=recipe.where("data.train"), names=listing(sorted(lacking)),
                             first=min(lacking)))
    first = next(iter(tables.values()))
    mark = "+".join(own.mark for own in tables.values())
    return Dataset(rows, first.columns, first.found, [file for own in tables.values() for file in own.files], bad, mark)


def refuse_bad(bad: Sequence[BadRow], recipe: Recipe) -> None:
    """Raises InputError, which names the first, where more rows are broken than the recipe allows."""
    if len(bad) > recipe.data.max_bad_rows:
        raise InputError(say("{origin} {why}; {n} broken rows in all: fix them, or allow them with data.max_bad_rows: {n}",
                             origin=bad[0].origin, why=bad[0].why, n=len(bad)))


def extra_set(path: str, recipe: Recipe, task: Task) -> Dataset:
    """Further rows to be weighed on: `weigh RUN --data FILE`; relative to the working directory."""
    new = recipe.model_copy(update={"data": recipe.data.model_copy(update={"train": path, "validation": None, "test": None})})
    own = table(locate(path, Path(), "--data"), task.columns, new.data, "--data")
    refuse_bad(own.bad, recipe)
    return Dataset({"rows": own.rows}, own.columns, own.found, own.files, own.bad, own.mark)


def _from_train(recipe: Recipe, rows: Mapping[str, Rows], read: Table) -> dict[str, Rows]:
    """What the other splits take from the training file: rows by a column's value, or shares drawn by the seed."""
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
    wanted = _shares(recipe, {*rows, *taken})
    if wanted:
        drawn = _draw(read.rows.select(left), read.columns, data.group_by, wanted, recipe.seed, recipe.where("data.group_by"))
        taken |= {split: left[indices] for split, indices in drawn.items()}
        left = np.setdiff1d(left, np.concatenate([left[indices] for indices in drawn.values()]))
    if not len(left):
        raise InputError(say("{where}: no row is left to train on", where=recipe.where("data.train")))
    return {"train": read.rows.select(left), **{split: read.rows.select(indices) for split, indices in taken.items()}}


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


def _draw(rows: Rows, columns: Sequence[Column], group_by: str | None, wanted: Mapping[str, float], seed: int,
          where: str) -> dict[str, np.ndarray]:
    """Split -> indices: groups (else rows that are alike) in the order of a keyed hash, until each share is full."""
    if group_by is not None and group_by not in rows.names:
        raise InputError(say('{where}: no column "{column}"; there are: {known}', where=where, column=group_by,
                             known=listing(n for n in rows.names if not n.startswith("_"))))
    members: dict[bytes, list[int]] = {}
    for index, group in enumerate(_groups(rows, columns, group_by)):
        members.setdefault(group, []).append(index)
    order = iter(sorted(members, key=lambda name: blake2b(f"{seed}/".encode() + name, digest_size=16).digest()))
    drawn: dict[str, np.ndarray] = {}
    for split, part in wanted.items():
        chosen: list[int] = []
        while len(chosen) < round(part * len(rows)) and (name := next(order, None)) is not None:
            chosen.extend(members[name])
        drawn[split] = np.array(sorted(chosen), dtype=np.int64)
    return drawn


def _groups(rows: Rows, columns: Sequence[Column], group_by: str | None) -> list[bytes]:
    """(rows) 16 bytes that rows of one group share: texts of any size are not held."""
    if group_by is not None:
        return [blake2b(str(value).encode(), digest_size=16).digest() for value in rows.column(group_by)]
    kinds = [(column.name, kind_of(column)) for column in columns if not column.target]
    return [blake2b("\x00".join(kind.identity(row[name]) for name, kind in kinds).encode(), digest_size=16).digest() for row in rows]
