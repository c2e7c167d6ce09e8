"""A small stand-in for the Hugging Face Hub on loopback: what huggingface_hub asks of it, real bytes, and faults on demand.

    with Hub() as hub:
        sha = hub.commit("org/name", {"config.json": b"{}"})
        hub.fault("cut", "model.safetensors")
        subprocess.run([...], env={**os.environ, **hub.environment(home)})

It knows models and datasets, branches, tags and commits, private and gated repositories, tokens, Range requests, and uploads
both as regular files and through git LFS. It has no Xet: HF_HUB_DISABLE_XET is part of `environment`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from hub_handler import Handler, Request, is_lfs

FAULTS = ("cut", "corrupt", "hang", "404", "429", "500", "503")


@dataclass
class Repo:
    """A repository. `commits` maps each commit to its files; `refs` each branch and tag to a commit."""

    private: bool = False
    gated: bool = False
    readers: set[str] = field(default_factory=set)  # who may read it where it is private or gated, beside its owner
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> str | None:
        """The commit of a branch, a tag, or the commit itself."""
        return self.refs.get(revision) or self.tags.get(revision) or (revision if revision in self.commits else None)


@dataclass
class Fault:
    """What goes wrong in the next `times` answers to requests of `method` whose path matches."""

    kind: str
    path: re.Pattern[str]
    method: str
    times: int


class Hub:
    """The server, in a thread of its own. `url` is what HF_ENDPOINT is set to."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}  # LFS: sha256 -> content
        self.users: dict[str, str] = {"hf_of_alice": "alice"}  # token -> name
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.store = self.url.replace("127.0.0.1", "localhost")  # large files lie on another host, where no token is sent
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of whoever hangs, and stop."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """What a command needs to talk to this Hub, with an HF_HOME of its own. (huggingface_hub reads it once, when it is imported.)"""
        given = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0",
                 "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        return {**given, "HF_TOKEN": token} if token else given

    def repo(self, name: str, kind: str = "models") -> Repo:
        """The repository of that id, made where there is none."""
        return self.repos.setdefault((kind, name), Repo())

    def commit(self, name: str, files: Mapping[str, bytes | None] | Path, kind: str = "models", branch: str = "main") -> str:
        """Put files (None deletes one; a folder: all of it) upon a branch, a new one starts from main; returns the commit."""
        if isinstance(files, Path):
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in sorted(files.rglob("*")) if path.is_file()}
        repo = self.repo(name, kind)
        before = repo.commits.get(repo.refs.get(branch) or repo.refs.get("main", ""), {})
        after = {path: content for path, content in {**before, **files}.items() if content is not None}
        mark = json.dumps([name, branch, len(repo.commits), {path: sha256(content).hexdigest() for path, content in after.items()}])
        commit = sha1(mark.encode()).hexdigest()
        repo.commits[commit] = after
        repo.refs[branch] = commit
        self.blobs.update((sha256(content).hexdigest(), content) for path, content in after.items() if is_lfs(path))
        return commit

    def fault(self, kind: str, path: str = ".*", method: str = ".*", times: int = 1) -> None:
        """Let the next `times` requests whose path (and method) match the pattern fail: one of FAULTS."""
        assert kind in FAULTS, kind
        self.faults.append(Fault(kind, re.compile(path), method, times))

    def paths(self, method: str = "GET") -> list[str]:
        """The paths asked for so far."""
        return [request.path for request in self.requests if request.method == method]

    def next_fault(self, method: str, path: str) -> str | None:
        """The fault that is due for this request, counted down."""
        for fault in self.faults:
            if fault.times > 0 and fault.path.search(path) and re.fullmatch(fault.method, method):
                fault.times -= 1
                return fault.kind
        return None
