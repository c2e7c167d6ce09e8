"""Examples on disk: per field one file of values and one of shapes, memory-mapped; what is small lies in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from steelyard.parts import Example, Examples

IN_MEMORY = 2 << 30  # bytes of a field up to which it lies in memory as one tensor, if a quarter of what is free allows


class Field:
    """One array an example. Arrays of one shape are one tensor (examples, ...); others are cut out of the flat values."""

    def __init__(self, folder: Path, name: str, kind: str, dims: int, count: int, free: int) -> None:
        values = folder / f"{name}.values"
        self.flat: np.ndarray = np.memmap(values, dtype=kind, mode="r") if values.stat().st_size else np.empty(0, dtype=kind)
        self.shapes = np.fromfile(folder / f"{name}.shapes", dtype=np.int32).reshape(count, dims)
        sizes = self.shapes.prod(axis=1, dtype=np.int64)
        self.ends = np.cumsum(sizes)
        self.lengths = sizes
        self.dense: Tensor | None = None
        if count and (self.shapes == self.shapes[0]).all():
            table = self.flat.reshape(count, *self.shapes[0])
            self.dense = torch.from_numpy(np.array(table) if table.nbytes <= min(IN_MEMORY, free // 4) else table)

    def take(self, indices: Tensor) -> Tensor | list[Tensor]:
        """(examples, ...) or one tensor each."""
        if self.dense is not None:
            return self.dense.index_select(0, indices)  # half the time of self.dense[indices]
        return [torch.from_numpy(np.array(self.one(i))) for i in indices.tolist()]

    def one(self, index: int) -> np.ndarray:
        """The array of one example, not copied."""
        end = int(self.ends[index])
        return self.flat[end - int(self.lengths[index]) : end].reshape(self.shapes[index])


class Store:
    """The examples of one split, in the order of its rows; `rows` says which row each belongs to."""

    def __init__(self, folder: Path, free: int) -> None:
        facts = json.loads((folder / "examples.json").read_text())
        self.count: int = facts["examples"]
        self.num_rows: int = facts["rows"]
        self.fields = {name: Field(folder, name, kind, dims, self.count, free) for name, (kind, dims) in facts["fields"].items()}
        self.rows = torch.from_numpy(np.fromfile(folder / "rows.values", dtype=np.int64))

    def __len__(self) -> int:
        return self.count

    def take(self, indices: Tensor) -> Examples:
        """Examples at these places (int64)."""
        return Examples({name: field.take(indices) for name, field in self.fields.items()}, self.rows[indices], indices)

    def one(self, index: int) -> Example:
        """One example as it was encoded."""
        return {name: np.array(field.one(index)) for name, field in self.fields.items()}

    def lengths(self) -> np.ndarray | None:
        """(examples,) what batches are sorted by: the size of the first field whose arrays differ in shape; None if none does.

        Where that field is a row of values, the longest of all such fields counts: a long target is padded for, as a long source is.
        """
        uneven = [field for field in self.fields.values() if field.dense is None]
        if not uneven or len(uneven[0].shapes[0]) != 1:
            return uneven[0].lengths if uneven else None
        longest: np.ndarray = np.maximum.reduce([field.lengths for field in uneven if len(field.shapes[0]) == 1])
        return longest

    def dense(self) -> dict[str, np.ndarray]:
        """Field -> (examples, ...): those whose arrays are of one shape."""
        return {name: field.dense.numpy() for name, field in self.fields.items() if field.dense is not None}

    def sizes(self) -> np.ndarray:
        """(examples,) the size of each one's first field."""
        lengths: np.ndarray = next(iter(self.fields.values())).lengths
        return lengths


def write(folder: Path, groups: Iterable[Sequence[Example]]) -> None:
    """One group of examples a row, streamed to `folder`. Every example has the same fields; a row may have none."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, tuple[str, int]] = {}
    files = {}
    count = rows = 0
    try:
        with (folder / "rows.values").open("wb") as owners:
            for row, group in enumerate(groups):
                for example in group:
                    for name, array in example.items():
                        if name not in files:
                            kinds[name] = (array.dtype.str, array.ndim)
                            files[name] = ((folder / f"{name}.values").open("wb"), (folder / f"{name}.shapes").open("wb"))
                        values, shapes = files[name]
                        values.write(np.ascontiguousarray(array).data if array.ndim else array.tobytes())
                        shapes.write(np.array(array.shape, dtype=np.int32).tobytes())
                    owners.write(np.int64(row).tobytes())
                count += len(group)
                rows = row + 1
    finally:
        for pair in files.values():
            for file in pair:
                file.close()
    (folder / "examples.json").write_text(json.dumps({"examples": count, "rows": rows, "fields": kinds}))


def stack(examples: Sequence[Example], rows: Sequence[int] | None = None) -> Examples:
    """A few examples that are in no store, as columns: what explainers and `predict` make."""
    fields: dict[str, Tensor | list[Tensor]] = {}
    for name in examples[0]:
        tensors = [torch.from_numpy(np.asarray(example[name])) for example in examples]
        fields[name] = torch.stack(tensors) if len({tensor.shape for tensor in tensors}) == 1 else tensors
    numbers = torch.arange(len(examples))
    return Examples(fields, numbers if rows is None else torch.tensor(rows, dtype=torch.int64), numbers)
