"""automatic-speech-recognition: what it refuses, CTC by hand, times of words, models of other makers, one by one as in batches."""

import json

import numpy as np
import pytest
import torch
from huggingface_hub import AutomaticSpeechRecognitionOutput
from transformers import (
    AutoModelForCTC,
    AutoProcessor,
    HubertConfig,
    ParakeetCTCConfig,
    ParakeetFeatureExtractor,
    PreTrainedConfig,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Processor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from steelyard import catalog
from steelyard.engine.ask import Asked
from steelyard.engine.job import adopt
from steelyard.engine.prepare import prepare
from steelyard.engine.store import stack
from steelyard.errors import InputError
from steelyard.evidence.case import Case
from steelyard.math.sound import quantised
from steelyard.parts import Augment, BadValue, Key
from steelyard.recipe.reader import read
from steelyard.sources._tones import NOTES, rows
from steelyard.tasks._transcripts import spelled, timed
from steelyard.tasks.automatic_speech_recognition import IMPOSSIBLE, SpeechRecognition

pytest.importorskip("soundfile", reason="soundfile is an extra: pip install 'steelyard[audio]'")


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "speech-cache"))


def recipe(**changes):
    return read({**SpeechRecognition.tiny, "seed": 1, **changes})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_CACHE", str(tmp_path_factory.getbasetemp() / "speech-cache"))
        return prepare(recipe())


def samples(seconds, value=0.0):
    noise = np.random.default_rng(0).normal(0, value, int(16000 * seconds)) if value else np.zeros(int(16000 * seconds))
    return quantised(noise.astype(np.float32)).astype("<i2").tobytes()


def example(prepared, row):
    return prepared.task.encode([row], prepared.processor)[0][0]


def test_the_built_in_set_is_the_same_for_the_same_seed():
    one, two = list(rows(3, 5)), list(rows(3, 5))
    assert one == two and one != list(rows(4, 5))
    assert all(row["audio"][:4] == b"RIFF" and set(row["text"].split()) <= set(NOTES) for row in one)


def test_a_sound_too_short_for_its_text_is_refused(prepared):
    with pytest.raises(BadValue) as caught:
        example(prepared, {"audio": samples(0.1, 0.1), "text": "do re mi fa sol la"})
    assert "needs 18 frames and the sound has 5 (0.10 s)" in str(caught.value.sentence)
    assert example(prepared, {"audio": samples(0.1, 0.1)}).keys() == {"heard", "sound"}


@pytest.mark.parametrize("sound", [samples(1.0), samples(0.001), samples(0.0101, 0.2)])
def test_silence_and_hardly_anything_are_answered(prepared, sound):
    task = prepared.task
    heard = example(prepared, {"audio": sound, "text": ""})
    assert np.isfinite(heard["sound"]).all() and len(heard["sound"]) >= 8
    model = prepared.family.build(task, prepared.config).eval()
    batch = task.collate(stack([heard]), prepared.processor, None)
    with torch.inference_mode():
        outputs = model(**batch.inputs)
        assert torch.isfinite(task.log_prob(outputs, batch)).all() and torch.isfinite(task.loss(outputs, batch))
        assert isinstance(task.respond(model, batch)[0]["text"], str)
    assert batch.count == 1, "nothing to be written down counts as one"
    assert set(task.show({"audio": sound, "text": ""})) == {"image", "audio", "target"}


def test_a_character_outside_the_alphabet_is_an_error_that_counts(prepared):
    labels = example(prepared, {"audio": samples(1, 0.1), "text": "do 零"})["labels"]
    assert labels.tolist()[-1] == prepared.processor.tokenizer.unk_token_id
    measured = prepared.task.measure({"text": "do 零"}, {"text": "do", "chunks": []})
    assert measured["words"].tolist() == [1, 2] and measured["characters"].tolist() == [2, 4]


def test_what_is_measured_by_hand(prepared):
    measured = prepared.task.measure({"text": "Hello, wide  World!"}, {"text": "hello world", "chunks": []})
    assert {name: value.tolist() for name, value in measured.items()} == {
        "words": [3, 3], "characters": [9, 19], "plain_words": [1, 3], "plain_characters": [4, 14]}
    right = prepared.task.right({"words": np.array([[0, 3], [1, 4], [9, 3], [0, 0], [1, 0]])})
    assert right.tolist() == [1.0, 0.75, 0.0, 1.0, 0.0]


