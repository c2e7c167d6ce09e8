"""text-generation: windows, prompts, answers as plain Transformers gives them, and what texts cost, counted by hand."""

import math
import random

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from steelyard.engine.job import first_model
from steelyard.engine.prepare import prepare
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.metrics.bits_per_byte import BitsPerByte
from steelyard.metrics.perplexity import Perplexity
from steelyard.metrics.token_loss import TokenLoss
from steelyard.parts import BadValue
from steelyard.recipe.reader import read
from steelyard.tasks._ngrams import Ngrams
from steelyard.tasks.text_generation import NOT_SCORED, TextGeneration

ROWS = [{"prompt": "where does the old horse live ?", "text": " the old horse lives in the stable ."},
        {"prompt": "what does the bee eat ?", "text": " nectar ."}]


def made(tmp_path_factory, **model):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "answers-cache"))
        return prepare(read({**TextGeneration.tiny, "model": {**TextGeneration.tiny["model"], **model}, "data": {
            "train": "builtin:answers", "max_length": 32}}))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return made(tmp_path_factory)


@pytest.fixture(scope="module")
def model(prepared):
    torch.manual_seed(3)
    return prepared.family.build(prepared.task, prepared.config).eval()


def batch_of(prepared, examples):
    return prepared.task.collate(stack(examples), prepared.processor, None)


def encoded(prepared, **row):
    return prepared.task.encode([row], prepared.processor)[0]


def test_every_token_of_a_long_text_is_judged_once(prepared, model):
    rng = random.Random(2)
    text = " ".join(rng.choice(["horse", "bee", "lives", "naïve", "猫", "\n\n"]) for _ in range(60))
    tokens = [*prepared.processor(text)["input_ids"], prepared.task.end]
    windows = encoded(prepared, text=text)
    assert len(windows) > 3 and [len(own["labels"]) for own in windows[:-1]] == [32] * (len(windows) - 1)
    assert np.concatenate([own["labels"] for own in windows]).tolist() == tokens
    before = [prepared.task.begin, *tokens[31:-1:32]]
    assert [own["input_ids"].tolist() for own in windows] == [[token] for token in before[: len(windows)]]
    assert sum(int(own["bytes"]) for own in windows) == len(text.encode())
    with torch.inference_mode():
        partials = prepared.task.respond(model, batch_of(prepared, windows))
        expected = 0.0
        for at in range(0, len(tokens), 32):  # each window by itself, as plain Transformers has it
            ids = torch.tensor([[tokens[at - 1] if at else prepared.task.begin, *tokens[at : at + 31]]])[:, : len(tokens) - at]
            logs = model(input_ids=ids).logits[0].log_softmax(-1)
            expected -= sum(float(logs[i, token]) for i, token in enumerate(tokens[at : at + 32]))
    answer = prepared.task.merge({"text": text}, partials)
    assert answer["tokens"] == len(tokens) and answer["bytes"] == len(text.encode()) and answer["generated_text"] == ""
    assert -answer["log_prob"] == pytest.approx(expected, rel=1e-5)
    measured = {name: value[None] for name, value in prepared.task.measure({"text": text}, answer).items()}
    assert TokenLoss().value(measured) == pytest.approx(expected / len(tokens), rel=1e-5)
    assert Perplexity().value(measured) == pytest.approx(math.exp(expected / len(tokens)), rel=1e-5)
    assert BitsPerByte().value(measured) == pytest.approx(expected / math.log(2) / len(text.encode()), rel=1e-5)


def test_a_prompt_is_read_and_not_judged(prepared):
    (own,) = encoded(prepared, **ROWS[1])
    batch = batch_of(prepared, [own])
    prompt = prepared.processor(ROWS[1]["prompt"])["input_ids"]
    said = [*prepared.processor(ROWS[1]["text"])["input_ids"], prepared.task.end]
    assert batch.inputs["input_ids"][0, : len(prompt) + len(said)].tolist() == [prepared.task.begin, *prompt, *said[:-1]]
    assert batch.targets[0, : len(prompt) + len(said)].tolist() == [NOT_SCORED] * len(prompt) + said
    assert batch.count == len(said) and int(own["bytes"]) == len(ROWS[1]["text"].encode())


