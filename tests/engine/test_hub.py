"""Models from a Hub: the stand-in on loopback, asked by real second processes."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hub_client import fetched
from hub_server import Hub
from safetensors.numpy import save

from steelyard.engine.hub import parts, pinned
from steelyard.errors import InputError
from steelyard.hub import is_name
from steelyard.recipe.reader import read

CONFIG = json.dumps({"model_type": "bert"}).encode()
MODEL = {"config.json": CONFIG, "model.safetensors": save({"a": np.arange(64.0)}), "tokenizer.json": b"{}", "README.md": b"# hello"}
WEIGHTS = r"^/lfs/.*/model.safetensors"


def names(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_only_what_a_model_is_made_of_comes(hub: Hub, tmp_path: Path) -> None:
    extra = {"pytorch_model.bin": b"\x80", "modeling_evil.py": b"import os", "onnx/model.safetensors": b"1", "data.parquet": b"1",
             "model.fp16.safetensors": b"1"}
    commit = hub.commit("org/model", {**MODEL, **extra})
    told, = fetched(hub.environment(tmp_path), "org/model")
    assert names(told["folder"]) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert (told["from"], told["revision"]) == ("hub:org/model", commit)
    assert (Path(told["folder"]) / "model.safetensors").read_bytes() == MODEL["model.safetensors"]
    assert hub.paths()[0] == "/api/models/org/model/revision/main"
    assert not [path for path in hub.paths() if path.endswith((".bin", ".py", "README.md", "parquet", "fp16.safetensors"))]
    assert told["noise"].count("\n") == 1 and "3 files" in told["noise"]


def test_a_revision_is_pinned(hub: Hub, tmp_path: Path) -> None:
    """A tag, a branch, a commit; the branch moves on, the pin does not, and needs no network once it is there."""
    first = hub.commit("org/model", MODEL)
    hub.repo("org/model").tags["v1"] = first
    second = hub.commit("org/model", {"model.safetensors": save({"a": np.zeros(3)})})
    hub.commit("org/model", {"config.json": b'{"model_type": "vit"}'}, branch="trial")
    hub.commit("single", MODEL)
    told = fetched(hub.environment(tmp_path), "org/model", ("org/model", "v1"), ("hub:org/model", first), ("org/model", "trial"), "single")
    assert [Path(one["folder"]).name for one in told[:3]] == [second, first, first]
    assert [one["revision"] for one in told[:3]] == [second, first, first]
    assert json.loads((Path(told[3]["folder"]) / "config.json").read_text())["model_type"] == "vit"
    hub.commit("org/model", {"config.json": b'{"model_type": "gone"}'})
    hub.faults.clear()
    hub.fault("hang", "/api/", times=9)
    again, moved = fetched(hub.environment(tmp_path), ("org/model", first), "org/model")
    assert again["folder"] == told[1]["folder"]
    assert moved["code"] == 4 and "HF_HUB_OFFLINE=1" in moved["error"]


def test_offline_the_cache_serves(hub: Hub, tmp_path: Path) -> None:
    commit = hub.commit("org/model", MODEL)
    fetched(hub.environment(tmp_path), "org/model")
    hub.requests.clear()
    offline = {**hub.environment(tmp_path), "HF_HUB_OFFLINE": "1"}
    kept, pin, absent, other = fetched(offline, "org/model", ("org/model", commit), "org/other", ("org/model", "v2"))
    assert kept["folder"] == pin["folder"] and Path(kept["folder"]).name == commit
    assert absent["code"] == other["code"] == 2 and "HF_HUB_OFFLINE" in absent["error"] and "v2" in other["error"]
    assert not hub.requests


def test_a_cut_connection_is_resumed(hub: Hub, tmp_path: Path) -> None:
    weights = save({"a": np.random.default_rng(0).standard_normal(3_000_000)})  # 24 MB: huggingface_hub writes 10 MB at a time
    hub.commit("org/model", {**MODEL, "model.safetensors": weights})
    hub.fault("cut", WEIGHTS, "GET")
    told, = fetched(hub.environment(tmp_path), "org/model")
    assert (Path(told["folder"]) / "model.safetensors").read_bytes() == weights
    assert [request.range for request in hub.requests if request.path.startswith("/lfs/")] == [None, "bytes=10485760-"]
    assert all(request.token is None for request in hub.requests if request.path.startswith("/lfs/"))


def test_damage_on_the_way_is_noticed(hub: Hub, tmp_path: Path) -> None:
    """One flipped bit in the weights, one in a small file; both are gone from the cache, and the next try is whole."""
    hub.commit("org/model", MODEL)
    hub.commit("org/small", MODEL)
    hub.fault("corrupt", WEIGHTS, "GET")
    hub.fault("corrupt", "org/small/resolve/.*/config.json", "GET")
    weights, small, again, too = fetched(hub.environment(tmp_path), "org/model", "org/small", "org/model", "org/small")
    assert weights["code"] == small["code"] == 4
    assert "model.safetensors" in weights["error"] and "damaged" in weights["error"] and "config.json" in small["error"]
    assert (Path(again["folder"]) / "model.safetensors").read_bytes() == MODEL["model.safetensors"]
    assert (Path(too["folder"]) / "config.json").read_bytes() == CONFIG


def test_damage_in_the_cache_is_noticed(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/model", MODEL)
    told, = fetched(hub.environment(tmp_path), "org/model")
    blob = (Path(told["folder"]) / "model.safetensors").resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    offline, online = fetched({**hub.environment(tmp_path), "HF_HUB_OFFLINE": "1"}, "org/model")[0], fetched(
        hub.environment(tmp_path), "org/model")[0]
    assert offline["code"] == 4 and "damaged" in offline["error"]
    assert (Path(online["folder"]) / "model.safetensors").read_bytes() == MODEL["model.safetensors"]


def test_a_private_mirror_with_a_token(hub: Hub, tmp_path: Path) -> None:
    hub.commit("alice/secret", MODEL)
    hub.repo("alice/secret").private = True
    told, = fetched(hub.environment(tmp_path, "hf_of_alice"), "alice/secret")
    assert names(told["folder"]) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert {request.token for request in hub.requests if request.path.startswith("/lfs/")} == {None}, "a token goes to the Hub alone"


def test_shards_come_with_their_index(hub: Hub, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}).encode()
    hub.commit("org/big", {"config.json": CONFIG, "model.safetensors.index.json": index,
                           "model-00001-of-00002.safetensors": save({"a": np.ones(2)}),
                           "model-00002-of-00002.safetensors": save({"b": np.ones(2)}), "other.safetensors": b""})
    told, = fetched(hub.environment(tmp_path), "org/big")
    assert names(told["folder"]) == {"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                                     "model-00002-of-00002.safetensors"}


@pytest.mark.long
def test_a_connection_that_is_always_cut_ends_in_a_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/model", MODEL)
    hub.fault("cut", WEIGHTS, "GET", times=99)
    told, = fetched(hub.environment(tmp_path), "org/model")
    assert told["code"] == 4 and told["noise"] == ""


@pytest.mark.long
def test_a_hub_that_hangs_in_the_middle_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/model", MODEL)
    hub.fault("hang", WEIGHTS, "GET")
    told, = fetched({**hub.environment(tmp_path), "HF_HUB_DOWNLOAD_TIMEOUT": "1"}, "org/model")
    assert (Path(told["folder"]) / "model.safetensors").read_bytes() == MODEL["model.safetensors"]


def test_one_probe_of_three_seconds(hub: Hub, tmp_path: Path) -> None:
    hub.fault("hang", ".*", times=99)
    start = time.monotonic()
    told, = fetched(hub.environment(tmp_path), "org/model")
    assert told["code"] == 4 and told["error"].count("\n") == 0 and hub.url in told["error"]
    assert 2.5 < told["seconds"] < 5 and time.monotonic() - start < 60
    assert [request.path for request in hub.requests] == ["/api/models/org/model/revision/main"]


def test_another_time_for_the_probe(hub: Hub, tmp_path: Path) -> None:
    hub.fault("hang", ".*", times=99)
    told, = fetched({**hub.environment(tmp_path), "HF_HUB_ETAG_TIMEOUT": "1"}, "org/model")
    assert told["code"] == 4 and told["seconds"] < 2.5


# ---------------------------------------------------------------- pure

@pytest.mark.parametrize("text, name", [
    ("org/model", True), ("bert-base-uncased", True), ("a/b.c-d_e", True), ("", False), ("a/b/c", False), ("./a", False), ("~/a", False),
    ("/a/b", False), ("a--b/c", False), ("a/..", False), ("a/b.git", False), ("../a", False), ("a b", False), ("a/" + "x" * 97, False),
])
def test_what_can_be_a_name(text: str, name: bool) -> None:
    assert is_name(text) is name


def test_parts_of_a_model() -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        parts("a/b", ["model.safetensors"], "here")
    with pytest.raises(InputError, match=r"pytorch_model.bin.*run code"):
        parts("a/b", ["config.json", "pytorch_model.bin"], "here")
    assert parts("a/b", ["config.json", "model.safetensors", "pytorch_model.bin", "x.py"], "here") == ["config.json", "model.safetensors"]


def test_a_folder_of_ones_own_is_not_pinned(tmp_path: Path) -> None:
    """It may even look like a snapshot: what the recipe names is the folder."""
    folder = tmp_path / "models--a--b" / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    recipe = read({"task": "text-classification", "data": {"train": "rows.csv"}, "model": {"from": str(folder)}})
    assert pinned(recipe, folder) is recipe
    assert pinned(recipe, tmp_path) is recipe and pinned(recipe, None) is recipe
    named = read({"task": "text-classification", "data": {"train": "rows.csv"}, "model": {"from": "a/b"}})
    assert pinned(named, folder).model.revision == "0" * 40
    assert os.fspath(folder) not in str(pinned(named, folder).model)
