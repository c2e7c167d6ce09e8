"""A Hub's door: a name and a revision -> one commit, its files on this disk, each what the Hub says it is. All faults are sentences.

HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE and the rest mean what they mean to huggingface_hub, which does the work.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any, Literal

from steelyard.errors import InputError, OutsideError, SteelyardError
from steelyard.language import Sentence, say
from steelyard.run import write_text

PREFIX = "hub:"
PROBE = 3.0  # seconds: how long the Hub may take for its first answer; HF_HUB_ETAG_TIMEOUT sets another
_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MARK = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Kind = Literal["model", "dataset"]


@dataclass(frozen=True)
class Listed:
    """A file of a commit. `mark` is sha256 in hex where the Hub keeps it in LFS, else git's sha1 of it; "" where that is not known."""

    name: str
    size: int
    mark: str


@dataclass(frozen=True)
class Snapshot:
    """The files of one commit that were asked for, in `folder`."""

    name: str
    commit: str
    folder: Path


def is_name(text: str) -> bool:
    """Whether `text` can be a Hub id: NAME or OWNER/NAME."""
    return bool(_NAME.fullmatch(text)) and ".." not in text and "--" not in text and not text.endswith((".git", ".ipynb"))


def endpoint() -> str:
    """The address of the Hub: HF_ENDPOINT, or huggingface.co."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def offline() -> bool:
    """Whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids to ask."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def snapshot(name: str, revision: str, where: str, choose: Callable[[Sequence[Listed]], Sequence[str]], kind: Kind = "model") -> Snapshot:
    """Resolve a branch, tag or commit first; then fetch the files that `choose` names of those there are, and hold each against its mark.

    where   what the sentence begins with: "recipe.yaml:5 model.from"
    Offline, and where a commit's whole id is given and the Hub does not answer, the copy in the cache is used.
    Raises InputError (no such name or revision, gated, a wrong token, offline without a copy) and OutsideError (no answer, damaged files).
    """
    kept = _kept(name, revision, kind)
    if offline():
        if kept is None:
            raise InputError(say('{where}: "{name}" (revision {revision}) is neither a folder here nor in the cache "{cache}", and '
                                 "HF_HUB_OFFLINE forbids to ask the Hub; give a folder, or run once without HF_HUB_OFFLINE",
                                 where=where, name=name, revision=revision, cache=_cache()))
        return _as_kept(name, kept, where, choose)
    try:
        commit, files = _ask(name, revision, where, kind)
    except OutsideError:
        if kept is None or not _COMMIT.fullmatch(revision):
            raise
        return _as_kept(name, kept, where, choose)  # a commit never changes: the Hub need not be asked
    names = set(choose(files))
    wanted = [file for file in files if file.name in names]
    folder, new = _download(name, commit, wanted, where, kind)
    _verify(name, folder, wanted if kind == "model" else new, where)  # data may be large, and is read with care in any case
    if not _COMMIT.fullmatch(revision):
        with suppress(OutsideError):  # a cache that is read-only serves as well
            write_text(_cache() / _home(name, kind) / "refs" / revision, commit)  # what this name meant last, for a time without a network
    return Snapshot(name, commit, folder)


def _as_kept(name: str, folder: Path, where: str, choose: Callable[[Sequence[Listed]], Sequence[str]]) -> Snapshot:
    """The copy in the cache, whose blobs are called by their marks."""
    files = [Listed(path.relative_to(folder).as_posix(), path.stat().st_size, path.readlink().name if path.is_symlink() else "")
             for path in sorted(folder.rglob("*")) if path.is_file()]
    names = set(choose(files))
    if folder.parent.parent.name.startswith("models--"):
        _verify(name, folder, [file for file in files if file.name in names], where)
    return Snapshot(name, folder.name, folder)


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _home(name: str, kind: Kind) -> str:
    return f"{kind}s--{name.replace('/', '--')}"


def _kept(name: str, revision: str, kind: Kind) -> Path | None:
    """The folder of that revision in the cache, in the layout that huggingface_hub documents."""
    root = _cache() / _home(name, kind)
    commit = revision
    if not _COMMIT.fullmatch(revision):
        pointer = root / "refs" / revision
        if ".." in pointer.parts or not pointer.is_file():
            return None
        commit = pointer.read_text(encoding="utf-8").strip()
    folder = root / "snapshots" / commit
    return folder if folder.is_dir() else None


