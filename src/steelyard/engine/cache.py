"""What was prepared once is kept under a fingerprint of all that it hangs on, and written whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.errors import refused
from steelyard.language import say

FORMAT = 2  # of what is kept: raise it and everything is prepared anew


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
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f"{mark}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise refused(error, say('cannot prepare data in "{folder}": {reason}; name another folder in STEELYARD_CACHE',
                                    folder=folder.parent, reason=error.strerror)) from error
    try:
        make(beside)
        try:
            beside.rename(folder)
        except OSError:  # another process was first: the same fingerprint means the same content
            if not folder.is_dir():
                raise
    except OSError as error:
        raise refused(error, say('cannot prepare data in "{folder}": {reason}; name another folder in STEELYARD_CACHE',
                                    folder=folder.parent, reason=error.strerror or error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
