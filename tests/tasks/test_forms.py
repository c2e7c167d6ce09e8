"""The forms of a classifying task: several labels a row, a number, pairs of texts, from a file to the evidence."""

import json

import numpy as np
import pytest

from steelyard import catalog
from steelyard.engine.prepare import prepare
from steelyard.errors import InputError
from steelyard.math.correlation import pearson, weighted_ranks
from steelyard.math.sets import average_precision, f1_of_labels, falling
from steelyard.recipe.reader import read
from steelyard.run import Run
from steelyard.verbs.predict import predict
from steelyard.verbs.train import train
from steelyard.verbs.weigh import weigh

WORDS = {"joy": ["happy", "glad", "merry"], "fear": ["scared", "afraid", "timid"], "anger": ["cross", "furious", "mad"]}
SMALL = {"model": {"family": "textcnn", "size": "tiny"}}


def sentences(rng, count):
    """(text, the feelings that it names)."""
    for _ in range(count):
        own = [name for name in WORDS if rng.random() < 0.4]
        told = [str(rng.choice(WORDS[name])) for name in own] + [str(rng.choice(["the", "a", "we", "they", "was"])) for _ in range(4)]
        rng.shuffle(told)
        yield " ".join(told), own


@pytest.fixture
def several(tmp_path):
    rng = np.random.default_rng(0)
    lines = [json.dumps({"text": text, "labels": own}) for text, own in sentences(rng, 600)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    return {"task": "text-classification", "data": {"train": str(tmp_path / "rows.jsonl")}, **SMALL,
            "training": {"epochs": 8}, "evidence": {"only": ["quality"]}}


@pytest.fixture
def pairs(tmp_path):
    """How many words two texts share, from 0 to 4: CRLF, as tables of Windows have it."""
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(30)]
    lines = ["sentence1,sentence2,score"]
    for _ in range(400):
        first = rng.choice(words, 4, replace=False)
        shared = int(rng.integers(0, 5))
        rest = rng.choice([word for word in words if word not in first], 4 - shared, replace=False)
        lines.append(f"{' '.join(first)},{' '.join([*first[:shared], *rest])},{shared}")
    (tmp_path / "pairs.csv").write_bytes("\r\n".join(lines).encode())
    return {"task": "text-classification", "data": {"train": str(tmp_path / "pairs.csv")}, "model": {"family": "bert", "size": "tiny"},
            "training": {"epochs": 1}}


