"""Checkpoints: safetensors and JSON, committed by a rename once every file and a manifest of hashes lie on the disk.

step-00000400/   MANIFEST.json (sha256 of each file), state.json, model, optimizer, average (.safetensors)
best-00000380/   the best weights so far, once; state.json of a step names the folder and the hash of its MANIFEST
latest, best     one line: the folder's name, for people; moved after the commit

The order within a save is: best, step, pointers, removal of old ones. A folder never takes the place of a whole one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from steelyard.engine.cache import file_hash
from steelyard.engine.disk import FULL, NoRoom, flush, room
from steelyard.errors import OutsideError
from steelyard.language import Sentence, say
from steelyard.run import write_text

MANIFEST, STATE = "MANIFEST.json", "state.json"
SLACK = 1 << 20  # bytes beyond the tensors that a checkpoint may take
_STEP = re.compile(r"step-\d{8,}")
_BEST = re.compile(r"best-\d{8,}")
_KINDS = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
          torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """Where training stands.

    model, optimizer   tensors by name; of the model's, those that the recipe keeps as they are may be left out
    best               the best weights so far, or None where there are none yet
    average            the moving average of the weights, by name; nothing where there is none
    state              JSON values: step (optimiser steps done), best_step, best_value, waited, seconds, kept, judged
    """

    model: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor] | None
    average: dict[str, torch.Tensor]
    state: dict[str, Any]


def save(root: Path, checkpoint: Checkpoint, keep: int, sound: str = "") -> Path:
    """Write step-N, whole or not at all; then remove all but the newest `keep`. One of that step that is whole stays as it is.

    sound   the folder of best weights that this process has written or verified: it is not read again

    Raises NoRoom where the disk is full, OutsideError.
    """
    step = int(checkpoint.state["step"])
    folder, best = root / f"step-{step:08d}", root / f"best-{int(checkpoint.state['best_step']):08d}"
    try:
        root.mkdir(exist_ok=True)
        if damage(folder) is not None:
            parts = {"model": checkpoint.model, "optimizer": checkpoint.optimizer, "average": checkpoint.average}
            known = checkpoint.best is None or best.name == sound or _damage(best) is None
            room(root, SLACK + sum(_size(own) for own in parts.values()) + (0 if known else _size(checkpoint.best or {})))
            if not known:
                _commit(best, {"model": checkpoint.best or {}}, None)
            named = None if checkpoint.best is None else {"folder": best.name, "manifest": file_hash(best / MANIFEST)}
            _commit(folder, parts, {**checkpoint.state, "best": named})
        settle(root, folder, keep)
    except OSError as error:
        for left in (folder, best):
            shutil.rmtree(_beside(left), ignore_errors=True)
        raise _failed(root, folder, error, error.strerror or str(error), error.errno in FULL) from error
    except OutsideError as error:
        raise _failed(root, folder, error, str(error), isinstance(error, NoRoom)) from error
    return folder


def settle(root: Path, folder: Path, keep: int) -> None:
    """Move the pointers to `folder`, then remove older checkpoints beyond `keep`, and best weights that none refers to."""
    steps = [path for path in committed(root) if path <= folder]
    _point(root / "latest", folder.name)
    if best := _best_of(folder):
        _point(root / "best", best)
    for old in steps[:-keep]:
        _remove(old)
    try:
        used = {_best_of(path) for path in committed(root)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return  # of a damaged one it cannot be said which it refers to
    for path in sorted(root.glob("best-*")):
        if _BEST.fullmatch(path.name) and path.name not in used:
            _remove(path)


def committed(root: Path) -> list[Path]:
    """The folders of checkpoints, the oldest first; whether they are whole says `damage`."""
    return sorted(path for path in root.glob("step-*") if _STEP.fullmatch(path.name)) if root.is_dir() else []


def damage(folder: Path) -> Sentence | None:
    """What is wrong with a checkpoint, or None: all its files, and those of the best weights that it names, are as they were written."""
    if (bad := _damage(folder, STATE)) is not None:
        return bad
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if folder.name != f"step-{state['step']:08d}":
            return say('"{folder}" holds step {step}, not its own', folder=folder, step=state["step"])
        if state["best"] is None:
            return None
        best, want = folder.parent / str(state["best"]["folder"]), state["best"]["manifest"]
        if not _BEST.fullmatch(best.name):
            return say('"{folder}" is not whole: {reason}', folder=folder, reason=best.name)
        if (bad := _damage(best)) is None and file_hash(best / MANIFEST) != want:
            bad = say('"{file}" is damaged: its sha256 is not the manifest\'s', file=best / MANIFEST)
        return bad
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return say('"{folder}" is not whole: {reason}', folder=folder, reason=_reason(error))


def newest(root: Path) -> tuple[Checkpoint | None, list[Sentence]]:
    """The newest checkpoint that verifies, and what was wrong with newer ones."""
    wrong: list[Sentence] = []
    for folder in reversed(committed(root)):
        if (bad := damage(folder)) is not None:
            wrong.append(bad)
            continue
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        try:
            parts = {name: load_file(file) for name in ("model", "optimizer", "average")
                     if (file := folder / f"{name}.safetensors").exists()}
            best = load_file(root / state["best"]["folder"] / "model.safetensors") if state["best"] else None
        except (OSError, SafetensorError) as error:
            wrong.append(say('"{folder}" is not whole: {reason}', folder=folder, reason=_reason(error)))
            continue
        return Checkpoint(parts["model"], parts.get("optimizer", {}), best, parts.get("average", {}), state), wrong
    return None, wrong


def write_tensors(path: Path, tensors: Tensors) -> str:
    """A safetensors file, flushed to the disk; the sha256 of what was meant to be written, in one pass. Raises OSError, KeyError."""
    ordered = sorted(tensors.items(), key=lambda entry: (-entry[1].element_size(), entry[0]))  # so that each lies at a multiple of its size
    head: dict[str, Any] = {}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.numel() * tensor.element_size()
        head[name] = {"dtype": _KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    digest = sha256()
    with path.open("wb") as file:
        for block in (len(text).to_bytes(8, "little") + text, *(_bytes(tensor) for _, tensor in ordered)):
            digest.update(block)
            file.write(block)
        file.flush()
        flush(path)
    return digest.hexdigest()


def _bytes(tensor: torch.Tensor) -> Any:
    """A buffer of the values in their order, no copy of what lies so already."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy() if flat.numel() else b""