def test_words_and_their_times():
    pieces = ("", "\u2047", " ", "a", "b")
    said = spelled([3, 4, 2, 4, 4, 1], [(1, 2), (3, 5), (5, 6), (8, 9), (11, 13), (13, 14)], pieces, 0.02)
    assert said["text"] == "ab bb\u2047"
    assert said["chunks"] == [{"text": "ab", "timestamp": [0.02, 0.1]}, {"text": "bb\u2047", "timestamp": [0.16, 0.28]}]
    assert spelled([1, 2, 0], [(0, 1), (1, 2), (2, 3)], (" ", " the", "re", "x"), 1.0)["text"] == "there"
    assert spelled([], [], pieces, 1.0) == {"text": "", "chunks": []}
    assert spelled([2, 2, 3, 2], [(0, 1), (2, 3), (3, 4), (5, 6)], pieces, 1.0)["text"] == "a"


def test_answers_have_the_hub_s_form(prepared):
    answer = prepared.task.merge({}, [spelled([3], [(0, 2)], ("", "", " ", "a"), 0.02)])
    parsed = AutomaticSpeechRecognitionOutput.parse_obj_as_instance(json.loads(json.dumps(answer)))
    assert parsed.text == "a" and parsed.chunks[0].timestamp == [0.0, 0.04]


class Outputs:
    def __init__(self, logits):
        self.logits = logits


def test_log_prob_of_what_no_path_spells(prepared):
    task = prepared.task
    batch = task.collate(stack([example(prepared, {"audio": samples(0.1, 0.1)})] * 2), prepared.processor, None, ["do re mi fa", "do"])
    logs = task.log_prob(Outputs(torch.randn(2, 5, len(prepared.processor.tokenizer))), batch)
    assert float(logs[0]) == IMPOSSIBLE and IMPOSSIBLE < float(logs[1]) < 0
    even = Outputs(torch.zeros(2, 5, 20))
    assert float(task.loss(even, batch)) == pytest.approx(-float(task.log_prob(even, batch)[1]))


def test_augmented_sounds_follow_the_key_and_keep_frames_enough(prepared):
    task, store = prepared.task, prepared.stores["train"]
    examples = store.take(torch.arange(12))
    batch = task.collate(examples, prepared.processor, Key(0))
    how = Augment(spec_augment=True, speed=0.5)
    once, again, other = (task.augment(batch, examples.numbers, how, Key(0, 1, step)) for step in (5, 5, 6))
    name = "input_features"
    assert torch.equal(once.inputs[name], again.inputs[name]) and not torch.equal(once.extra["heard"], other.extra["heard"])
    half = task.augment(task.collate(store.take(torch.arange(6, 12)), prepared.processor, Key(0)), examples.numbers[6:], how, Key(0, 1, 5))
    width = min(half.inputs[name].shape[1], once.inputs[name].shape[1])
    assert torch.equal(half.inputs[name][:, :width], once.inputs[name][6:, :width]), "whoever the batch mates are"
    assert once.inputs["attention_mask"].sum(dim=1).tolist() == once.extra["heard"].tolist()
    tight = task.collate(stack([example(prepared, {"audio": samples(0.2, 0.1), "text": "do mi sol"})] * 4), prepared.processor, Key(0))
    assert (task.augment(tight, torch.arange(4), how, Key(0)).extra["lengths"] >= 9).all()


def test_beams_answer_as_well(prepared):
    told = prepare(recipe(decoding={"num_beams": 4}))
    assert told.config.decoding == {"num_beams": 4}
    model = told.family.build(told.task, told.config).eval()
    batch = told.task.collate(stack([example(told, row) for row in list(told.dataset.rows["test"])[:3]]), told.processor, None)
    with torch.inference_mode():
        said = told.task.respond(model, batch)
    assert len(said) == 3 and all(chunk["timestamp"][0] < chunk["timestamp"][1] for one in said for chunk in one["chunks"])
    with pytest.raises(InputError, match="temperature"):
        prepare(recipe(decoding={"temperature": 0.5}))


# ---------------------------------------------------------------- models of other makers

LETTERS = sorted(set("".join(NOTES)))


def characters(folder):
    names = ["<pad>", "<unk>", "|", *LETTERS]
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    return Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), unk_token="<unk>", pad_token="<pad>", bos_token=None, eos_token=None)