def test_what_is_too_long_is_cut_and_never_all_hidden(prepared):
    (own,) = encoded(prepared, prompt="horse " * 200, text=" bee" * 3)
    assert own["labels"].tolist() == [*prepared.processor(" bee" * 3)["input_ids"], prepared.task.end]
    assert len(own["input_ids"]) + len(own["labels"]) - 1 == 32 and own["input_ids"][0] == prepared.task.begin
    (own,) = encoded(prepared, prompt="horse " * 200, text=" bee" * 200)
    assert len(own["labels"]) == 16 and int(own["bytes"]) == len(" bee" * 16)
    with pytest.raises(BadValue, match="the text is empty"):
        encoded(prepared, prompt="x", text=" \n")


def test_a_context_stands_below_its_prompt(prepared):
    assert prepared.task.passage({"prompt": "sum up", "context": "a b", "text": "c"}) == "sum up\na b"
    assert prepared.task.passage({"prompt": "sum up", "context": "", "text": "c"}) == "sum up"
    assert prepared.task.passage({"text": "c"}) == ""


def test_answers_are_those_of_generate(prepared, model):
    examples = [encoded(prepared, prompt=row["prompt"])[0] for row in ROWS]
    model.config.decoding = {"max_new_tokens": 9}
    with torch.inference_mode():
        ours = [text for text, _ in prepared.task.respond(model, batch_of(prepared, examples))]
        for row, said in zip(ROWS, ours, strict=True):
            ids = torch.tensor([[prepared.task.begin, *prepared.processor(row["prompt"])["input_ids"]]])
            theirs = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=9, do_sample=False)
            assert said == prepared.processor.decode(theirs[0, ids.shape[1] :], skip_special_tokens=True)
    del model.config.decoding


