"""What is published and what is refused: the document, on small models that were really trained."""

import json

import numpy as np
import pytest

from steelyard.errors import InputError
from steelyard.evidence import deletion
from steelyard.evidence.explanation import explain_row, weigh
from steelyard.explainers.integrated_gradients import IntegratedGradients
from steelyard.explainers.occlusion import Occlusion
from steelyard.facts import Evidence, Quantity
from steelyard.language import in_language
from steelyard.math.intervals import paired_difference

UNUSUAL = ("unusual", "unusual x spread", "unusual / spread")
METHODS = (IntegratedGradients(), Occlusion())


def test_a_trained_net_is_explained(digits, case_of):
    evidence = weigh(case_of(digits))
    assert evidence.refused is None
    table = evidence.details["methods"]["integrated-gradients"]["table"]
    assert {line["way"] for line in table} == {"mean", "blur"}
    assert {line["control"] for line in table} == {
        "nothing", "permuted", "another-row", "mean-of-others", "random-twin",
        *(f"{kind}{name}" for kind in ("surface:", "mean x ") for name in ("ink", "edges", "centre", *UNUSUAL))}
    assert all(line["low"] > 0 and line["n"] == 60 for line in table)
    assert {line["way"] for line in evidence.details["methods"]["occlusion"]["table"]} == {"blur"}  # not by the way that made it
    effect = evidence.quantities["integrated-gradients.mean.effect"]
    assert effect.low < effect.value < effect.high and effect.n == 60 and effect.unit == "nats"
    margin = evidence.quantities["integrated-gradients.mean.margin"]
    assert margin.low == min(line["low"] for line in table if line["way"] == "mean")
    assert "occlusion.mean.effect" not in evidence.quantities
    assert [finding.outcome for finding in evidence.findings] == ["passed", "passed"]


def test_the_document_survives_json_and_shows_rows(messages, case_of):
    evidence = weigh(case_of(messages))
    again = Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False)))
    shown = again.details["shown"]
    assert len(shown) == 10
    assert shown[0]["row"].startswith("toy.csv:")
    text = shown[0]["show"]["text"]
    assert [unit["text"] for unit in shown[0]["units"]] == text.split()
    assert all(text[slice(*unit["place"])] == unit["text"] for unit in shown[0]["units"])
    words = again.details["words"]
    assert words == sorted(words, key=lambda one: -one["score"])
    assert words and all(one["rows"] > 2 and one["score"] > 0 for one in words)


def test_rows_stay_home_where_asked(messages, case_of):
    details = weigh(case_of(messages, show_rows=False)).details
    assert "shown" not in details and "words" not in details


def test_the_same_seed_gives_the_same_document(messages, case_of):
    a, b = (weigh(case_of(messages)).to_json() for _ in range(2))
    assert {**a, "seconds": 0} == {**b, "seconds": 0}
    other = weigh(case_of(messages, seed=1)).to_json()
    assert other["details"] != a["details"]


def test_a_random_weight_model_is_refused(digits, case_of):
    truth = digits.truth
    right = (np.array(digits.twin.answers([one.example for one in digits.subjects])) == truth).astype(float)
    constant = (truth == np.bincount(digits.labels).argmax()).astype(float)
    value, low, high = paired_difference(right, constant)
    evidence = weigh(case_of(digits, near=digits.twin, far=digits.door,
                             better_than_constant=(low > 0, Quantity(value=value, low=low, high=high, n=len(truth)))))
    assert "not surely better than a constant" in str(evidence.refused)
    assert f"{value:.3g}" in str(evidence.refused)
    assert not evidence.details and not evidence.quantities


def test_an_explainer_that_ignores_the_model_is_refused_with_the_figure(digits, case_of, monkeypatch):
    monkeypatch.setattr(IntegratedGradients, "explain", lambda self, door, example, units, target: example["pixels"].ravel())
    evidence = weigh(case_of(digits, methods=("integrated-gradients",)))
    method = evidence.details["methods"]["integrated-gradients"]
    assert not method["published"] and "shown" not in evidence.details
    twin = [line for line in method["table"] if line["control"] == "random-twin"]
    assert [line["difference"] for line in twin] == [0, 0]  # the same map, to the last bit
    assert "nats" in str(evidence.refused)
    worst = min(method["table"], key=lambda line: line["low"])
    assert f"{worst['difference']:.3g}" in str(evidence.refused)
    with in_language("zh"):
        assert "未予公布" in str(evidence.refused)


