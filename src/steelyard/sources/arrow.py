"""Data sets as Hugging Face's `datasets` saves them (save_to_disk), and Arrow files, read with pyarrow alone."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, is_saved, open_bytes
from steelyard.sources._tables import AT_ONCE, Names, label_names, names_of_schema, records

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = 64 * 2**20  # bytes of a JSON document beside the rows


class Arrow(Source):
    """A folder with state.json, dataset_info.json and data-*.arrow; a folder of such folders where it holds one only; an .arrow file.

    Labels come by the names in dataset_info.json. The line is the row's number in its file.
    """

    name = "arrow"
    help = say("a folder that Hugging Face's datasets saved (save_to_disk), or an .arrow file")

    def accepts(self, path: Path) -> bool:
        """By suffix, a folder by what lies in it."""
        return is_saved(path) if path.is_dir() else form(path) == ".arrow"

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where the folder is several splits, a file of it is missing, broken or leads out of it."""
        folder = _one_split(path) if path.is_dir() else None
        files = _files(folder) if folder else [path]
        names = label_names(_document(folder / "dataset_info.json").get("features")) if folder else {}
        none_yet = True
        for file in files:
            for record in _records(file, names):
                none_yet = False
                yield record
        if none_yet:
            raise InputError(say("{where}: the table has no rows", where=path))


def _one_split(path: Path) -> Path:
    """The folder itself, or that of its only split."""
    if not (path / "dataset_dict.json").is_file():
        return path
    splits = _document(path / "dataset_dict.json").get("splits")
    names = [_inside(path / "dataset_dict.json", name) for name in splits] if isinstance(splits, list) else []
    if len(names) != 1:
        raise InputError(say("{where}: several splits lie in it ({names}); give each by itself as data.train, data.validation, data.test",
                             where=path, names=listing(f"{path.name}/{name}" for name in names)))
    return path / names[0]


def _files(folder: Path) -> list[Path]:
    """The files of rows, in their order."""
    state = folder / "state.json"
    document = _document(state)
    if document.get("_indices_data_files") or document.get("_indices_files"):
        raise InputError(say("{where}: the set was saved with a selection of rows beside it; save it anew after flatten_indices()",
                             where=folder))
    listed = document.get("_data_files")
    entries = [entry.get("filename") if isinstance(entry, Mapping) else None for entry in listed] if isinstance(listed, list) else []
    if not entries:
        raise InputError(say("{where}: the file names no files of rows (_data_files)", where=state))
    return [folder / _inside(state, entry) for entry in entries]


def _inside(where: Path, name: object) -> str:
    """The name of a file or folder beside `where`. Raises InputError for anything that is none."""
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name or "\\" in name or "\0" in name:
        raise InputError(say('{where}: "{name}" leads out of the folder', where=where, name=shown(name)))
    place = where.parent / name
    if not place.exists():
        raise InputError(say("{where}: the file is missing", where=place))
    if not place.resolve().is_relative_to(where.parent.resolve()):
        raise InputError(say('{where}: the link "{name}" leads out of the folder; copy what it points to (cp -L)',
                             where=where.parent, name=shown(name)))
    return name


def _document(path: Path) -> Mapping[str, Any]:
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise InputError(say("{where}: the file is missing", where=path))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(say("{where}: this is no JSON: {reason}", where=path, reason=shown(str(error), 200))) from error
    return document if isinstance(document, Mapping) else {}


def _records(path: Path, names: Names) -> Iterator[Record]:
    import pyarrow as pa

    with open_bytes(path):  # says what is wrong with a file that is missing, empty or may not be read
        pass
    number = 0
    try:
        with pa.memory_map(str(path)) as source:
            for batch in _batches(path, source):
                batch.validate(full=True)
                known = {**names_of_schema(batch.schema), **names}
                for start in range(0, batch.num_rows, AT_ONCE):
                    yield from records(str(path), batch.slice(start, AT_ONCE), number + start + 1, known)
                number += batch.num_rows
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:  # the last for a column's name
        raise InputError(say("{where}: the Arrow file is cut short or broken: {reason}",
                             where=path, reason=shown(str(error), 200))) from error


def _batches(path: Path, source: "pa.MemoryMappedFile") -> Iterator["pa.RecordBatch"]:
    """Those of a stream, which `datasets` writes, or of a file, which Feather is."""
    import pyarrow as pa

    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    if twice := [shown(name) for name, count in Counter(reader.schema.names).items() if count > 1]:
        raise InputError(say("{where}: several columns are called {names}; rename them", where=path, names=listing(twice)))
    return (reader.get_batch(number) for number in range(reader.num_record_batches)) if is_file else iter(reader)


PART = Arrow
