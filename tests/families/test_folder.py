"""A model's folder that means harm, or is damaged: one sentence each, and nothing of it is run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from steelyard.errors import InputError
from steelyard.families.hub import Hub

CONFIG: dict[str, Any] = {"model_type": "bert", "id2label": {"0": "_a", "1": "auto_map"}, "label2id": {"_a": 0, "auto_map": 1}}


def made(folder: Path, **keys: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **keys}))
    save_file({"a": np.ones(2)}, folder / "model.safetensors")
    return folder


def sharded(folder: Path, index: object) -> Path:
    made(folder)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index if isinstance(index, str) else json.dumps(index))
    return folder


def linked(folder: Path) -> Path:
    """Weights that are a link to somewhere else."""
    made(folder)
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(folder.parent / "elsewhere.safetensors")
    return folder


def cut(folder: Path) -> Path:
    weights = made(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    return folder


def bare(folder: Path, *files: str) -> Path:
    made(folder)
    (folder / "model.safetensors").unlink()
    for name in files:
        (folder / name).write_bytes(b"\x80\x04.")
    return folder


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "auto_map": (lambda f: made(f, auto_map={"AutoModel": "modeling_x.X"}), "auto_map"),
    "auto_map of a part": (lambda f: made(f, text_config={"auto_map": {"AutoModel": "x.X"}}), "text_config.auto_map"),
    "_attn_implementation_internal": (lambda f: made(f, _attn_implementation_internal="org/kernel"), "_attn_implementation_internal"),
    "the same of a part": (lambda f: made(f, vision_config={"_attn_implementation_internal": "a/b"}), "vision_config._attn_implementation"),
    "another underscored key": (lambda f: made(f, _experts_implementation_internal="x"), "_experts_implementation_internal"),
    "a kernel from elsewhere": (lambda f: made(f, attn_implementation="org/kernel"), "attn_implementation"),
    "weights by a path": (lambda f: made(f, transformers_weights="../x.safetensors"), "outside its folder"),
    "weights that are a pickle": (lambda f: made(f, transformers_weights="adapter_model.bin"), "outside its folder"),
    "an index that points up": (lambda f: sharded(f, {"weight_map": {"a": "../x.safetensors"}}), "outside its folder"),
    "an index that points away": (lambda f: sharded(f, {"weight_map": {"a": "/etc/passwd"}}), "outside its folder"),
    "an index of a pickle": (lambda f: sharded(f, {"weight_map": {"a": "x.bin"}}), "outside its folder"),
    "an index without a map": (lambda f: sharded(f, {}), "damaged"),
    "an index that is a list": (lambda f: sharded(f, [1]), "damaged"),
    "an index that is none": (lambda f: sharded(f, "{"), "damaged"),
    "a shard that is missing": (lambda f: sharded(f, {"weight_map": {"a": "model-00001-of-00001.safetensors"}}), "not there"),
    "a link that leaves": (linked, "a link that leaves its folder"),
    "weights cut short": (cut, "damaged"),
    "only a pickle": (lambda f: bare(f, "pytorch_model.bin"), "a pickle (pytorch_model.bin)"),
    "no weights": (bare, "holds no model.safetensors"),
}


@pytest.mark.parametrize("kind", BAD)
def test_it_is_refused(kind: str, tmp_path: Path) -> None:
    make, words = BAD[kind]
    with pytest.raises(InputError) as found:
        Hub(make(tmp_path / "model"))
    assert words in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\x00", "[" * 100_000])
def test_a_configuration_that_is_none(text: str, tmp_path: Path) -> None:
    (made(tmp_path / "model") / "config.json").write_text(text)
    with pytest.raises(InputError, match="damaged"):
        Hub(tmp_path / "model")


@pytest.mark.parametrize("keys", [{}, {"_name_or_path": "/somewhere"}, {"_num_labels": 2}, {"attn_implementation": "sdpa"},
                                  {"_attn_implementation_autoset": True}])
def test_what_is_harmless_passes(keys: dict[str, Any], tmp_path: Path) -> None:
    assert Hub(made(tmp_path / "model", **keys)).raw["model_type"] == "bert"


def snapshot(cache: Path, target: str) -> Path:
    """A model as huggingface_hub keeps it: links into blobs/."""
    home = cache / "models--org--model"
    folder = home / "snapshots" / ("0" * 40)
    made(home / "blobs")
    (home / "blobs" / "model.safetensors").rename(home / "blobs" / "b1")
    (home / "blobs" / "config.json").rename(home / "blobs" / "b2")
    folder.mkdir(parents=True)
    (folder / "config.json").symlink_to("../../blobs/b2")
    (folder / "model.safetensors").symlink_to(target)
    return folder


def test_links_of_the_hubs_cache(tmp_path: Path) -> None:
    """Into its own blobs, and on to those that models share; nowhere else, also from a link to the folder."""
    good = snapshot(tmp_path / "a", "../../blobs/b1")
    assert Hub(good).raw["model_type"] == "bert"
    (tmp_path / "short").symlink_to(good)
    assert Hub(tmp_path / "short").raw["model_type"] == "bert"
    shared = snapshot(tmp_path / "b", "../../blobs/b1")
    (tmp_path / "b" / "blobs").mkdir()
    (tmp_path / "b" / "models--org--model" / "blobs" / "b1").rename(tmp_path / "b" / "blobs" / "x")
    (tmp_path / "b" / "models--org--model" / "blobs" / "b1").symlink_to("../../blobs/x")
    assert Hub(shared).raw["model_type"] == "bert"
    for number, target in enumerate(["/etc/passwd", "../../../models--org--other/blobs/b1", "../../blobs/none"]):
        with pytest.raises(InputError, match="leaves its folder"):
            Hub(snapshot(tmp_path / f"c{number}", target))


def test_a_link_within_the_folder_is_fine(tmp_path: Path) -> None:
    folder = made(tmp_path / "model")
    os.symlink("config.json", folder / "configuration.json")
    assert Hub(folder).raw["model_type"] == "bert"
