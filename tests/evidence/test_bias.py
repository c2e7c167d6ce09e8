"""Groups: rates and intervals against a literal count, planted gaps found, few false claims, never "no bias"."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import InputError
from steelyard.evidence import bias
from steelyard.evidence._rates import Rate, compare, design_effect
from steelyard.facts import Evidence
from steelyard.math.intervals import newcombe, ratio, wilson
from steelyard.parts import Column
from steelyard.recipe.evidence import Bias
from steelyard.rows import Rows

COLUMNS = (Column(name="text", kind="text"), Column(name="label", kind="label", target=True))


@dataclass
class Case:
    """What bias asks of a case."""

    groups: dict[str, list[str | None]]
    right: np.ndarray
    decided: list[str | None]
    truths: list[str | None]
    asked: tuple[str, ...]
    positive: tuple[str, ...] = ()
    clusters: np.ndarray | None = None
    seed: int = 0
    of: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> Rows:
        n = len(self.right)
        return Rows(pa.table({"text": ["x"] * n, "label": self.truths, **self.groups, "_file": ["f.csv"] * n, "_line": list(range(n))}))

    @property
    def recipe(self) -> Any:
        return SimpleNamespace(evidence=SimpleNamespace(bias=Bias(groups=self.asked, positive=self.positive)))

    @property
    def splits(self) -> Any:
        return SimpleNamespace(columns=COLUMNS)

    def signature(self, extra: str = "") -> str:
        return extra


def made(groups: dict[str, list[str | None]], wrong: np.ndarray, truths: list[str | None] | None = None, positive: tuple[str, ...] = (),
         asked: tuple[str, ...] | None = None) -> Case:
    """Labels "a" and "b"; a wrong row gets the other."""
    truths = truths if truths is not None else ["a" if i % 2 else "b" for i in range(len(wrong))]
    decided = [{"a": "b", "b": "a"}.get(str(truth)) if off else truth for truth, off in zip(truths, wrong, strict=True)]
    return Case(groups, 1 - wrong.astype(float), decided, truths, tuple(groups) if asked is None else asked, positive)


def blocks(**of: tuple[int, int]) -> tuple[list[str | None], np.ndarray]:
    """group=(rows, wrong ones) -> groups, wrong."""
    groups: list[str | None] = [name for name, (n, _) in of.items() for _ in range(n)]
    return groups, np.concatenate([np.arange(n) < off for n, off in of.values()])


def outcomes(evidence: Evidence) -> dict[str, str]:
    return {finding.code: finding.outcome for finding in evidence.findings}


def test_rates_and_intervals_against_the_literal_count() -> None:
    rng = np.random.default_rng(0)
    groups = [str(g) for g in rng.choice(["n", "s", "w"], 400)]
    case = made({"region": groups}, rng.random(400) < 0.2, [str(t) for t in rng.choice(["a", "b"], 400)], ("a",))
    details = bias.weigh(case).details
    for entry in details["columns"]["region"]:
        own = [i for i in range(400) if groups[i] == entry["group"]]
        rest = [i for i in range(400) if groups[i] != entry["group"]]
        counts = {}
        for name, hit, counted in (("error", lambda i: case.decided[i] != case.truths[i], lambda i: True),
                                   ("selection", lambda i: case.decided[i] == "a", lambda i: True),
                                   ("fpr", lambda i: case.decided[i] == "a", lambda i: case.truths[i] == "b"),
                                   ("fnr", lambda i: case.decided[i] == "b", lambda i: case.truths[i] == "a")):
            s1, n1 = sum(hit(i) for i in own if counted(i)), sum(counted(i) for i in own)
            s2, n2 = sum(hit(i) for i in rest if counted(i)), sum(counted(i) for i in rest)
            counts[name] = (s1, n1, s2, n2)
            assert [entry[name][key] for key in ("value", "low", "high", "n")] == pytest.approx([s1 / n1, *wilson(s1, n1), n1])
            difference = entry["compared"][name]["difference"]
            assert [difference[key] for key in ("value", "low", "high")] == pytest.approx([s1 / n1 - s2 / n2, *newcombe(s1, n1, s2, n2)])
        s1, n1, s2, n2 = counts["selection"]
        assert [entry["ratio"][key] for key in ("value", "low", "high")] == pytest.approx([s1 / n1 * n2 / s2, *ratio(s1, n1, s2, n2)])


def test_the_group_that_fares_worse_is_the_issue_and_only_it() -> None:
    groups, wrong = blocks(north=(240, 20), south=(160, 12), islands=(180, 54))
    evidence = bias.weigh(made({"region": groups}, wrong))
    assert outcomes(evidence)["bias/error/region=islands"] == "issue"
    assert [code for code, outcome in outcomes(evidence).items() if outcome == "issue"] == ["bias/error/region=islands"]
    worst = evidence.details["worst"]
    assert (worst["column"], worst["group"], worst["n"], worst["error"]["value"]) == ("region", "islands", 180, 0.3)
    assert evidence.quantities["worst-error"].value == 0.3
    found = next(finding for finding in evidence.findings if finding.outcome == "issue")
    assert "wrong in 30.0% of 180 rows, all others in 8.0%: 22.0 points more" in str(found.why)
    spread = evidence.details["spread"]["region"]
    assert 0 < spread["corrected"] <= spread["raw"] == pytest.approx(0.3 - 0.075)
    assert evidence.quantities["gap"].value == spread["corrected"] and evidence.quantities["gap"].low is None


def test_the_planted_region_would_be_found() -> None:
    """builtin:messages, with a simple model in the trained one's place."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from steelyard.sources._messages import PLANTED, rows

    table = list(rows(0))
    train, test = ([row for row in table if row["split"] == split] for split in ("train", "test"))
    words = TfidfVectorizer()
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform([row["text"] for row in train]), [row["label"] for row in train])
    decided = [str(label) for label in model.predict(words.transform([row["text"] for row in test]))]
    truths: list[str | None] = [row["label"] for row in test]
    right = np.array([one == other for one, other in zip(decided, truths, strict=True)], dtype=float)
    case = Case({"region": [row["region"] for row in test]}, right, list(decided), truths, ("region",))
    planted = PLANTED["worse_region"]
    evidence = bias.weigh(case)
    issues = [code for code, outcome in outcomes(evidence).items() if outcome == "issue"]
    assert issues == [f"bias/error/{planted['column']}={planted['group']}"]
    assert evidence.details["worst"]["group"] == planted["group"]


