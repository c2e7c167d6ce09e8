"""Arithmetic of a training, counted on meta tensors: shapes are followed, nothing is computed.

A multiply-add counts 2; recomputation is not counted. On meta attention is counted, which it is not on the processor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedConfig, PreTrainedModel

from steelyard.engine.chosen import Chosen
from steelyard.engine.prepare import Prepared
from steelyard.engine.shaped import shaped
from steelyard.engine.step import EARLY
from steelyard.engine.store import Store
from steelyard.parts import Augment, Batch, Family, Key, Processor, Task

LENGTHS = 512  # different lengths that are looked at; where there are more, each stands for those just below it
EXAMPLES = 4_000_000  # places in the order of a training that are looked at; what comes later is taken to be alike


class Undecided(TorchDispatchMode):
    """A question about a value that is not there is answered with no: Transformers asks whether nothing is padded."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
            return False
        return func(*args, **(kwargs or {}))


def on_meta(family: Family, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
    """The model without its memory."""
    with torch.device("meta"):
        return family.build(task, config)


def meta(batch: Batch) -> Batch:
    """The batch's shapes."""
    return batch.to(torch.device("meta"))


def pair(store: Store, index: int, task: Task, processor: Processor) -> Batch:
    """One example twice (batch norm wants two), as it is collated alone: the shape that it brings about."""
    return task.collate(store.take(torch.tensor([index, index])), processor, Key(0))


def step_flops(model: nn.Module, task: Task, batch: Batch) -> int:
    """Forward, loss and backward of one batch; `model` is on meta."""
    shapes = meta(batch)
    model.train()
    with FlopCounterMode(display=False) as counter, Undecided():
        task.loss(model(**shapes.inputs), shapes).backward()
    return int(counter.get_total_flops())


def layer_flops(model: nn.Module, batch: Batch) -> dict[str, int]:
    """Module path -> FLOPs of its forward pass, what is inside it included; "" is the whole model (on meta)."""
    shapes = meta(batch)
    with torch.no_grad(), FlopCounterMode(display=False) as counter, Undecided():
        model(**shapes.inputs)
    root = type(model).__name__
    counted = {name: int(sum(kinds.values())) for name, kinds in counter.get_flop_counts().items()}
    return {name[len(root) + 1 :]: number for name, number in counted.items() if name == root or name.startswith(root + ".")} | {
        "": counted.get("Global", 0)}


@dataclass(frozen=True)
class Lengths:
    """What one example of a micro-batch costs, by the longest one in it.

    lengths   (kinds,) rising; `of` gives the FLOPs of the next one that is as long
    flops     (kinds,) of one example, forward and backward
    """

    lengths: np.ndarray
    flops: np.ndarray

    def of(self, longest: np.ndarray) -> np.ndarray:
        """(micro-batches,) FLOPs of one example."""
        return self.flops[np.minimum(np.searchsorted(self.lengths, longest), len(self.flops) - 1)]


def by_length(prepared: Prepared, model: nn.Module) -> Lengths:
    """Count each shape that the task's collate makes of the training examples, once."""
    store, task, processor = prepared.stores["train"], prepared.task, prepared.processor
    lengths = store.lengths()
    if lengths is None:
        return Lengths(np.zeros(1), np.array([step_flops(model, task, pair(store, 0, task, processor)) / 2]))
    kinds, firsts = np.unique(lengths, return_index=True)
    if len(kinds) > LENGTHS:
        some = np.unique(np.linspace(0, len(kinds) - 1, LENGTHS).round().astype(np.int64))
        kinds, firsts = kinds[some], firsts[some]
    known: dict[tuple[Any, ...], float] = {}
    flops = []
    for index in firsts:
        batch = pair(store, int(index), task, processor)
        shape = tuple((name, tuple(value.shape)) for name, value in batch.inputs.items())
        if shape not in known:
            known[shape] = step_flops(model, task, batch) / 2
        flops.append(known[shape])
    return Lengths(kinds, np.array(flops))


@dataclass(frozen=True)
class Count:
    """total      FLOPs of all optimiser steps
    batches    the batches of the first epoch
    per_batch  (batches,) FLOPs of each
    steps      optimiser steps in all
    """

    total: float
    batches: list[np.ndarray]
    per_batch: np.ndarray
    steps: int


def training(prepared: Prepared, chosen: Chosen, steps: int) -> Count:
    """Every step of the training, in the order that it will have: which examples meet decides what is padded."""
    model = shaped(on_meta(prepared.family, prepared.task, prepared.config), prepared.family, prepared.recipe)
    costs, store, plan = by_length(prepared, model), prepared.stores["train"], prepared.plan
    lengths = store.lengths()
    first: tuple[list[np.ndarray], np.ndarray] | None = None
    counted: list[np.ndarray] = []
    while (done := sum(map(len, counted))) < steps and (not counted or len(counted) * len(store) < EXAMPLES):
        batches = plan.batches(len(counted))
        flops = np.array([_batch_flops(batch, chosen, lengths, costs) for batch in batches])
        first = first or (batches, flops)
        counted.append(flops[: steps - done])
    every = np.concatenate(counted)
    assert first is not None
    return Count(float(every.sum() / len(every) * steps) * _reduced(prepared, model), *first, steps)


def _reduced(prepared: Prepared, model: nn.Module) -> float:
    """What a step costs on average, as a share of one on examples of full size."""
    size, task = prepared.training.augment.early_size, prepared.task
    if not size:
        return 1.0
    examples = prepared.stores["train"].take(torch.tensor([0, 0]))
    batch = task.collate(examples, prepared.processor, Key(0))
    early = task.augment(batch, examples.numbers, Augment(early_size=size), Key(0))
    return 1 - EARLY * (1 - step_flops(model, task, early) / step_flops(model, task, batch))


def _batch_flops(batch: np.ndarray, chosen: Chosen, lengths: np.ndarray | None, costs: Lengths) -> float:
    if lengths is None:
        return float(len(batch) * costs.flops[0])
    if chosen.micro_tokens:  # batches by tokens are of one length, however they are cut
        return float(len(batch) * costs.of(lengths[batch].max(keepdims=True))[0])
    starts = np.arange(0, len(batch), chosen.micro_batch)
    longest = np.maximum.reduceat(lengths[batch], starts)
    return float((costs.of(longest) * np.diff([*starts, len(batch)])).sum())
