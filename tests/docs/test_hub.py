"""The page about the Hub is followed command by command, with the stand-in as the Hub; `hf auth login` by HF_TOKEN, as it says."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import Hub

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/hub.md"
ROWS = "text,label\n" + "".join(f"a {'good' if n % 2 else 'poor'} thing number {n},{'yes' if n % 2 else 'no'}\n" for n in range(60))


def encoder(folder: Path) -> Path:
    """A very small BERT with a tokenizer, as save_pretrained writes it."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "poor", "thing", "number"]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
                         max_position_embeddings=32)).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return folder


@pytest.mark.long
def test_the_page_is_followed(hub: Hub, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "reviews.yaml").write_text(recipe)
    (tmp_path / "reviews.csv").write_text(ROWS)
    commit = hub.commit("my-team/encoder", encoder(tmp_path / "encoder"))
    hub.repo("my-team/encoder").tags["v1"] = commit
    hub.users["hf_of_my_team"] = "my-team"
    environment = {**os.environ, **hub.environment(tmp_path / "home", "hf_of_my_team"), "STEELYARD_LANG": "en"}
    followed = []
    for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
        words = shlex.split(line)
        own = dict(environment)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            own[name] = value
        followed.append(words[0])
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            assert name in environment  # the stand-in's address is not the page's
        elif words[0] == "steelyard":
            master, slave = pty.openpty()
            os.write(master, b"y\n")  # for the push that asks
            done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, env=own, capture_output=True, text=True,
                                  stdin=slave, check=False)
            os.close(master)
            os.close(slave)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert words == ["hf", "auth", "login"], line
    assert followed.count("steelyard") == 5
    assert json.loads((tmp_path / "runs/reviews/run.json").read_text())["model"]["revision"] == commit
    there = hub.repo("my-team/reviews")
    assert there.private
    for branch in ("main", "trial"):
        assert "model.safetensors" in there.commits[there.refs[branch]]
