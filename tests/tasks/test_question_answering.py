"""question-answering: windows, answers that are not where they say, nothing as an answer, SQuAD's files, huggingface_hub's form."""

import json

import numpy as np
import pytest
from huggingface_hub import QuestionAnsweringOutputElement

from steelyard.engine.prepare import prepare
from steelyard.engine.read import source_of
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.kinds.answers import Answers
from steelyard.parts import BadValue, ReadOptions
from steelyard.recipe.reader import read
from steelyard.sources.squad import Squad
from steelyard.tasks._answers import NOWHERE, found, sliding_window, wanted
from steelyard.tasks.question_answering import NOT_SCORED, QuestionAnswering

TASK = QuestionAnswering()


@pytest.fixture(scope="module")
def processor(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "questions-cache"))
        return prepare(read(QuestionAnswering.tiny)).processor


def test_an_answer_lies_in_some_of_the_windows(processor):
    context = "Nothing here matters. " * 200 + "Anna lives in Calville . " + "Nothing here matters. " * 100
    start = context.index("Calville")
    row = {"question": "Where does Anna live ?", "context": context, "answers": [{"text": "Calville", "start": start}]}
    (examples,) = TASK.encode([row], processor)
    told = [example for example in examples if example["target"].any()]
    assert len(examples) > 3 and 0 < len(told) < len(examples)
    for example in told:
        first, last = example["target"]
        assert (example["begin"][first], example["end"][last]) == (start, start + 8)
    batch = TASK.collate(stack(examples), processor, None, [TASK.target(row)] * len(examples))
    assert np.array_equal(batch.targets.numpy(), np.stack([example["target"] for example in examples]))


def test_a_question_longer_than_the_window_is_cut(processor):
    row = {"question": "why " * 2000, "context": "Anna lives in Calville .", "answers": [{"text": "Calville", "start": 14}]}
    (examples,) = TASK.encode([row], processor)
    assert all(len(example["input_ids"]) <= processor.model_max_length for example in examples) and examples[0]["target"].any()


def test_where_answers_stand():
    context = "Ann saw Bo. Bo saw  Ann."
    assert found(context, {"text": "Bo", "start": 8}) == (8, 10)
    assert found(context, {"text": "Bo", "start": 11}) == (12, 14), "the nearest"
    assert found(context, {"text": "Bo", "start": -1}) == (8, 10)
    assert found(context, {"text": "SAW ann", "start": 0}) == (15, 23)
    assert found(context, {"text": "39764.0", "start": -1}) is None
    assert wanted(context, []) == NOWHERE and wanted(context, [{"text": "39764.0", "start": -1}]) is None


def test_signs_at_an_answer_s_ends_may_be_missing():
    assert found("因是一个内陆国家，没有港口。", {"text": "因是一个内陆国家。", "start": 3}) == (0, 8)
    assert found("It rained (a lot).", {"text": "...", "start": -1}) is None
    assert found("It rained!", {"text": "rained.", "start": 0}) == (3, 9)


def test_an_answer_that_stands_nowhere_is_not_scored(processor):
    row = {"question": "When ?", "context": "Never .", "answers": [{"text": "39764.0", "start": -1}]}
    (examples,) = TASK.encode([row], processor)
    batch = TASK.collate(stack(examples), processor, None)
    assert batch.count == 0 and (batch.targets == NOT_SCORED).all()
    assert TASK.measure(row, {"answer": "39764.0", "score": 1.0, "start": 0, "end": 0})["exact"] == 1, "it is judged by its text"


def test_merging_windows_and_nothing():
    row = {"context": "Ann saw Bo."}
    windows = [{"spans": [(0, 3, -2.0), (8, 10, -5.0)], "null": -0.5, "threshold": None},
               {"spans": [(8, 10, -1.0)], "null": -1.5, "threshold": None}]
    answer = TASK.merge(row, windows)
    element = QuestionAnsweringOutputElement.parse_obj_as_instance({key: answer[key] for key in ("answer", "score", "start", "end")})
    assert element.answer == "Bo" and element.score == pytest.approx(np.exp(-1)) and [one["answer"] for one in answer["others"]] == ["Ann"]
    assert QuestionAnswering(unanswerable=True).merge(row, windows)["answer"] == "Bo", "-1.5 is not above -1"
    eager = [{**window, "threshold": -1.0} for window in windows]
    assert TASK.merge(row, eager)["answer"] == "", "-1.5 is above -1 by more than -1"
    assert TASK.merge({"context": ""}, [{"spans": [], "null": 0.0, "threshold": None}])["answer"] == ""


def test_squad_files(tmp_path):
    asked = {"id": "1", "question": "Who ?", "answers": [{"text": "Ann", "answer_start": 0}], "is_impossible": False}
    never = {"id": "2", "question": "Why ?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "Bo", "answer_start": 8}]}
    path = tmp_path / "some.json"
    paragraphs = [{"context": "Ann saw Bo.", "qas": [asked, never]}, {"context": 3}]
    path.write_text(json.dumps({"data": [{"title": "T", "paragraphs": paragraphs}]}))
    assert isinstance(source_of(path, "test"), Squad)
    records = list(Squad().read(path, ReadOptions()))
    assert [record.values.get("answers") for record in records] == [asked["answers"], [], None] and records[2].problem is not None
    path.write_text('{"data": [{"paragraphs": [')
    with pytest.raises(InputError, match="no JSON"):
        list(Squad().read(path, ReadOptions()))


def test_forms_of_answers():
    kind = Answers()
    assert kind.parse({"text": ["a"], "answer_start": [2]}) == kind.parse([{"text": "a", "start": 2}]) == [{"text": "a", "start": 2}]
    assert kind.parse("a b") == [{"text": "a b", "start": -1}] and kind.parse([]) == []
    for broken in (None, [{"text": " "}], [{"text": "a", "start": "x"}], {"text": ["a"], "answer_start": []}, "[", 3):
        with pytest.raises(BadValue):
            kind.parse(broken)


def test_the_sliding_window_finds_what_stands_beside():
    ask = sliding_window([{"answers": [{"text": "one"}]}])
    context = "The capital of Freedonia is Zorgburg today. Cows ate grass in meadows far away."
    start, end = ask("What is the capital of Freedonia ?", context)
    assert context[start:end] in ("Zorgburg", "today") and ask("Why ?", "") == NOWHERE


def test_training_without_answers_is_refused(tmp_path):
    path = tmp_path / "none.jsonl"
    path.write_text("".join(f'{{"question": "Who is number {i} ?", "context": "It is Ann here.", "answers": []}}\n' for i in range(30)))
    with pytest.raises(InputError, match="none of the"):
        prepare(read({"task": "question-answering", "data": {"train": str(path)}, "model": {"family": "bert", "size": "tiny"}}))