def test_two_groups_are_one_question() -> None:
    groups, wrong = blocks(f=(200, 40), m=(200, 16))
    evidence = bias.weigh(made({"sex": groups}, wrong))
    assert outcomes(evidence) == {"bias/error/sex=f": "issue"}
    assert "Holm over 1 comparisons" in evidence.signature
    first, second = evidence.details["columns"]["sex"]
    assert first["compared"]["error"]["p_holm"] == second["compared"]["error"]["p_holm"]


@pytest.mark.parametrize(("sizes", "outcome"), [((2000, 2000), "passed"), ((60, 60), "inconclusive"), ((2000, 12), "inconclusive")])
def test_equal_groups_pass_where_a_gap_would_show_and_are_open_otherwise(sizes: tuple[int, int], outcome: str) -> None:
    groups, wrong = blocks(f=(sizes[0], round(sizes[0] * 0.1)), m=(sizes[1], round(sizes[1] * 0.1)))
    evidence = bias.weigh(made({"sex": groups}, wrong))
    assert set(outcomes(evidence).values()) == {outcome}
    told = str(evidence.findings[0].why)
    assert ("not assessable, so few rows show gaps of" in told) == (outcome == "inconclusive")
    assert ("the gap lies within" in told) == (outcome == "passed")


def test_positive_labels_give_selection_and_both_error_rates() -> None:
    truths: list[str | None] = ["a", "b"] * 400
    wrong = np.array([i < 400 and truth == "a" and i % 4 == 0 for i, truth in enumerate(truths)])
    evidence = bias.weigh(made({"sex": ["f"] * 400 + ["m"] * 400}, wrong, truths, ("a",)))
    found = outcomes(evidence)
    assert found["bias/fnr/sex=f"] == "issue" and found["bias/error/sex=f"] == "issue" and found["bias/selection/sex=f"] == "issue"
    first = next(entry for entry in evidence.details["columns"]["sex"] if entry["group"] == "f")
    assert first["fnr"]["value"] == 0.5 and first["fpr"]["value"] == 0 and first["ratio"]["value"] == pytest.approx(0.5)


def test_small_groups_are_named_and_not_compared() -> None:
    groups, wrong = blocks(big=(200, 20), other=(200, 22), tiny=(9, 9), few=(3, 0))
    evidence = bias.weigh(made({"region": groups}, wrong))
    found = outcomes(evidence)
    assert found["bias/small-groups/region"] == "inconclusive" and "bias/error/region=tiny" not in found
    assert evidence.details["worst"]["group"] == "other"
    assert "few, tiny" in str(next(finding for finding in evidence.findings if "small" in finding.code).why)


def test_missing_values_are_a_group() -> None:
    evidence = bias.weigh(made({"sex": ["f"] * 50 + [None] * 30 + [" "] * 20}, np.arange(100) % 10 == 0))
    assert {entry["group"]: entry["n"] for entry in evidence.details["columns"]["sex"]} == {"f": 50, bias.MISSING: 50}


@pytest.mark.parametrize(("groups", "asked", "told"), [
    ({"region": ["n", "s"] * 50}, (), "name columns whose values are groups in evidence.bias.groups (the rows have: region)"),
    ({}, (), "no groups are declared, and the rows have no column beside inputs and label"),
    ({"region": ["n"] * 100}, ("region",), "no column of region has two groups of 10 rows or more"),
    ({"region": [str(i) for i in range(100)]}, ("region",), "no column of region has two groups of 10 rows or more"),
])
def test_refusals(groups: dict[str, list[str | None]], asked: tuple[str, ...], told: str) -> None:
    evidence = bias.weigh(made(groups, np.zeros(100, dtype=bool), asked=asked))
    assert evidence.refused is not None and told in str(evidence.refused) and not evidence.findings


