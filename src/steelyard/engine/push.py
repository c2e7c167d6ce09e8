"""A run's model to the Hub: model/ alone, and of it only what a model is made of and its card. Never rows, logs or checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steelyard import hub
from steelyard.engine.hub import INDEX, REVISION, SMALL, WEIGHTS, is_shard, model_hash
from steelyard.errors import InputError
from steelyard.language import say
from steelyard.run import Run

WHERE = "steelyard push"
CARD = "README.md"


@dataclass(frozen=True)
class Parcel:
    """What will be sent, and where to. `stale` are weights that lie there now and would be mixed up with these."""

    run: Run
    name: str
    revision: str
    private: bool
    new: bool
    files: tuple[tuple[str, int], ...]  # name, bytes
    stale: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(size for _, size in self.files)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{hub.endpoint()}/{self.name}"


@dataclass(frozen=True)
class Pushed:
    """What was sent, as which commit."""

    parcel: Parcel
    commit: str

    @property
    def url(self) -> str:
        """The page of what was sent."""
        return f"{self.parcel.url}/tree/{self.parcel.revision}"


def pack(run: Run, name: str, private: bool | None, revision: str = REVISION) -> Parcel:
    """Find out what there is to send, and how it lies there. Nothing is sent.

    private   None: private where the repository is new; a public one there wants private=False said
    Raises InputError (nothing whole to send, no token, not allowed) and OutsideError (no answer).
    """
    files = _files(run)
    if not hub.is_name(name) or "/" not in name:
        raise InputError(say('{where}: "{name}" can be no Hub id; want OWNER/NAME', where=WHERE, name=name))
    there = _there(name)
    if there is None:
        return Parcel(run, name, revision, private is not False, True, files, ())
    if private is not False and not there.private:
        raise InputError(say('{where}: "{name}" is public at {hub}: everybody may read what is sent; say --public if that is meant, or '
                             "choose another name", where=WHERE, name=name, hub=hub.endpoint()))
    if private is False and there.private:
        raise InputError(say('{where}: "{name}" is private at {hub}, and pushing does not change that; leave --public out, or open it '
                             "on its page first", where=WHERE, name=name, hub=hub.endpoint()))
    ours = {file for file, _ in files}
    stale = [file.rfilename for file in there.siblings or () if file.rfilename == INDEX or is_shard(file.rfilename)]
    return Parcel(run, name, revision, bool(there.private), False, files, tuple(sorted(file for file in stale if file not in ours)))


def send(parcel: Parcel) -> Pushed:
    """Send it, in one commit. Raises InputError and OutsideError."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    from steelyard.version import __version__

    api = HfApi(library_name="steelyard")
    folder = parcel.run.model
    with hub.faults(parcel.name, parcel.revision, WHERE), hub.bars():
        if parcel.new:
            api.create_repo(parcel.name, private=parcel.private, exist_ok=True)
        if parcel.revision != REVISION:
            api.create_branch(parcel.name, branch=parcel.revision, exist_ok=True)
        sent = [CommitOperationAdd(name, str(folder / name)) for name, _ in parcel.files]
        on_main = parcel.stale if parcel.revision == REVISION else ()  # of a branch nobody looked
        try:
            commit = api.create_commit(parcel.name, [*sent, *(CommitOperationDelete(name) for name in on_main)], revision=parcel.revision,
                                       commit_message=f"{parcel.run.name}, by steelyard {__version__}")
        except ValueError as error:  # the Hub reads the card's head before anything is sent
            raise InputError(say('{where}: the Hub does not take the card "{card}": {reason}', where=WHERE, card=parcel.run.card_file,
                                 reason=" ".join(str(error).split())[:300])) from error
    return Pushed(parcel, str(commit.oid))


def _files(run: Run) -> tuple[tuple[str, int], ...]:
    """The files of model/ that go up. Raises InputError where the run is not finished, changed, or has no card."""
    manifest = run.manifest()
    if manifest.get("state") == "training" or not (run.model / "config.json").is_file():
        raise InputError(say('the training of "{run}" is not finished; go on with `steelyard train --resume {run}`', run=run.folder))
    if not run.card_file.is_file():
        raise InputError(say('{where}: "{run}" has no card yet, and a model is not sent without one; `steelyard weigh {run}` writes it',
                             where=WHERE, run=run.folder))
    names = sorted(path.name for path in run.model.iterdir() if path.is_file() and (path.name in (*SMALL, CARD, WEIGHTS, INDEX)
                                                                                    or is_shard(path.name)))
    if not any(is_shard(name) for name in names):
        raise InputError(say('{where}: "{folder}" has no weights (*.safetensors)', where=WHERE, folder=run.model))
    if (known := manifest.get("model", {}).get("sha256")) and known != model_hash(run.model):
        raise InputError(say('{where}: the weights in "{folder}" are not those that the run was weighed with; weigh them as a model of '
                             "their own (model.from)", where=WHERE, folder=run.model))
    return tuple((name, (run.model / name).stat().st_size) for name in names)


def _there(name: str) -> Any:
    """What the Hub says of the repository, or None where there is none. The token is tried first. Raises InputError, OutsideError."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    if hub.offline():
        raise InputError(say("{where}: HF_HUB_OFFLINE forbids to send anything; unset it", where=WHERE))
    if not get_token():
        raise InputError(say("{where}: no token: log in with `hf auth login`, or set HF_TOKEN to one that may write ({page})", where=WHERE,
                             page=f"{hub.endpoint()}/settings/tokens"))
    api = HfApi(library_name="steelyard")
    with hub.faults(name, REVISION, WHERE):
        try:
            return hub.probed(lambda seconds: api.model_info(name, timeout=seconds), WHERE)
        except RepositoryNotFoundError:
            return None
