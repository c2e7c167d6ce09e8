"""What Parquet and Arrow have in common: columns turned to rows, and the names of labels that `datasets` writes beside them."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import Record

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 256  # rows: pictures may lie in them
Names = Mapping[str, tuple[str, ...]]  # column -> the names of its labels 0, 1, 2...


def records(file: str, batch: "pa.RecordBatch", first: int, names: Names) -> Iterator[Record]:
    """Values as Python has them, labels by their names; the line is the row's number. A row that does not convert is a problem."""
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError):  # one bad value spoils the batch: text that is no UTF-8, a date beyond Python's
        for offset in range(batch.num_rows):
            yield _record(file, batch.slice(offset, 1), first + offset, names)
    else:
        for offset, row in enumerate(rows):
            yield _named(row, file, first + offset, names)


def label_names(features: object) -> Names:
    """The names in the `features` of a `datasets` document; what has another form there says nothing."""
    found = {}
    for column, about in features.items() if isinstance(features, Mapping) else ():
        names = about.get("names") if isinstance(about, Mapping) and about.get("_type") == "ClassLabel" else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            found[str(column)] = tuple(names)
    return found


def names_of_schema(schema: "pa.Schema") -> Names:
    """The names that a file carries in itself, as `datasets` writes Parquet and Arrow."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"null"))
    except (ValueError, RecursionError):
        return {}
    info = about.get("info") if isinstance(about, Mapping) else None
    return label_names(info.get("features") if isinstance(info, Mapping) else None)


def _named(row: dict[str, object], file: str, number: int, names: Names) -> Record:
    for column, own in names.items():
        value = row.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            if not -1 <= value < len(own):
                return Record({}, file, number, _nameless(column, value, len(own)))
            row[column] = own[value] if value >= 0 else None  # -1 is what `datasets` writes where there is no label
    return Record(row, file, number)


def _nameless(column: str, value: int, known: int) -> Sentence:
    return say('column "{column}": the label {got} has no name: there are {n}, for 0 to {last}', column=shown(column), got=value, n=known,
               last=known - 1)


def _record(file: str, batch: "pa.RecordBatch", number: int, names: Names) -> Record:
    try:
        return _named(batch.to_pylist()[0], file, number, names)
    except (ValueError, OverflowError) as error:
        return Record({}, file, number, say("the row holds a value that cannot be read: {reason}", reason=shown(str(error), 100)))
