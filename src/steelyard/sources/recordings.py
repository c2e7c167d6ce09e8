"""A tar of sound files, with a table beside it that says what is spoken in each."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from steelyard import catalog
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.sound import MOST_BYTES, SUFFIXES
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, open_bytes
from steelyard.sources._pictures import hidden

_TABLES = {"metadata.csv": "csv", "metadata.jsonl": "jsonl"}  # file -> source
NAMES = ("file_name", "file", "path", "audio")  # columns that may name a recording


class Recordings(Source):
    """.tar, .tar.gz or .tgz of sounds, in the tar's order; the row of each is in metadata.csv or .jsonl in the same folder.

    The table's column file_name (or file, path, audio) names members of the archive; its other columns become the row's.
    """

    name = "recordings"
    help = say("a .tar, .tar.gz or .tgz of sound files with a metadata.csv or .jsonl beside it that says what is spoken in each")
    first = True  # an archive of pictures looks the same, until one looks beside it

    def accepts(self, path: Path) -> bool:
        """By suffix, and by the table beside it, whose first row names a sound."""
        if form(path) not in (".tar", ".tgz") or path.is_dir() or (table := _table(path)) is None:
            return False
        try:
            record = next(iter(_rows(table, ReadOptions())), None)
        except InputError:  # a table of something else, which its own source will complain of
            return False
        return record is not None and _named(record.values) is not None

    def beside(self, path: Path) -> list[Path]:
        """The table."""
        table = _table(path)
        return [] if table is None else [table]

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where the archive is broken, holds a link, or the table names no recording."""
        table = _table(path)
        if table is None:
            raise InputError(say('{where}: no table lies beside it; want one of {names}', where=path, names=listing(_TABLES)))
        known: dict[str, Record] = {}
        for record in _rows(table, options):
            if record.problem is not None:
                yield record
                continue
            column = _named(record.values)
            if column is None:
                yield record._replace(values={}, problem=say("the sound is missing"))
                continue
            known[str(PurePosixPath(str(record.values[column]).strip()))] = record
        with open_bytes(path) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r|") as tar:
                    for member in tar:
                        tar.members = []  # type: ignore[attr-defined]  # it keeps every header; here memory stays flat
                        if (found := _record(path, tar, member, known)) is not None:
                            yield found
            except (tarfile.TarError, UnicodeError, ValueError) as error:
                raise InputError(say("{where}: the archive is cut short or broken: {reason}",
                                     where=path, reason=shown(str(error), 200))) from error
        for name, record in known.items():
            yield record._replace(values={}, problem=say('the archive has no sound "{name}"', name=shown(name)))


def _table(path: Path) -> Path | None:
    return next((table for name in _TABLES if (table := path.parent / name).is_file()), None)


def _rows(table: Path, options: ReadOptions) -> Iterator[Record]:
    source: Source = catalog.load("sources", _TABLES[table.name], str(table))()
    return source.read(table, options)


def _named(values: Mapping[str, object]) -> str | None:
    """The column that names a sound file."""
    return next((name for name in NAMES if str(values.get(name) or "").strip().lower().endswith(SUFFIXES)), None)


def _record(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, known: dict[str, Record]) -> Record | None:
    """The row of one member; None where it is none."""
    relative = PurePosixPath(member.name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in member.name:
        raise InputError(say('{where}: the member "{name}" leads out of the archive: refused', where=path, name=shown(member.name)))
    if member.isdir() or hidden(relative):
        return None
    if not member.isreg():
        raise InputError(say('{where}: the member "{name}" is a link or a device; want files and folders only',
                             where=path, name=shown(member.name)))
    where = f"{path}/{relative}"
    record = known.pop(str(relative), None)
    if record is None:
        if relative.suffix.lower() not in SUFFIXES:  # a README, a licence
            return None
        return Record({}, where, None, say("the table beside the archive has no row for this sound; add one, or remove it"))
    if member.size > MOST_BYTES or member.issparse():
        return Record({}, where, None, say("the sound has {got} MiB; at most {most} are read",
                                           got=member.size >> 20, most=MOST_BYTES >> 20))
    file = tar.extractfile(member)
    column = _named(record.values)
    others = {name: value for name, value in record.values.items() if name != column}
    return Record({"audio": file.read() if file else b"", **others, "file": str(relative)}, where, None)


PART = Recordings
