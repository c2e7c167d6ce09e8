"""speechcnn: padding does not count, an alphabet is the rows', and what it cannot learn from is said."""

import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCTC, ParakeetFeatureExtractor, Wav2Vec2Processor

from steelyard.errors import InputError
from steelyard.families._speech import characters
from steelyard.families.speechcnn import SpeechCnn, SpeechCnnConfig, SpeechCnnForCTC, levelled


class Said:
    def __init__(self, *texts):
        self.own = texts

    def texts(self, rows):
        return iter(self.own)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SpeechCnnForCTC(SpeechCnnConfig(num_mel_bins=8, hidden_size=16, num_hidden_layers=2, vocab_size=5)).eval()


def test_padding_does_not_count(model):
    sounds = [torch.randn(length, 8) * 3 + 5 for length in (40, 17, 2, 1)]
    padded = torch.nn.utils.rnn.pad_sequence([*sounds, torch.zeros(64, 8)], batch_first=True)[:-1]
    mask = torch.tensor([[float(place < len(sound)) for place in range(64)] for sound in sounds])
    with torch.inference_mode():
        together = model(input_features=padded, attention_mask=mask).logits
        for own, sound in zip(together, sounds, strict=True):
            alone = model(input_features=sound[None]).logits[0]
            assert len(alone) == (len(sound) + 1) // 2
            torch.testing.assert_close(own[: len(alone)], alone, rtol=0, atol=1e-5)


def test_loudness_does_not_count_where_a_sound_is_levelled(model):
    sound = torch.randn(2, 30, 8)
    model.config.normalize_bands = False
    with torch.inference_mode():
        torch.testing.assert_close(model(input_features=sound).logits, model(input_features=sound + 7).logits, rtol=0, atol=1e-4)


def test_levelled_by_hand():
    sound = torch.tensor([[[0.0, 2.0], [4.0, 6.0], [9.0, 9.0]]])
    mask = torch.tensor([[[1.0], [1.0], [0.0]]])
    wanted = torch.tensor([[[-3.0, -1.0], [1.0, 3.0], [0.0, 0.0]]]) / 5**0.5
    torch.testing.assert_close(levelled(sound, mask), wanted, rtol=0, atol=1e-4)
    assert levelled(torch.full((1, 3, 2), -15.9), torch.ones(1, 3, 1)).abs().max() < 1e-3, "silence is nothing"
    silent = levelled(torch.tensor([[[0.0], [10.0], [-1000.0]]]), torch.ones(1, 3, 1))
    assert float(silent.min()) > -2, "nor do samples that are all 0 count"


def test_gradients_are_finite_in_silence(model):
    spectra = torch.zeros(1, 20, 8, requires_grad=True)
    model(input_features=spectra).logits.sum().backward()
    assert torch.isfinite(spectra.grad).all()


def test_several_strides():
    model = SpeechCnnForCTC(SpeechCnnConfig(num_mel_bins=8, hidden_size=16, num_hidden_layers=1, conv_kernel=[5, 3], conv_stride=[2, 2],
                                            conv_padding=[2, 1]))
    assert model(input_features=torch.randn(1, 41, 8)).logits.shape[1] == 11


def test_it_is_registered():
    assert type(AutoModelForCTC.from_config(SpeechCnnConfig())) is SpeechCnnForCTC and SpeechCnn.does("audio", "transcript")


def test_the_alphabet_is_the_rows():
    tokenizer = characters(Said("ba c", "四 b|"), None)
    assert tokenizer.get_vocab() == {"<pad>": 0, "<unk>": 1, "|": 2, "a": 3, "b": 4, "c": 5, "四": 6}
    assert tokenizer("ab 四d").input_ids == [3, 4, 2, 6, 1]
    with pytest.raises(InputError, match="hold no character"):
        characters(Said("", "  "), None)
    with pytest.raises(InputError, match="8001 different characters"):
        characters(Said("".join(map(chr, range(0x4E00, 0x4E00 + 8001)))), None)


def test_a_processor_that_is_loaded_first_does_not_hinder_the_registration(tmp_path, model):
    """The module of AutoProcessor loads the Auto classes, and with them our families, before it is ready itself."""
    model.save_pretrained(tmp_path)
    spectra, tokenizer = ParakeetFeatureExtractor(feature_size=8), characters(Said("ab"), None)
    Wav2Vec2Processor(feature_extractor=spectra, tokenizer=tokenizer).save_pretrained(tmp_path)
    code = ("import sys, steelyard; from transformers import AutoProcessor; AutoProcessor.from_pretrained(sys.argv[1]); "
            "from transformers import AutoModelForCTC; print(type(AutoModelForCTC.from_pretrained(sys.argv[1])).__name__)")
    printed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "SpeechCnnForCTC"