def _size(tensors: Tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _commit(folder: Path, parts: Mapping[str, Tensors], state: Mapping[str, Any] | None) -> None:
    """Write a folder beside its place, and move it there once all of it lies on the disk. What is damaged there goes away."""
    beside = _beside(folder)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    hashes = {f"{name}.safetensors": write_tensors(beside / f"{name}.safetensors", own) for name, own in parts.items() if own}
    if state is not None:
        hashes[STATE] = _write(beside / STATE, json.dumps(state, allow_nan=False))
    _write(beside / MANIFEST, json.dumps(hashes))
    flush(beside)
    if folder.exists():
        _remove(folder)
    beside.rename(folder)
    flush(folder.parent)


def _write(path: Path, text: str) -> str:
    data = text.encode()
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        flush(path)
    return sha256(data).hexdigest()


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".tmp")


def _remove(folder: Path) -> None:
    """Under another name first, so that half of it is never taken for a checkpoint; what stays of it the next start removes."""
    away = folder.with_name(folder.name + ".old.tmp")
    shutil.rmtree(away, ignore_errors=True)
    folder.rename(away)
    shutil.rmtree(away, ignore_errors=True)


def _point(pointer: Path, name: str) -> None:
    with suppress(OSError, ValueError):  # no pointer yet, or a damaged one
        if pointer.read_text(encoding="utf-8") == name + "\n":
            return
    write_text(pointer, name + "\n")


def _best_of(folder: Path) -> str | None:
    """The folder of the best weights that a checkpoint names. Raises OSError, ValueError, KeyError, TypeError."""
    named = json.loads((folder / STATE).read_text(encoding="utf-8"))["best"]
    return None if named is None else str(named["folder"])


def _damage(folder: Path, *needed: str) -> Sentence | None:
    """The same for one folder by itself."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name in ("model.safetensors", *needed):
            if name not in hashes:
                return say('"{folder}" is not whole: {reason}', folder=folder, reason=name)
        for name, want in hashes.items():
            if Path(name).name != name or file_hash(folder / name) != want:
                return say('"{file}" is damaged: its sha256 is not the manifest\'s', file=folder / name)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        return say('"{folder}" is not whole: {reason}', folder=folder, reason=_reason(error))
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(error.filename).name}: {error.strerror}" if error.filename else str(error.strerror or error)
    return " ".join(str(error).split())[:200]


def _failed(root: Path, folder: Path, error: Exception, reason: str, full: bool) -> OutsideError:
    last = next((path.name for path in reversed(committed(root)) if damage(path) is None), "-")
    sentence = say('cannot write the checkpoint "{folder}": {reason}; the last whole one is {last}',
                   folder=folder, reason=reason, last=last)
    return NoRoom(sentence) if full else OutsideError(sentence)
