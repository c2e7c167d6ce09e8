"""Files -> rows on disk: every row is accounted for, read once, kept under a fingerprint, memory-mapped."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard import catalog
from steelyard.engine import cache
from steelyard.engine.columns import kind_of, match
from steelyard.engine.label_names import LabelNames, Seen, label_names, refuse_strangers
from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import Sentence, say
from steelyard.parts import BadValue, Column, Kind, ReadOptions, Record, Source
from steelyard.recipe.data import Data
from steelyard.recipe.recipe import Recipe
from steelyard.rows import FILE, LINE, Rows

PEEK = 200  # first rows that columns are recognised by
BLOCK, BLOCK_BYTES = 1024, 16 << 20  # rows, and bytes of them, written at a time
MOST_BAD = 100_000  # broken rows that are remembered, unless the recipe allows more
SCHEMES = ("builtin:", "hub:")  # names, no paths
SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")  # as files are called after them


@dataclass(frozen=True)
class BadRow:
    """A row that is in its file and not among the rows, and why."""

    origin: str
    why: Sentence


@dataclass(frozen=True)
class Table:
    """What was read from some files.

    columns   the task's columns that it has
    found     task's column -> data's column
    files     [{"file", "bytes", "mark"}]: mark is the sha256, or of a folder that of its files' names and contents
    counts    one a path: how many of the rows came from it, in their order
    """

    rows: Rows
    columns: tuple[Column, ...]
    found: dict[str, str]
    files: list[dict[str, Any]]
    bad: tuple[BadRow, ...]
    mark: str
    counts: tuple[int, ...] = ()


def locate(places: str | Sequence[str], folder: Path, where: str) -> list[Path]:
    """What a recipe's path means: files, folders, globs, builtin:NAME, hub:NAME; relative to `folder`. Raises InputError.

    A folder that holds tables and nothing else stands for its tables.
    """
    found: list[Path] = []
    for place in [places] if isinstance(places, str) else places:
        if place.startswith(SCHEMES):
            found.append(source_of(Path(place), where).pinned(Path(place), where))
            continue
        path = folder / Path(place).expanduser()
        if path.exists():
            found.extend(_tables(path, where) or [path] if path.is_dir() else [path])
        elif several := sorted(glob.glob(str(path), recursive=True)):
            found.extend(Path(one) for one in several)
        else:
            beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise InputError(say('{where}: there is no "{path}"{hint}', where=where, path=path, hint=did_you_mean(path.name, beside)))
    if twice := [path for path in dict.fromkeys(found) if found.count(path) > 1]:
        raise InputError(say('{where}: "{path}" is named twice; its rows would count twice', where=where, path=twice[0]))
    return found


def _tables(folder: Path, where: str) -> list[Path]:
    """The tables of a folder that has no other folder and no picture in it; [] for all else."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    pictures = catalog.load("kinds", "image", where).suffixes
    if any(path.is_dir() or path.suffix.lower() in pictures or path.stem == "metadata" for path in inside):
        return []
    parts: list[Source] = [part() for part in catalog.every("sources")]
    if any(part.accepts(folder) for part in parts if part.name != "folder"):
        return []
    found = [path for path in inside if any(part.accepts(path) for part in parts)]
    splits = {word for path in found for word in re.split(r"[^a-z]+", path.name.lower()) if word in SPLITS}
    if len(splits) > 1:
        raise InputError(say("{where}: several splits lie in it ({names}); give each by itself as data.train, data.validation, data.test",
                             where=f"{where}: {folder}", names=listing(path.name for path in found)))
    strange = [path for path in inside if path not in found and path.suffix.lower() not in ("", ".md")]  # README.md, LICENSE
    if found and strange:
        raise InputError(say('{where}: "{path}" has no form that steelyard reads (it reads: {known})',
                             where=where, path=strange[0], known=listing(catalog.names("sources"))))
    return found


def pinned(recipe: Recipe) -> Recipe:
    """The recipe whose data sets of the Hub are named with their commits, so that a run finds the same rows again. Raises as `locate`."""
    def commit(place: str, where: str) -> str:
        return str(source_of(Path(place), where).pinned(Path(place), where)) if place.startswith(SCHEMES) else place

    named: dict[str, Any] = {}
    for key in ("train", "validation", "test"):
        given, where = getattr(recipe.data, key), recipe.where(f"data.{key}")
        if isinstance(given, str | tuple):
            named[key] = commit(given, where) if isinstance(given, str) else tuple(commit(place, where) for place in given)
        elif isinstance(given, Mapping):
            named[key] = {commit(place, where): weight for place, weight in given.items()}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=named)})