def test_one_of_two_methods_may_be_refused(digits, case_of, monkeypatch):
    monkeypatch.setattr(Occlusion, "explain", lambda self, door, example, units, target: -np.arange(len(units), dtype=float))
    evidence = weigh(case_of(digits))
    assert evidence.refused is None
    published = {name: one["published"] for name, one in evidence.details["methods"].items()}
    assert published == {"integrated-gradients": True, "occlusion": False}
    assert [finding.outcome for finding in evidence.findings] == ["passed", "inconclusive"]
    assert {one["method"] for one in evidence.details["shown"]} == {"integrated-gradients"}


def test_a_map_that_is_no_number_is_refused_not_published(digits, case_of, monkeypatch):
    monkeypatch.setattr(Occlusion, "explain", lambda self, door, example, units, target: np.full(len(units), np.nan))
    evidence = weigh(case_of(digits))
    assert not evidence.details["methods"]["occlusion"]["published"]
    assert "no finite number" in str(evidence.findings[1].why)
    assert evidence.details["methods"]["integrated-gradients"]["published"]


def test_a_model_that_gives_no_numbers_is_refused(digits, case_of, monkeypatch):
    monkeypatch.setattr(type(digits.door), "log_prob", lambda self, examples, targets: np.full(len(examples), np.nan))
    evidence = weigh(case_of(digits, methods=("integrated-gradients",)))
    assert "log probability that is no finite number" in str(evidence.refused)
    json.dumps(evidence.to_json(), allow_nan=False)


def test_too_few_rows_and_too_little_time_are_refused(digits, case_of):
    assert "only 19 rows" in str(weigh(case_of(digits, subjects=digits.subjects[:19])).refused)
    assert "enough for 0 rows" in str(weigh(case_of(digits, seconds=1e-9)).refused)
    assert "no method" in str(weigh(case_of(digits, methods=())).refused)


def test_little_time_means_fewer_rows_and_says_so(digits, case_of, monkeypatch):
    monkeypatch.setattr("steelyard.evidence.explanation._seconds_a_row", lambda case, door, twin, methods, subjects: 1.0)
    evidence = weigh(case_of(digits, seconds=30.5))
    assert evidence.details["rows"] == 30 and evidence.details["wanted"] == 60
    assert "30 of 60 rows" in evidence.signature


def test_an_unknown_method_is_an_input_error(digits, case_of):
    with pytest.raises(InputError, match="occlusion"):
        weigh(case_of(digits, methods=("oclusion",)))


def test_what_is_unusual_is_the_literal_distance_from_the_mean(digits, messages):
    found = deletion.unusual(digits.subjects)
    pictures = np.stack([one.example["pixels"].ravel() for one in digits.subjects])
    usual, spread = pictures.mean(axis=0), pictures.std(axis=0)
    for i in (0, 7):
        np.testing.assert_allclose(found["unusual"][i], [abs(pictures[i, p] - usual[p]) for p in range(64)])
        np.testing.assert_allclose(found["unusual x spread"][i], [abs(pictures[i, p] - usual[p]) * spread[p] for p in range(64)])
    assert deletion.unusual(messages.subjects) == {}


def test_texts_too_short_to_tell_are_left_out(messages, case_of):
    from dataclasses import replace

    short = [replace(one, example={"ids": one.example["ids"][:2]}) for one in messages.subjects[:30]]
    evidence = weigh(case_of(messages, subjects=[*short, *messages.subjects[30:]]))
    assert evidence.details["rows"] == 30


def test_one_row_by_itself(messages):
    subject = messages.subjects[0]
    for method in METHODS:
        units = explain_row(messages.door, subject.row, subject.example, subject.target, method)
        assert [unit["text"] for unit in units] == subject.row["text"].split()
    assert explain_row(messages.door, {"text": ""}, {"ids": np.zeros(0, dtype=np.int64)}, 0, METHODS[0]) == []


@pytest.mark.parametrize("kind", ["word", "patch"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_was_planted_is_found(planted, kind, method):
    made = planted(kind, useful=True, seed=0)
    top = [scores.argmax() for scores in deletion.explain(method, made.door, made.subjects)]
    assert np.mean(top == made.planted) >= 0.95


@pytest.mark.parametrize("kind", ["word", "patch"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_same_planted_but_useless_is_at_chance(planted, kind, method):
    """It comes first no more often than one unit of all would by chance, and is scored next to nothing."""
    tops, chance, useless, decisive = [], [], [], []
    for seed in range(3):
        made = planted(kind, useful=False, seed=seed)
        for scores, place, deciding in zip(deletion.explain(method, made.door, made.subjects), made.planted, made.decisive, strict=True):
            tops.append(scores.argmax() == place)
            chance.append(1 / len(scores))
            useless.append(scores[place])
            decisive.append(scores[deciding])
    assert np.mean(tops) <= np.mean(chance) + 2 * np.sqrt(np.mean(chance) / len(tops))
    assert abs(np.mean(useless)) < 0.15 * np.mean(decisive)
