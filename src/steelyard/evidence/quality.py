"""How good is it? Every metric of the task with its interval, beside its counterweights on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from steelyard import catalog
from steelyard.engine import seeds
from steelyard.engine.answer import columns
from steelyard.evidence.case import Case
from steelyard.facts import Evidence, Finding, Quantity, Seeds
from steelyard.language import say
from steelyard.math.calibration import reliability
from steelyard.math.intervals import mean, wilson
from steelyard.parts import Metric, Statistics

SHOWN = 10  # answers, and worst errors, on the page
NAMED = 3  # parts of an answer that is no decision, in a line
LISTED = 100  # parts of a task (types, labels) that are measured one by one, those that there is most of
WRONG = 2000  # wrong answers among which the worst are looked for


def weigh(case: Case) -> Evidence:
    """The judged rows' metrics, counterweights, confusion, reliability, ten answers and the worst errors."""
    own = case.answered
    further = seeds.kept(case.run, case.manifest.get("seeds", ()), case.of["data"]) if case.about == "test" else []
    quantities = over_seeds(measures(case, own.statistics), [statistics for _, statistics in further])
    main = case.task.metrics[0]
    metric: Metric = catalog.load("metrics", main, "metrics")()
    counterweights, findings = {}, []
    for name, statistics in _counterweights(case):
        other = measures(case, statistics)
        difference = metric.difference(own.statistics, statistics, case.clusters, case.seed)
        counterweights[name] = {**other, "difference": difference}
        findings.append(_compared(name, metric, difference))
    details: dict[str, Any] = {"metric": main, "counterweights_skipped": case.train is None}
    if further:
        details["seeds"] = [case.seed, *(result["seed"] for result, _ in further)]
    details |= _decisions(case) | _parts(case) | _reliability(own.statistics)
    if case.recipe.evidence.show_rows:
        details |= {"sample": _shown(case, _sample(case)), "worst": _shown(case, _worst(case))}
    case.write_answers()
    return Evidence(evidence="quality", of=case.of, signature=case.signature("likeliest answer"), quantities=quantities,
                    counterweights=counterweights, findings=findings, details=details)


def measures(case: Case, statistics: Statistics) -> dict[str, Quantity]:
    """Metric -> quantity, as the task names them."""
    found = {}
    for name in case.task.metrics:
        metric: Metric = catalog.load("metrics", name, "metrics")()
        found[name] = metric.quantity(statistics, case.clusters, case.seed)
    return found


def over_seeds(quantities: Mapping[str, Quantity], further: Sequence[Statistics]) -> dict[str, Quantity]:
    """The released model's quantities, each with its spread over the further trainings; those have the statistics of the same rows."""
    found = {}
    for name, quantity in quantities.items():
        metric: Metric = catalog.load("metrics", name, "metrics")()
        values = [quantity.value, *(metric.value(statistics) for statistics in further)]
        known = [float(value) for value in values if value is not None and np.isfinite(value)]
        found[name] = replace(quantity, seeds=_spread(known, quantity.unit)) if len(values) == len(known) > 1 else quantity
    return found


def _spread(values: Sequence[float], unit: str) -> Seeds:
    middle, low, high = mean(np.array(values))
    if unit == "share":
        low, high = max(low, 0.0), min(high, 1.0)
    return Seeds(values=tuple(values), mean=middle, sd=float(np.std(values, ddof=1)), low=low, high=high)


def _counterweights(case: Case) -> Any:
    if case.train is None:
        return
    for number, (name, answers) in enumerate(case.task.counterweights().items()):
        if number == 0 and case.constants is not None:
            yield name, case.constants
        else:
            answered = zip(case.rows, answers(case.train, case.rows), strict=True)
            yield name, columns(case.task.measure(row, answer) for row, answer in answered)


def _compared(name: str, metric: Metric, difference: Quantity) -> Finding:
    """Whether the model outweighs a counterweight: an interval that holds 0 decides nothing."""
    code = "quality/outweighs-" + name.split()[0]
    if difference.value is None or difference.low is None or difference.high is None:
        return Finding(code, "inconclusive", say("these rows do not tell it from the counterweight {name}: the difference has no interval",
                                                 name=name))
    low, high = sorted((difference.low, difference.high)) if metric.better != "lower" else sorted((-difference.high, -difference.low))
    scale = 100 if difference.unit == "share" else 1
    values = {"name": name, "metric": metric.name, "difference": scale * difference.value, "low": scale * difference.low,
              "high": scale * difference.high}
    if difference.unit == "share":
        if low > 0:
            return Finding(code, "passed", say("better than the counterweight {name}: {metric} differs by {difference:+.1f} points "
                                               "({low:+.1f} to {high:+.1f})", **values))
        if high < 0:
            return Finding(code, "issue", say("worse than the counterweight {name}: {metric} differs by {difference:+.1f} points "
                                              "({low:+.1f} to {high:+.1f})", **values))
        return Finding(code, "inconclusive", say("these rows do not tell it from the counterweight {name}: {metric} differs by "
                                                 "{difference:+.1f} points ({low:+.1f} to {high:+.1f})", **values))
    if low > 0:
        return Finding(code, "passed", say("better than the counterweight {name}: {metric} differs by {difference:+.3g} "
                                           "({low:+.3g} to {high:+.3g})", **values))
    if high < 0:
        return Finding(code, "issue", say("worse than the counterweight {name}: {metric} differs by {difference:+.3g} "
                                          "({low:+.3g} to {high:+.3g})", **values))
    return Finding(code, "inconclusive", say("these rows do not tell it from the counterweight {name}: {metric} differs by "
                                             "{difference:+.3g} ({low:+.3g} to {high:+.3g})", **values))


