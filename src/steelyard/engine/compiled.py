"""torch.compile where a measurement says that it pays: compiled once, measured against plain steps, and the choice is pinned."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from steelyard.engine import machine
from steelyard.engine.chosen import Chosen, Reason
from steelyard.engine.prepare import Prepared
from steelyard.engine.step import Stepper, arrange
from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.parts import Key

LONG = 600.0  # seconds of training below which nothing is tried: compiling takes a minute, and may have been for nothing
GAIN = 1.1  # the whole training, compiling counted, must be so many times shorter
SECONDS = 2.0  # each way is timed for so long

Forward = Callable[..., Any]


def forward(prepared: Prepared, model: PreTrainedModel, chosen: Chosen) -> Forward:
    """What training calls in the model's place: the model itself, or that compiled; the names of its weights stay as they are.

    Where all examples are of one shape, only whole micro-batches are compiled: an epoch's last, smaller one goes through the
    plain model, so that nothing is compiled twice. Raises InputError where this machine cannot compile.
    """
    plain: Forward = model
    if not chosen.compile:
        return plain
    if (missing := _missing()) is not None:
        raise InputError(missing)
    torch.compiler.reset()  # what was compiled for a measurement is of another model
    compiled: Forward = torch.compile(model, dynamic=not _one_shape(prepared))
    if not _one_shape(prepared):
        return compiled

    def called(**inputs: Any) -> Any:
        whole = len(next(iter(inputs.values()))) == chosen.micro_batch
        return (compiled if whole else plain)(**inputs)

    return called


def choose(prepared: Prepared, model: PreTrainedModel, chosen: Chosen) -> tuple[Chosen, Reason]:
    """Plain or compiled, and why. Weights stay as they are, buffers and gradients do not.

    Raises InputError where the recipe forces what this machine cannot do.
    """
    told = prepared.training.compile
    if told is False:
        return chosen, _reason(False, say("set in the recipe"))
    missing, forced = _missing(), told is True
    if forced and missing is not None:
        raise InputError(say("{where}: {why}", where=prepared.recipe.where("training.compile"), why=missing))
    if not forced and not _one_shape(prepared):
        return chosen, _reason(False, say("examples differ in length, and each length would be compiled"))
    indices, steps = np.arange(min(chosen.micro_batch, len(prepared.stores["train"]))), prepared.plan.total
    share = _examples(prepared) / len(indices)  # micro-batches of a step
    arrange(model, machine.device(), chosen.layout)
    try:
        plain = 0.0 if forced else _seconds(Stepper(prepared, model, chosen), indices, prepared.recipe.seed) * share
        if not forced and plain * steps < LONG:
            return chosen, _reason(False, say("the training is too short for it: some {seconds:.0f} s", seconds=plain * steps))
        if missing is not None:
            return chosen, _reason(False, missing)
        return _tried(prepared, model, chosen, plain, share)
    finally:
        if chosen.layout == "channels_last":
            model.to(memory_format=torch.contiguous_format)


def _tried(prepared: Prepared, model: PreTrainedModel, chosen: Chosen, plain: float, share: float) -> tuple[Chosen, Reason]:
    """Compile it once. plain: seconds of a step, 0 where compiling is forced; share: micro-batches of a step."""
    forced, steps, seed = not plain, prepared.plan.total, prepared.recipe.seed
    indices = np.arange(min(chosen.micro_batch, len(prepared.stores["train"])))
    candidate = replace(chosen, compile=True)
    stepper = Stepper(prepared, model, candidate, forward(prepared, model, candidate))
    start = time.perf_counter()
    try:
        float(stepper.gradients(indices, Key(seed)))
    except Exception as error:  # torch raises classes of its own for each stage, and those of the compiler
        why = say("this model cannot be compiled here: {reason}", reason=str(error).strip().splitlines()[0][:200])
        if forced:
            raise InputError(say("{where}: {why}; say auto or false", where=prepared.recipe.where("training.compile"), why=why)) from error
        return chosen, _reason(False, why)
    compiling = (time.perf_counter() - start) * (2 if prepared.training.augment.early_size else 1)  # pictures of two sizes
    if forced:
        return candidate, _reason(True, say("set in the recipe"))
    fast = _seconds(stepper, indices, seed) * share
    pays = plain * steps >= GAIN * (compiling + fast * steps)
    return (candidate if pays else chosen), _reason(pays, say(
        "compiled: {fast:.1f} ms a step after {compiling:.0f} s of compiling, plain: {plain:.1f} ms, measured; {steps} steps",
        fast=1000 * fast, compiling=compiling, plain=1000 * plain, steps=steps))


def _seconds(stepper: Stepper, indices: np.ndarray, seed: int) -> float:
    """Of one micro-batch, forward and backward: the median over two seconds, after a first that warms up."""
    float(stepper.gradients(indices, Key(seed)))
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        float(stepper.gradients(indices, Key(seed)))
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _reason(compiled: bool, why: Sentence) -> Reason:
    return Reason("compile", str(compiled).lower(), why)


def _one_shape(prepared: Prepared) -> bool:
    return prepared.stores["train"].lengths() is None


def _examples(prepared: Prepared) -> float:
    """Of a mean step."""
    return len(prepared.stores["train"]) / len(prepared.plan.batches(0))


def _missing() -> Sentence | None:
    """What torch.compile needs and this machine lacks: a compiler, of C++ for the processor, of C for an accelerator's launchers."""
    if machine.device().type == "cuda":
        names = [os.environ.get("CC") or "gcc", "clang"]
    else:
        names = [os.environ.get("CXX") or ("clang++" if platform.system() == "Darwin" else "g++")]
    if any(shutil.which(name) for name in names):
        return None
    return say("torch.compile needs the compiler {name}, which is not installed here", name=names[0])