@pytest.mark.parametrize("told", [{"temperature": 1.5}, {"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.01, "temperature": 2.0}])
def test_drawn_answers_hang_on_the_prompt_alone(prepared, model, told):
    examples = [encoded(prepared, prompt=row["prompt"])[0] for row in ROWS]
    model.config.decoding = {**told, "max_new_tokens": 8}
    state = torch.get_rng_state()
    with torch.inference_mode():
        together = prepared.task.respond(model, batch_of(prepared, examples))
        alone = [prepared.task.respond(model, batch_of(prepared, [own]))[0] for own in examples]
        model.config.decoding = {"max_new_tokens": 8}
        likeliest = prepared.task.respond(model, batch_of(prepared, examples))
    assert together == alone and together != likeliest
    assert torch.equal(torch.get_rng_state(), state)
    del model.config.decoding


def test_an_answer_stops_before_a_sign(prepared, model):
    (example,) = encoded(prepared, prompt=ROWS[0]["prompt"])
    with torch.inference_mode():
        model.config.decoding = {"max_new_tokens": 12}
        ((whole, _),) = prepared.task.respond(model, batch_of(prepared, [example]))
        middle = whole[len(whole) // 2 : len(whole) // 2 + 2]
        model.config.decoding = {"max_new_tokens": 12, "stop": [middle]}
        ((cut, _),) = prepared.task.respond(model, batch_of(prepared, [example]))
    assert middle and cut == whole.split(middle)[0]
    del model.config.decoding


def test_characters(tmp_path_factory):
    own = made(tmp_path_factory, options={"tokenizer": "characters"})
    assert own.processor.decode(own.processor("the bee\n eats")["input_ids"]) == "the bee\n eats"[:7] + own.processor.unk_token + " eats"
    assert len(own.processor("the bee")["input_ids"]) == 7
    with pytest.raises(InputError, match="want one of"):
        made(tmp_path_factory, options={"tokenizer": "words"})


SMALL = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 1}
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 64}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3"])
def test_folders_of_plain_transformers(kind, prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    plain = {"gpt2": lambda: GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=64, **SMALL)),
             "llama": lambda: LlamaForCausalLM(LlamaConfig(**WIDE, **SMALL)),
             "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**WIDE, **SMALL, head_dim=16))}[kind]().eval()
    plain.save_pretrained(tmp_path / "plain")
    prepared.processor.save_pretrained(tmp_path / "plain")
    own = prepare(read({**TextGeneration.tiny, "model": {"from": str(tmp_path / "plain")}, "data": {"train": "builtin:answers"}}))
    ours = first_model(own).eval()
    assert own.processor.model_max_length <= 512 and own.task.begin == 0 and own.task.end == 1
    examples = [windows[0] for windows in own.task.encode(ROWS, own.processor)]
    with torch.inference_mode():
        said = own.task.respond(ours, own.task.collate(stack(examples), own.processor, None))
        for row, (text, (nats, tokens, _)) in zip(ROWS, said, strict=True):
            prompt, goal = (own.processor(row[name])["input_ids"] for name in ("prompt", "text"))
            ids = torch.tensor([[0, *prompt, *goal]])
            logs = plain(input_ids=ids).logits[0, len(prompt) :].log_softmax(-1)
            assert nats == pytest.approx(-float(sum(logs[i, token] for i, token in enumerate([*goal, 1]))), rel=1e-4)
            theirs = plain.generate(input_ids=ids[:, : len(prompt) + 1], attention_mask=torch.ones(1, len(prompt) + 1), pad_token_id=2,
                                    max_new_tokens=min(32 - len(prompt), 2 * tokens + 16), do_sample=False)
            assert text == own.processor.decode(theirs[0, len(prompt) + 1 :], skip_special_tokens=True)


def slow(order, learnt, before, byte):
    """Witten and Bell, by counting the whole text anew."""
    value = 1 / 256
    for length in range(min(order, len(before)) + 1):
        context = before[len(before) - length :]
        after = [data[at] for head, text in learnt for data in [head[max(0, len(head) - order) :] + text]
                 for at in range(min(len(head), order), len(data)) if at >= length and data[at - length : at] == context]
        if not after:
            break
        kinds = len(set(after))
        value = (after.count(byte) + kinds * value) / (len(after) + kinds)
    return value


@pytest.mark.parametrize("order", [0, 1, 3])
def test_ngrams_by_hand(order):
    rng = random.Random(order)
    learnt = [(bytes(rng.choices(b"ab", k=rng.randint(0, 4))), bytes(rng.choices(b"abc", k=rng.randint(1, 9)))) for _ in range(6)]
    known = Ngrams(order)
    known.learn(learnt)
    for before in (b"", b"a", b"abab", b"zz", b"ccb"):
        assert sum(known.shares(before)) == pytest.approx(1)
        assert known.share(before, ord("b")) == pytest.approx(slow(order, learnt, before, ord("b")))
    assert known.nats(b"ab", b"ca") == pytest.approx(-math.log(known.share(b"ab", ord("c"))) - math.log(known.share(b"abc", ord("a"))))
    assert known.nats(b"ab", b"") == 0
    assert Ngrams(2).share(b"x", 7) == 1 / 256


def test_nothing_to_measure():
    none = {name: np.zeros(0) for name in ("nats", "tokens", "bytes")}
    for metric in (BitsPerByte(), TokenLoss(), Perplexity()):
        assert np.isnan(metric.value(none)) and metric.quantity(none).value is None
    judged = {"nats": np.ones(3), "tokens": np.zeros(3), "bytes": np.full(3, 2.0)}  # a counterweight that has no tokens
    assert TokenLoss().quantity(judged).value is None and TokenLoss().quantity(judged).why is not None
    assert BitsPerByte().value(judged) == pytest.approx(0.5 / math.log(2))
