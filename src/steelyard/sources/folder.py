"""A folder of class folders of pictures, or of pictures or sounds that a table in it names (Hugging Face's imagefolder, audiofolder)."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from steelyard import catalog
from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.sound import SUFFIXES as SOUNDS
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import is_saved
from steelyard.sources._pictures import SPLITS, Pictures, hidden

_DEEPEST = 16  # folders within folders
_METADATA = {"metadata.csv": "csv", "metadata.jsonl": "jsonl", "metadata.parquet": "parquet"}  # file -> source
_NAME = "file_name"  # the column of paths, relative to the folder


class Folder(Source):
    """A folder with a folder for each class, in the order of names; columns image, label, file.

    With a metadata.csv, .jsonl or .parquet in it: its rows, in its order, and the picture or sound that each names in the column file_name.
    Hidden files are skipped; any other file that is no picture is a problem, so that nothing is left out in silence.
    """

    name = "folder"
    help = say("a folder with one folder of pictures for each class, or with a metadata.csv or .jsonl that names its pictures or sounds")

    def accepts(self, path: Path) -> bool:
        """Any folder but those that `datasets` saved."""
        return path.is_dir() and not is_saved(path)

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where a link leads out of the folder, nothing in it is a picture, or two tables name its pictures."""
        if not path.is_dir():
            raise InputError(say("{where}: the folder is missing", where=path))
        if table := _metadata(path):
            yield from _named(path, table, options)
            return
        _refuse_splits(path)
        pictures = Pictures(path)
        for relative in _files(path, path.resolve(), PurePosixPath()):
            yield _record(pictures, path, relative)
        pictures.finish()


def _metadata(folder: Path) -> Path | None:
    """The table that names the folder's pictures. Raises InputError where there are two."""
    found = [folder / name for name in _METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise InputError(say("{where}: there are two tables of its pictures ({names}); leave one",
                             where=folder, names=listing(path.name for path in found)))
    return found[0] if found else None


def _refuse_splits(folder: Path) -> None:
    """Raises InputError where the folder holds such folders as splits: their tables are read each by itself."""
    inside = [child.name for child in sorted(folder.iterdir()) if child.name.lower() in SPLITS and child.is_dir() and _metadata(child)]
    if inside:
        raise InputError(say("{where}: several splits lie in it ({names}); give each by itself as data.train, data.validation, data.test",
                             where=folder, names=listing(f"{folder.name}/{name}" for name in inside)))


def _named(folder: Path, table: Path, options: ReadOptions) -> Iterator[Record]:
    """The rows of the table, each with its file's path as `image` or `audio`; then, as problems, the files that it does not name."""
    source: Source = catalog.load("sources", _METADATA[table.name], str(table))()
    known: set[PurePosixPath] = set()
    for record in source.read(table, options):
        values = dict(record.values)
        if record.problem is not None:
            yield record
            continue
        if _NAME not in values:
            raise InputError(say('{where}: no column "{wanted}", which names the pictures; there are: {known}',
                                 where=table, wanted=_NAME, known=listing(values)))
        name = values.pop(_NAME)
        if not isinstance(name, str) or not name.strip():
            yield record._replace(values={}, problem=say("the picture is missing"))
            continue
        known.add(PurePosixPath(name.strip()))
        heard = name.strip().lower().endswith(SOUNDS)
        yield record._replace(values={**values, "audio" if heard else "image": name, "file": name})
    for relative in _files(folder, folder.resolve(), PurePosixPath()):
        if relative not in known and relative.name != table.name:
            yield Record({}, f"{folder}/{relative}", None, say('the file is not named in "{table}"; add a row for it, or remove it',
                                                               table=table.name))


def _record(pictures: Pictures, root: Path, relative: PurePosixPath) -> Record:
    file = root / relative
    where = f"{root}/{relative}"
    try:
        if not file.is_file():  # a pipe would be waited for without end
            return Record({}, where, None, say("this is neither a file nor a folder"))
        return pictures.problem(relative, file.stat().st_size) or pictures.row(relative, file.read_bytes())
    except OSError as error:
        return Record({}, where, None, say("the file cannot be read: {reason}", reason=error.strerror))


def _files(root: Path, real: Path, inside: PurePosixPath) -> Iterator[PurePosixPath]:
    """All files, sorted by name, what lies deeper first; a link to a folder counts as a file, and is none."""
    if len(inside.parts) > _DEEPEST:
        raise InputError(say("{where}: folders lie more than {most} deep in it", where=root, most=_DEEPEST))
    try:
        with os.scandir(root / inside) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(say("{where}: the folder cannot be read: {reason}", where=root / inside, reason=error.strerror)) from error
    entries = [entry for entry in entries if not hidden(PurePosixPath(entry.name))]
    for entry in entries:
        if entry.is_symlink() and not Path(os.path.realpath(root / inside / entry.name)).is_relative_to(real):  # which ends in a circle too
            raise InputError(say('{where}: the link "{name}" leads out of the folder; copy what it points to (cp -L)',
                                 where=root, name=shown(str(inside / entry.name))))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, real, inside / entry.name)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield inside / entry.name


PART = Folder
