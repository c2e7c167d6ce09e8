"""push: a run's model to a Hub, after saying what goes where."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.run import Run
from steelyard.verbs._output import result, table

if TYPE_CHECKING:
    from steelyard.engine.push import Parcel, Pushed


def push(run: Run | str | Path, repo: str, private: bool | None = None, revision: str = "main") -> "Pushed":
    """Send a run's model (model/ alone: configuration, weights, tokenizer or processor, card) to OWNER/NAME at the Hub.

    private   None: private where the repository is new; one that is public already wants private=False said
    Returns what was sent, its page and commit. Raises InputError and OutsideError.
    """
    from steelyard.engine.push import pack, send

    return send(pack(run if isinstance(run, Run) else Run.open(Path(run)), repo, private, revision))


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard push`."""
    parser.add_argument("run", metavar="RUN", help=str(say("a run's folder")))
    parser.add_argument("repo", metavar="OWNER/NAME", help=str(say("where to: a repository at the Hub, made where there is none")))
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--private", action="store_true", help=str(say("only you and those whom you let may read it (so by itself)")))
    seen.add_argument("--public", action="store_true", help=str(say("everybody may read it")))
    parser.add_argument("--revision", default="main", metavar="BRANCH", help=str(say("the branch, made where there is none (main)")))
    parser.add_argument("--yes", action="store_true", help=str(say("do not ask, send it")))


def main(args: argparse.Namespace) -> int:
    """Say what will be sent, ask on a terminal, send it, and print its page and commit."""
    from steelyard.engine.push import pack, send

    parcel = pack(Run.open(Path(args.run)), args.repo, False if args.public else True if args.private else None, args.revision)
    print(_told(parcel), file=sys.stderr, flush=True)
    if not args.yes and not _agreed():
        result({"pushed": False}, str(say("nothing was sent")))
        return 0
    sent = send(parcel)
    document = {"pushed": True, "url": sent.url, "commit": sent.commit, "revision": parcel.revision, "private": parcel.private,
                "files": [{"name": name, "bytes": size} for name, size in parcel.files], "removed": list(parcel.stale)}
    result(document, str(say("sent: {url}, commit {commit}", url=sent.url, commit=sent.commit)))
    return 0


def _told(parcel: "Parcel") -> str:
    rows: list[tuple[str, ...]] = [(name, f"{size:,}") for name, size in parcel.files]
    who = say("private: only its owner and those whom they let") if parcel.private else say("public: everybody may read it")
    new = say("a new repository") if parcel.new else say("a repository that is there already")
    lines = [str(say("to {url}, branch {branch} ({new}; {who}), {size:.1f} MB:", url=parcel.url, branch=parcel.revision, new=new, who=who,
                     size=parcel.size / 1e6)), table(rows)]
    if parcel.stale:
        lines.append(str(say("removed there, for it would be mixed up with these weights: {files}", files=", ".join(parcel.stale))))
    lines.append(str(say("The run's rows, answers, logs and checkpoints stay here.")))
    return "\n".join(lines)


def _agreed() -> bool:
    """What the person at the terminal says. Raises InputError where there is none."""
    if not sys.stdin.isatty():
        raise InputError(say("steelyard push: nobody can be asked here; say --yes to send it"))
    print(say("Send it? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是", "好")
