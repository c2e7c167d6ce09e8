"""What is measured on this machine and chosen for a run: threads, precision, layout, micro-batch; each with its reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard.engine import machine
from steelyard.engine.prepare import Prepared
from steelyard.engine.step import backward, collated, place
from steelyard.language import Sentence, say
from steelyard.parts import Key

SECONDS = 0.25  # a candidate is timed for so long, after a first step that warms up
GAIN = 1.1  # bf16 and channels_last must be so many times faster: what is lost must be worth it
SHARE = 0.6  # of the free memory that training may take
PROBE = 8  # examples whose memory is measured


@dataclass(frozen=True)
class Chosen:
    """Pinned in run.json: a resume uses the same.

    bytes_per_example   what one example of the longest batch takes in training, measured; 0 where it was not
    """

    threads: int
    precision: str
    layout: str
    micro_batch: int
    bytes_per_example: int = 0

    def to_json(self) -> dict[str, Any]:
        """As in run.json."""
        return asdict(self)


@dataclass(frozen=True)
class Reason:
    """What was chosen and why, for the log and the page."""

    what: str
    chosen: str
    why: Sentence

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"what": self.what, "chosen": self.chosen, "why": self.why.to_json()}


def choose(prepared: Prepared, model: PreTrainedModel) -> tuple[Chosen, list[Reason]]:
    """Measure what the recipe leaves on auto. The model is as before afterwards."""
    training = prepared.training
    torch.set_num_threads(machine.cores() if training.threads == "auto" else training.threads)
    with _untouched(model):
        micro_batch, size, reason = _micro_batch(prepared, model)
        threads, why = _threads(prepared, model, micro_batch)
        torch.set_num_threads(threads)
        precision, layout, more = _fastest(prepared, model, micro_batch)
    return Chosen(threads, precision, layout, micro_batch, size), [Reason("threads", str(threads), why), reason, *more]


def _threads(prepared: Prepared, model: PreTrainedModel, micro_batch: int) -> tuple[int, Sentence]:
    """One thread, where it is faster by a tenth than all cores: small models, and machines that others use too."""
    told, cores = prepared.training.threads, machine.cores()
    if told != "auto":
        return told, say("set in the recipe")
    if cores == 1:
        return 1, say("as many as this process may use")
    indices = np.arange(min(prepared.training.batch_size or 1, len(prepared.stores["train"])))
    speeds = {}
    for threads in (cores, 1):
        torch.set_num_threads(threads)
        speeds[threads] = len(indices) / _timed(prepared, model, indices, micro_batch, "fp32", "contiguous", SECONDS)
    values = {"one": speeds[1], "all": speeds[cores], "cores": cores}
    threads = 1 if speeds[1] >= GAIN * speeds[cores] else cores
    return threads, say("{cores} threads: {all:.0f} examples/s, one: {one:.0f}, measured", **values)


def longest(prepared: Prepared, size: int) -> np.ndarray:
    """The examples that need the most memory."""
    store = prepared.stores["train"]
    lengths = store.lengths()
    return np.arange(min(size, len(store))) if lengths is None else np.argsort(-lengths, kind="stable")[:size].copy()


def _micro_batch(prepared: Prepared, model: PreTrainedModel) -> tuple[int, int, Reason]:
    """The largest halving of the batch whose memory, read off a few of the longest examples, fits."""
    wanted, batch = prepared.training.micro_batch, prepared.training.batch_size or 1
    if wanted != "auto":
        return min(wanted, batch), 0, Reason("micro_batch", str(wanted), say("set in the recipe"))
    if machine.device().type == "cuda":
        return batch, 0, Reason("micro_batch", str(batch), say("the whole batch"))
    few = longest(prepared, min(PROBE, batch))
    _timed(prepared, model, few[:1], len(few), "fp32", "contiguous")  # buffers that stay are not the examples'
    if not machine.reset_peak():
        return batch, 0, Reason("micro_batch", str(batch), say("the whole batch; this system does not tell a process its memory"))
    before = machine.resident_memory() or 0
    _timed(prepared, model, few, len(few), "fp32", "contiguous")
    size = max(0, (machine.peak_memory() or 0) - before) // len(few)
    free = machine.free_memory()
    micro = batch
    while micro > 1 and micro * size > SHARE * free:
        micro = -(-micro // 2)
    why = say("{n} examples take some {mib:.0f} MiB, measured on the longest {few}; {free:.0f} MiB are free",
              n=micro, mib=micro * size / machine.MIB, few=len(few), free=free / machine.MIB)
    return micro, size, Reason("micro_batch", str(micro), why)


def _fastest(prepared: Prepared, model: PreTrainedModel, micro_batch: int) -> tuple[str, str, list[Reason]]:
    """Precision, then layout: the faster one, where it is faster by a tenth."""
    training = prepared.training
    indices = np.arange(min(training.batch_size or 1, len(prepared.stores["train"])))
    speeds: dict[tuple[str, str], float] = {}

    def speed(precision: str, layout: str) -> float:
        if (precision, layout) not in speeds:
            speeds[precision, layout] = len(indices) / _timed(prepared, model, indices, micro_batch, precision, layout, SECONDS)
        return speeds[precision, layout]

    def pick(told: str, plain: str, other: str, able: bool, measure: Any) -> tuple[str, Sentence]:
        if told != "auto":
            return told, say("set in the recipe")
        if not able:
            return plain, say("there is nothing to choose")
        slow, fast = measure(plain), measure(other)
        return (other if fast >= GAIN * slow else plain), say("{other}: {fast:.0f} examples/s, {plain}: {slow:.0f}, measured",
                                                               other=other, fast=fast, plain=plain, slow=slow)

    planar = any(parameter.dim() == 4 for parameter in model.parameters())
    layout, why_layout = pick(training.layout, "contiguous", "channels_last", planar, lambda name: speed("fp32", name))
    precision, why_precision = pick(training.precision, "fp32", "bf16", True, lambda name: speed(name, layout))
    if training.layout == "auto" and training.precision == "auto" and planar and layout == "contiguous" and (
            speed("bf16", "channels_last") >= GAIN * speed(precision, layout)):  # faster together than each alone
        precision, layout = "bf16", "channels_last"
        why_precision = why_layout = say("{other}: {fast:.0f} examples/s, {plain}: {slow:.0f}, measured", other="bf16 channels_last",
                                         fast=speed("bf16", "channels_last"), plain="fp32 contiguous", slow=speed("fp32", "contiguous"))
    return precision, layout, [Reason("precision", precision, why_precision), Reason("layout", layout, why_layout)]


def _timed(prepared: Prepared, model: PreTrainedModel, indices: np.ndarray, micro_batch: int, precision: str, layout: str,
           seconds: float = 0.0) -> float:
    """Seconds of one effective batch, forward and backward: the median of those that `seconds` allow, at least one."""
    where = machine.device()
    if layout == "channels_last":
        model.to(memory_format=torch.channels_last)
    times: list[float] = []
    until = None
    while until is None or (time.perf_counter() < until) or not times:
        start = time.perf_counter()
        key = Key(prepared.recipe.seed)
        batches = [place(batch, where, layout) for batch in
                   collated(prepared.stores["train"], indices, micro_batch, prepared.task, prepared.processor, key)]
        float(backward(model, prepared.task, batches, key, precision))
        model.zero_grad(set_to_none=True)
        if until is not None or not seconds:
            times.append(time.perf_counter() - start)
        until = until or time.perf_counter() + seconds
    if layout == "channels_last":
        model.to(memory_format=torch.contiguous_format)
    return float(np.median(times))


@contextmanager
def _untouched(model: PreTrainedModel) -> Iterator[None]:
    """Batch statistics and gradients are put back: a measurement must not train."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    try:
        yield
    finally:
        model.zero_grad(set_to_none=True)
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
