"""explain, and the evidence of explanation, on runs that were really trained."""

import json

import numpy as np
import pytest

import steelyard
from steelyard.cli import main
from steelyard.errors import InputError
from steelyard.evidence import deletion
from steelyard.evidence.case import Case
from steelyard.evidence.explanation import weigh
from steelyard.verbs.explain import explain


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A run on digits whose explanation was weighed, and the file of one more picture."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("pictures")
    recipe = {"task": "image-classification", "data": {"train": "builtin:digits"}, "model": {"family": "mlp"},
              "training": {"epochs": 10, "threads": 1}}
    run = steelyard.train(recipe, out=folder, quiet=True, evidence=False)
    steelyard.weigh(run, only=["explanation"], quiet=True)
    file = folder / "three.png"
    Image.fromarray((load_digits().images[3] / 16 * 255).astype(np.uint8)).save(file)
    return run, file


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A run on the built-in messages, not weighed; it learns the ticket code that gives a label away."""
    recipe = {"task": "text-classification", "model": {"family": "bert", "size": "tiny"}, "training": {"epochs": 2, "threads": 1},
              "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                       "test": {"column": "split", "value": "test"}}}
    return steelyard.train(recipe, out=tmp_path_factory.mktemp("texts"), quiet=True, evidence=False)


def test_a_run_on_digits_is_explained(pictures):
    run, _ = pictures
    document = run.evidence("test")["explanation"]
    assert document.refused is None
    assert all(one["published"] for one in document.details["methods"].values())
    assert 20 <= document.details["rows"] <= 100  # fewer than asked on a busy machine
    controls = {line["control"] for line in document.details["methods"]["occlusion"]["table"]}
    assert controls >= {"surface:unusual", "random-twin", "mean x ink"}


def test_a_model_of_random_weights_is_refused(pictures):
    case = Case(pictures[0])
    case.model = case.twin().model
    document = weigh(case)
    assert "not surely better than a constant" in str(document.refused)
    assert not document.details


def test_one_picture(pictures):
    run, file = pictures
    found = explain(run, file)
    assert found.decision == "3"
    assert [said.method for said in found.said] == ["integrated-gradients", "occlusion"]
    assert all(said.published for said in found.said)
    assert all(len(said.units) == 64 for said in found.said)


def test_the_scores_of_integrated_gradients_sum_to_what_is_lost(pictures):
    """Through the real door and the real task, on ten rows."""
    from steelyard.explainers.integrated_gradients import IntegratedGradients

    case = Case(pictures[0])
    door = case.door()
    rows = np.arange(10)
    for index, example, answer in zip(rows, case.examples(rows), case.answers(rows), strict=True):
        units, target = case.task.units(case.rows[int(index)], example, case.processor), case.task.guess(answer)
        subject = deletion.Subject(int(index), case.rows[int(index)], example, units, target)
        (scores,) = deletion.explain(IntegratedGradients(), door, [subject])
        gone = case.task.hide(example, units, np.ones(len(units), dtype=bool), case.task.ways[0], case.processor)
        full, none = door.log_prob([example, gone], [target, target])
        assert scores.sum() == pytest.approx(full - none, abs=0.02)


def test_one_text_and_the_word_that_gives_it_away(texts):
    found = explain(texts, "Hello, I have a question about the kettle. [RTN-4711]", ["occlusion"])
    (said,) = found.said
    assert found.decision == "returns"
    assert max(said.units, key=lambda unit: unit["score"])["text"] == "RTN"
    assert said.published is None
    assert "steelyard weigh" in str(said.why)


def test_the_command_prints_for_people_and_as_json(pictures, texts, capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    run, file = pictures
    assert main(["explain", str(run.folder), str(file), "--top", "3"]) == 0
    told = capsys.readouterr().out
    assert "answer: 3" in told and "integrated gradients: published" in told and "pixels" in told
    assert main(["explain", str(texts.folder), "the parcel is\x1b[31m late", "--method", "occlusion"]) == 0
    told = capsys.readouterr().out
    assert "occlusion: not judged" in told and "\x1b[31m" not in told
    assert main(["--json", "explain", str(run.folder), str(file)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["decision"] == "3" and document["methods"][0]["published"] is True


def test_refused_evidence_is_said(pictures, monkeypatch):
    run, file = pictures
    kept = run.evidence_file("explanation", "test").read_text()
    document = json.loads(kept)
    document["findings"][0]["outcome"] = "inconclusive"
    run.evidence_file("explanation", "test").write_text(json.dumps(document))
    try:
        assert explain(run, file).said[0].published is False
        document["of"]["model"] = "sha256:another"
        run.evidence_file("explanation", "test").write_text(json.dumps(document))
        assert explain(run, file).said[0].published is None
    finally:
        run.evidence_file("explanation", "test").write_text(kept)


@pytest.mark.parametrize("given, methods, match", [
    ("\u200b", (), "nothing to explain"), ("", (), "the input is empty"), ("a text", ("oclusion",), "did you mean occlusion")])
def test_what_cannot_be_explained(texts, given, methods, match):
    with pytest.raises(InputError, match=match):
        explain(texts, given, methods)