def _ask(name: str, revision: str, where: str, kind: Kind) -> tuple[str, list[Listed]]:
    """The commit of a revision and its files: one request, and no more time than a probe may take, however it hangs."""
    from huggingface_hub import HfApi

    api = HfApi(library_name="steelyard")
    call = api.model_info if kind == "model" else api.dataset_info
    with faults(name, revision, where, kind):
        info = probed(lambda seconds: call(name, revision=revision, files_metadata=True, timeout=seconds), where)
    if not info.sha or not _COMMIT.fullmatch(str(info.sha)):  # it becomes the name of a folder
        raise OutsideError(_silent(where, say("its answer names no commit")))
    for file in info.siblings or ():
        if not _inside(file.rfilename):
            raise OutsideError(_silent(where, say('it lists a file outside the repository ("{name}")', name=file.rfilename[:80])))
    return str(info.sha), [Listed(file.rfilename, int(file.size or 0), file.lfs.sha256 if file.lfs else file.blob_id or "")
                           for file in info.siblings or ()]


def _inside(name: str) -> bool:
    """Whether a file's name stays within the folder that it is put into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not any(sign in name for sign in "\\\0")


def probed(call: Callable[[float], Any], where: str) -> Any:
    """What `call(seconds)` returns or raises, or OutsideError once the probe's time is over, whatever hangs."""
    from huggingface_hub import constants

    seconds = float(constants.HF_HUB_ETAG_TIMEOUT) if "HF_HUB_ETAG_TIMEOUT" in os.environ else PROBE
    answer: Future[Any] = Future()

    def ask() -> None:
        try:
            answer.set_result(call(seconds))
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is waited for
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()  # a thread that nobody waits for: looking up a host's address knows no time limit
    try:
        return answer.result(seconds + 0.2)  # a little more than the call's own limits, which say more
    except TimeoutError:
        if answer.done():
            raise
        raise OutsideError(_silent(where, say("no answer within {seconds:g} s", seconds=seconds))) from None


def _download(name: str, commit: str, files: Sequence[Listed], where: str, kind: Kind) -> tuple[Path, list[Listed]]:
    """The snapshot's folder, and what the cache lacked. huggingface_hub goes on where a connection was cut, and leaves no half file."""
    from huggingface_hub import snapshot_download

    folder = _cache() / _home(name, kind) / "snapshots" / commit
    lacking = [file for file in files if not (folder / file.name).is_file()]
    if not lacking:
        return folder, lacking
    with faults(name, commit, where, kind), bars():
        found = Path(snapshot_download(name, repo_type=kind, revision=commit, allow_patterns=[escape(file.name) for file in files],
                                       library_name="steelyard"))
    if absent := [file.name for file in files if not (found / file.name).is_file()]:
        raise OutsideError(say('{where}: the Hub lists "{file}" of "{name}" but did not send it; try again', where=where, file=absent[0],
                               name=name))
    print(say("downloaded {name} at {commit}: {n} files, {size:.1f} MB", name=name, commit=commit[:12], n=len(lacking),
              size=sum(file.size for file in lacking) / 1e6), file=sys.stderr, flush=True)
    return found, lacking


def _verify(name: str, folder: Path, files: Sequence[Listed], where: str) -> None:
    """Hold each file against its mark: one flipped bit in a file of weights loads without a word. Raises OutsideError."""
    for file in files:
        path = folder / file.name
        if not _MARK.fullmatch(file.mark) or (got := _digest(path, len(file.mark))) == file.mark:
            continue
        for way in (path.resolve(), path.parent / path.readlink() if path.is_symlink() else path, path):  # the bytes, then what leads there
            way.unlink(missing_ok=True)
        raise OutsideError(say('{where}: "{file}" of "{name}" is damaged: its hash begins with {got}, the Hub says {want}; it was removed '
                               "from the cache, run the command again to fetch it anew", where=where, file=file.name, name=name,
                               got=got[:12], want=file.mark[:12]))


