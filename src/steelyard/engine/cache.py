"""What was prepared once is kept under a fingerprint of all that it hangs on, and written whole or not at all."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EINVAL
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.engine.signals import poll
from steelyard.errors import SteelyardError, refused
from steelyard.language import say

FORMAT = 3  # of what is kept: raise it and everything is prepared anew
SETTLED = 2_000_000_000  # ns: a file that changed so lately may change again without its time telling, where clocks are coarse


def root() -> Path:
    """STEELYARD_CACHE, else XDG_CACHE_HOME/steelyard, else ~/.cache/steelyard."""
    if own := os.environ.get("STEELYARD_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard"


def fingerprint(facts: Mapping[str, Any]) -> str:
    """32 hex digits of sha256 over JSON values."""
    text = json.dumps({**facts, "format": FORMAT}, sort_keys=True, ensure_ascii=False, default=str)
    return sha256(text.encode()).hexdigest()[:32]


def kept(room: str, mark: str, make: Callable[[Path], None]) -> Path:
    """The folder of that fingerprint; made by `make(folder)` where it is not there.

    Raises OutsideError where the disk fails, InputError where the cache may not be written.
    """
    folder = root() / room / mark
    if folder.is_dir():
        return folder
    poll()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f"{mark}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise _refused(folder.parent, error) from error
    try:
        make(beside)
        try:
            beside.rename(folder)
        except OSError:  # another process was first: the same fingerprint means the same content
            if not folder.is_dir():
                raise
    except OSError as error:
        raise _refused(folder.parent, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


@contextmanager
def hashes(place: Path) -> Iterator[Callable[[Path], str]]:
    """path -> `file_hash`, for the files of `place`; one whose size, time and inode are as they were is not read again.

    What was learnt is kept when the block ends. Raises OSError for a file that cannot be read.
    """
    ledger = root() / "hashes" / f"{fingerprint({'place': str(place.absolute())})}.json"
    known = _ledger(ledger)
    seen: dict[str, tuple[list[int], str]] = {}
    now = time.time_ns()

    def of(path: Path) -> str:
        name, stat = str(path.absolute()), path.stat()
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        old = known.get(name)
        digest = old[1] if old is not None and list(old[0]) == state else file_hash(path)
        if now - stat.st_mtime_ns > SETTLED:
            seen[name] = (state, digest)
        return digest

    yield of
    if seen != {name: (list(state), digest) for name, (state, digest) in known.items()}:
        kept_text(ledger, json.dumps(seen))


def kept_text(path: Path, text: str) -> None:
    """A file of the cache, written whole. Raises OutsideError, InputError as `kept` does."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as beside:
            beside.write(text)
        os.replace(beside.name, path)
    except OSError as error:
        raise _refused(path.parent, error) from error


def _ledger(path: Path) -> dict[str, tuple[list[int], str]]:
    """What is known of files; nothing where the ledger is missing or damaged."""
    try:
        found: dict[str, tuple[list[int], str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _refused(folder: Path, error: OSError) -> SteelyardError:
    return refused(error, say('cannot prepare data in "{folder}": {reason}; name another folder in STEELYARD_CACHE', folder=folder,
                              reason=error.strerror or error))


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes, in hex. Raises OSError, for a pipe too, which would be waited for without end."""
    digest = sha256()
    if path.exists() and not path.is_file():
        raise OSError(EINVAL, os.strerror(EINVAL), str(path))
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
