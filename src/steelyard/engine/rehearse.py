"""A few real steps and answers, timed and weighed before training: on a copy, so that no weight changes."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from transformers import PreTrainedModel

from steelyard.engine import machine, optim
from steelyard.engine.answer import BATCH
from steelyard.engine.measure import Chosen, longest
from steelyard.engine.prepare import Prepared
from steelyard.engine.step import backward, collated, place, precise
from steelyard.engine.store import Store
from steelyard.parts import Key, Processor, Task
from steelyard.rows import Rows

MOST = 8  # optimiser steps; the first, on the longest examples, warms up and shows the memory
LEAST = 3  # timed steps
SHARE, AT_ONCE = 0.05, 1.0  # of the training's time, and seconds, that may be spent before further steps are left out
PATIENCE = 20.0  # seconds after which they are left out in any case
ANSWERED = 3  # batches of answers that are timed


@dataclass(frozen=True)
class Rehearsal:
    """What was measured.

    seconds   (steps,) of each timed optimiser step
    batches   (steps,) which batch of the first epoch each was
    answer    seconds to answer one validation row, all its parts included
    answered  rows that this was measured on
    peak      bytes of this process at its largest; None where the system does not say
    """

    seconds: np.ndarray
    batches: np.ndarray
    answer: float
    answered: int
    peak: int | None


def rehearse(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, batches: list[np.ndarray], weights: np.ndarray,
             steps: int) -> Rehearsal:
    """At most 8 optimiser steps, on batches from all over the first epoch, and some validation answers.

    batches   of the first epoch
    weights   (batches,) what each is thought to cost: one batch is timed of each of so many equal parts, light to heavy
    steps     of the whole training
    """
    training, store, device = prepared.training, prepared.stores["train"], machine.device()
    torch.set_num_threads(chosen.threads)
    watched = machine.reset_peak()
    twin = copy.deepcopy(model).train()
    twin.to(device, memory_format=torch.channels_last) if chosen.layout == "channels_last" else twin.to(device)
    optimizer = optim.optimizer(twin, training)
    optim.set_rate(optimizer, 0.0)
    began = time.perf_counter()

    def step(indices: np.ndarray, number: int) -> float:
        start = time.perf_counter()
        key = Key(prepared.recipe.seed, 0, number)
        micro_batches = [place(batch, device, chosen.layout) for batch in
                         collated(store, indices, chosen.micro_batch, prepared.task, prepared.processor, key)]
        loss = backward(twin, prepared.task, micro_batches, key, chosen.precision)
        norm = get_total_norm([p.grad for p in twin.parameters() if p.grad is not None])
        float(loss), float(norm)  # waits for the device, as training's look at them does
        if training.max_grad_norm:
            clip_grads_with_norm_(twin.parameters(), training.max_grad_norm, norm)
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - start

    first = step(longest(prepared, training.batch_size or 1), 0)
    picked = spread(weights, min(MOST - 1, max(steps, LEAST)))
    enough = min(PATIENCE, max(AT_ONCE, SHARE * steps * first))
    seconds: list[float] = []
    for number, batch in enumerate(picked, start=1):
        if len(seconds) >= LEAST and time.perf_counter() - began > enough:
            break
        seconds.append(step(batches[batch], number))
    answer, answered = answer_seconds(twin, prepared.task, prepared.processor, prepared.stores["validation"],
                                      prepared.dataset.rows["validation"], chosen.precision)
    return Rehearsal(np.array(seconds), picked[: len(seconds)], answer, answered, machine.peak_memory() if watched else None)


def spread(weights: np.ndarray, num: int) -> np.ndarray:
    """(num,) places: the middle one of each of `num` equal parts from light to heavy, so that their mean is the whole's.

    Fewer batches are taken more than once. In an order that is not by weight: a machine that slows down must not look
    like batches that grow.
    """
    rising = np.argsort(weights, kind="stable")
    middles = ((np.arange(num) + 0.5) / num * len(weights)).astype(np.int64)
    return np.random.default_rng(0).permutation(rising[middles])


def answer_seconds(model: PreTrainedModel, task: Task, processor: Processor, store: Store, rows: Rows,
                   precision: str = "fp32") -> tuple[float, int]:
    """(seconds a row, rows measured): collating, the model, the answer and its measuring, on a few batches of like length."""
    model.eval()
    lengths = store.lengths()
    order = np.arange(len(store)) if lengths is None else np.argsort(-lengths, kind="stable")
    batches = np.array_split(order, range(BATCH, len(order), BATCH))
    some = [batches[i] for i in np.unique(np.linspace(0, len(batches) - 1, ANSWERED).round().astype(np.int64))]
    took, done = 0.0, 0
    _answer(model, task, processor, store, some[0][:1], rows, precision)  # warms up
    for indices in some:
        start = time.perf_counter()
        _answer(model, task, processor, store, indices, rows, precision)
        took += time.perf_counter() - start
        done += len(indices)
    per_row = len(store) / max(1, store.num_rows)  # a long row has several examples
    return took / done * per_row, round(done / per_row)


def _answer(model: PreTrainedModel, task: Task, processor: Processor, store: Store, indices: np.ndarray, rows: Rows,
            precision: str) -> None:
    with torch.inference_mode():
        batch = place(task.collate(store.take(torch.from_numpy(indices)), processor, None), model.device, "contiguous")
        with precise(model.device, precision):
            partials = task.respond(model, batch)
    for row, partial in zip(rows.select(batch.rows.numpy()), partials, strict=True):
        task.measure(row, task.merge(row, [partial]))
