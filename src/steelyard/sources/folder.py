"""A folder of class folders of pictures."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._pictures import Pictures, hidden

_DEEPEST = 16  # folders within folders


class Folder(Source):
    """A folder with a folder for each class, in the order of names; columns image, label, file.

    Hidden files are skipped; any other file that is no picture is a problem, so that nothing is left out in silence.
    """

    name = "folder"
    help = "a folder with one folder of pictures for each class"

    def accepts(self, path: Path) -> bool:
        """Any folder."""
        return path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where a link leads out of the folder, or nothing in it is a picture."""
        if not path.is_dir():
            raise InputError(say("{where}: the folder is missing", where=path))
        pictures = Pictures(path)
        for relative in _files(path, path.resolve(), PurePosixPath()):
            yield _record(pictures, path, relative)
        pictures.finish()


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
        if entry.is_symlink() and not (root / inside / entry.name).resolve().is_relative_to(real):
            raise InputError(say('{where}: the link "{name}" leads out of the folder; copy what it points to (cp -L)',
                                 where=root, name=shown(str(inside / entry.name))))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, real, inside / entry.name)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield inside / entry.name


PART = Folder
