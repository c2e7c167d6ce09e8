"""Optimisers, and the learning rate as a pure function of the step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from steelyard.engine.muon import Muon
from steelyard.recipe.training import Training


def optimizer(model: nn.Module, training: Training) -> Optimizer:
    """sgd, adamw or muon; weights that are matrices or larger decay, biases and norms do not."""
    if training.optimizer == "muon":
        return Muon(model, training.learning_rate or 0.0, training.weight_decay or 0.0, training.momentum or 0.0)
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for _, p in named if p.dim() >= 2], "weight_decay": training.weight_decay},
        {"params": [p for _, p in named if p.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = training.learning_rate or 0.0
    if training.optimizer == "sgd":
        return SGD(groups, lr=rate, momentum=training.momentum or 0.0, fused=True)
    return AdamW(groups, lr=rate, fused=True)


def warmup_steps(training: Training, total: int) -> int:
    """A share is of all steps."""
    told = training.warmup_steps or 0
    return told if isinstance(told, int) else round(float(told.strip().rstrip("%")) / 100 * total)


def learning_rate(step: int, total: int, training: Training) -> float:
    """The rate of step 0, 1, ...: linear from 0 up to the peak, then by the schedule; cosine and linear end near 0."""
    warmup, peak = min(warmup_steps(training, total), total), training.learning_rate or 0.0
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total - warmup)
    if training.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    return peak * (1 - done) if training.schedule == "linear" else peak


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """The same rate for all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def state_tensors(model: nn.Module, optimiser: Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's state, flat: "parameter name/state name" -> tensor."""
    names = {id(p): name for name, p in model.named_parameters()}
    flat = {}
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if value is not None:
                flat[f"{names[id(parameter)]}/{key}"] = value if isinstance(value, torch.Tensor) else torch.tensor(value)
    return flat


def load_state(model: nn.Module, optimiser: Optimizer, flat: dict[str, torch.Tensor]) -> None:
    """The inverse of `state_tensors`, into a fresh optimiser of the same model."""
    parameters = dict(model.named_parameters())
    for name, value in flat.items():
        parameter, _, key = name.rpartition("/")
        optimiser.state[parameters[parameter]][key] = value.clone()
