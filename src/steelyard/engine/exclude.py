"""data.exclude: rows that are never trained on, found among the training rows as a whole, or as part of a longer text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.engine import cache
from steelyard.engine.identity import has_parts, identities, inputs
from steelyard.engine.read import Table, locate, table
from steelyard.errors import InputError, listing
from steelyard.facts import Finding
from steelyard.language import say
from steelyard.math.traces import LEAST, Needles, blocks
from steelyard.parts import Column
from steelyard.recipe.recipe import Recipe
from steelyard.rows import Rows
from steelyard.run import Run

CODE = "data/excluded"
WHOLE, PART = 1, 2


@dataclass(frozen=True)
class Excluded:
    """One entry of data.exclude.

    place   the run or file, as the recipe names it
    rows    how many rows it has
    whole   training rows that are one of them and were left out
    part    training rows that hold one of them and were left out
    """

    place: str
    rows: int
    whole: int
    part: int

    def to_json(self) -> dict[str, Any]:
        """As in run.json."""
        return asdict(self)


def exclude(recipe: Recipe, read: Table, left: np.ndarray) -> tuple[np.ndarray, tuple[Excluded, ...], str]:
    """(the places of `left` that may be trained on, what each entry took, a fingerprint of the entries; "" without any).

    left   (n,) int64 places in the training file
    A row that several entries name counts for the first. Raises InputError for an entry that cannot be read, and where no row is left.
    """
    asked = recipe.data.exclude
    places = (asked,) if isinstance(asked, str) else asked or ()
    found, marks, kept = [], [], left
    for place in places:
        rows, mark = _entry(recipe, place, read.columns)
        flags = _flags(rows, mark, read)[kept]
        found.append(Excluded(place, len(rows), int((flags == WHOLE).sum()), int((flags == PART).sum())))
        marks.append(mark)
        kept = kept[flags == 0]
    if len(left) and not len(kept):
        raise InputError(say("{where}: all {n} training rows are among the rows to leave out ({places}): nothing is left to train on; "
                             "give other rows, or leave out fewer",
                             where=recipe.where("data.exclude"), n=len(left), places=listing(places)))
    return kept, tuple(found), "+".join(marks)


def _flags(rows: Rows, mark: str, read: Table) -> np.ndarray:
    """(rows of the training file,) uint8: 0, WHOLE or PART; from the cache where nothing changed."""
    columns = [(column.name, column.kind) for column in inputs(read.columns)]

    def make(folder: Path) -> None:
        needles = Needles((text for text in identities(rows, read.columns) if text), has_parts(read.columns))
        flags = np.zeros(len(read.rows), dtype=np.uint8)
        done = 0
        for block in blocks(identities(read.rows, read.columns)):
            whole, part = needles.find(block)
            flags[done : done + len(block)] = WHOLE * whole + PART * part
            done += len(block)
        np.save(folder / "flags.npy", flags)

    folder = cache.kept("excluded", cache.fingerprint({"rows": read.mark, "by": mark, "columns": columns}), make)
    return np.asarray(np.load(folder / "flags.npy", allow_pickle=False))


def _entry(recipe: Recipe, place: str, columns: Sequence[Column]) -> tuple[Rows, str]:
    """The rows of a run (those that it is judged on) or of a file, and their fingerprint. Raises InputError."""
    where, folder = recipe.where("data.exclude"), recipe.folder / Path(place).expanduser()
    if (folder / "run.json").is_file():
        return _judged(Run.open(folder), columns, where)
    paths, wanted = locate(place, recipe.folder, where), inputs(columns)
    told = {ours: theirs for ours, theirs in recipe.data.columns.items() if ours in {column.name for column in wanted}}
    data = recipe.data.model_copy(update={"columns": told, "labels": {}, "label_names": None})
    try:
        own = table(paths, wanted, data, where, recipe.folder)
    except InputError:
        if not told:
            raise
        own = table(paths, wanted, data.model_copy(update={"columns": {}}), where, recipe.folder)  # it need not be spelled as the other is
    if len(own.bad) > recipe.data.max_bad_rows:
        raise InputError(say("{origin} {why}; {n} broken rows in all: fix them, or allow them with data.max_bad_rows: {n}",
                             origin=own.bad[0].origin, why=own.bad[0].why, n=len(own.bad)))
    return own.rows, own.mark


def _judged(run: Run, columns: Sequence[Column], where: str) -> tuple[Rows, str]:
    kept = run.data / "test.arrow"
    if not kept.is_file():
        raise InputError(say('{where}: the run "{run}" keeps no rows (evidence.keep_rows: false); name the file of its test rows',
                             where=where, run=run.folder))
    try:
        rows = Rows.open(kept)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(say('"{path}" is damaged: {reason}', path=kept, reason=error)) from error
    if lacking := [column.name for column in inputs(columns) if column.name not in rows.names]:
        raise InputError(say('{where}: the rows of the run "{run}" have no column "{column}" (they have: {known}); it is of another task',
                             where=where, run=run.folder, column=lacking[0],
                             known=listing(name for name in rows.names if not name.startswith("_"))))
    return rows, cache.file_hash(kept)


def finding(excluded: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What the entries took, as one finding; none where the recipe excludes nothing."""
    if not excluded:
        return []
    whole, part = sum(entry["whole"] for entry in excluded), sum(entry["part"] for entry in excluded)
    places = listing(entry["place"] for entry in excluded)
    details = {"whole": whole, "part": part, "entries": [dict(entry) for entry in excluded], "least": LEAST}
    if not whole + part:
        return [Finding(CODE, "passed", say("no training row is one that is to be left out ({places})", places=places), details=details)]
    return [Finding(CODE, "passed", say("{n} rows are not trained on, for they are in {places}: {whole} as a whole, {part} with one of "
                                        "them as a part", n=whole + part, places=places, whole=whole, part=part), details=details)]
