"""What is measured on this machine and chosen for a run: threads, precision, layout, micro-batch; each with its reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard.engine import compiled, machine
from steelyard.engine.chosen import Chosen, Reason
from steelyard.engine.order import buckets
from steelyard.engine.prepare import Prepared
from steelyard.engine.signals import poll
from steelyard.engine.step import Stepper, arrange
from steelyard.language import Sentence, say
from steelyard.parts import Key

SECONDS = 0.25  # a candidate is timed for so long, after a first step that warms up
GAIN = 1.1  # bf16 and channels_last must be so many times faster: what is lost must be worth it
SHARE = 0.6  # of the free memory that training may take
PROBE = 8  # examples whose memory is measured


def choose(prepared: Prepared, model: PreTrainedModel) -> tuple[Chosen, list[Reason]]:
    """Measure what the recipe leaves on auto. The model is as before afterwards."""
    training = prepared.training
    torch.set_num_threads(machine.cores() if training.threads == "auto" else training.threads)
    with _untouched(model):
        plain, reason = _micro_batch(prepared, model)
        threads, why = _threads(prepared, model, plain)
        torch.set_num_threads(threads)
        chosen, more = _fastest(prepared, model, replace(plain, threads=threads))
        chosen, last = compiled.choose(prepared, model, chosen)
    return chosen, [Reason("threads", str(threads), why), reason, *more, last]


def _threads(prepared: Prepared, model: PreTrainedModel, plain: Chosen) -> tuple[int, Sentence]:
    """One thread, where it is faster by a tenth than all cores: small models, and machines that others use too."""
    told, cores = prepared.training.threads, machine.cores()
    if told != "auto":
        return told, say("set in the recipe")
    if cores == 1:
        return 1, say("as many as this process may use")
    indices = typical(prepared)
    speeds = {}
    for threads in (cores, 1):
        torch.set_num_threads(threads)
        speeds[threads] = len(indices) / _timed(prepared, model, indices, plain, SECONDS)
    values = {"one": speeds[1], "all": speeds[cores], "cores": cores}
    threads = 1 if speeds[1] >= GAIN * speeds[cores] else cores
    return threads, say("{cores} threads: {all:.0f} examples/s, one: {one:.0f}, measured", **values)


def longest(prepared: Prepared, size: int) -> np.ndarray:
    """The examples that need the most memory."""
    store = prepared.stores["train"]
    lengths = store.lengths()
    return np.arange(min(size, len(store))) if lengths is None else np.argsort(-lengths, kind="stable")[:size].copy()


def heaviest(prepared: Prepared) -> np.ndarray:
    """As many of the longest examples as a batch may hold."""
    tokens = prepared.training.batch_tokens
    if tokens is None:
        return longest(prepared, prepared.training.batch_size or 1)
    return longest(prepared, max(1, tokens // int(buckets(prepared.stores["train"].sizes()).max())))


def typical(prepared: Prepared) -> np.ndarray:
    """The first batch of the training: a batch like any other."""
    return prepared.plan.at(0)[1]


def _micro_batch(prepared: Prepared, model: PreTrainedModel) -> tuple[Chosen, Reason]:
    """The largest halving of the batch whose memory, read off a few of the longest examples, fits."""
    training = prepared.training
    batch, tokens = max(len(heaviest(prepared)), len(typical(prepared))), training.batch_tokens or 0
    plain = Chosen(torch.get_num_threads(), "fp32", "contiguous", batch, 0, tokens)
    if training.micro_batch != "auto":
        share = min(1.0, training.micro_batch / len(heaviest(prepared)))
        return (replace(plain, micro_batch=min(training.micro_batch, batch), micro_tokens=round(tokens * share)),
                Reason("micro_batch", str(training.micro_batch), say("set in the recipe")))
    if machine.device().type == "cuda":
        return plain, Reason("micro_batch", str(batch), say("the whole batch; halved where the accelerator's memory is not enough"))
    few = longest(prepared, min(PROBE, batch))
    _timed(prepared, model, few[:1], plain)  # buffers that stay are not the examples'
    if not machine.reset_peak():
        return plain, Reason("micro_batch", str(batch), say("the whole batch; this system does not tell a process its memory"))
    before = machine.resident_memory() or 0
    _timed(prepared, model, few, plain)
    size = max(0, (machine.peak_memory() or 0) - before) // len(few)
    free, halved, most = machine.free_memory(), 1, len(heaviest(prepared))
    while most > halved and most / halved * size > SHARE * free:
        halved *= 2
    micro = -(-most // halved)
    why = say("{n} examples take some {mib:.0f} MiB, measured on the longest {few}; {free:.0f} MiB are free",
              n=micro, mib=micro * size / machine.MIB, few=len(few), free=free / machine.MIB)
    whole = replace(plain, micro_batch=-(-batch // halved), bytes_per_example=size, micro_tokens=tokens // halved)
    return whole, Reason("micro_batch", str(whole.micro_batch), why)


def _fastest(prepared: Prepared, model: PreTrainedModel, plain: Chosen) -> tuple[Chosen, list[Reason]]:
    """Precision, then layout: the faster one, where it is faster by a tenth."""
    training, indices = prepared.training, typical(prepared)
    speeds: dict[tuple[str, str], float] = {}

    def speed(precision: str, layout: str) -> float:
        if (precision, layout) not in speeds:
            candidate = replace(plain, precision=precision, layout=layout)
            speeds[precision, layout] = len(indices) / _timed(prepared, model, indices, candidate, SECONDS)
        return speeds[precision, layout]

    def pick(told: str, usual: str, other: str, able: bool, measure: Any) -> tuple[str, Sentence]:
        if told != "auto":
            return told, say("set in the recipe")
        if not able:
            return usual, say("there is nothing to choose")
        slow, fast = measure(usual), measure(other)
        return (other if fast >= GAIN * slow else usual), say("{other}: {fast:.0f} examples/s, {plain}: {slow:.0f}, measured",
                                                               other=other, fast=fast, plain=usual, slow=slow)

    planar = any(parameter.dim() == 4 for parameter in model.parameters())
    layout, why_layout = pick(training.layout, "contiguous", "channels_last", planar, lambda name: speed("fp32", name))
    precision, why_precision = pick(training.precision, "fp32", "bf16", True, lambda name: speed(name, layout))
    if training.layout == "auto" and training.precision == "auto" and planar and layout == "contiguous" and (
            speed("bf16", "channels_last") >= GAIN * speed(precision, layout)):  # faster together than each alone
        precision, layout = "bf16", "channels_last"
        why_precision = why_layout = say("{other}: {fast:.0f} examples/s, {plain}: {slow:.0f}, measured", other="bf16 channels_last",
                                         fast=speed("bf16", "channels_last"), plain="fp32 contiguous", slow=speed("fp32", "contiguous"))
    return replace(plain, precision=precision, layout=layout), [
        Reason("precision", precision, why_precision), Reason("layout", layout, why_layout)]


def _timed(prepared: Prepared, model: PreTrainedModel, indices: np.ndarray, candidate: Chosen, seconds: float = 0.0) -> float:
    """Seconds of one effective batch, forward and backward: the median of those that `seconds` allow, at least one."""
    arrange(model, machine.device(), candidate.layout)
    stepper = Stepper(prepared, model, candidate)
    times: list[float] = []
    until = None
    while until is None or (time.perf_counter() < until) or not times:
        poll()
        start = time.perf_counter()
        float(stepper.gradients(indices, Key(prepared.recipe.seed)))
        model.zero_grad(set_to_none=True)
        if until is not None or not seconds:
            times.append(time.perf_counter() - start)
        until = until or time.perf_counter() + seconds
    if candidate.layout == "channels_last":
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