def test_unknown_column_and_label_are_input_errors() -> None:
    told = r'evidence\.bias\.groups: no column is called "regoin"; did you mean region\? \(there are: label, region, text\)'
    with pytest.raises(InputError, match=told):
        bias.weigh(made({"region": ["n", "s"] * 50}, np.zeros(100, dtype=bool), asked=("regoin",)))
    with pytest.raises(InputError, match=r'no row has or gets the label "c" \(there are: a, b\)'):
        bias.weigh(made({"region": ["n", "s"] * 50}, np.zeros(100, dtype=bool), positive=("c",)))


def test_no_rows_and_unknown_answers() -> None:
    assert bias.weigh(made({"region": []}, np.zeros(0, dtype=bool))).refused is not None
    case = Case({"region": ["n", "s"] * 30}, np.array([1.0, np.nan] * 30), [None, "a"] * 30, [None, "b"] * 30, ("region",))
    assert bias.weigh(case).refused is not None  # only one group has rows that can be judged


def test_answers_that_are_half_right_count_half() -> None:
    rate = Rate("error", np.ones(40, dtype=bool), np.full(40, 0.5))
    (first, _) = compare("g", np.array(["x", "y"] * 20), rate, None)
    assert first.own.share == 0.5 and first.p == 1.0


def test_the_document_survives_json() -> None:
    groups, wrong = blocks(a=(30, 0), b=(30, 30), c=(2, 1))
    evidence = bias.weigh(made({"g": groups}, wrong, ["a", "b"] * 31, ("a",)))
    import json

    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False))).to_json() == evidence.to_json()


Audit = tuple[dict[str, np.ndarray], list[Rate], np.ndarray | None]


def null_audits(audit: Callable[[np.random.Generator], Audit], repetitions: int) -> int:
    """How many audits of models that treat all alike make a claim."""
    claims = 0
    for seed in range(repetitions):
        columns, rates, clusters = audit(np.random.default_rng(seed))
        claims += any(verdict.outcome == "issue" for verdict in bias.judge(columns, rates, clusters))
    return claims


def rates(rng: np.random.Generator, wrong: np.ndarray, positive: tuple[str, ...] = ("a",)) -> list[Rate]:
    truths = rng.random(len(wrong)) < 0.4
    return bias.rates_of(1 - wrong.astype(float), ["a" if t != w else "b" for t, w in zip(truths, wrong, strict=True)],
                         ["a" if t else "b" for t in truths], positive)


def regions(rng: np.random.Generator) -> Audit:
    return {"region": rng.choice(list("nsew"), 760, p=[0.35, 0.3, 0.2, 0.15])}, rates(rng, rng.random(760) < 0.12), None


def sixteen(rng: np.random.Generator) -> Audit:
    columns = {"place": rng.choice(list("abcdefghijklmnop"), 1000), "sex": rng.choice(list("mf"), 1000)}
    return columns, rates(rng, rng.random(1000) < 0.1, ()), None


def few_rows(rng: np.random.Generator) -> Audit:
    return {"region": rng.choice(list("abcd"), 120, p=[0.7, 0.1, 0.1, 0.1])}, rates(rng, rng.random(120) < 0.12), None


def speakers(rng: np.random.Generator) -> Audit:
    speaker = np.repeat(np.arange(40), 20)
    return {"accent": rng.choice(list("xyz"), 40)[speaker]}, rates(rng, rng.random(800) < rng.beta(0.6, 3.4, 40)[speaker], ()), speaker


@pytest.mark.parametrize("audit", [regions, sixteen, few_rows, speakers])
def test_at_most_16_of_200_null_audits_make_a_claim(audit: Callable[..., Any]) -> None:
    assert null_audits(audit, 200) <= 16


def test_speakers_taken_for_independent_rows_would_claim_too_often() -> None:
    def blind(rng: np.random.Generator) -> Audit:
        columns, found, _ = speakers(rng)
        return columns, found, None

    assert null_audits(blind, 100) > 16


def test_real_gaps_are_found() -> None:
    found = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        region = rng.choice(list("nsew"), 760)
        wrong = rng.random(760) < np.where(region == "w", 0.28, 0.1)
        verdicts = bias.judge({"region": region}, bias.rates_of(1 - wrong.astype(float), [], [], ()), None)
        found += [verdict.one.group for verdict in verdicts if verdict.outcome == "issue"] == ["w"]
    assert found >= 45


def test_design_effect() -> None:
    rng = np.random.default_rng(0)
    hit, groups = (rng.random(4000) < 0.3).astype(float), np.arange(4000) // 10 % 2
    assert design_effect(hit, groups, None) == 1.0
    assert design_effect(hit, groups, np.arange(4000)) == pytest.approx(1.0, abs=0.05)
    assert design_effect(np.repeat(hit[::10], 10), groups, np.arange(4000) // 10) == pytest.approx(10, rel=0.1)  # a row, ten times
    assert design_effect(hit, groups, groups) == 4000  # no more clusters than groups
    assert design_effect(np.zeros(0), np.zeros(0, dtype=int), np.zeros(0)) == 1.0
