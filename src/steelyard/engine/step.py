"""One effective batch: collated, forward, loss, backward. Shared by training and by what measures it beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from steelyard.engine.store import Store
from steelyard.parts import Batch, Key, Processor, Task


def precise(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """bf16 autocast, or nothing for fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def collated(store: Store, indices: np.ndarray, micro_batch: int, task: Task, processor: Processor, key: Key) -> list[Batch]:
    """The micro-batches of one effective batch, each with a key of its own."""
    chosen = torch.from_numpy(indices)
    return [task.collate(store.take(part), processor, Key(key.seed, key.epoch, key.step, shard))
            for shard, part in enumerate(chosen.split(micro_batch))]


def place(batch: Batch, device: torch.device, layout: str) -> Batch:
    """On the device, pictures in the layout that was measured to be faster."""
    if device.type != "cpu":
        batch = batch.to(device)
    if layout == "channels_last":
        batch.inputs = {name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
                        for name, value in batch.inputs.items()}
    return batch


def backward(model: nn.Module, task: Task, batches: Sequence[Batch], key: Key, precision: str) -> Tensor:
    """() the mean loss; gradients are added to the parameters'.

    The loss is divided by the count of the whole effective batch, so micro-batches of any size give the same gradient.
    """
    count = max(1, sum(batch.count for batch in batches))
    total = torch.zeros(())
    for shard, batch in enumerate(batches):
        reseed(Key(key.seed, key.epoch, key.step, shard))
        with precise(batch.rows.device if not batch.inputs else next(iter(batch.inputs.values())).device, precision):
            outputs = model(**batch.inputs)
        loss = task.loss(outputs, batch) / count
        loss.backward()
        total = total + loss.detach().cpu()
    return total


def reseed(key: Key) -> None:
    """Dropout draws from the key, not from what ran before."""
    number = key.number("dropout")
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)