def ctc(kind):
    def make(folder):
        tokenizer = characters(folder)
        small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        if kind == "parakeet":
            config = ParakeetCTCConfig(vocab_size=len(tokenizer), pad_token_id=0, encoder_config={
                **small, "subsampling_factor": 4, "subsampling_conv_channels": 8, "num_mel_bins": 40, "conv_kernel_size": 3})
            extractor = ParakeetFeatureExtractor(feature_size=40)
        else:
            layers = {"conv_dim": (16, 16, 16), "conv_kernel": (10, 8, 4), "conv_stride": (5, 8, 4), "num_conv_pos_embeddings": 4,
                      "num_conv_pos_embedding_groups": 2, "num_feat_extract_layers": 3}
            whole = kind == "wav2vec2"
            made = HubertConfig if kind == "hubert" else Wav2Vec2Config
            config = made(vocab_size=len(tokenizer), pad_token_id=0, **small, **layers, feat_extract_norm="layer" if whole else "group",
                          do_stable_layer_norm=whole, mask_time_prob=0.5, apply_spec_augment=True)
            extractor = Wav2Vec2FeatureExtractor(return_attention_mask=whole)
        torch.manual_seed(0)
        AutoModelForCTC.from_config(config).save_pretrained(folder)
        Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    return make


def whisper(folder):
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|translate|>", "<|notimestamps|>"]
    vocabulary = {token: number for number, token in enumerate([*LETTERS, "\u0120", *special])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[], unk_token=special[0], bos_token=special[0], eos_token=special[0],
                                 pad_token=special[0], additional_special_tokens=special[1:])
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    config = WhisperConfig(vocab_size=len(tokenizer), num_mel_bins=80, d_model=16, encoder_layers=1, decoder_layers=1, pad_token_id=end,
                           encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, bos_token_id=end,
                           max_target_positions=24, eos_token_id=end, decoder_start_token_id=start, suppress_tokens=None,
                           begin_suppress_tokens=None)
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    model.generation_config.update(max_length=20, suppress_tokens=None, begin_suppress_tokens=None, is_multilingual=False,
                                   no_timestamps_token_id=vocabulary["<|notimestamps|>"])
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)


KINDS = {"wav2vec2": ctc("wav2vec2"), "hubert": ctc("hubert"), "parakeet": ctc("parakeet"), "whisper": whisper}


@pytest.fixture(params=KINDS)
def folder(request, tmp_path):
    place = tmp_path / "model"
    place.mkdir()
    KINDS[request.param](place)
    return place


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    place = tmp_path_factory.mktemp("few")
    made = list(rows(0, 24))
    for number, row in enumerate(made):
        (place / f"{number}.wav").write_bytes(row["audio"])
    (place / "metadata.csv").write_text("file_name,text\n" + "".join(f"{number}.wav,{row['text']}\n" for number, row in enumerate(made)))
    return str(place)


@pytest.fixture
def brought(folder, few):
    return prepare(recipe(model={"from": str(folder)}, training={"steps": 1, "batch_size": 4}, data={"train": few, "test": "30%"}))


def test_other_makers_models_are_trained_and_asked(brought):
    task = brought.task
    rows = list(brought.dataset.rows["test"])[:4]
    model = brought.family.start(task, brought.config)
    examples = [example(brought, row) for row in rows]
    batch = task.collate(stack(examples), brought.processor, Key(0))
    outputs = model.train()(**batch.inputs)
    assert not task.most or batch.targets.shape[1] <= task.most
    if not task.most:
        assert outputs.logits.shape[1] == int(task.frames(torch.tensor([next(iter(batch.inputs.values())).shape[1]]))[0])
    loss = task.loss(outputs, batch)
    loss.backward()
    assert torch.isfinite(loss) and loss > 0
    assert not PreTrainedConfig.to_dict(brought.config).get("apply_spec_augment"), "nothing is drawn but from keys"
    model.eval()
    with torch.inference_mode():
        together = task.respond(model, task.collate(stack(examples), brought.processor, None))
        alone = [task.respond(model, task.collate(stack([one]), brought.processor, None))[0] for one in examples]
        features = task.features(model(**batch.inputs, output_hidden_states=True), batch)
    assert together == alone
    assert features.shape[0] == 4 and torch.isfinite(features).all()
    varied = task.augment(batch, torch.arange(4), Augment(spec_augment=True, speed=0.2), Key(0))
    assert torch.isfinite(task.loss(model(**varied.inputs), varied))


def test_other_makers_models_are_explained(brought):
    from steelyard.engine.answer import ModelDoor

    task, row = brought.task, brought.dataset.rows["test"][0]
    one = example(brought, row)
    door = ModelDoor(brought.family.start(task, brought.config), brought.family, task, brought.processor)
    units = task.units(row, one, brought.processor)
    for name in catalog.names("explainers"):
        scores = catalog.load("explainers", name, "test")().explain(door, one, units, "do")
        assert scores.shape == (20,) and np.isfinite(scores).all()
    for way in task.ways:
        hidden = task.hide(one, units, np.ones(20, dtype=bool), way, brought.processor)
        assert np.isfinite(door.log_prob([one, hidden], ["do", "do"])).all()


