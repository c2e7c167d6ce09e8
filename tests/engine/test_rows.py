"""Rows: places of a table in many chunks, in any order."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from steelyard.rows import FILE, LINE, Rows


@pytest.fixture
def rows() -> Rows:
    batches = [pa.RecordBatch.from_pydict({"text": [f"t{i}" for i in range(start, start + size)], FILE: ["f.csv"] * size,
                                           LINE: list(range(start, start + size))})
               for start, size in ((0, 5), (5, 1), (6, 7))]
    return Rows(pa.Table.from_batches(batches))


@pytest.mark.parametrize("chosen", [[], [12], [0, 4, 5, 6, 12], [12, 0, 5, 5, 3, 11], list(range(13))])
def test_places_in_any_order(rows: Rows, chosen: list[int], tmp_path: Path) -> None:
    some = rows.select(np.array(chosen, dtype=np.int64))
    want = [f"t{i}" for i in chosen]
    assert some.column("text") == want
    assert [row["text"] for row in some] == want
    assert [row["text"] for block in some.blocks(2) for row in block] == want
    assert [some[i]["text"] for i in range(len(some))] == want
    assert [some.origin(i) for i in range(len(some))] == [f"f.csv:{i}" for i in chosen]
    some.save(tmp_path / "rows.arrow")
    assert Rows.open(tmp_path / "rows.arrow").column("text") == want


def test_no_rows() -> None:
    assert len(Rows.empty()) == 0 and list(Rows.empty()) == []