def _digest(path: Path, length: int) -> str:
    """sha256 in hex (64 digits), or the sha1 that git gives a file (40)."""
    digest = hashlib.sha256() if length == 64 else hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def bars() -> Iterator[None]:
    """huggingface_hub draws its bars on a terminal only, and keeps its warnings to itself: what fails is said in a sentence."""
    import logging as levels

    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    level, shown = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(levels.ERROR)
    if shown and not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown and not sys.stderr.isatty():
            enable_progress_bars()


@contextmanager
def faults(name: str, revision: str, where: str, kind: Kind = "model") -> Iterator[None]:
    """Inside the block whatever huggingface_hub raises becomes one sentence; what it does not know goes on as it is."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    transport: type[BaseException] = HfHubHTTPError.__mro__[1]  # of httpx in huggingface_hub 1, of httpx2 in 2: its errors derive from it
    try:
        yield
    except HFValidationError as error:
        raise InputError(say('{where}: "{name}" can be no Hub id; want OWNER/NAME', where=where, name=name)) from error
    except LocalEntryNotFoundError as error:  # how a download ends whose first question failed
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _refusal(error.__cause__, name, revision, where, kind) from error
        raise OutsideError(_silent(where, _line(error.__cause__ or error))) from error
    except HfHubHTTPError as error:
        raise _refusal(error, name, revision, where, kind) from error
    except transport as error:
        raise OutsideError(_silent(where, _line(error))) from error
    except RuntimeError as error:  # how an upload ends
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _refusal(error.__cause__, name, revision, where, kind) from error
        raise OutsideError(_silent(where, _line(error.__cause__ or error))) from error
    except OSError as error:
        if error.errno is not None:
            raise  # the disk's: the command line names it
        raise OutsideError(_silent(where, _line(error))) from error


def _refusal(error: Any, name: str, revision: str, where: str, kind: Kind) -> SteelyardError:
    """What the Hub said no to, and the remedy."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status, hub = int(error.response.status_code), endpoint()
    page = f"{hub}/{'' if kind == 'model' else 'datasets/'}{name}"
    if isinstance(error, GatedRepoError):
        return InputError(say('{where}: "{name}" is gated: its owners decide who may read it; ask for access at {page}, then log in with '
                              "`hf auth login` or HF_TOKEN", where=where, name=name, page=page))
    if isinstance(error, RevisionNotFoundError):
        return InputError(say('{where}: "{name}" at {hub} has no branch, tag or commit "{revision}"; {page} shows which there are',
                              where=where, name=name, hub=hub, revision=revision, page=f"{page}/commits/main"))
    if status == 401 and "credentials" in (error.response.headers.get("X-Error-Message") or ""):
        return InputError(say("{where}: {hub} does not accept the token (HF_TOKEN, or what `hf auth login` stored); make a new one at "
                              "{page}", where=where, hub=hub, page=f"{hub}/settings/tokens"))
    if isinstance(error, RepositoryNotFoundError) or status == 401:
        if get_token():
            return InputError(say('{where}: "{name}" is neither a folder here nor at {hub}, or it is private and the token may not '
                                  "read it; check the spelling, or the token's rights", where=where, name=name, hub=hub))
        return InputError(say('{where}: "{name}" is neither a folder here nor at {hub}, or it is private; check the spelling, or log in '
                              "with `hf auth login` or HF_TOKEN", where=where, name=name, hub=hub))
    if isinstance(error, EntryNotFoundError):
        return OutsideError(say('{where}: {hub} lists a file of "{name}" that it does not have; try again', where=where, hub=hub,
                                name=name))
    if status == 403:
        return InputError(say('{where}: the token may not do this with "{name}" at {hub}; use one that may (its page: {page})',
                              where=where, name=name, hub=hub, page=f"{hub}/settings/tokens"))
    if status == 429:
        return OutsideError(say("{where}: {hub} asks to be left alone for a while (429); wait some minutes and run the command again",
                                where=where, hub=hub))
    return OutsideError(say("{where}: {hub} answered {status}; try again later", where=where, hub=hub, status=status))


def _silent(where: str, reason: Sentence | str) -> Sentence:
    return say("{where}: the Hub at {hub} cannot be used: {reason}; check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 where the "
               "cache has a copy, or give a folder", where=where, hub=endpoint(), reason=reason)


def _line(error: BaseException) -> str:
    """The first line of somebody else's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