def test_the_answers_are_plain_transformers_own(tmp_path, few):
    (place := tmp_path / "model").mkdir()
    KINDS["wav2vec2"](place)
    run = adopt(recipe(model={"from": str(place)}, training="none", data={"test": few}), tmp_path)
    asked = Asked(run)
    row = Case(run).rows[0]
    model, processor = AutoModelForCTC.from_pretrained(place).eval(), AutoProcessor.from_pretrained(place)
    wave = np.frombuffer(row["audio"], dtype="<i2") / 32768
    with torch.inference_mode():
        logits = model(**processor(wave, sampling_rate=16000, return_tensors="pt")).logits
    assert asked.answers([row])[0]["text"] == processor.decode(logits[0].argmax(dim=-1)).strip().replace("<unk>", "\u2047")


def test_a_model_without_an_alphabet_learns_that_of_the_rows(tmp_path, few):
    (made := tmp_path / "made").mkdir()
    KINDS["wav2vec2"](made)
    place = tmp_path / "model"
    AutoModelForCTC.from_pretrained(made).wav2vec2.save_pretrained(place)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(place)
    brought = prepare(recipe(model={"from": str(place)}, training={"steps": 1, "batch_size": 4}, data={"train": few, "test": "30%"}))
    tokenizer = brought.processor.tokenizer
    model = brought.family.start(brought.task, brought.config)
    assert model.lm_head.out_features == len(tokenizer) and set("do re mi".replace(" ", "|")) <= set(tokenizer.get_vocab())
    assert brought.family.fresh == ("lm_head.bias", "lm_head.weight")


def test_whisper_refuses_what_it_would_cut_off(tmp_path, few):
    (place := tmp_path / "model").mkdir()
    whisper(place)
    brought = prepare(recipe(model={"from": str(place)}, training={"steps": 1, "batch_size": 4}, data={"train": few, "test": "30%"}))
    with pytest.raises(BadValue, match="31 s"):
        example(brought, {"audio": samples(31, 0.1), "text": "do"})
    with pytest.raises(BadValue, match="writes 24 at most"):
        example(brought, {"audio": samples(1, 0.1), "text": "do " * 20})


def test_whisper_hears_long_sounds_in_windows_and_tells_when(tmp_path, few):
    (place := tmp_path / "model").mkdir()
    whisper(place)
    brought = prepare(recipe(model={"from": str(place)}, training={"steps": 1, "batch_size": 4}, data={"train": few, "test": "30%"}))
    task, long = brought.task, {"audio": samples(65, 0.1)}
    (own,) = task.encode([long], brought.processor)
    assert [int(one["heard"].sum()) for one in own] == [3000, 3000, 500]
    model = brought.family.start(task, brought.config).eval()
    batch = task.collate(stack(own), brought.processor, None)
    with torch.inference_mode():
        plain = task.respond(model, batch)
        model.generation_config.alignment_heads = [[0, 0]]
        told = task.respond(model, batch)
    assert [one["text"] for one in told] == [one["text"] for one in plain] and not any(one["chunks"] for one in plain)
    assert task.units(long, own[0], brought.processor).places[-1][2] == 30_000
    answer = task.merge(long, [{"text": "do re", "chunks": [{"text": "do", "timestamp": [1.0, 2.0]}], "lasts": 30.0},
                               {"text": "", "chunks": [], "lasts": 30.0},
                               {"text": "mi", "chunks": [{"text": "mi", "timestamp": [0.5, 1.0]}], "lasts": 30.0}])
    assert answer == {"text": "do re mi", "chunks": [{"text": "do", "timestamp": [1.0, 2.0]}, {"text": "mi", "timestamp": [60.5, 61.0]}]}


def test_words_of_whisper_and_their_times(tmp_path):
    (place := tmp_path / "model").mkdir()
    whisper(place)
    tokenizer = AutoProcessor.from_pretrained(place).tokenizer
    names = ["<|startoftranscript|>", "d", "o", "\u0120", "r", "e", "<|endoftext|>", "<|endoftext|>"]
    tokens = tokenizer.convert_tokens_to_ids(names)
    assert timed(tokens, [0.0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.9, 0.9], tokenizer) == [
        {"text": "do", "timestamp": [0.1, 0.4]}, {"text": "re", "timestamp": [0.4, 0.9]}]
    assert timed(tokens, [], tokenizer) == [] and timed([], [], tokenizer) == []
