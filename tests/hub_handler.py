"""How the stand-in Hub of hub_server answers one request: reading, writing, and each fault."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from hub_server import Hub, Repo

LFS = (".safetensors", ".bin", ".pt", ".parquet", ".arrow", ".zip", ".gz", ".model", ".png", ".jpg")  # as the Hub's .gitattributes
REPO = r"(?P<kind>models|datasets)/(?P<id>[^/]+(?:/[^/]+)?)"


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    range: str | None
    token: str | None


def is_lfs(path: str) -> bool:
    """Whether the Hub keeps such a file in LFS."""
    return path.endswith(LFS)


def git_hash(content: bytes) -> str:
    """A regular file's id, as git has it."""
    return sha1(b"blob %d\0" % len(content) + content).hexdigest()


def entry(path: str, content: bytes) -> dict[str, Any]:
    """A file as the tree lists it."""
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": git_hash(content)}
    if is_lfs(path):
        found["lfs"] = {"oid": sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return found


class Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    # ------------------------------------------------------------ one request

    def _answer(self) -> None:
        self.url = urlsplit(self.path)
        self.where = unquote(self.url.path)
        self.query = {key: values[0] for key, values in parse_qs(self.url.query).items()}
        self.body = self._read()
        bearer = self.headers.get("authorization", "")
        self.token = bearer.removeprefix("Bearer ") or None
        self.hub.requests.append(Request(self.command, self.where, self.headers.get("range"), self.token))
        self.due = self.hub.next_fault(self.command, self.where)
        try:
            if self.due == "hang":
                self.hub.closing.wait(60)
                self.close_connection = True
                return
            if self.due is not None and self.due.isdigit():
                raise Refused(int(self.due), "EntryNotFound" if self.due == "404" else "", "a fault was asked for")
            self._route()
        except Refused as refused:
            self._json({"error": refused.message}, refused.status, {"X-Error-Code": refused.code, "X-Error-Message": refused.message})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked has left

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _route(self) -> None:
        for method, pattern, action in ROUTES:
            if (found := re.fullmatch(pattern, self.where)) and self.command in method:
                action(self, **{key: value for key, value in found.groupdict().items() if value is not None})
                return
        raise Refused(404, "", f"the stand-in Hub has no {self.command} {self.where}")

    # ------------------------------------------------------------ who asks, and for what

    def _user(self) -> str | None:
        if self.token is None:
            return None
        if self.token not in self.hub.users:
            raise Refused(401, "", "Invalid credentials in Authorization header")
        return self.hub.users[self.token]

    def _repo(self, kind: str, name: str) -> Repo:
        """The repository, if who asks may know that it exists."""
        user = self._user()
        repo = self.hub.repos.get((kind, name))
        if repo is None or (repo.private and user != name.split("/")[0] and user not in repo.readers):
            if user is None:
                raise Refused(401, "RepoNotFound", "Invalid username or password.")
            raise Refused(404, "RepoNotFound", "Repository not found")
        return repo

    def _commit(self, repo: Repo, revision: str) -> tuple[str, dict[str, bytes]]:
        found = repo.find(revision)
        if found is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found, repo.commits[found]

    def _own(self, kind: str, name: str) -> Repo:
        """The repository, for writing."""
        repo, user = self._repo(kind, name), self._user()
        if user is None:
            raise Refused(401, "", "Invalid username or password.")
        if user != name.split("/")[0]:
            raise Refused(403, "", f"You don't have the required permissions to write to {name}")
        return repo

    # ------------------------------------------------------------ reading

    def whoami(self) -> None:
        user = self._user()
        if user is None:
            raise Refused(401, "", "Invalid username or password.")
        self._json({"type": "user", "name": user, "fullname": user, "orgs": [], "auth": {"type": "access_token"}})

    def info(self, kind: str, id: str, revision: str = "main") -> None:
        repo = self._repo(kind, id)
        sha, files = self._commit(repo, revision)
        siblings = [{"rfilename": path, **({"size": len(content), "blobId": git_hash(content)} if "blobs" in self.query else {}),
                     **({"lfs": {"sha256": sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}}
                        if "blobs" in self.query and is_lfs(path) else {})} for path, content in sorted(files.items())]
        self._json({"_id": sha[:24], "id": id, "sha": sha, "private": repo.private, "gated": "auto" if repo.gated else False,
                    "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings})

    def tree(self, kind: str, id: str, revision: str, path: str = "") -> None:
        _, files = self._commit(self._repo(kind, id), revision)
        start = f"{path}/" if path else ""
        inside = {name: content for name, content in sorted(files.items()) if name.startswith(start)}
        if path and not inside:
            raise Refused(404, "EntryNotFound", f"{path} does not exist")
        recursive = self.query.get("recursive", "").lower() in ("true", "1")
        folders = {name[: position.start()] for name in inside for position in re.finditer("/", name) if position.start() >= len(start)}
        shown = [{"type": "directory", "path": folder, "size": 0, "oid": sha1(folder.encode()).hexdigest()} for folder in sorted(folders)
                 if recursive or "/" not in folder[len(start):]]
        shown += [entry(name, content) for name, content in inside.items() if recursive or "/" not in name[len(start):]]
        self._json(shown)

    def paths_info(self, kind: str, id: str, revision: str) -> None:
        _, files = self._commit(self._repo(kind, id), revision)
        if self.headers.get("content-type", "").startswith("application/json"):
            asked = json.loads(self.body)["paths"]
        else:
            asked = parse_qs(self.body.decode())["paths"]
        folders = [path for path in asked if any(name.startswith(f"{path}/") for name in files)]
        self._json([entry(path, files[path]) for path in asked if path in files]
                   + [{"type": "directory", "path": path, "size": 0, "oid": sha1(path.encode()).hexdigest()} for path in folders])

    def refs(self, kind: str, id: str) -> None:
        repo = self._repo(kind, id)
        self._json({"branches": [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in repo.refs.items()],
                    "tags": [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": sha} for name, sha in repo.tags.items()],
                    "converts": []})

    def resolve(self, id: str, revision: str, path: str, kind: str = "models/") -> None:
        kind = kind.rstrip("/")
        repo = self._repo(kind, id)
        user = self._user()
        if repo.gated and user != id.split("/")[0] and user not in repo.readers:
            raise Refused(401 if user is None else 403, "GatedRepo", f"Access to {id} is restricted; visit its page to ask for access.")
        sha, files = self._commit(repo, revision)
        if path not in files:
            raise Refused(404, "EntryNotFound", "Entry not found")
        content = files[path]
        if is_lfs(path):
            oid = sha256(content).hexdigest()
            head = {"X-Repo-Commit": sha, "X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content)),
                    "Location": f"{self.hub.store}/lfs/{oid}/{path}"}
            self._send(302, b"", head)
        else:
            self._content(content, {"X-Repo-Commit": sha, "ETag": f'"{git_hash(content)}"'})

    def download(self, oid: str, path: str) -> None:
        if oid not in self.hub.blobs:
            raise Refused(404, "EntryNotFound", f"no such object: {path}")
        self._content(self.hub.blobs[oid], {"ETag": f'"{oid}"'})

    # ------------------------------------------------------------ writing

    def create(self) -> None:
        asked, user = json.loads(self.body), self._user()
        if user is None:
            raise Refused(401, "", "Invalid username or password.")
        owner = asked.get("organization") or user
        if owner != user:
            raise Refused(403, "", f"You don't have the rights to create a model under the namespace \"{owner}\"")
        kind, name = f"{asked.get('type') or 'model'}s", f"{owner}/{asked['name']}"
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{name}"
        if (kind, name) in self.hub.repos:
            self._json({"error": "You already created this repo", "url": url}, 409)
            return
        self.hub.commit(name, {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}, kind)
        self.hub.repo(name, kind).private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self._json({"url": url, "name": name})

    def branch(self, kind: str, id: str, name: str) -> None:
        repo = self._own(kind, id)
        if name in repo.refs:
            raise Refused(409, "", f"Reference already exists: {name}")
        repo.refs[name], _ = self._commit(repo, json.loads(self.body or b"{}").get("startingPoint") or "main")
        self._json({"success": True}, 201)

    def validate(self) -> None:
        self._json({"errors": [], "warnings": []})

    def preupload(self, kind: str, id: str, revision: str) -> None:
        _, files = self._commit(self._own(kind, id), revision)
        found = []
        for file in json.loads(self.body)["files"]:
            path, old = file["path"], files.get(file["path"])
            oid = None if old is None else sha256(old).hexdigest() if is_lfs(path) else git_hash(old)
            found.append({"path": path, "uploadMode": "lfs" if is_lfs(path) else "regular", "shouldIgnore": False, "oid": oid})
        self._json({"files": found})

    def batch(self, id: str) -> None:
        self._own("models", id)
        objects = []
        for one in json.loads(self.body)["objects"]:
            actions = {"upload": {"href": f"{self.hub.url}/upload/{one['oid']}", "header": {}},
                       "verify": {"href": f"{self.hub.url}/verify", "header": {}}}
            objects.append({"oid": one["oid"], "size": one["size"], **({} if one["oid"] in self.hub.blobs else {"actions": actions})})
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, oid: str) -> None:
        if sha256(self.body).hexdigest() != oid:
            raise Refused(400, "", "the content has another sha256")
        self.hub.blobs[oid] = self.body
        self._json({})

    def verify(self) -> None:
        asked = json.loads(self.body)
        if len(self.hub.blobs.get(asked["oid"], b"")) != asked["size"]:
            raise Refused(400, "", "the object is not there")
        self._json({})

    def write(self, kind: str, id: str, revision: str) -> None:
        repo = self._own(kind, id)
        if revision not in repo.refs:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files: dict[str, bytes | None] = {}
        for line in self.body.splitlines():
            value = (said := json.loads(line))["value"]
            if said["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif said["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif said["key"] == "deletedFile":
                files[value["path"]] = None
        sha = self.hub.commit(id, files, kind, revision)
        self._json({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.url}/{id}/commit/{sha}"})

    # ------------------------------------------------------------ answers

    def _json(self, document: Any, status: int = 200, head: Mapping[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self._send(status, body, {"Content-Type": "application/json; charset=utf-8", **(head or {})})

    def _content(self, content: bytes, head: Mapping[str, str]) -> None:
        """A file's bytes, or the part that Range asks for."""
        if self.due == "corrupt" and content:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
        given = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **head}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range") or ""):
            start, end = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
            if start >= len(content):
                self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            self._send(206, content[start:end + 1], {**given, "Content-Range": f"bytes {start}-{end}/{len(content)}"})
            return
        self._send(200, content, given)

    def _send(self, status: int, body: bytes, head: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"X-Request-Id": "stand-in", **head, "Content-Length": str(len(body))}.items():
            if value:
                self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.due == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body)


READ, WRITE = ("GET", "HEAD"), ("POST",)
ROUTES = (
    (READ, r"/api/whoami-v2", Handler.whoami),
    (READ, rf"/api/{REPO}/revision/(?P<revision>.+)", Handler.info),
    (READ, rf"/api/{REPO}/tree/(?P<revision>refs/\w+/[^/]+|[^/]+)(?:/(?P<path>.+))?", Handler.tree),
    (WRITE, rf"/api/{REPO}/paths-info/(?P<revision>.+)", Handler.paths_info),
    (READ, rf"/api/{REPO}/refs", Handler.refs),
    (READ, rf"/api/{REPO}", Handler.info),
    (READ, r"/lfs/(?P<oid>[0-9a-f]{64})/(?P<path>.+)", Handler.download),
    (READ, r"/(?P<kind>datasets/)?(?P<id>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>refs/\w+/[^/]+|[^/]+)/(?P<path>.+)", Handler.resolve),
    (WRITE, r"/api/repos/create", Handler.create),
    (WRITE, r"/api/validate-yaml", Handler.validate),
    (WRITE, rf"/api/{REPO}/branch/(?P<name>.+)", Handler.branch),
    (WRITE, rf"/api/{REPO}/preupload/(?P<revision>.+)", Handler.preupload),
    (WRITE, rf"/api/{REPO}/commit/(?P<revision>.+)", Handler.write),
    (WRITE, r"/(?P<id>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Handler.batch),
    (("PUT",), r"/upload/(?P<oid>[0-9a-f]{64})", Handler.upload),
    (WRITE, r"/verify", Handler.verify),
)
