"""translation: aligned files, ends and beginnings of targets, answers as plain Transformers gives them, counts as sacrebleu's."""

import random

import numpy as np
import pytest
import torch

from steelyard.engine.prepare import prepare
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.math import ngrams
from steelyard.parts import BadValue, ReadOptions
from steelyard.recipe.reader import read
from steelyard.sources.aligned import Aligned
from steelyard.tasks.translation import Translation

WORDS = ["a", "man,", "in", "the", "red-shirt", "is", "3.5", "m", "tall", "&", '"big"', ".", "20-30", "Hunde", "&amp;", ";", "x1", "(y)"]
ROWS = [{"source": "the old cat sees the red dog .", "target": "mivo veka kanu rubo aspek ."}, {"source": "the dog .", "target": "kanu ."}]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "phrases-cache"))
        yield prepare(read(Translation.tiny))


@pytest.fixture(scope="module")
def model(prepared):
    torch.manual_seed(3)
    return prepared.family.build(prepared.task, prepared.config).eval()


def batch_of(prepared, rows):
    return prepared.task.collate(stack([own[0] for own in prepared.task.encode(rows, prepared.processor)]), prepared.processor, None)


def texts(rng):
    truth = [" ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 9))) for _ in range(rng.randint(1, 6))]
    said = [" ".join(word if rng.random() < 0.7 else rng.choice(WORDS) for word in text.split()) for text in truth]
    return truth, ["", *said[1:]] if rng.random() < 0.2 else said


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_parity_with_sacrebleu(name):
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    count, value = getattr(ngrams, f"{name}_counts"), getattr(ngrams, name)
    rng = random.Random(1)
    for _ in range(100):
        truth, said = texts(rng)
        sums = sum(count(*pair) for pair in zip(truth, said, strict=True))
        assert 100 * value(sums) == pytest.approx(getattr(sacrebleu, f"corpus_{name}")(said, [truth]).score, abs=1e-9)


def test_chinese_as_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    truth, said = "一个男人正在跑步abc 3.5。", "一个男人在，跑步abc 3.5。"
    theirs = sacrebleu.corpus_bleu([said], [[truth]], tokenize="zh").score
    assert 100 * ngrams.bleu(ngrams.bleu_counts(truth, said)) == pytest.approx(theirs, abs=1e-9)


def test_edges_of_the_counts():
    same = "ein Mann läuft schnell ."
    assert ngrams.bleu(ngrams.bleu_counts(same, same)) == 1 == ngrams.chrf(ngrams.chrf_counts(same, same))
    assert ngrams.bleu(ngrams.bleu_counts(same, "")) == 0 == ngrams.chrf(ngrams.chrf_counts(same, ""))
    assert np.isnan(ngrams.bleu(ngrams.bleu_counts("", same))) and np.isnan(ngrams.chrf(ngrams.chrf_counts("", same)))


def test_a_target_begins_and_ends_once(prepared):
    start, end = prepared.task.start, prepared.task.end
    tokens = prepared.task._tokens(ROWS[1]["target"], prepared.processor)
    assert tokens.count(end) == 1 and tokens[-1] == end
    own = batch_of(prepared, ROWS)
    assert own.inputs["decoder_input_ids"][:, 0].tolist() == [start, start]
    assert (own.inputs["decoder_input_ids"][:, 1] != start).all()
    assert own.count == int((own.targets >= 0).sum())


def test_a_tokenizer_that_writes_the_start_itself_does_not_double_it(prepared):
    class Doubling:
        model_max_length = 8

        def __call__(self, text_target, truncation):
            return {"input_ids": [5, 9, 9]}

    assert Translation(start=5, end=7)._tokens("x", Doubling()) == [9, 9, 7]


def test_an_empty_target_is_refused_and_a_long_one_cut(prepared):
    with pytest.raises(BadValue, match="the target is empty"):
        prepared.task.encode([{"source": "the dog .", "target": " \n"}], prepared.processor)
    long = {"source": "the dog . " * 400, "target": "kanu . " * 400}
    (example,), = prepared.task.encode([long], prepared.processor)
    most = prepared.processor.model_max_length
    assert len(example["input_ids"]) == len(example["labels"]) == most and example["labels"][-1] == prepared.task.end


def test_unknown_characters_are_written_back(prepared):
    text = "naïve 猫 🙂"
    assert prepared.processor.decode(prepared.processor(text)["input_ids"], skip_special_tokens=True).strip() == text


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_are_those_of_generate(prepared, model, beams):
    own = batch_of(prepared, ROWS)
    model.config.decoding = {"num_beams": beams, "max_new_tokens": 12}
    ours = prepared.task.respond(model, own)
    for row, said in zip(ROWS, ours, strict=True):
        ids = prepared.processor(row["source"], return_tensors="pt")
        theirs = model.generate(**ids, num_beams=beams, max_new_tokens=12, do_sample=False)
        assert said == prepared.processor.decode(theirs[0], skip_special_tokens=True).strip()
    del model.config.decoding


def written(folder, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)


def test_two_aligned_files(tmp_path):
    written(tmp_path, train_en=b"a dog\r\na cat \r\n", train_de=b"ein Hund\neine Katze\n", val_de=b"x\n")
    source = Aligned()
    assert source.accepts(tmp_path / "train.en") and source.accepts(tmp_path / "train.en.gz") and not source.accepts(tmp_path / "a.txt")
    assert source.beside(tmp_path / "train.en") == [tmp_path / "train.de"]
    found = [dict(record.values) for record in source.read(tmp_path / "train.en", ReadOptions())]
    assert found == [{"source": "a dog", "target": "ein Hund"}, {"source": "a cat", "target": "eine Katze"}]


def test_files_that_are_no_pair(tmp_path):
    written(tmp_path, train_en=b"a\nb\nc\n", train_de=b"x\ny\n", alone_en=b"a\n")
    with pytest.raises(InputError, match=r"has 3 lines and train\.de has 2"):
        list(Aligned().read(tmp_path / "train.en", ReadOptions()))
    with pytest.raises(InputError, match=r"such as alone\.de; there are 0"):
        list(Aligned().read(tmp_path / "alone.en", ReadOptions()))
    written(tmp_path, train_fr=b"x\n")
    with pytest.raises(InputError, match="there are 2"):
        list(Aligned().read(tmp_path / "train.en", ReadOptions()))
