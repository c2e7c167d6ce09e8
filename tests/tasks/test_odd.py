"""What is odd in rows is counted and said; parts of a task are measured by themselves, from any subset of rows."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from steelyard import catalog
from steelyard.engine.noticed import noticed
from steelyard.parts import ReadOptions
from steelyard.rows import FILE, LINE, Rows
from steelyard.sources.squad import Squad
from steelyard.tasks.automatic_speech_recognition import SpeechRecognition
from steelyard.tasks.object_detection import ObjectDetection
from steelyard.tasks.question_answering import QuestionAnswering
from steelyard.tasks.text_classification import TextClassification
from steelyard.tasks.token_classification import TokenClassification


def rows_of(entries):
    return Rows(pa.Table.from_pylist([{**entry, FILE: "some.jsonl", LINE: line} for line, entry in enumerate(entries, start=1)]))


def counted(findings):
    return {finding.code: (finding.outcome, finding.details["things"], list(finding.rows)) for finding in findings}


def question(context, *answers):
    return {"question": "Who?", "context": context, "answers": [{"text": text, "start": start} for text, start in answers]}


def test_answers_that_are_not_where_they_say():
    rows = rows_of([question("Ada met Bob.", ("Ada", 0), ("Bob", -1)), question("Ada met Bob.", ("Bob", 7), ("Bob", 2)),
                    question("Ada met Bob.", ("Eve", 0)), question("Ada met Bob.")])
    found = QuestionAnswering().noticed({"train": rows})
    assert counted(found) == {
        "data/answers-elsewhere": ("issue", 2, ["some.jsonl:2"]), "data/answers-nowhere": ("issue", 1, ["some.jsonl:3"]),
        "data/questions-without-answer": ("passed", 1, ["some.jsonl:4"])}
    assert str(found[0].why).startswith("2 answers in 1 of 4 rows do not stand in their context as they say")
    assert QuestionAnswering().noticed({"test": rows_of([question("Ada met Bob.", ("Ada", 0))])}) == []


@pytest.mark.skipif("STEELYARD_DATA" not in os.environ, reason="real data: set STEELYARD_DATA")
def test_cmrc_s_answers():
    folder = Path(os.environ["STEELYARD_DATA"])
    files = [path for path in folder.rglob("*cmrc2018*dev*") if path.is_file()]
    if not files:
        pytest.skip("cmrc2018's dev is not there")
    kind = catalog.load("kinds", "answers", "test")()
    records = [record.values for record in catalog.load("sources", "squad" if Squad().accepts(files[0]) else "jsonl", "test")().read(
        files[0], ReadOptions())]
    rows = rows_of([{"question": row["question"], "context": row["context"], "answers": kind.parse(row["answers"])} for row in records])
    by_hand = sum(one["text"] not in row["context"] if one["start"] < 0 else not row["context"].startswith(one["text"], one["start"])
                  for row in rows for one in row["answers"])
    found = counted(QuestionAnswering().noticed({"test": rows}))
    assert found["data/answers-elsewhere"][1] + found["data/answers-nowhere"][1] == by_hand == 200
    assert found["data/answers-nowhere"][1] == 33


def tagged(*tags):
    return {"words": [f"w{place}" for place in range(len(tags))], "tags": list(tags)}


def test_tags_that_break_bio_and_those_of_another_scheme():
    task = TokenClassification(labels=("O", "B-x", "I-x"))
    mixed = rows_of([tagged("B-x", "I-x", "O"), tagged("O", "I-x", "I-x"), tagged("B-x", "O", "B-x")])
    assert counted(task.noticed({"train": mixed})) == {"data/tags-that-break-bio": ("issue", 1, ["some.jsonl:2"])}
    inside = rows_of([tagged("I-x", "I-x", "O"), tagged("O", "I-x", "B-x")])
    assert counted(task.noticed({"train": inside})) == {"data/tags-begin-with-i": ("passed", 2, ["some.jsonl:1", "some.jsonl:2"])}
    assert task.noticed({"train": rows_of([tagged("B-x", "I-x", "O")])}) == []


def test_spans_that_hold_no_word():
    rows = rows_of([{"text": "Ada met Bob.", "spans": [{"start": 0, "end": 3, "label": "x"}, {"start": 3, "end": 4, "label": "x"}]}])
    assert counted(TokenClassification(labels=("O", "B-x", "I-x")).noticed({"train": rows})) == {
        "data/spans-without-words": ("issue", 1, ["some.jsonl:1"])}


def test_boxes_beyond_the_picture_and_of_no_area():
    stream = io.BytesIO()
    Image.new("RGB", (20, 10)).save(stream, "PNG")

    def box(left, top, right, bottom):
        return {"label": "x", "left": left, "top": top, "right": right, "bottom": bottom}

    rows = rows_of([{"image": stream.getvalue(), "boxes": [box(0.0, 0.0, 20.5, 10.0), box(-5.0, 0.0, 5.0, 5.0), box(3.0, 3.0, 3.0, 8.0),
                                                           box(30.0, 0.0, 40.0, 5.0)]}])
    assert counted(ObjectDetection(("x",)).noticed({"train": rows})) == {
        "data/boxes-outside": ("issue", 1, ["some.jsonl:1"]), "data/boxes-without-area": ("issue", 2, ["some.jsonl:1"])}


def test_silence():
    loud = (1000 * np.sin(np.arange(1600))).astype("<i2").tobytes()
    rows = rows_of([{"audio": bytes(3200), "text": "a"}, {"audio": loud, "text": " "}, {"audio": loud, "text": "b"}])
    assert counted(SpeechRecognition().noticed({"train": rows})) == {
        "data/silent-sounds": ("issue", 1, ["some.jsonl:1"]), "data/empty-transcripts": ("issue", 1, ["some.jsonl:2"])}


def test_what_was_noticed_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    rows = {"train": rows_of([question("Ada met Bob.", ("Eve", 0))])}
    first = noticed(QuestionAnswering(), rows, "mark")
    monkeypatch.setattr(QuestionAnswering, "noticed", lambda self, rows: pytest.fail("the rows are read again"))
    assert noticed(QuestionAnswering(), rows, "mark") == first and first
    assert noticed(TextClassification(labels=("a", "b")), rows, "mark") == []


def test_each_type_by_itself():
    task = TokenClassification(labels=("O", "B-x", "I-x", "B-y", "I-y"))

    def said(*found):
        return [{"entity_group": kind, "score": 1.0, "word": "", "start": 0, "end": 1, "words": [a, b]} for kind, a, b in found]

    rows = [tagged("B-x", "O", "B-y"), tagged("B-y", "I-y", "O"), tagged("O", "O", "B-x")]
    answers = [said(("x", 0, 1), ("y", 1, 2)), said(("y", 0, 2)), said()]
    measured = [task.measure(row, answer) for row, answer in zip(rows, answers, strict=True)]
    for chosen in ([0, 1, 2], [1], [0, 2]):
        statistics = {name: np.stack([measured[i][name] for i in chosen]) for name in measured[0]}
        parts = task.details(statistics)
        metric = catalog.load("metrics", task.detailed["f1"], "test")()
        for kind in ("x", "y"):
            wanted = [(i, one) for i in chosen for one in task.target(rows[i]) if one[0] == kind]
            given = [(i, tuple(one)) for i in chosen for one in task.guess(answers[i]) if one[0] == kind]
            f1 = 2 * len(set(wanted) & set(given)) / (len(wanted) + len(given)) if wanted or given else np.nan
            assert parts[kind].there == len(wanted)
            assert metric.value(parts[kind].statistics) == pytest.approx(f1, nan_ok=True)


def test_each_label_of_boxes_by_itself():
    """The mean over labels of each one's precision is the whole's."""
    rng = np.random.default_rng(3)
    n, labels = 30, ("a", "b", "c")
    true = rng.integers(0, 3, (n, 4, len(labels))).astype(np.int32)
    true[:, 0] = true[:, 1:].sum(axis=1)
    statistics = {"scores": np.where(rng.random((n, 100)) < 0.05, rng.random((n, 100)), -1.0), "true": true,
                  "classes": rng.integers(0, 3, (n, 100)), "fates": rng.integers(0, 2, (n, 4, 10, 100)).astype(np.int8)}
    parts = ObjectDetection(labels).details(statistics)
    assert {label: part.there for label, part in parts.items()} == dict(zip(labels, true[:, 0].sum(axis=0).tolist(), strict=True))
    metric = catalog.load("metrics", "ap50", "test")()
    assert np.mean([metric.value(part.statistics) for part in parts.values()]) == pytest.approx(metric.value(statistics))


def test_findings_go_into_json():
    found = QuestionAnswering().noticed({"train": rows_of([question("Ada met Bob.", ("Eve", 0))])})
    json.dumps([finding.to_json() for finding in found])
