"""Parquet, read a few rows at a time."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import FREE, RATIO, form, is_packed, open_bytes
from steelyard.sources._tables import AT_ONCE, names_of_schema, records

if TYPE_CHECKING:
    import pyarrow as pa


class Parquet(Source):
    """.parquet or .pq; a .gz around it is unpacked to a nameless file first, for Parquet is read from its end."""

    name = "parquet"
    help = say("Parquet")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in (".parquet", ".pq") and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Values as Python has them, labels by the names that `datasets` wrote into the file; the line is the row's number."""
        with open_bytes(path) as stream, tempfile.TemporaryFile() as beside:
            if is_packed(path):
                shutil.copyfileobj(stream, beside, 2**20)
            yield from _records(path, beside if is_packed(path) else stream)


def _records(path: Path, file: IO[bytes]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
        _check(path, table)
        names = names_of_schema(table.schema_arrow)
        for batch in table.iter_batches(batch_size=AT_ONCE):
            yield from records(str(path), batch, number + 1, names)
            number += batch.num_rows
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:  # pyarrow says OSError for broken bytes
        raise InputError(say("{where}: the Parquet file is cut short or broken: {reason}",
                             where=path, reason=shown(str(error), 200))) from error
    if number == 0:
        raise InputError(say("{where}: the table has no rows", where=path))


def _check(path: Path, table: "pa.parquet.ParquetFile") -> None:
    """Raises InputError where two columns have one name or the file claims to unpack to far more than it can hold."""
    if twice := [shown(name) for name, count in Counter(table.schema_arrow.names).items() if count > 1]:
        raise InputError(say("{where}: several columns are called {names}; rename them", where=path, names=listing(twice)))
    claimed = sum(table.metadata.row_group(i).total_byte_size for i in range(table.metadata.num_row_groups))
    most = max(FREE, RATIO * path.stat().st_size)
    if claimed > most:
        raise InputError(say("{where}: the Parquet file claims to unpack to {got} MiB, over {ratio} times its size: refused as a bomb",
                             where=path, got=claimed >> 20, ratio=RATIO))


PART = Parquet