def _decisions(case: Case) -> dict[str, Any]:
    """Confusion and each label's recall and precision, where answers are decisions."""
    pairs = [(truth, decided) for truth, decided in zip(case.truths, case.decided, strict=True)
             if truth is not None and decided is not None]
    if not pairs:
        return {}
    names = [*case.manifest["task_state"].get("labels", ()), *(name for pair in pairs for name in pair)]
    known = {name: i for i, name in enumerate(dict.fromkeys(names))}
    table = np.zeros((len(known), len(known)), dtype=np.int64)
    np.add.at(table, ([known[truth] for truth, _ in pairs], [known[decided] for _, decided in pairs]), 1)
    per_class = {}
    for name, i in known.items():
        right, there, said = int(table[i, i]), int(table[i].sum()), int(table[:, i].sum())
        per_class[name] = {"n": there, "recall": _rate(right, there).to_json(), "precision": _rate(right, said).to_json()}
    return {"labels": list(known), "confusion": table.tolist(), "per_class": per_class}


def _parts(case: Case) -> dict[str, Any]:
    """Each of the task's details (types, labels) with its metrics, of the LISTED that there is most of."""
    own = case.task.details(case.answered.statistics)
    listed = set(sorted(own, key=lambda name: -own[name].there)[:LISTED])
    metrics: dict[str, Metric] = {short: catalog.load("metrics", metric, "metrics")() for short, metric in case.task.detailed.items()}
    found = {name: {"n": part.there, **{short: metric.quantity(part.statistics, case.clusters, case.seed).to_json()
                                        for short, metric in metrics.items()}}
             for name, part in own.items() if name in listed}
    return {"parts": found, "parts_left_out": len(own) - len(found)} if found else {}


def _rate(count: int, n: int) -> Quantity:
    if not n:
        return Quantity(value=None, why=say("there is no such row"))
    low, high = wilson(count, n)
    return Quantity(value=count / n, low=float(low), high=float(high), n=n, how="Wilson 95%", better="higher")


def _reliability(statistics: Statistics) -> dict[str, Any]:
    if "probs" not in statistics or "target" not in statistics:
        return {}
    probs = statistics["probs"]
    bins = reliability(probs.max(axis=1), probs.argmax(axis=1) == statistics["target"])
    return {"reliability": [{name: float(value) for name, value in zip(("confidence", "accuracy", "n", "low", "high"), values, strict=True)}
                            for values in zip(bins.confidence, bins.accuracy, bins.count, bins.low, bins.high, strict=True)]}


def _sample(case: Case) -> np.ndarray:
    rng = np.random.default_rng(case.seed)
    return np.sort(rng.choice(len(case.rows), size=min(SHOWN, len(case.rows)), replace=False))


def _worst(case: Case) -> np.ndarray:
    """The wrong answers whose truth the model thought least likely, the worst first."""
    wrong = np.flatnonzero(case.right < 1)[:WRONG]
    if not len(wrong):
        return wrong
    targets = [case.task.target(case.rows[int(i)]) for i in wrong]
    chances = case.door().log_prob(case.examples(wrong), targets)
    return wrong[np.argsort(chances, kind="stable")[:SHOWN]]


def _shown(case: Case, indices: np.ndarray) -> list[Mapping[str, Any]]:
    shown: list[Mapping[str, Any]] = []
    for index, answer in zip(indices, case.answers(indices), strict=True):
        row = case.rows[int(index)]
        show, decided = dict(case.task.marked(row, answer)), case.decided[int(index)]
        score = answer[0].get("score") if decided is not None and isinstance(answer, list) and isinstance(answer[0], dict) else None
        shown.append({"origin": case.rows.origin(int(index)), "truth": case.truths[int(index)] if decided is not None else show["target"],
                      "decided": decided if decided is not None else case.task.line(answer, NAMED), "score": score,
                      "right": float(case.right[int(index)]), "show": show})
    return shown
