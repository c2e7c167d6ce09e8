"""Files -> rows on disk: every row is accounted for, read once, kept under a fingerprint, memory-mapped."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard import catalog
from steelyard.engine import cache
from steelyard.engine.columns import kind_of, match
from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import Sentence, say
from steelyard.parts import BadValue, Column, ReadOptions, Record, Source
from steelyard.recipe.data import Data
from steelyard.rows import FILE, LINE, Rows

PEEK = 200  # first rows that columns are recognised by
BLOCK = 1024  # rows written at a time


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
    files     [{"file", "bytes", "mark"}]: mark is the sha256, or of a folder that of its names, sizes and times
    """

    rows: Rows
    columns: tuple[Column, ...]
    found: dict[str, str]
    files: list[dict[str, Any]]
    bad: tuple[BadRow, ...]
    mark: str


def locate(places: str | Sequence[str], folder: Path, where: str) -> list[Path]:
    """What a recipe's path means: files, folders, globs, builtin:NAME; relative to `folder`. Raises InputError."""
    found: list[Path] = []
    for place in [places] if isinstance(places, str) else places:
        if place.startswith("builtin:"):
            found.append(Path(place))
            continue
        if place.startswith("hub:"):
            raise InputError(say('{where}: "{place}": data sets of the Hub are not read yet; download it and name its files',
                                 where=where, place=place))
        path = folder / Path(place).expanduser()
        if path.exists():
            found.append(path)
        elif several := sorted(glob.glob(str(path), recursive=True)):
            found.extend(Path(one) for one in several)
        else:
            beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise InputError(say('{where}: there is no "{path}"{hint}', where=where, path=path, hint=did_you_mean(path.name, beside)))
    return found


def source_of(path: Path, where: str) -> Source:
    """The source that reads `path`. Raises InputError where none does."""
    for part in catalog.every("sources"):
        source: Source = part()
        if source.accepts(path):
            return source
    raise InputError(say('{where}: "{path}" has no form that steelyard reads (it reads: {known})',
                         where=where, path=path, known=listing(catalog.names("sources"))))


def table(paths: Sequence[Path], columns: Sequence[Column], data: Data, where: str) -> Table:
    """Read `paths` as one table, from the cache where nothing changed. Raises InputError."""
    readers = [(path, source_of(path, where)) for path in paths]
    files = [_facts(path, source) for path, source in readers]
    marks = [(path.name, file["mark"]) for path, file in zip(paths, files, strict=True)]  # wherever they lie, however they are spelled
    asked = {"files": marks, "columns": [(c.name, c.kind, c.target) for c in columns], "told": dict(data.columns),
             "labels": dict(data.labels), "encoding": data.encoding, "header": data.header}
    mark = cache.fingerprint(asked)
    folder = cache.kept("rows", mark, lambda beside: _read(beside, readers, columns, data))
    facts = json.loads((folder / "read.json").read_text(encoding="utf-8"))
    return Table(
        rows=Rows.open(folder / "rows.arrow"), columns=tuple(c for c in columns if c.name in facts["found"]), found=facts["found"],
        files=files, bad=tuple(BadRow(bad["origin"], Sentence.from_json(bad["why"])) for bad in facts["bad"]), mark=mark)


def _facts(path: Path, source: Source) -> dict[str, Any]:
    if str(path).startswith("builtin:"):
        from steelyard.version import __version__

        return {"file": str(path), "bytes": 0, "mark": f"steelyard {__version__}"}
    if path.is_dir():
        inside = sorted((str(p.relative_to(path)), s.st_size, s.st_mtime_ns) for p in path.rglob("*") if (s := p.lstat()) and p.is_file())
        return {"file": str(path), "bytes": sum(size for _, size, _ in inside), "mark": "names:" + cache.fingerprint({"inside": inside})}
    hashes = [cache.file_hash(p) for p in (path, *source.beside(path))]
    return {"file": str(path), "bytes": path.stat().st_size, "mark": "sha256:" + "+".join(hashes)}


def _read(folder: Path, readers: Iterable[tuple[Path, Source]], columns: Sequence[Column], data: Data) -> None:
    options = ReadOptions(encoding=data.encoding, header=data.header)
    streams: list[tuple[Path, Iterator[Record], dict[str, str]]] = []
    bad: list[BadRow] = []
    extras: dict[str, None] = {}
    for path, source in readers:
        records = source.read(path, options)
        first = list(islice(records, PEEK))
        samples = [record.values for record in first if record.problem is None]
        if not samples:
            why = f" ({first[0].problem})" if first else ""
            raise InputError(say('"{path}" holds no row that can be read{why}', path=path, why=why))
        found = match(columns, samples, data.columns, path.name)
        extras.update((name, None) for row in samples for name in row if name not in found.values() and not name.startswith("_"))
        streams.append((path, chain(first, records), found))
    found = {ours: theirs for _, _, found in streams for ours, theirs in found.items()}
    kinds = {column.name: kind_of(column) for column in columns if column.name in found}
    others = [name for name in extras if name not in kinds]
    schema = pa.schema([*((name, kind.arrow) for name, kind in kinds.items()), *((name, pa.string()) for name in others),
                        (FILE, pa.string()), (LINE, pa.int64())])
    targets = {column.name for column in columns if column.target}

    def good() -> Iterator[dict[str, Any]]:
        for path, records, own in streams:
            for record in records:
                file = record.file.replace(str(path), path.name, 1)  # rows name no folder of this machine
                origin = file if record.line is None else f"{file}:{record.line}"
                try:
                    if record.problem is not None:
                        raise BadValue(record.problem)
                    row = {name: _parsed(name, own, kinds[name].parse, record) for name in kinds}
                except BadValue as error:
                    bad.append(BadRow(origin, error.sentence))
                    continue
                for name in targets & row.keys():
                    row[name] = data.labels.get(str(row[name]), row[name]) if data.labels else row[name]
                row.update((name, _text(record.values.get(name))) for name in others)
                yield {**row, FILE: file, LINE: record.line}

    rows = good()
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        while block := list(islice(rows, BLOCK)):
            writer.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
    facts = {"found": found, "bad": [{"origin": b.origin, "why": b.why.to_json()} for b in bad]}
    (folder / "read.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _parsed(name: str, own: dict[str, str], parse: Any, record: Record) -> Any:
    if name not in own:
        return None
    try:
        return parse(record.values.get(own[name]))
    except BadValue as error:
        raise BadValue(say('column "{column}": {reason}', column=own[name], reason=error.sentence)) from error


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
