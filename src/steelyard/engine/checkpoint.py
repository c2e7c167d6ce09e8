"""Checkpoints: safetensors and JSON, committed by a rename once every file and a manifest of hashes lie on the disk."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from steelyard.engine.cache import file_hash
from steelyard.errors import OutsideError
from steelyard.language import Sentence, say

MANIFEST = "MANIFEST.json"


@dataclass(frozen=True)
class Checkpoint:
    """Where training stands.

    model, optimizer   tensors by name; of the model's, those that the recipe keeps as they are may be left out
    best               the best weights so far, or None where there are none yet
    average            the moving average of the weights, by name; nothing where there is none
    state              JSON values: step (optimiser steps done), best_step, best_value, waited, seconds, kept
    """

    model: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor] | None
    average: dict[str, torch.Tensor]
    state: dict[str, Any]


def unshared(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors as safetensors takes them: contiguous, and each name with memory of its own."""
    seen: set[int] = set()
    whole = {}
    for name, tensor in tensors.items():
        own = tensor.detach().contiguous()
        whole[name] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    return whole


def save(root: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write step-N, whole or not at all; then remove all but the newest `keep`. Raises OutsideError."""
    folder = root / f"step-{checkpoint.state['step']:08d}"
    beside = folder.with_name(folder.name + ".tmp")
    parts = {"model": checkpoint.model, "optimizer": checkpoint.optimizer, "best": checkpoint.best,
             "average": checkpoint.average}
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, tensors in parts.items():
            if tensors:
                save_file(unshared(tensors), beside / f"{name}.safetensors")
        (beside / "state.json").write_text(json.dumps(checkpoint.state, allow_nan=False))
        hashes = {path.name: file_hash(path) for path in sorted(beside.iterdir())}
        (beside / MANIFEST).write_text(json.dumps(hashes))
        for path in (*beside.iterdir(), beside):
            _flush(path)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        _flush(root)
        for old in committed(root)[:-keep]:
            shutil.rmtree(old)
    except Exception as error:  # safetensors raises its own class where the disk is full
        shutil.rmtree(beside, ignore_errors=True)
        raise OutsideError(say('cannot write the checkpoint "{folder}": {reason}; the last whole one is {last}',
                               folder=folder, reason=error, last=next(reversed(committed(root)), "-"))) from error
    return folder


def committed(root: Path) -> list[Path]:
    """The folders of whole checkpoints, the oldest first."""
    return sorted(path for path in root.glob("step-*") if path.suffix != ".tmp") if root.is_dir() else []


def damage(folder: Path) -> Sentence | None:
    """What is wrong with a checkpoint, or None: every file is there and has the hash of the manifest."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text())
        for name, want in hashes.items():
            if file_hash(folder / name) != want:
                return say('"{file}" is damaged: its sha256 is not the manifest\'s', file=folder / name)
    except (OSError, ValueError, AttributeError) as error:
        return say('"{folder}" is not whole: {reason}', folder=folder, reason=error)
    return None


def newest(root: Path) -> tuple[Checkpoint | None, list[Sentence]]:
    """The newest checkpoint that verifies, and what was wrong with newer ones."""
    wrong = []
    for folder in reversed(committed(root)):
        if (bad := damage(folder)) is not None:
            wrong.append(bad)
            continue
        parts = {name: load_file(file) for name in ("model", "optimizer", "best", "average")
                 if (file := folder / f"{name}.safetensors").exists()}
        return Checkpoint(parts["model"], parts.get("optimizer", {}), parts.get("best"), parts.get("average", {}),
                          json.loads((folder / "state.json").read_text())), wrong
    return None, wrong


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
