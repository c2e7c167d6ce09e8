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


def test_chunks_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard import rows as module

    monkeypatch.setattr(module, "CHUNK_BYTES", 1000)
    sizes = [10] * 50 + [600] * 10 + [5000] + [10] * 30
    batches = [pa.RecordBatch.from_pydict({"text": ["x" * size for size in part], FILE: ["f"] * len(part), LINE: [0] * len(part)})
               for part in (sizes[:50], sizes[50:60], sizes[60:61], sizes[61:])]
    held = Rows(pa.Table.from_batches(batches))
    chunks = [[len(row["text"]) for row in chunk] for chunk in held.chunks()]
    assert [size for chunk in chunks for size in chunk] == sizes and all(chunks)
    assert max(sum(chunk) - max(chunk) for chunk in chunks) < 2000, "what is with a large row is little"
    assert [len(row["text"]) for row in held.select([60, 3, 55])] == [5000, 10, 600]
    monkeypatch.setattr(module, "CHUNK", 7)
    assert max(map(len, held.chunks())) == 7 and [len(row["text"]) for row in held] == sizes
    assert list(held.select([]).chunks()) == []


def test_equal_texts_of_a_column_are_one_object() -> None:
    names = [f"label {i % 3}" for i in range(10_000)]
    held = Rows(pa.table({"label": names, "number": list(range(10_000))}))
    column = held.column("label")
    assert column == names and len({id(value) for value in column}) == 3
    assert Rows(pa.table({"label": ["a", None, "a"]})).column("label") == ["a", None, "a"]
