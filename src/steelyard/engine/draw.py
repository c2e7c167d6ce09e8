"""Shares of rows, drawn by the seed: rows that are alike, or of one group, are never parted."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from steelyard.engine.columns import kind_of
from steelyard.engine.identity import inputs
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import Column
from steelyard.rows import Rows


def draw(rows: Rows, columns: Sequence[Column], group_by: str | None, wanted: Mapping[str, float], seed: int,
         where: str) -> dict[str, np.ndarray]:
    """Split -> (n,) int64 places: groups (else rows that are alike) in the order of a keyed hash, until each share is full.

    Raises InputError where there is no column `group_by`. Memory: 40 bytes a row.
    """
    if group_by is not None and group_by not in rows.names:
        raise InputError(say('{where}: no column "{column}"; there are: {known}', where=where, column=group_by,
                             known=listing(n for n in rows.names if not n.startswith("_"))))
    keys = _keys(rows, columns, group_by, seed)
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # rows of one group have one key: they come together
    changes = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    del keys
    ends = np.append(np.flatnonzero(changes) + 1, len(order))  # of the groups, in the order they are drawn
    drawn: dict[str, np.ndarray] = {}
    start = 0
    for split, part in wanted.items():
        least = start + round(part * len(rows))
        stop = start if least == start else int(ends[np.searchsorted(ends, min(least, len(order)))])
        drawn[split] = np.sort(order[start:stop])
        start = stop
    return drawn


def _keys(rows: Rows, columns: Sequence[Column], group_by: str | None, seed: int) -> np.ndarray:
    """(rows, 2) uint64 that rows of one group share, in an order that the seed draws."""
    kinds = [(column.name, kind_of(column)) for column in inputs(columns)]
    names = [name for name, _ in kinds] if group_by is None else [group_by]
    keys = np.empty((len(rows), 2), dtype=np.uint64)
    salt, place = f"{seed}/".encode(), 0
    for chunk in Rows(rows.table.select(names), rows.chosen).chunks():
        for row in chunk:
            text = str(row[group_by]) if group_by is not None else "\0".join(kind.identity(row[name]) for name, kind in kinds)
            group = blake2b(text.encode(), digest_size=16).digest()
            keys[place] = np.frombuffer(blake2b(salt + group, digest_size=16).digest(), dtype=">u8")
            place += 1
    return keys
