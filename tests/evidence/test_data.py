"""The data's evidence: every audit asked, their figures as quantities; and the planted faults all found."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard import catalog
from steelyard.evidence import data
from steelyard.facts import Evidence
from steelyard.parts import Column, Splits, Task
from steelyard.rows import Rows
from steelyard.sources._messages import planted, rows
from steelyard.tasks.text_classification import TextClassification

COLUMNS = (Column(name="text", kind="text"), Column(name="label", kind="label", target=True))


@dataclass
class Case:
    """What this evidence asks of a case."""

    splits: Splits
    manifest: dict[str, Any] = field(default_factory=lambda: {"data": {}})
    of: dict[str, str] = field(default_factory=dict)
    task: Task = field(default_factory=lambda: TextClassification(labels=("ham", "spam")))

    def signature(self, extra: str = "") -> str:
        return extra


def held(listed: list[dict[str, Any]]) -> Rows:
    return Rows(pa.table({name: [row[name] for row in listed] for name in listed[0]}))


@pytest.fixture(scope="module")
def messages() -> Splits:
    table = [{**row, "_file": "messages", "_line": number} for number, row in enumerate(rows(0), start=1)]
    return Splits({name: held([row for row in table if row["split"] == name]) for name in ("train", "validation", "test")}, COLUMNS)


def test_every_planted_fault_is_an_issue(messages: Splits) -> None:
    right = np.ones(len(messages.rows["test"]))
    right[::10] = 0
    evidence = data.weigh(Case(Splits(messages.rows, COLUMNS, {"test": right}),
                               {"data": {"bad_rows": [{"origin": "messages:1", "why": {"template": "x"}}]}}))
    issues = {finding.code for finding in evidence.findings if finding.outcome == "issue"}
    assert issues == {"data/duplicates-across-splits", "data/duplicates-within-splits", "data/conflicting-labels", "data/empty-rows",
                      "data/word-gives-label-away", "data/labels-that-look-wrong"}
    found = {name: quantity.value for name, quantity in evidence.quantities.items()}
    truth = planted(0)
    assert found["duplicates-across-splits"] == len(truth["duplicates_exact"]) + len(truth["duplicates_normalised"])
    assert found["empty-rows"] == len(truth["empty"]) and found["bad-rows"] == 1
    assert found["rows.train"] == len(messages.rows["train"]) and found["rows.test"] == len(messages.rows["test"])
    assert found["score-with-duplicates"] == right.mean() != found["score-without-duplicates"]
    counted = [quantity for name, quantity in evidence.quantities.items() if "score" not in name]
    assert all(quantity.unit == "rows" and quantity.low == quantity.value for quantity in counted)
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False))).to_json() == evidence.to_json()


def test_every_audit_of_the_catalogue_is_asked_and_its_codes_are_its_own(messages: Splits) -> None:
    codes = [finding.code for part in catalog.every("audits") for finding in part().ask(messages)]
    assert len(codes) == len(set(codes)) and all(code.startswith("data/") for code in codes)
    assert [finding.code for finding in data.audited(messages)] == codes


def test_one_split_alone(messages: Splits) -> None:
    evidence = data.weigh(Case(Splits({"new": messages.rows["validation"]}, COLUMNS)))
    across = evidence.quantities["duplicates-across-splits"]
    assert across.value is None and "only one split" in str(across.why)
    assert "score-with-duplicates" not in evidence.quantities and evidence.refused is None
