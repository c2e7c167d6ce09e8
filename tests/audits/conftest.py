"""Splits made of plain rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.parts import Column, Splits
from steelyard.rows import Rows

TEXT = (Column(name="text", kind="text"), Column(name="label", kind="label", target=True))
Make = Callable[..., Splits]


@pytest.fixture(scope="session")
def splits() -> Make:
    """splits({"train": [{"text": ..., "label": ...}]}): a row's origin is "train.csv:1" and so on."""

    def make(rows: Mapping[str, Sequence[Mapping[str, Any]]], columns: Sequence[Column] = TEXT,
             right: Mapping[str, Sequence[float]] | None = None) -> Splits:
        tables = {}
        for name, listed in rows.items():
            names = list(listed[0]) if listed else [column.name for column in columns]
            held: dict[str, Any] = {key: [row[key] for row in listed] for key in names}
            held["_file"] = pa.array([f"{name}.csv"] * len(listed), pa.string())
            held["_line"] = pa.array(range(1, len(listed) + 1), pa.int64())
            tables[name] = Rows(pa.table(held))
        return Splits(tables, tuple(columns), {name: np.array(values, dtype=float) for name, values in (right or {}).items()})

    return make


@pytest.fixture(scope="session")
def messages(splits: Make) -> Splits:
    """builtin:messages by its own split; `_line` is the row's number in the whole set."""
    from steelyard.sources._messages import rows

    table = [{**row, "number": number} for number, row in enumerate(rows(0), start=1)]
    made = splits({name: [row for row in table if row["split"] == name] for name in ("train", "validation", "test")})
    return Splits({name: _renumbered(held.table) for name, held in made.rows.items()}, TEXT)


def _renumbered(table: pa.Table) -> Rows:
    kept = table.drop_columns(["number", "_file", "_line"]).append_column("_file", pa.array(["messages"] * table.num_rows))
    return Rows(kept.append_column("_line", table.column("number")))
