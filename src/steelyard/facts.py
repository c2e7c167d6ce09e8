"""What a run says about itself: quantities, findings, evidence. Plain data, to JSON and back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from steelyard.language import Sentence

SCHEMA = 1
Outcome = Literal["issue", "passed", "not applicable", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """A number over several trainings that differ in their seed alone.

    values     one a training, the released model's first
    mean, sd   of the values; sd over n - 1
    low, high  the ends of the mean's 95% interval, Student's t over seeds: how much another seed changes, on these same rows
    """

    values: tuple[float, ...]
    mean: float
    sd: float
    low: float
    high: float

    @property
    def n(self) -> int:
        """Trainings."""
        return len(self.values)

    def to_json(self) -> dict[str, object]:
        """Keys in this order."""
        return {"n": self.n, "values": list(self.values), "mean": self.mean, "low": self.low, "high": self.high, "sd": self.sd}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Seeds":
        """The inverse of `to_json`; raises KeyError where a key is missing."""
        return Seeds(values=tuple(data["values"]), mean=data["mean"], sd=data["sd"], low=data["low"], high=data["high"])


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that someone may rely on.

    value      the number, or None where it could not be measured: then `why` says so
    low, high  the ends of the 95% interval, or None where it has none: then `how` says why
    n          how many rows (tokens, boxes) it was measured on
    unit       "share", "nats", "s", "MiB", "J", "rows"...
    how        the method of the interval, "counted", "measured" or "modelled" (a modelled one cannot be gated)
    better     "higher", "lower" or "" where neither is better
    seeds      the same over several trainings (`training.seeds`); None: one seed. value, low and high are the released model's
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "share"
    how: str = ""
    better: str = ""
    why: Sentence | None = None
    seeds: Seeds | None = None

    def to_json(self) -> dict[str, object]:
        """Keys in this order; numbers that are not finite become null."""
        number = {k: _finite(v) for k, v in (("value", self.value), ("low", self.low), ("high", self.high))}
        rest: dict[str, object] = {"n": self.n, "unit": self.unit, "how": self.how, "better": self.better}
        if self.why is not None:
            rest["why"] = self.why.to_json()
        if self.seeds is not None:
            rest["seeds"] = self.seeds.to_json()
        return {**number, **rest}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Quantity":
        """The inverse of `to_json`; raises KeyError where `value` is missing."""
        why = Sentence.from_json(data["why"]) if data.get("why") else None
        return Quantity(value=data["value"], low=data.get("low"), high=data.get("high"), n=data.get("n", 0),
                        unit=data.get("unit", "share"), how=data.get("how", ""), better=data.get("better", ""), why=why,
                        seeds=Seeds.from_json(data["seeds"]) if data.get("seeds") else None)


def unmeasured(why: Sentence, unit: str = "share", n: int = 0) -> Quantity:
    """A quantity that could not be measured: null with its reason, never 0."""
    return Quantity(value=None, n=n, unit=unit, why=why)


def _finite(number: float | None) -> float | None:
    return float(number) if number is not None and math.isfinite(number) else None


@dataclass(frozen=True)
class Finding:
    """One answer of an audit. `code` is stable ("data/duplicates-across-splits"): gates and scripts lean on it.

    rows      where it was seen: up to 20 origins ("test.csv:17")
    details   what a page shows beside the sentence: JSON values only
    """

    code: str
    outcome: Outcome
    why: Sentence
    rows: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """JSON-able, `why` as text, template and values."""
        return {"code": self.code, "outcome": self.outcome, "why": self.why.to_json(),
                "rows": list(self.rows), "details": dict(self.details)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_json`; raises KeyError where a key is missing."""
        return Finding(data["code"], data["outcome"], Sentence.from_json(data["why"]), tuple(data.get("rows", ())),
                       data.get("details", {}))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was found out about a run, one document a question.

    of              {"run": name, "model": "sha256:...", "data": "sha256:..."}: evidence of anything else is stale
    signature       the settings that the numbers hang on, one line
    quantities      name -> Quantity
    counterweights  name of the counterweight -> {metric: Quantity, "difference": Quantity (ours minus its, paired)}
    findings        what was asked and came out
    details         tables for the page: JSON values only
    refused         why the question was not answered, with the figure; None where it was
    """

    evidence: str
    of: Mapping[str, str]
    signature: str
    seconds: float = 0.0
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    counterweights: Mapping[str, Mapping[str, Quantity]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    refused: Sentence | None = None

    def to_json(self) -> dict[str, object]:
        """The document as it lies in evidence/."""
        return {
            "evidence": self.evidence, "schema": SCHEMA, "of": dict(self.of), "seconds": round(self.seconds, 3),
            "signature": self.signature,
            "quantities": {name: q.to_json() for name, q in self.quantities.items()},
            "counterweights": {name: {m: q.to_json() for m, q in qs.items()} for name, qs in self.counterweights.items()},
            "findings": [finding.to_json() for finding in self.findings],
            "details": dict(self.details),
            "refused": self.refused.to_json() if self.refused else None,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Evidence":
        """The inverse of `to_json`; raises KeyError where a key is missing."""
        return Evidence(
            evidence=data["evidence"], of=data["of"], signature=data["signature"], seconds=data.get("seconds", 0.0),
            quantities={name: Quantity.from_json(q) for name, q in data["quantities"].items()},
            counterweights={name: {m: Quantity.from_json(q) for m, q in qs.items()}
                            for name, qs in data["counterweights"].items()},
            findings=tuple(Finding.from_json(f) for f in data["findings"]), details=data.get("details", {}),
            refused=Sentence.from_json(data["refused"]) if data.get("refused") else None,
        )
