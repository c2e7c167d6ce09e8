"""fill-mask: what is hidden and when, windows, answers as Transformers' own pipeline gives them, what is not known, chains of runs."""

import gzip
import json
import math
from collections import Counter

import numpy as np
import pytest
import torch
from huggingface_hub import FillMaskOutputElement

from steelyard.engine.ask import Asked
from steelyard.engine.job import begin
from steelyard.engine.prepare import prepare
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.evidence.case import Case
from steelyard.evidence.data import weigh
from steelyard.parts import Key, ReadOptions
from steelyard.recipe.reader import read
from steelyard.run import Run
from steelyard.sources.lines import Lines
from steelyard.tasks._cloze import EDGE, Neighbours, drawn_words, hidden_words
from steelyard.tasks.fill_mask import ELSEWHERE, NOT_SCORED, SEEN, FillMask

TASK = FillMask()
TEXT = "a red fox and mill , the plums with monday or red unbelievable foxes ."


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "cloze-cache"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "cloze-cache"))
        return prepare(read(FillMask.tiny))


@pytest.fixture(scope="module")
def processor(prepared):
    return prepared.processor


def table(path, texts, **more):
    rows = [{"text": text, **{key: own[i] for key, own in more.items()}} for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_what_is_hidden_is_the_same_for_the_same_text():
    text = " ".join(f"word{i}" for i in range(40))
    assert hidden_words(text) == hidden_words(text) and len(hidden_words(text)) == 6
    assert hidden_words("?! ...") == [] and hidden_words("") == []
    assert hidden_words("one") == [(0, 3)] and len(hidden_words("北京很大")) == 1
    firsts = Counter(hidden_words(f"red fox in mill {i}")[0][0] for i in range(300))
    assert len(firsts) == 5, "any word may be hidden"


def test_words_are_drawn_whole_and_as_often_as_said(processor):
    (examples,) = TASK.encode([{"text": TEXT}], processor)
    batches = [TASK.collate(stack([*examples]), processor, Key(seed=1, epoch=epoch)) for epoch in range(600)]
    words = examples[0]["word"]
    seen, ways = Counter(), Counter()
    for batch in batches:
        hidden = batch.targets[0].numpy()[: len(words)] != NOT_SCORED
        assert batch.count == hidden.sum() >= 1
        for word in np.unique(words[hidden]):
            assert hidden[words == word].all(), "all tokens of a word or none"
            seen[int(word)] += 1
        for shown, truth in zip(batch.inputs["input_ids"][0, : len(words)][hidden].tolist(), examples[0]["input_ids"][hidden], strict=True):
            ways["mask" if shown == processor.mask_token_id else "same" if shown == truth else "other"] += 1
    count = len(np.unique(words[words >= 0]))
    assert sum(seen.values()) / 600 == pytest.approx(0.15 * count, abs=0.15) and len(seen) == count
    total = sum(ways.values())
    assert ways["mask"] / total == pytest.approx(0.8, abs=0.06) and ways["other"] / total == pytest.approx(0.1, abs=0.05)


def test_what_is_drawn_does_not_hang_on_batch_mates_nor_the_step(processor):
    rows = [{"text": TEXT}, {"text": "red fox " * 30}, {"text": "one"}]
    examples = stack([own[0] for own in TASK.encode(rows, processor)])
    whole = TASK.collate(examples, processor, Key(seed=3, epoch=2, step=5))
    from steelyard.parts import Examples

    for number in range(3):
        part = Examples({name: [field[number]] for name, field in examples.fields.items()}, examples.rows[number:][:1],
                        examples.numbers[number:][:1])
        alone = TASK.collate(part, processor, Key(seed=3, epoch=2, step=9))
        width = len(examples.fields["input_ids"][number])
        assert torch.equal(alone.inputs["input_ids"][0, :width], whole.inputs["input_ids"][number, :width])
        assert torch.equal(alone.targets[0, :width], whole.targets[number, :width])


def test_drawn_words():
    words = np.array([-1, 0, 0, 3, 4, -1])
    draws = np.array([0.9, 0.1, 0.5])
    assert drawn_words(words, 0.0, draws).tolist() == [3] and drawn_words(words, 0.99, draws).tolist() == [3]
    assert drawn_words(np.array([-1, -1]), 0.5, draws).tolist() == []
    many = np.arange(20)
    assert len(drawn_words(many, 0.0, np.linspace(0, 1, 20))) == 3 and len(drawn_words(np.arange(21), 0.9, np.linspace(0, 1, 21))) == 4


def test_a_long_text_is_judged_once_in_windows(processor):
    text = " ".join(["red", "fox", "mill", "plums", "monday"] * 120)
    (examples,) = TASK.encode([{"text": text}], processor)
    assert len(examples) > 2 and all(len(own["input_ids"]) <= processor.model_max_length for own in examples)
    judged = np.concatenate([own["place"][own["place"] >= 0] for own in examples])
    assert sorted(judged) == list(range(len(hidden_words(text))))
    hidden = set(hidden_words(text))
    for own in examples:
        gone = own["place"] != SEEN
        assert {(int(a), int(b)) for a, b in zip(own["begin"][gone], own["end"][gone], strict=True)} <= hidden
        assert (own["target"][own["place"] == ELSEWHERE] == NOT_SCORED).all() and (own["target"][own["place"] >= 0] >= 0).all()
        inside = [(int(a), int(b)) for a, b in zip(own["begin"], own["end"], strict=True) if (int(a), int(b)) in hidden]
        assert len(inside) == gone.sum(), "what is judged elsewhere is hidden here too"


def test_answers_are_those_of_the_pipeline(prepared):
    from transformers import AutoModelForMaskedLM, FillMaskPipeline

    torch.manual_seed(2)
    model = AutoModelForMaskedLM.from_config(prepared.config).eval()
    text = "a red [MASK] and mill , the plums with monday or friday ."
    theirs = FillMaskPipeline(model=model, tokenizer=prepared.processor, top_k=5)(text)
    (examples,) = TASK.encode([{"text": text.replace("[MASK]", "<mask>")}], prepared.processor)
    with torch.inference_mode():
        ours = TASK.merge({"text": text}, TASK.respond(model, TASK.collate(stack(examples), prepared.processor, None)))
    assert [one["token"] for one in ours] == [one["token"] for one in theirs]
    assert [one["token_str"] for one in ours] == [one["token_str"] for one in theirs]
    np.testing.assert_allclose([one["score"] for one in ours], [one["score"] for one in theirs], rtol=1e-5)
    assert len(FillMaskOutputElement.parse_obj_as_list(ours)) == 5 and ours[0]["log_prob"] is None
    assert ours[0]["sequence"] == text.replace("[MASK]", ours[0]["token_str"].removeprefix("##"))


def test_a_gap_of_its_own_is_not_judged_but_counted(processor, tmp_path):
    (examples,) = TASK.encode([{"text": "a red <mask> and mill"}], processor)
    batch = TASK.collate(stack(examples), processor, None)
    assert batch.count == 0 and (examples[0]["place"] >= 0).sum() == 1
    assert TASK.target({"text": "[MASK]"}) is None and TASK.measure({"text": "a [MASK]"}, [])["masked"].tolist() == [0, 0, 0, 0]
    file = table(tmp_path / "a.jsonl", [*(f"red fox {i}" for i in range(40)), "a [MASK]"])
    data = prepare(read({**FillMask.tiny, "data": {"train": file}}))
    (found,) = data.task.noticed({"train": data.dataset.rows["train"], "test": data.dataset.rows["test"],
                                  "validation": data.dataset.rows["validation"]})
    assert found.code == "data/texts-with-gaps" and found.details["things"] == 1


def test_nothing_to_judge_is_no_nan(processor):
    for text in ("", "?!"):
        (examples,) = TASK.encode([{"text": text}], processor)
        batch = TASK.collate(stack(examples), processor, Key(seed=1))
        assert batch.count == 0
        logits = torch.zeros(1, batch.inputs["input_ids"].shape[1], len(processor))
        assert float(TASK.loss(type("O", (), {"logits": logits}), batch)) == 0.0
    assert TASK.right({"masked": np.zeros((1, 4))}).tolist() == [1.0]


def test_an_unknown_character_is_not_judged_but_counted(processor):
    row = {"text": "龘"}
    (examples,) = TASK.encode([row], processor)
    assert (examples[0]["place"] == SEEN).all() and hidden_words("龘") == [(0, 1)]
    measured = TASK.measure(row, [])
    assert measured["masked"].tolist() == [0, 0, 0, 1]


def test_a_word_is_right_where_all_its_tokens_are():
    (place,) = hidden_words("unbelievable")
    pieces = [{"mask": 0, "start": 0, "end": 2, "log_prob": -0.5, "rank": 0},
              {"mask": 1, "start": 2, "end": 12, "log_prob": -1.0, "rank": 3}]
    measured = TASK.measure({"text": "unbelievable"}, pieces)
    assert place == (0, 12) and measured["masked"].tolist() == [1, 0, 1, 1] and float(measured["nats"]) == 1.5


def test_neighbours_against_a_literal_reference():
    texts = ["red fox", "red cat", "red fox runs"]
    known = Neighbours(iter(texts))
    text, place = "red fox", (4, 7)
    found = known.guesses(text, [place])
    total = 7 + 4 + 1

    def score(word):
        after = Counter({"fox": 2, "cat": 1})[word] / 3
        before = Counter({"fox": 1, "cat": 1, "runs": 1})[word] / 3
        return 0.4 * after + 0.4 * before + 0.2 * (Counter(w for t in texts for w in t.split())[word] + 1) / total

    assert found[0]["token_str"] == "fox" and found[0]["score"] == pytest.approx(score("fox")) and found[0]["rank"] == 0
    assert found[0]["log_prob"] == pytest.approx(math.log(score("fox")))
    assert sum(one["score"] for one in found) <= 1 and EDGE not in [one["token_str"] for one in found]
    constant = known.constant()
    assert sum(one["score"] for one in constant) + math.exp(constant[0]["rest"]) == pytest.approx(1)


def test_training_texts_without_a_word_are_refused(tmp_path):
    with pytest.raises(InputError, match="nothing to hide"):
        prepare(read({**FillMask.tiny, "data": {"train": table(tmp_path / "none.jsonl", [f"?{'!' * i}" for i in range(30)])}}))


def test_plain_text(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"first line\r\n\r\n  second, with \xe4\xb8\xad\xe6\x96\x87  \n"))
    assert Lines().accepts(path)
    records = list(Lines().read(path, ReadOptions()))
    assert [(record.values["text"], record.line) for record in records] == [("first line", 1), ("second, with 中文", 3)]
    (tmp_path / "table.txt").write_text("text\tlabel\na b\t1\n")
    assert not Lines().accepts(tmp_path / "table.txt") and not Lines().accepts(tmp_path / "absent.txt")
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(InputError, match="no rows"):
        list(Lines().read(tmp_path / "blank.txt", ReadOptions()))


