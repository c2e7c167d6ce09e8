"""One effective batch: collated, varied, forward, loss, backward. Shared by training and by what measures it beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from steelyard.engine import machine
from steelyard.engine.chosen import Chosen
from steelyard.engine.order import buckets
from steelyard.engine.prepare import Prepared
from steelyard.errors import OutsideError
from steelyard.language import say
from steelyard.parts import Augment, Batch, Key

CUDA = torch.cuda.is_available()


def precise(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """bf16 autocast, or nothing for fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def place(batch: Batch, device: torch.device, layout: str) -> Batch:
    """On the device, pictures in the layout that was measured to be faster."""
    if device.type != "cpu":
        batch = batch.to(device)
    if layout == "channels_last":
        batch.inputs = {name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
                        for name, value in batch.inputs.items()}
    return batch


def arrange(model: nn.Module, device: torch.device, layout: str) -> None:
    """The weights on the device, in the layout of the pictures."""
    model.to(device)
    if layout == "channels_last":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack this form


EARLY = 0.6  # of the steps see pictures of training.augment.early_size
AHEAD = 400_000  # values of the inputs that are collated at once: few calls, and what stays in the processor's cache


class Stepper:
    """The gradients of effective batches of the training rows, as the recipe and `chosen` want them.

    forward   what is called in the model's place: itself, or itself compiled
    """

    def __init__(self, prepared: Prepared, model: nn.Module, chosen: Chosen, forward: Callable[..., Any] | None = None) -> None:
        self.prepared, self.model, self.chosen, self.forward = prepared, model, chosen, forward or model
        self.task, self.store, self.device = prepared.task, prepared.stores["train"], machine.device()
        self.augment = Augment(**prepared.training.augment.model_dump())
        self.varied = self.augment != Augment()
        lengths = self.store.lengths()
        self.padded = None if lengths is None or not chosen.micro_tokens else buckets(lengths)
        self.small = not self.varied and all(field.dense is not None for field in self.store.fields.values())
        self.ahead: dict[int, tuple[np.ndarray, Batch]] = {}  # step -> its examples, and their batch
        self.waited = 0.0  # seconds that collating took

    def gradients(self, indices: np.ndarray, key: Key, behind: float = 1.0) -> Tensor:
        """() the mean loss over the examples at these places; gradients are added to the parameters'.

        behind: the share of the training that is done. Examples may be smaller early on, and never are by default.
        Where an accelerator's memory is not enough, the micro-batch is halved and the same batch done again.
        """
        while True:
            try:
                return self._accumulate(indices, key, behind)
            except torch.OutOfMemoryError as error:
                if self.chosen.micro_batch == 1:
                    raise OutsideError(say("the accelerator's memory is not enough for one example; a smaller model.size or "
                                           "data.max_length, or training.gradient_checkpointing, needs less")) from error
            self.model.zero_grad()  # out of the handler: the error holds on to what did not fit
            self.chosen = replace(self.chosen, micro_batch=-(-self.chosen.micro_batch // 2), micro_tokens=self.chosen.micro_tokens // 2)
            torch.cuda.empty_cache()

    def _accumulate(self, indices: np.ndarray, key: Key, behind: float) -> Tensor:
        """The loss is divided by the count of the whole effective batch, so micro-batches of any size give the same gradient."""
        began = time.perf_counter()
        early = self._foreseen(indices, key) if self.small and len(indices) <= self.chosen.micro_batch else None
        batches = [early] if early is not None else [self.collated(part, key, behind) for part in self._cut(indices)]
        self.waited += time.perf_counter() - began
        count = max(1, sum(batch.count for batch in batches))
        total: Tensor | None = None
        for shard, batch in enumerate(batches):
            reseed(key if not shard else replace(key, shard=shard))
            with precise(self.device, self.chosen.precision):
                outputs = self.forward(**batch.inputs)
            loss = self.task.loss(outputs, batch, self.prepared.aim) / count
            loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        return total

    def _foreseen(self, indices: np.ndarray, key: Key) -> Batch | None:
        """The batch of this step, collated together with those of some steps to come; None where it is no such step.

        What `collate` draws hangs on the epoch and the example's number, not on the step: it does not matter when it is drawn.
        """
        if key.step not in self.ahead:
            plan, self.ahead = self.prepared.plan, {}
            each = sum(int(np.prod(field.shapes[0])) for field in self.store.fields.values()) * len(indices)
            first = key.step - plan.start(key.epoch)
            steps = plan.batches(key.epoch)[first : first + AHEAD // each] if first >= 0 else []
            if len(steps) < 2:
                return None
            whole = self.collated(np.concatenate(steps), key)
            if whole.extra or whole.targets is None or whole.count != len(whole.rows):
                self.small = False
                return None
            ends = np.cumsum([0, *map(len, steps)])
            for number, (own, a, b) in enumerate(zip(steps, ends, ends[1:], strict=False)):
                inputs = {name: value[a:b] for name, value in whole.inputs.items()}
                self.ahead[key.step + number] = own, Batch(inputs, whole.targets[a:b], len(own), whole.rows[a:b])
        own, batch = self.ahead.pop(key.step, (np.empty(0), None))
        return batch if np.array_equal(own, indices) else None

    def collated(self, indices: np.ndarray, key: Key, behind: float = 1.0) -> Batch:
        """One micro-batch, varied, on the device."""
        examples = self.store.take(torch.from_numpy(indices))
        batch = self.task.collate(examples, self.prepared.processor, key)
        if self.varied:
            how = self.augment if behind < EARLY else replace(self.augment, early_size=0)
            batch = self.task.augment(batch, examples.numbers, how, key)
        return place(batch, self.device, self.chosen.layout)

    def _cut(self, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Micro-batches. Batches by tokens are of one length, so that so many tokens are so many examples."""
        size = self.chosen.micro_batch
        if self.padded is not None:
            size = max(1, self.chosen.micro_tokens // int(self.padded[indices].max()))
        return (indices[start : start + size] for start in range(0, len(indices), size))


def reseed(key: Key) -> None:
    """Dropout draws from the key, not from what ran before."""
    number = key.number("dropout")
    torch.default_generator.manual_seed(number)
    if CUDA:
        torch.cuda.manual_seed_all(number)
