"""Rows: a table on disk, memory-mapped, in which every row remembers where it comes from."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

FILE, LINE = "_file", "_line"  # the origin of a row: its file as the recipe names it, and the line (or number) there
CHUNK, CHUNK_BYTES = 1024, 16 << 20  # rows, and bytes of them, that are held as Python values at a time
FEW = 10_000  # different texts up to which equal ones of a column are held once


class Rows:
    """A table, memory-mapped, or a selection of its rows; `rows[3]` is a dict, `rows.column(name)` a list.

    Columns: the task's, further ones as text (groups, ids), and the origin `_file`, `_line`.
    """

    def __init__(self, table: pa.Table, chosen: np.ndarray | None = None) -> None:
        self.table = table
        self.chosen = np.arange(table.num_rows) if chosen is None else np.asarray(chosen, dtype=np.int64)
        self._batches = table.to_batches()
        self._ends = np.cumsum([batch.num_rows for batch in self._batches], dtype=np.int64)

    @staticmethod
    def empty() -> "Rows":
        """No rows at all: for a processor that is loaded, not fitted."""
        return Rows(pa.table({FILE: pa.array([], pa.string()), LINE: pa.array([], pa.int64())}))

    @staticmethod
    def open(path: Path) -> "Rows":
        """Memory-map an Arrow IPC file. Raises FileNotFoundError, pyarrow.ArrowInvalid."""
        with pa.memory_map(str(path)) as source:
            return Rows(pa.ipc.open_file(source).read_all())

    def save(self, path: Path) -> None:
        """Write the chosen rows as an Arrow IPC file, 1,024 rows at a time."""
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self.table.schema) as writer:
            for start in range(0, len(self), 1024):
                writer.write_table(self._taken(start, start + 1024))

    def _taken(self, start: int, stop: int) -> pa.Table:
        """Those places of the selection as a table. Arrow's own `take` would copy a whole column together first."""
        wanted = self.chosen[start:stop]
        chunk = np.searchsorted(self._ends, wanted, side="right")
        begins = np.append(0, self._ends)
        cuts = np.flatnonzero(np.diff(chunk)) + 1
        pieces = [self._batches[own[0]].take(pa.array(part - begins[own[0]]))
                  for part, own in zip(np.split(wanted, cuts), np.split(chunk, cuts), strict=True) if len(part)]
        return pa.Table.from_batches(pieces, schema=self.table.schema)

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(self.table.slice(int(self.chosen[index]), 1).to_pylist()[0])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for chunk in self.chunks():
            yield from chunk

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """The rows in order, at most CHUNK rows and some CHUNK_BYTES at a time (or one row that has more)."""
        for start in range(0, len(self), CHUNK):
            wanted = self.chosen[start : start + CHUNK]
            filled = np.cumsum(self._costs[np.searchsorted(self._ends, wanted, side="right")]) // CHUNK_BYTES
            cuts = start + np.flatnonzero(np.diff(filled)) + 1
            for low, high in zip([start, *cuts], [*cuts, start + len(wanted)], strict=True):
                yield self._taken(low, high).to_pylist()

    @cached_property
    def _costs(self) -> np.ndarray:
        """(batches,) bytes of a row of each, on average."""
        return np.array([batch.nbytes / max(1, batch.num_rows) for batch in self._batches])

    def blocks(self, size: int) -> Iterator[list[dict[str, Any]]]:
        """The rows in order, `size` at a time, however large they are; `chunks` is kinder to memory."""
        for start in range(0, len(self), size):
            yield self._taken(start, start + size).to_pylist()

    @property
    def names(self) -> list[str]:
        """All columns, the origin among them."""
        return list(self.table.column_names)

    def column(self, name: str) -> list[Any]:
        """One column of the chosen rows; of up to FEW different texts equal ones are one object. Raises KeyError."""
        values: list[Any] = []
        known: dict[str, str] = {}
        for part in self._parts(name):
            if len(known) < FEW and pa.types.is_string(self.table.schema.field(name).type):
                part = [value if value is None else known.setdefault(value, value) for value in part]
            values += part
        return values

    def _parts(self, name: str) -> Iterator[list[Any]]:
        only = Rows(self.table.select([name]), self.chosen)
        return (only._taken(start, start + 4096).column(0).to_pylist() for start in range(0, len(self), 4096))

    def select(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """The rows at these places of this selection."""
        return Rows(self.table, self.chosen[np.asarray(indices, dtype=np.int64)])

    def origin(self, index: int) -> str:
        """"reviews.csv:17", where the row was read."""
        row = self.table.slice(int(self.chosen[index]), 1)
        file, line = row.column(FILE)[0].as_py(), row.column(LINE)[0].as_py()
        return str(file) if line is None else f"{file}:{line}"