def source_of(path: Path, where: str) -> Source:
    """The source that reads `path`; a scheme is a source's name. Raises InputError where none does."""
    if str(path).startswith(SCHEMES):
        named: Source = catalog.load("sources", str(path).partition(":")[0], where)()
        return named
    for part in sorted(catalog.every("sources"), key=lambda part: not part.first):
        source: Source = part()
        if source.accepts(path):
            return source
    raise InputError(say('{where}: "{path}" has no form that steelyard reads (it reads: {known})',
                         where=where, path=path, known=listing(catalog.names("sources"))))


def table(paths: Sequence[Path], columns: Sequence[Column], data: Data, where: str, folder: Path = Path()) -> Table:
    """Read `paths` as one table, from the cache where nothing changed. `folder` is the recipe's. Raises InputError."""
    readers = [(path, source_of(path, where)) for path in paths]
    names = label_names(data.label_names, folder) if any(column.target for column in columns) else None
    files = [_facts(path, source, columns, data) for path, source in readers]
    marks = [(path.name, file["mark"]) for path, file in zip(paths, files, strict=True)]  # wherever they lie, however they are spelled
    asked = {"files": marks, "columns": [(c.name, c.kind, c.target) for c in columns], "told": dict(data.columns),
             "labels": dict(data.labels), "encoding": data.encoding, "header": data.header}
    mark = cache.fingerprint(asked | ({"names": dict(names.names)} if names else {}))
    kept = cache.kept("rows", mark, lambda beside: _read(beside, readers, columns, data, names))
    facts = json.loads((kept / "read.json").read_text(encoding="utf-8"))
    return Table(
        rows=Rows.open(kept / "rows.arrow"), columns=tuple(c for c in columns if c.name in facts["found"]), found=facts["found"],
        files=files, bad=tuple(BadRow(bad["origin"], Sentence.from_json(bad["why"])) for bad in facts["bad"]), mark=mark,
        counts=tuple(facts["counts"]))


def _facts(path: Path, source: Source, columns: Sequence[Column], data: Data) -> dict[str, Any]:
    """A place as a run records it: what its rows hang on."""
    if (told := source.facts(path)) is not None:
        return {"file": str(path), **told}
    if path.is_dir():
        with cache.hashes(path) as hash_of:
            inside = sorted((str(p.relative_to(path)), p.lstat().st_size, _content(p, hash_of)) for p in path.rglob("*") if p.is_file())
        return {"file": str(path), "bytes": sum(size for _, size, _ in inside), "mark": "folder:" + cache.fingerprint({"inside": inside})}
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise InputError(say("{where}: this is neither a file nor a folder", where=path))
    with cache.hashes(path) as hash_of:
        hashes = [hash_of(p) for p in (path, *source.beside(path))]
    referred = _referred(path, source, columns, data)
    return {"file": str(path), "bytes": path.stat().st_size, "mark": "sha256:" + "+".join([*hashes, *([referred] if referred else [])])}


def _content(path: Path, hash_of: Callable[[Path], str]) -> str:
    """What a file holds, as a fingerprint has it; one that cannot be read is a row's problem, and said with the row."""
    try:
        return hash_of(path)
    except OSError as error:
        return f"unread {error.errno}"


def _referred(path: Path, source: Source, columns: Sequence[Column], data: Data) -> str:
    """A fingerprint of the files that a table's columns name: their names and contents; "" where they name none."""
    kinds = {column.name: kind for column in columns if type(kind := kind_of(column)).refers is not Kind.refers}
    if not kinds:
        return ""
    records = source.read(path, ReadOptions(encoding=data.encoding, header=data.header))
    first = list(islice(records, PEEK))
    samples = [record.values for record in first if record.problem is None]
    own = match(columns, samples, data.columns, path.name) if samples else {}
    named = [(kind, own[name]) for name, kind in kinds.items() if name in own]
    if not any(_place(kind, row.get(name), path.parent) is not None for kind, name in named for row in samples):
        return ""
    digest = sha256()
    with cache.hashes(path / "referred") as hash_of:
        for record in chain(first, records):
            for kind, name in named:
                place = _place(kind, record.values.get(name), path.parent)
                content = _content(place, hash_of) if isinstance(place, Path) else None
                digest.update(f"{record.values.get(name)}|{content}\n".encode(errors="replace"))
    return digest.hexdigest()


def _place(kind: Kind, raw: object, folder: Path) -> Path | BadValue | None:
    try:
        return kind.refers(raw, folder)
    except BadValue as error:
        return error


@dataclass(frozen=True)
class _Stream:
    """One file as it is read. `found`: the task's column -> the file's; `folder`: where the files lie that its rows name, if anywhere."""

    path: Path
    records: Iterator[Record]
    found: dict[str, str]
    folder: Path | None
    labels: Seen

    def origin(self, record: Record) -> str:
        """Where a record stood, without the folders of this machine."""
        file = record.file.replace(str(self.path), self.path.name, 1)
        return file if record.line is None else f"{file}:{record.line}"


