"""What a run asks of the disk: room, files that grow line by line, one process at a time, and nothing left over from the last one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from steelyard.errors import InputError, OutsideError, refused
from steelyard.language import say

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room: on the disk, for this user, or beyond the limit for a file


class NoRoom(OutsideError):
    """The disk has no room now; room may come."""


def failed(path: Path, error: OSError) -> OutsideError:
    """The sentence of what a write to `path` met, as NoRoom where another try may find room."""
    sentence = say('cannot write "{path}": {reason}', path=path, reason=error.strerror or error)
    return NoRoom(sentence) if error.errno in FULL else OutsideError(sentence)


class Lines:
    """A file that grows by whole pieces only: what the disk has no room for is cut off again.

    waits   whether such a piece waits in memory for the next one; else it is lost
    """

    def __init__(self, path: Path, waits: bool) -> None:
        self.path, self.waits = path, waits
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise refused(error, say('cannot write "{path}": {reason}', path=path, reason=error.strerror or error)) from error
        self.end = os.fstat(self.handle).st_size
        self.waiting = b""

    def add(self, piece: bytes) -> None:
        """Raises OutsideError where the disk fails for good and the piece must not be lost."""
        self.waiting += piece
        try:
            self._put()
        except NoRoom:
            if not self.waits:
                self.waiting = b""
        except OutsideError:
            if self.waits:
                raise
            self.waiting = b""

    def sure(self) -> None:
        """All that was added lies on the disk. Raises NoRoom, OutsideError."""
        self._put()
        try:
            os.fsync(self.handle)
        except OSError as error:
            raise failed(self.path, error) from error

    def _put(self) -> None:
        view = memoryview(self.waiting)
        try:
            while view:
                view = view[os.write(self.handle, view):]
        except OSError as error:
            with suppress(OSError):  # what cannot be cut off either is a last line without an end, which readers leave out
                os.ftruncate(self.handle, self.end)
            raise failed(self.path, error) from error
        self.end += len(self.waiting)
        self.waiting = b""

    def close(self) -> None:
        """What still waits has one more try, and is lost then: whoever needs it has called `sure`."""
        with suppress(OutsideError):
            self._put()
        os.close(self.handle)


def flush(path: Path) -> None:
    """A file's or folder's bytes lie on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def room(folder: Path, need: int) -> None:
    """Raises NoRoom where the disk of `folder` has fewer bytes than `need`."""
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoRoom(say('the disk of "{folder}" has {free:.0f} MiB left, and {need:.0f} MiB are needed: make room', folder=folder,
                         free=free / 2**20, need=need / 2**20))


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Inside, no other process writes into this run. The lock goes with the process, however that ends. Raises InputError."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(say('another process is at work in "{folder}"; wait until it has ended, or end it', folder=folder)) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # some network disks know no locks
                raise
        yield
    finally:
        os.close(handle)


def tidy(folder: Path) -> None:
    """Remove what a process that was killed had begun to write; to be called by the one that holds the run."""
    for left in sorted(folder.rglob("*.tmp")):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
