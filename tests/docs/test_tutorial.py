"""The tutorial is run as it stands, command by command; and the page finds what was planted in the messages."""

import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.sources._messages import PLANTED

TUTORIAL = Path(__file__).resolve().parents[2] / "docs/tutorials/messages.md"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which the tutorial was followed, and what each command printed."""
    folder, text = tmp_path_factory.mktemp("tutorial"), TUTORIAL.read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (folder / "messages.yaml").write_text(recipe, encoding="utf-8")
    printed = {}
    for line in re.findall(r"^\$ steelyard (.*)$", text, re.MULTILINE):
        words = shlex.split(line)
        ran = subprocess.run([sys.executable, "-m", "steelyard", *words], cwd=folder, capture_output=True, text=True,
                             env={**os.environ, "STEELYARD_LANG": "en"}, check=False)
        assert ran.returncode == 0, f"steelyard {line}\n{ran.stderr}"
        printed[words[0]] = ran.stdout
    return folder, printed


@pytest.mark.long
def test_check_finds_what_was_planted_before_training(done):
    _, printed = done
    leaked = PLANTED["duplicates_exact"]["rows"] + PLANTED["duplicates_normalised"]["rows"]
    assert re.search(rf"issue +{leaked} of 762 test rows .* are also in train", printed["check"])
    assert re.search(rf'issue +the word "{PLANTED["giveaway"]["word"]}" stands in 9\d% of the rows labelled "returns"', printed["check"])
    assert re.search(rf"issue +{PLANTED['conflicts']['rows']} inputs stand under two labels", printed["check"])
    assert re.search(rf"issue +{PLANTED['empty']['rows']} of \d+ rows hold no letter or digit", printed["check"])
    assert re.search(r"issue .* labels look wrong", printed["check"])


@pytest.mark.long
def test_the_page_finds_what_was_planted(done):
    folder, printed = done
    page = html.unescape((folder / "runs/messages/report.html").read_text(encoding="utf-8"))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "70 of 762 test rows" in text and 'the word "rtn"' in text and "labels look wrong" in text
    assert re.search(r"region = islands: wrong in \d\d\.\d%", text)
    worst = json.loads((folder / "runs/messages/evidence/test/bias.json").read_text(encoding="utf-8"))["details"]["worst"]
    assert (worst["column"], worst["group"]) == (PLANTED["worse_region"]["column"], PLANTED["worse_region"]["group"])
    assert "rtn" in printed["train"].split("What do its answers depend on?")[1].split("\n")[0]


@pytest.mark.long
def test_the_commands_say_what_the_tutorial_says(done):
    _, printed = done
    assert "modelled" in printed["forecast"]
    assert "billing" in printed["predict"]
    assert "twice" in printed["explain"]
    assert "embeddings" in printed["inspect"]
    assert "holds: quality.accuracy >= 0.75" in printed["gate"]
