"""What several audits look at: which split is what, the labels, and what makes two rows the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from steelyard import catalog
from steelyard.facts import Quantity
from steelyard.language import say
from steelyard.math.intervals import mean, wilson
from steelyard.math.traces import joined
from steelyard.parts import Column, Kind, Splits
from steelyard.rows import Rows

SHOWN = 20  # origins in a finding


@dataclass(frozen=True)
class Keys:
    """One number a row, so that memory does not grow with what the rows hold: equal numbers, equal inputs.

    exact   (rows,) uint64 of the stored values
    same    (rows,) uint64 of their kinds' identities: what a person would call the same
    empty   (rows,) bool: no letter or digit in any input; such rows are no duplicates of each other
    """

    exact: np.ndarray
    same: np.ndarray
    empty: np.ndarray


def order(splits: Splits) -> list[str]:
    """The splits that have rows: train, validation, then the others as given."""
    first = [name for name in ("train", "validation") if name in splits.rows]
    return [name for name in (*first, *(name for name in splits.rows if name not in first)) if len(splits.rows[name])]


def judged(splits: Splits) -> str | None:
    """The split that the model is judged on: whose answers are known, else test, else the last; None where only train is left."""
    others = [name for name in order(splits) if name != "train"]
    known = [name for name in others if name in splits.right]
    return known[-1] if known else "test" if "test" in others else others[-1] if others else None


def label_column(splits: Splits) -> Column | None:
    """The target, where it is a label."""
    return next((column for column in splits.columns if column.target and column.kind == "label"), None)


def labels(splits: Splits, split: str) -> np.ndarray:
    """(rows,) str objects; None where a row has no label. Only where there is a `label_column`."""
    column = label_column(splits)
    assert column is not None
    values = splits.rows[split].column(column.name)
    return np.array([None if value is None else str(value) for value in values], dtype=object)


def origins(rows: Rows, places: np.ndarray | list[int]) -> list[str]:
    """Where the first SHOWN of these rows were read."""
    return [rows.origin(int(place)) for place in places[:SHOWN]]


def blocks(rows: Rows, names: list[str]) -> Iterator[list[dict[str, Any]]]:
    """The rows, these columns only, a block at a time: pictures are not all in memory."""
    return Rows(rows.table.select(names), rows.chosen).chunks()


_keys: WeakKeyDictionary[Rows, dict[tuple[Column, ...], Keys]] = WeakKeyDictionary()  # several audits ask for the same


def keys(splits: Splits, split: str) -> Keys:
    """The keys of one split's rows; read once for all audits."""
    rows = splits.rows[split]
    columns = tuple(column for column in splits.inputs() if column.name in rows.names)
    known = _keys.setdefault(rows, {})
    if columns not in known:
        known[columns] = _read(rows, columns)
    return known[columns]


def _read(rows: Rows, columns: tuple[Column, ...]) -> Keys:
    kinds: list[tuple[str, Kind]] = [(column.name, catalog.load("kinds", column.kind, f'column "{column.name}"')()) for column in columns]
    exact, same = np.zeros(len(rows), dtype=np.uint64), np.zeros(len(rows), dtype=np.uint64)
    empty, place = np.zeros(len(rows), dtype=bool), 0
    for block in blocks(rows, [name for name, _ in kinds]):
        for row in block:
            values = [row[name] for name, _ in kinds]
            empty[place] = not any(holds_something(value) for value in values)
            exact[place] = _digest([value if isinstance(value, bytes) else str(value).encode() for value in values])
            same[place] = _digest([b"" if row[name] is None else kind.identity(row[name]).encode() for name, kind in kinds])
            place += 1
    return Keys(exact, same, empty)


def identities(splits: Splits, split: str) -> Iterator[str]:
    """One text a row, of all its inputs: what a trace knows it by."""
    rows = splits.rows[split]
    kinds: list[tuple[str, Kind]] = [(column.name, catalog.load("kinds", column.kind, f'column "{column.name}"')())
                                     for column in splits.inputs() if column.name in rows.names]
    for block in blocks(rows, [name for name, _ in kinds]):
        for row in block:
            yield joined(["" if row[name] is None else kind.identity(row[name]) for name, kind in kinds])


def score(right: np.ndarray) -> Quantity:
    """The mean of how right the answers are: a share, or a mean where answers can be half right."""
    if not len(right):
        return Quantity(value=None, why=say("no row is left"))
    value = float(right.mean())
    if ((right == 0) | (right == 1)).all():
        low, high = wilson(float(right.sum()), len(right))
        return Quantity(value=value, low=low, high=high, n=len(right), how="Wilson 95%", better="higher")
    _, low, high = mean(right)
    return Quantity(value=value, low=low, high=high, n=len(right), how="t 95% over rows", better="higher")


def holds_something(value: object) -> bool:
    """A letter or digit, where it is text; whatever it is otherwise, but for nothing."""
    return any(letter.isalnum() for letter in value) if isinstance(value, str) else value is not None


def _digest(parts: list[bytes]) -> int:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return int.from_bytes(digest.digest(), "big")
