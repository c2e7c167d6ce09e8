"""A Hub that means harm: names that lead out, commits that are paths, bytes that are not what was promised, a redirect elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_client import fetched
from hub_server import Hub

CSV = b"text,label\n" + b"some words,a\nother words,b\n" * 9


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../../../canary.json", "/canary.json", "a/../../canary.json", "..\\canary.json"])
def test_a_file_that_leads_out_is_refused(name: str, hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/model", {"config.json": b"{}", "model.safetensors": b"x" * 99, name: CSV})
    told, = fetched(hub.environment(tmp_path / "home"), "org/model")
    assert told["code"] == 4 and "outside the repository" in told["error"]
    assert not [file for file in everything(tmp_path) if "canary" in file]


@pytest.mark.parametrize("commit", ["../../../canary", "/canary", "main", "0" * 39])
def test_a_commit_that_is_a_path_is_refused(commit: str, hub: Hub, tmp_path: Path) -> None:
    good = hub.commit("org/model", {"config.json": b"{}", "model.safetensors": b"x" * 99})
    repo = hub.repo("org/model")
    repo.commits[commit] = repo.commits.pop(good)
    repo.refs["main"] = commit
    told, = fetched(hub.environment(tmp_path / "home"), "org/model")
    assert told["code"] == 4 and "names no commit" in told["error"]
    assert not [file for file in everything(tmp_path) if "canary" in file]


def test_other_bytes_than_promised_are_removed(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/model", {"config.json": b'{"model_type": "bert"}', "model.safetensors": bytes(999)})
    hub.fault("corrupt", r"^/lfs/.*/model.safetensors", times=9)
    told, = fetched(hub.environment(tmp_path / "home"), "org/model")
    assert told["code"] == 4
    assert not [file for file in everything(tmp_path) if file.endswith("model.safetensors")]


def test_the_token_is_in_no_file(hub: Hub, tmp_path: Path) -> None:
    """Nor in what is said."""
    hub.commit("org/model", {"config.json": b'{"model_type": "bert"}', "model.safetensors": bytes(999)})
    told, = fetched(hub.environment(tmp_path / "home", "hf_of_alice"), "org/model")
    assert "folder" in told and "hf_of_alice" not in told["noise"]
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"hf_of_alice" not in file.read_bytes(), file