def _streams(readers: Iterable[tuple[Path, Source]], columns: Sequence[Column], data: Data) -> tuple[list[_Stream], list[str]]:
    """The files, begun, and the names of their further columns. Raises InputError where one has a column that another lacks."""
    options = ReadOptions(encoding=data.encoding, header=data.header)
    streams: list[_Stream] = []
    extras: dict[str, None] = {}
    for path, source in readers:
        records = source.read(path, options)
        first = list(islice(records, PEEK))
        samples = [record.values for record in first if record.problem is None]
        if not samples:
            why = f" ({first[0].problem})" if first else ""
            raise InputError(say('"{path}" holds no row that can be read{why}', path=path, why=why))
        found = match(columns, samples, data.columns, path.name)
        there = list(dict.fromkeys(name for row in samples for name in row))
        extras.update((name, None) for name in there if name not in found.values() and not name.startswith("_"))
        if streams and (unlike := sorted(found.keys() ^ streams[0].found.keys())):
            has, lacks = (streams[0].path.name, path.name) if unlike[0] in streams[0].found else (path.name, streams[0].path.name)
            raise InputError(say('"{has}" has a column for "{column}", "{lacks}" has none: files that are read together need the same '
                                 'columns ("{second}" has: {there})',
                                 has=has, lacks=lacks, column=unlike[0], second=path.name, there=listing(there)))
        folder = None if str(path).startswith(SCHEMES) else path if path.is_dir() else path.parent
        streams.append(_Stream(path, chain(first, records), found, folder, Seen(path.name)))
    taken = {column.name for column in columns}  # those that were not asked for too: a further column is no target
    return streams, [name for name in extras if name not in taken]


def _read(folder: Path, readers: Iterable[tuple[Path, Source]], columns: Sequence[Column], data: Data, names: LabelNames | None) -> None:
    streams, others = _streams(readers, columns, data)
    bad: list[BadRow] = []
    counts = [0] * len(streams)
    found = {ours: theirs for stream in streams for ours, theirs in stream.found.items()}
    kinds = {column.name: kind_of(column) for column in columns if column.name in found}
    schema = pa.schema([*((name, kind.arrow) for name, kind in kinds.items()), *((name, pa.string()) for name in others),
                        (FILE, pa.string()), (LINE, pa.int64())])
    targets = [column.name for column in columns if column.target and column.name in kinds]
    told = {column.name for column in columns if column.kind in ("label", "labels")}

    def good() -> Iterator[dict[str, Any]]:
        for number, stream in enumerate(streams):
            for record in stream.records:
                try:
                    if record.problem is not None:
                        raise BadValue(record.problem)
                    row = {name: _parsed(name, stream, kinds[name], record) for name in kinds}
                    for name in told.intersection(targets):
                        row[name] = _label(row[name], names, data.labels)
                except BadValue as error:
                    bad.append(BadRow(stream.origin(record), error.sentence))
                    if len(bad) > max(MOST_BAD, data.max_bad_rows):
                        raise InputError(say("{origin} {why}; more than {n} rows are broken: the data has another form",
                                             origin=bad[0].origin, why=bad[0].why, n=len(bad) - 1)) from error
                    continue
                for name in told.intersection(targets):
                    for label in row[name] if isinstance(row[name], list) else [row[name]]:
                        stream.labels.add(label)
                counts[number] += 1
                row.update((name, _text(record.values.get(name))) for name in others)
                yield {**row, FILE: record.file.replace(str(stream.path), stream.path.name, 1), LINE: record.line}

    rows = good()
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for block in _blocks(rows):
            writer.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
    if not data.labels:
        refuse_strangers([stream.labels for stream in streams])
    facts = {"found": found, "counts": counts, "bad": [{"origin": b.origin, "why": b.why.to_json()} for b in bad]}
    (folder / "read.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _blocks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in order, at most BLOCK and some BLOCK_BYTES at a time: a block is held whole, and mapped whole when it is read again."""
    held: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        held.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(held) == BLOCK or size > BLOCK_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


def _label(value: Any, names: LabelNames | None, joined: Mapping[str, str]) -> Any:
    """The label by its name, and by the spelling that the recipe joins it to; each of several."""
    if isinstance(value, list):
        return list(dict.fromkeys(_label(one, names, joined) for one in value))
    named = value if names is None else names.name(value)
    return joined.get(str(named), named)


def _parsed(name: str, stream: _Stream, kind: Kind, record: Record) -> Any:
    if name not in stream.found:
        return None
    raw = record.values.get(stream.found[name])
    try:
        place = None if stream.folder is None else kind.refers(raw, stream.folder)
        return kind.parse(raw if place is None else place)
    except BadValue as error:
        raise BadValue(say('column "{column}": {reason}', column=stream.found[name], reason=error.sentence)) from error


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return None  # of no use as a text
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