def test_a_classifier_starts_from_it_and_knows_what_it_read(tmp_path):
    words = ["red", "fox", "mill", "plums", "monday", "white", "goat", "hill", "grass", "tuesday"]
    texts = [" ".join(words[(i * k) % 10] for k in (1, 3, 7)) + f" {i}" for i in range(60)]
    leaked = texts[5].upper() + " !"
    first = begin(read({**FillMask.tiny, "run": "first", "data": {"train": table(tmp_path / "a.jsonl", texts[:40]),
                                                                "validation": table(tmp_path / "b.jsonl", texts[40:50]),
                                                                "test": table(tmp_path / "e.jsonl", texts[50:])},
                        "training": {"steps": 3, "batch_size": 8, "precision": "fp32"}}), tmp_path, quiet=True)
    labels = ["ab"[i % 2] for i in range(60)]
    train = table(tmp_path / "c.jsonl", [f"{i} mill" for i in range(40)], label=labels)
    test = table(tmp_path / "d.jsonl", [leaked, *(f"plums {i}" for i in range(10))], label=labels)
    second = begin(read({"task": "text-classification", "run": "second", "data": {"train": train, "test": test},
                         "model": {"from": str(first.folder)}, "training": {"steps": 2, "batch_size": 4, "precision": "fp32"}}),
                   tmp_path, quiet=True)
    assert Asked(second).task.labels == ("a", "b")
    (found,) = [own for own in weigh(Case(Run.open(second.folder))).findings if own.code == "data/rows-that-ancestors-trained-on"]
    assert found.outcome == "issue" and found.details["runs"] == {"first": {"whole": 1, "part": 0}}
    assert [entry["run"] for entry in second.manifest()["ancestors"]] == ["first"]
