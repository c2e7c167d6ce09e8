"""What a person would call the same: the identities of rows by their kinds, streamed."""

from collections.abc import Iterator, Sequence

from steelyard.engine.columns import kind_of
from steelyard.math.traces import joined
from steelyard.parts import Column
from steelyard.rows import Rows


def inputs(columns: Sequence[Column]) -> list[Column]:
    """The columns that a model reads; where the data has none beside its targets (plain text), those."""
    return [column for column in columns if not column.target] or list(columns)


def identities(rows: Rows, columns: Sequence[Column]) -> Iterator[str]:
    """One text a row, of all its inputs: rows with equal ones differ in case, space and punctuation at most."""
    kinds = [(column.name, kind_of(column)) for column in inputs(columns) if column.name in rows.names]
    for chunk in Rows(rows.table.select([name for name, _ in kinds]), rows.chosen).chunks():
        for row in chunk:
            yield joined(["" if row[name] is None else kind.identity(row[name]) for name, kind in kinds])


def has_parts(columns: Sequence[Column]) -> bool:
    """Whether a row can be part of another: where it is one text."""
    return [column.kind for column in inputs(columns)] == ["text"]
