"""What did it cost? Forecast beside measured, with the error of each; energy, money and CO2 as modelled ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.engine import doctor
from steelyard.engine.bill import bill, power
from steelyard.engine.rehearse import answer_seconds
from steelyard.evidence.case import Case
from steelyard.facts import Evidence, Quantity, unmeasured
from steelyard.language import say

THOUSAND = 1000  # rows that the cost of answering is told for


def weigh(case: Case) -> Evidence:
    """The run's bill; of a model that was not trained here, the cost of answering alone."""
    trained = bool(case.manifest.get("steps"))
    forecast = {name: Quantity.from_json(data) for name, data in case.manifest.get("forecast", {}).items()} if trained else {}
    measured = {**(training(case, forecast) if trained else {}), "answering": answering(case)}
    details: dict[str, Any] = {
        "forecast": {name: quantity.to_json() for name, quantity in forecast.items()},
        "measured": {name: quantity.to_json() for name, quantity in measured.items()},
        "error": errors(forecast, measured), "chosen": case.manifest.get("reasons", []), "shares": shares(case.manifest),
    }
    chosen = case.manifest["chosen"]
    settings = f"{chosen['threads']} threads, {chosen['precision']}, {chosen['layout']}, micro-batch {chosen['micro_batch']}"
    return Evidence(evidence="cost", of=case.of, signature=case.signature(settings), quantities=measured, details=details)


def errors(forecast: Mapping[str, Quantity], measured: Mapping[str, Quantity]) -> dict[str, float]:
    """Measured over forecast, of what was both; ranges without a value have none."""
    return {name: ours.value / told.value for name, ours in measured.items()
            if (told := forecast.get(name)) is not None and told.value and ours.value is not None}


def shares(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Which share of the loop's time went into train, validation and checkpoint (of the last process, where a run was resumed)."""
    parts = {name: float(manifest.get("seconds", {}).get(name, 0.0)) for name in ("train", "validation", "checkpoint")}
    whole = sum(parts.values())
    return {name: part / whole for name, part in parts.items()} if whole else {}


def training(case: Case, forecast: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """time, memory, flops, pace, mfu, waiting, energy, money, co2 of the steps that were done, those of all seeds together."""
    manifest, chosen, machine = case.manifest, case.manifest["chosen"], case.manifest["machine"]
    runs = [manifest, *manifest.get("seeds", ())]
    seconds, steps = sum(float(run["seconds"]["total"]) for run in runs), sum(int(run["steps"]) for run in runs)
    stepping = sum(float(run["seconds"]["total"]) * shares(run).get("train", 1.0) for run in runs)
    peak = max((run["peak_memory_mib"] for run in runs if run.get("peak_memory_mib") is not None), default=None)
    flops = _flops(forecast.get("flops"), steps)
    examples = sum(int(run["examples"]) for run in runs)
    watts = power(int(chosen["threads"]), float(peak or 0.0), int(bool(machine.get("accelerator"))))
    return {
        "time": Quantity(value=seconds, n=steps, unit="s", how="measured", better="lower"),
        "memory": (unmeasured(say("this system does not tell a process its memory"), "MiB") if peak is None else
                   Quantity(value=float(peak), n=steps, unit="MiB", how="measured", better="lower")),
        "flops": flops,
        "examples_per_second": Quantity(value=examples / stepping, n=examples, unit="examples/s", how="measured", better="higher"),
        **_tokens(runs),
        "mfu": _mfu(flops, stepping, machine, chosen),
        "waiting": _waiting(runs, steps),
        **bill((seconds, seconds), watts, case.recipe.evidence.cost),
    }


def _tokens(runs: Sequence[Mapping[str, Any]]) -> dict[str, Quantity]:
    """tokens_per_second, without padding; of the last process of each training. Nothing where examples are of one length."""
    tokens, seconds = sum(int(run.get("tokens", 0)) for run in runs), sum(float(run["seconds"].get("train", 0.0)) for run in runs)
    if not tokens or not seconds:
        return {}
    return {"tokens_per_second": Quantity(value=tokens / seconds, n=tokens, unit="tokens/s", how="measured", better="higher")}


def _waiting(runs: Sequence[Mapping[str, Any]], steps: int) -> Quantity:
    """Which share of the optimiser steps' time went by while examples were put together."""
    waited, seconds = (sum(float(run["seconds"].get(name, 0.0)) for run in runs) for name in ("data", "train"))
    if not seconds:
        return unmeasured(say("no step was done by the process that ended the training"))
    return Quantity(value=waited / seconds, n=steps, how="measured", better="lower")


def _flops(told: Quantity | None, steps: int) -> Quantity:
    """The forecast counted every step in its order; of a training that ended sooner, as large a part."""
    if told is None or not told.value or not told.n:
        return unmeasured(say("the run was begun without a forecast, which counts it"), "FLOP")
    return Quantity(value=told.value * steps / told.n, n=steps, unit="FLOP", how="counted")


def _mfu(flops: Quantity, seconds: float, machine: Mapping[str, Any], chosen: Mapping[str, Any]) -> Quantity:
    """Arithmetic a second over the peak of a matrix product, on the same machine, with the same threads and precision."""
    if flops.value is None:
        return unmeasured(say("its arithmetic was not counted"))
    peak = doctor.peak(machine, int(chosen["threads"]), str(chosen["precision"]))
    if peak is None:
        return unmeasured(say("the peak of this machine's matrix products was not measured, or not with {threads} threads; "
                              "`steelyard doctor` does it", threads=chosen["threads"]))
    return Quantity(value=flops.value / seconds / peak, n=flops.n, how="measured", better="higher")


def answering(case: Case) -> Quantity:
    """Seconds for 1,000 rows of the judged set, in batches of like length, fp32."""
    per_row, n = answer_seconds(case.model, case.task, case.processor, case.store, case.rows)
    return Quantity(value=per_row * THOUSAND, n=n, unit="s", how="measured", better="lower")
