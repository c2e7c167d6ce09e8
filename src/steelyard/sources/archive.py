"""A tar of class folders of pictures, plain or gz: read as it streams by, never unpacked to the disk."""

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Self

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, open_bytes
from steelyard.sources._pictures import Pictures, hidden

_LONGEST_HEADER = 2**20  # bytes of a member's extended header, which is read into memory whole
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class Archive(Source):
    """.tar, .tar.gz or .tgz with a folder for each class (a folder around them all does no harm), in the tar's order.

    Columns image, label, file, as `folder` gives them. No member may lead out of the archive, none may be a link.
    """

    name = "archive"
    help = say("a .tar, .tar.gz or .tgz of such a folder")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in (".tar", ".tgz") and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where the archive is cut short or broken, unpacks to too much, or a member leads out of it."""
        pictures = Pictures(path)
        with open_bytes(path) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
                    for member in tar:
                        tar.members = []  # type: ignore[attr-defined]  # it keeps every header, for random access; here memory stays flat
                        if (record := _record(pictures, path, tar, member)) is not None:
                            yield record
            except (tarfile.TarError, UnicodeError, ValueError) as error:
                raise InputError(say("{where}: the archive is cut short or broken: {reason}",
                                     where=path, reason=shown(str(error), 200))) from error
            while stream.read(2**20):  # to the end, where gz keeps its sum
                continue
        pictures.finish()


class _Member(tarfile.TarInfo):
    """A header that says where tarfile would stop in silence: at a damaged one, and at an end that is none."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Raises tarfile.ReadError."""
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("no end mark")
        if buf.count(0) < len(buf):  # all zeros is the end mark, which tarfile itself answers to
            try:
                tarfile.TarInfo.frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                raise tarfile.ReadError(str(error)) from error
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENDED and member.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {member.size} bytes")
        return member


def _record(pictures: Pictures, path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> Record | None:
    relative = PurePosixPath(member.name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in member.name:
        raise InputError(say('{where}: the member "{name}" leads out of the archive: refused', where=path, name=shown(member.name)))
    if member.isdir():
        return None
    if not member.isreg():
        raise InputError(say('{where}: the member "{name}" is a link or a device; want files and folders only',
                             where=path, name=shown(member.name)))
    if hidden(relative):
        return None
    if (problem := pictures.problem(relative, member.size)) is not None:
        return problem
    if member.issparse():
        return Record({}, f"{path}/{relative}", None, say("the file has holes (a sparse member of the archive), which are not read"))
    file = tar.extractfile(member)
    return pictures.row(relative, file.read() if file else b"")


PART = Archive