def test_several_labels_end_to_end(several, tmp_path):
    run = train(several, out=tmp_path / "runs")
    weigh(run)
    told = Run.open(run.folder).evidence("test")["quality"]
    assert set(told.quantities) == {"label-macro-f1", "label-micro-f1", "mean-average-precision", "exact-labels"}
    assert told.quantities["label-macro-f1"].value > 0.9 > told.counterweights["constant"]["mean-average-precision"].value
    assert told.quantities["label-macro-f1"].low <= told.quantities["label-macro-f1"].value <= told.quantities["label-macro-f1"].high
    (answer,) = predict(run, ["we was happy and furious"])
    assert {entry["label"] for entry in answer if entry["chosen"]} == {"joy", "anger"}
    config = json.loads((run.model / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification" and set(config["label2id"]) == set(WORDS)


def test_the_threshold_is_the_recipes(several):
    several["decoding"] = {"threshold": 0.9}
    prepared = prepare(read(several))
    assert prepared.config.decoding == {"threshold": 0.9}
    assert prepared.task.merge({}, [np.array([0.95, 0.5, 0.1, 0.9])])[0]["chosen"]
    assert [entry["chosen"] for entry in prepared.task.merge({}, [np.array([0.85, 0.5, 0.1, 0.9])])] == [False] * 3


def test_a_setting_that_the_task_lacks_is_refused(several):
    several["decoding"] = {"num_beams": 4}
    with pytest.raises(InputError, match=r"decoding\.num_beams"):
        prepare(read(several))


def test_pairs_and_a_number_end_to_end(pairs, tmp_path):
    prepared = prepare(read(pairs))
    assert prepared.task.problem == "regression" and "token_type_ids" in prepared.stores["train"].fields
    run = train(pairs, out=tmp_path / "runs", evidence=["quality", "explanation"])
    weigh(run)
    told = Run.open(run.folder).evidence("test")["quality"]
    assert set(told.quantities) == {"pearson", "spearman", "rmse"}
    assert told.counterweights["tf-idf + ridge regression"]["pearson"].value > 0.9, "what two texts share is among its features"
    (answer,) = predict(run, [{"text": "word1 word2", "text_pair": "word1 word2"}])
    assert answer[0]["label"] == "score" and isinstance(answer[0]["score"], float)


def test_units_of_a_pair_lie_on_both_texts(pairs):
    prepared = prepare(read(pairs))
    row = prepared.dataset.rows["test"][0]
    ((example,),) = prepared.task.encode([row], prepared.processor)
    units = prepared.task.units(row, example, prepared.processor)
    shown = prepared.task.show(row)["text"]
    assert [shown[start:end] for start, end in units.places] == f"{row['text']} {row['text_pair']}".split()


def test_a_column_of_plain_labels_stays_one_label(tmp_path):
    (tmp_path / "rows.csv").write_text("text,labels\n" + "".join(f"the {w} {i},{w}\n" for i in range(20) for w in ("cat", "dog")))
    prepared = prepare(read({"task": "text-classification", "data": {"train": str(tmp_path / "rows.csv")}, **SMALL}))
    assert prepared.task.labels == ("cat", "dog") and prepared.task.metrics[0] == "accuracy"


def test_a_number_beside_a_label_is_no_target(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label,score\n" + "".join(f"the {w} {i},{w},{i}\n" for i in range(20) for w in ("cat", "dog")))
    data = {"train": str(tmp_path / "rows.csv")}
    assert prepare(read({"task": "text-classification", "data": data, **SMALL})).task.metrics[0] == "accuracy"
    data["columns"] = {"score": "score"}
    assert prepare(read({"task": "text-classification", "data": data, **SMALL})).task.metrics[0] == "pearson"


@pytest.mark.parametrize(("lines", "said"), [
    (['{"text": "a b", "labels": ["x"]}', '{"text": "b a", "labels": ["x"]}'] * 10, "same labels"),
    (['{"text": "a b", "score": 1}', '{"text": "b a", "score": 1}'] * 10, "one number"),
    (['{"text": "a b", "labels": null}', '{"text": "b a", "labels": ["x"]}'] * 10, "labels are missing"),
    (['{"text": "a b"}', '{"text": "b a"}'] * 10, "no column tells the answers"),
])
def test_bad_targets(tmp_path, lines, said):
    (tmp_path / "rows.jsonl").write_text("\n".join(line.replace("a b", f"a b {i}") for i, line in enumerate(lines)))
    with pytest.raises(InputError, match=said):
        prepare(read({"task": "text-classification", "data": {"train": str(tmp_path / "rows.jsonl")}, **SMALL}))


def test_labels_by_number_take_their_names(tmp_path):
    (tmp_path / "names.txt").write_text("joy\nfear\nanger\n")
    (tmp_path / "rows.tsv").write_text("text\tlabel_ids\n" + "".join(f"the cat {i}\t{'0,2' if i % 2 else '1'}\n" for i in range(40)))
    recipe = {"task": "text-classification", **SMALL, "data": {"train": str(tmp_path / "rows.tsv"), "columns": {"labels": "label_ids"},
              "label_names": str(tmp_path / "names.txt")}}
    assert prepare(read(recipe)).task.labels == ("anger", "fear", "joy")


def test_measures_agree_with_scikit_learn():
    from scipy.stats import spearmanr
    from sklearn.metrics import average_precision_score, f1_score

    rng = np.random.default_rng(2)
    wanted, scores = rng.random((80, 5)) < 0.3, np.round(rng.random((80, 5)), 1)  # ties
    chosen = scores > 0.6
    ones = np.ones(80)
    np.testing.assert_allclose(f1_of_labels(wanted, chosen, ones), f1_score(wanted, chosen, average=None))
    for own, score in zip(wanted.T, scores.T, strict=True):
        assert average_precision(*falling(score), own, ones) == pytest.approx(average_precision_score(own, score))
    drawn = rng.integers(0, 80, 80)
    weights = np.bincount(drawn, minlength=80).astype(float)
    assert average_precision(*falling(scores[:, 0]), wanted[:, 0], weights) == pytest.approx(
        average_precision_score(wanted[drawn, 0], scores[drawn, 0]))
    a, b = np.round(rng.random(80), 1), rng.random(80)
    assert pearson(a, b, ones) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert pearson(a, b, weights) == pytest.approx(np.corrcoef(a[drawn], b[drawn])[0, 1])
    assert pearson(weighted_ranks(a, weights), weighted_ranks(b, weights), weights) == pytest.approx(spearmanr(a[drawn], b[drawn])[0])
    assert np.isnan(pearson(np.full(80, 0.1), b, ones)) and np.isnan(average_precision(*falling(a), np.zeros(80, bool), ones))


def test_the_catalogue_tells_the_forms():
    part = catalog.load("tasks", "image-classification", "test")
    assert {column.name for column in part.columns if column.target} == {"label", "labels", "score"}
