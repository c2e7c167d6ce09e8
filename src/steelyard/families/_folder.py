"""What a model's folder may hold: data that stays within it. Whatever would run code, is a pickle, or leads out is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import InputError, listing
from steelyard.language import say

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Underscored keys that Transformers and others left in millions of files, and that nothing runs.
_HARMLESS = ("_name_or_path", "_commit_hash", "_num_labels", "_attn_implementation_autoset")
_IMPLEMENTATIONS = ("attn_implementation", "experts_implementation", "kernel_config")  # "owner/name" there means: fetch code of that name
_NAMES = ("id2label", "label2id", "task_specific_params")  # their keys are people's own words


def checked(folder: Path) -> dict[str, Any]:
    """config.json as data. Raises InputError for whatever would run code, is a pickle, is damaged, or leaves the folder."""
    raw = _json(folder / "config.json", folder)
    if bad := sorted(_code(raw)):
        raise InputError(say('model.from: "{folder}/config.json" asks to run code of its own ({keys}); steelyard never does; '
                             "remove the key, or choose a model that Transformers has built in", folder=folder, keys=listing(bad)))
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and not _stays(path, folder):
            raise InputError(say('model.from: "{file}" is a link that leaves its folder; put the file itself there', file=path))
    told = raw.get("transformers_weights")
    if told is not None and (not isinstance(told, str) or not _plain(told.removesuffix(".index.json"))):
        raise InputError(say('model.from: "{index}" names a file outside its folder: "{name}"', index=folder / "config.json", name=told))
    for name in _weights(folder):
        _readable(folder / name)
    return raw


def _json(path: Path, folder: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(say('model.from: "{folder}" is no model folder: it has no config.json', folder=folder)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(say('model.from: "{folder}/config.json" is damaged: {reason}', folder=folder, reason=error)) from error
    if not isinstance(raw, dict):
        raise InputError(say('model.from: "{folder}/config.json" is damaged: {reason}', folder=folder, reason="no JSON object"))
    return raw


def _code(raw: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """The keys that ask to run code, in the configurations within it too."""
    for key, value in raw.items():
        fetched = key in _IMPLEMENTATIONS and "/" in json.dumps(value)
        if key == "auto_map" or fetched or (key.startswith("_") and key not in _HARMLESS):
            yield inside + key
        elif isinstance(value, dict) and key not in _NAMES:
            yield from _code(value, f"{inside}{key}.")


def _stays(link: Path, folder: Path) -> bool:
    """Whether a link's end lies in the folder; or, in a snapshot of the Hub's cache, among that cache's blobs."""
    home = folder.resolve()
    allowed = [home]
    if home.parent.name == "snapshots" and home.parent.parent.name.startswith("models--"):
        allowed += [home.parent.parent / "blobs", home.parent.parent.parent / "blobs"]  # the model's own; those that models share
    end = link.resolve()
    return end.is_file() and any(end.is_relative_to(place) for place in allowed)


def _weights(folder: Path) -> list[str]:
    """The names of the files of weights. Raises InputError where there is none, or the index names one outside or absent."""
    index = folder / INDEX
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not index.is_file():
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        but = str(say(", but a pickle ({names}), which can run code when it is read", names=listing(pickles))) if pickles else ""
        raise InputError(say('model.from: "{folder}" holds no model.safetensors{pickles}; load it where you trust it and save it anew '
                             "with save_pretrained", folder=folder, pickles=but))
    try:
        names = sorted({str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(say('model.from: "{file}" is damaged: {reason}', file=index, reason=str(error) or type(error).__name__)) from error
    for name in names:
        if not _plain(name):
            raise InputError(say('model.from: "{index}" names a file outside its folder: "{name}"', index=index, name=name))
        if not (folder / name).is_file():
            raise InputError(say('model.from: "{index}" names "{name}", which is not there; fetch the model anew', index=index, name=name))
    return names


def _plain(name: str) -> bool:
    """Whether it is the name of a safetensors file, and no path."""
    return Path(name).name == name and "\\" not in name and name.endswith(".safetensors")


def _readable(path: Path) -> None:
    """Read the head of a safetensors file, in which every tensor has its place. Raises InputError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            file.keys()
    except (OSError, SafetensorError) as error:
        raise InputError(say('model.from: "{file}" is damaged: {reason}', file=path, reason=error)) from error
