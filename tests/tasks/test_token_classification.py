"""token-classification: words over subwords and windows, forms of files, what is refused, answers in huggingface_hub's form."""

import numpy as np
import pytest
from huggingface_hub import TokenClassificationOutputElement

from steelyard.engine.prepare import prepare
from steelyard.errors import InputError
from steelyard.math.tagging import entities
from steelyard.parts import BadValue, ReadOptions
from steelyard.recipe.reader import read
from steelyard.sources.conll import Conll
from steelyard.tasks.token_classification import NOT_SCORED, TokenClassification

TASK = TokenClassification(labels=("O", "B-person", "I-person"))


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "tagging-cache"))


@pytest.fixture(scope="module")
def processor(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "tagging-cache"))
        return prepare(read(TokenClassification.tiny)).processor


def answered(task, row, examples, tags):
    """The answer of a model that is sure of these tags."""
    logs = np.full((len(tags), len(task.labels)), -50.0, dtype=np.float32)
    logs[np.arange(len(tags)), [task.labels.index(tag) for tag in tags]] = 0.0
    own = [example["word"][example["word"] >= 0] for example in examples]
    return task.merge(row, [(word, logs[word], False) for word in own])


def test_each_word_is_judged_once_in_however_many_windows(processor):
    row = {"words": ["Nobody", "unbelievablyremarkable", "Anna"] * 150, "tags": ["O", "O", "B-person"] * 150}
    (examples,) = TASK.encode([row], processor)
    assert len(examples) > 2 and all(len(example["input_ids"]) <= processor.model_max_length for example in examples)
    words = np.concatenate([example["word"][example["word"] >= 0] for example in examples])
    assert sorted(words) == list(range(450))
    for example in examples:
        assert ((example["target"] == NOT_SCORED) == (example["word"] < 0)).all()
        assert (example["target"][example["word"] >= 0] == (example["word"][example["word"] >= 0] % 3 == 2)).all()
    answer = answered(TASK, row, examples, row["tags"])
    assert TASK.guess(answer) == [("person", i, i + 1) for i in range(2, 450, 3)]
    measured = TASK.measure(row, answer)
    assert measured["words"].tolist() == [450, 450] and measured["entities"].tolist() == [[150, 150, 150]]


def test_answers_have_the_form_of_the_hub(processor):
    row = {"words": ["Anna", "Bren", "left", "."], "tags": ["B-person", "I-person", "O", "O"]}
    (examples,) = TASK.encode([row], processor)
    answer = answered(TASK, row, examples, row["tags"])
    (element,) = TokenClassificationOutputElement.parse_obj_as_list(answer)
    assert (element.entity_group, element.word, element.start, element.end) == ("person", "Anna Bren", 0, 9)
    assert element.score == pytest.approx(1)


def test_chinese_characters_stand_without_spaces(processor):
    assert TASK.passage({"words": ["北", "京", "and", "上", "海"]}) == "北京 and 上海"


def test_spans_mark_the_words_inside_them():
    spans = [{"start": 4, "end": 16, "label": "span"}, {"start": 17, "end": 19, "label": "span"}]
    row = {"text": "you utter, utter fool !", "spans": spans}
    task = TokenClassification(labels=("O", "B-span", "I-span"))
    assert task.target(row) == [("span", 1, 3), ("span", 3, 4)], "half a word is inside"
    with pytest.raises(BadValue, match="ends at character 99"):
        task.target({"text": "short", "spans": [{"start": 0, "end": 99, "label": "span"}]})


def test_greedy_and_constrained():
    row, word = {"words": ["a", "b"]}, np.array([0, 1])
    logs = np.log(np.array([[0.5, 0.1, 0.4], [0.3, 0.3, 0.4]], dtype=np.float32))
    assert TASK.guess(TASK.merge(row, [(word, logs, False)])) == [("person", 1, 2)], "I after O begins an entity"
    assert TASK.guess(TASK.merge(row, [(word, logs, True)])) in ([], [("person", 1, 2)])


@pytest.mark.parametrize("row, why", [
    ({"words": ["a", "b"], "tags": ["O"]}, "2 words and 1 tags"), ({"words": ["a"], "tags": ["B-city"]}, 'type "city" is not among'),
    ({}, "neither words nor a text"),
])
def test_what_is_refused(processor, row, why):
    with pytest.raises(BadValue, match=why):
        TASK.encode([row], processor)


def test_nothing_to_score_is_no_nan(processor):
    from steelyard.engine.store import stack

    (examples,) = TASK.encode([{"text": "?!", "spans": []}], processor)
    batch = TASK.collate(stack(examples), processor, None)
    assert batch.count == 0 and TASK.merge({"text": "?!"}, [(np.array([], dtype=int), np.zeros((0, 3), dtype=np.float32), False)]) == []


def test_training_without_a_tag_is_refused(tmp_path):
    path = tmp_path / "none.jsonl"
    path.write_text("".join(f'{{"words": ["a", "b{i}"], "tags": ["O", "O"]}}\n' for i in range(30)))
    with pytest.raises(InputError, match="no word of the"):
        prepare(read({"task": "token-classification", "data": {"train": str(path)}, "model": {"family": "bert", "size": "tiny"}}))


def test_conll(tmp_path):
    path = tmp_path / "some.conll"
    path.write_bytes(b"-DOCSTART- -X- O\r\n\r\n# a comment\r\nAnna NNP I-PER\r\nBren NNP I-PER\r\n\r\n\r\nlone\r\n\r\n# O\r\n")
    records = list(Conll().read(path, ReadOptions()))
    assert records[0].values == {"words": ["Anna", "Bren"], "tags": ["I-PER", "I-PER"]} and records[0].line == 4
    assert entities(records[0].values["tags"]) == [("PER", 0, 2)], "IOB1"
    assert len(records) == 2 and "has no tag" in str(records[1].problem)
