"""A few real steps and answers, timed and weighed before training: on a copy, so that no weight changes."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard.engine import machine, optim
from steelyard.engine.answer import BATCH
from steelyard.engine.average import Average
from steelyard.engine.chosen import Chosen
from steelyard.engine.compiled import forward
from steelyard.engine.measure import heaviest
from steelyard.engine.prepare import Prepared
from steelyard.engine.step import Stepper, arrange, place, precise
from steelyard.engine.store import Store
from steelyard.engine.train import clipped
from steelyard.parts import Key, Processor, Task
from steelyard.rows import Rows

MOST = 8  # optimiser steps; the first, on the longest examples, warms up and shows the memory
LEAST = 3  # timed steps
SHARE, AT_ONCE = 0.05, 1.0  # of the training's time, and seconds, that may be spent before further steps are left out
PATIENCE = 20.0  # seconds after which they are left out in any case
GOLDEN = 0.618034  # times 1, 2, 3...: however few steps are timed, they stand for all parts of the training evenly
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
    torch.set_num_threads(chosen.threads)
    watched = machine.reset_peak()
    twin = copy.deepcopy(model).train()
    arrange(twin, machine.device(), chosen.layout)
    stepper = Stepper(prepared, twin, chosen, forward(prepared, twin, chosen))
    training, optimizer = prepared.training, optim.optimizer(twin, prepared.training)
    optim.set_rate(optimizer, 0.0)
    average, learning = Average(twin, training.ema), [p for p in twin.parameters() if p.requires_grad]
    began = time.perf_counter()

    def step(indices: np.ndarray, number: int, behind: float) -> float:
        start = time.perf_counter()
        float(stepper.gradients(indices, Key(prepared.recipe.seed, 0, number), behind))
        clipped(learning, training.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        average.update(number)
        return time.perf_counter() - start

    first = step(heaviest(prepared), 0, behind=1.0)
    picked = spread(weights, min(MOST - 1, max(steps, LEAST)))
    enough = min(PATIENCE, max(AT_ONCE, SHARE * steps * first))
    seconds: list[float] = []
    for number, batch in enumerate(picked, start=1):
        if len(seconds) >= LEAST and time.perf_counter() - began > enough:
            break
        seconds.append(step(batches[batch], number, behind=(0.3 + GOLDEN * number) % 1))
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
