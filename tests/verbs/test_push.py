"""push, and the way back: a fine-tuned encoder goes to the stand-in Hub and comes home with the same answers."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hub_server import Hub

import steelyard
from steelyard.run import Run

ROWS = "text,label\n" + "".join(f"the {word} {animal} number {number},{label}\n" for number in range(12) for animal in ("cat", "dog", "hen")
                                for word, label in (("good", "praise"), ("bad", "blame")))
RECIPE = "task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\ntraining: {epochs: 2}\n"
TEXTS = ["the good cat", "a bad dog", "nothing of that", "好猫"]
SENT = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def command(environment: Mapping[str, str], *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "steelyard", *words], cwd=folder, env={**os.environ, **environment}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of a small encoder, runs/praise."""
    folder = tmp_path_factory.mktemp("push")
    (folder / "rows.csv").write_text(ROWS)
    (folder / "praise.yaml").write_text(RECIPE)
    here = Path.cwd()
    os.chdir(folder)
    try:
        run = steelyard.train("praise.yaml", quiet=True)
        steelyard.weigh(run, only=["quality"], quiet=True)
    finally:
        os.chdir(here)
    return folder


def test_there_and_back(hub: Hub, work: Path, tmp_path: Path) -> None:
    own = Run.open(work / "runs" / "praise")
    words = ["push", str(own.folder), "alice/praise", "--yes", "--json"]
    sent = command(hub.environment(tmp_path / "home", "hf_of_alice"), *words, folder=work)
    assert sent.returncode == 0, sent.stderr
    told = json.loads(sent.stdout)
    there = hub.repo("alice/praise")
    assert there.private and told["private"] and told["commit"] == there.refs["main"]
    assert set(there.commits[told["commit"]]) - {".gitattributes"} == SENT == {file["name"] for file in told["files"]}
    assert told["url"] == f"{hub.url}/alice/praise/tree/main"

    (tmp_path / "judge.yaml").write_text("task: text-classification\ndata: {test: %s}\nmodel: {from: alice/praise}\ntraining: none\n"
                                         % (work / "rows.csv"))
    back = command(hub.environment(tmp_path / "empty", "hf_of_alice"), "weigh", "judge.yaml", "--only", "quality", folder=tmp_path)
    assert back.returncode == 0, back.stderr
    copy = Run.open(tmp_path / "runs" / "judge")
    assert copy.manifest()["model"]["from"] == "hub:alice/praise" and copy.manifest()["model"]["revision"] == told["commit"]
    assert copy.manifest()["model"]["sha256"] == own.manifest()["model"]["sha256"]
    assert f"revision: {told['commit']}" in copy.recipe_file.read_text()
    assert list(steelyard.predict(copy, TEXTS)) == list(steelyard.predict(own, TEXTS))
    assert "base_model: alice/praise" in copy.card_file.read_text()


def test_nothing_of_the_rows_is_sent(hub: Hub, work: Path, tmp_path: Path) -> None:
    """Neither files beside the model, nor a row in the card."""
    run = work / "runs" / "praise"
    (run / "model" / "notes.txt").write_text("the good cat number 3")
    done = command(hub.environment(tmp_path, "hf_of_alice"), "push", str(run), "alice/praise", "--public", "--yes", folder=work)
    assert done.returncode == 0, done.stderr
    files = hub.repo("alice/praise").commits[hub.repo("alice/praise").refs["main"]]
    assert set(files) - {".gitattributes"} == SENT and not hub.repo("alice/praise").private
    card = files["README.md"].decode()
    assert not [line for line in ROWS.splitlines()[1:] if line.rpartition(",")[0] in card]
    assert str(work) not in card and "stay here" in done.stderr and "public" in done.stderr


def test_it_is_asked_on_a_terminal(hub: Hub, work: Path, tmp_path: Path) -> None:
    """What goes where is said first; "n" sends nothing, "y" sends; without a terminal --yes is wanted."""
    environment = {**os.environ, **hub.environment(tmp_path, "hf_of_alice")}
    words = [sys.executable, "-m", "steelyard", "push", str(work / "runs" / "praise"), "alice/praise", "--revision", "trial"]
    for answer, commits in ((b"n\n", 0), (b"y\n", 1)):
        master, slave = pty.openpty()
        os.write(master, answer)
        done = subprocess.run(words, env=environment, stdin=slave, capture_output=True, text=True, timeout=120)
        os.close(master)
        os.close(slave)
        assert done.returncode == 0, done.stderr
        assert "model.safetensors" in done.stderr and "private" in done.stderr and "[y/N]" in done.stderr
        assert sum("/commit/" in path for path in hub.paths("POST")) == commits
    assert "model.safetensors" in hub.repo("alice/praise").commits[hub.repo("alice/praise").refs["trial"]]
    refused = command(environment, "push", str(work / "runs" / "praise"), "alice/other", folder=work)
    assert refused.returncode == 2 and "--yes" in refused.stderr.splitlines()[-1]
    assert ("models", "alice/other") not in hub.repos


def test_weights_that_would_be_mixed_up_go(hub: Hub, work: Path, tmp_path: Path) -> None:
    hub.commit("alice/praise", {"model.safetensors.index.json": b"{}", "model-00001-of-00001.safetensors": b"1", "figure.png": b"1"})
    hub.repo("alice/praise").private = True
    done = command(hub.environment(tmp_path, "hf_of_alice"), "push", str(work / "runs" / "praise"), "alice/praise", "--yes", folder=work)
    assert done.returncode == 0 and "model-00001-of-00001.safetensors" in done.stderr
    assert set(hub.repo("alice/praise").commits[hub.repo("alice/praise").refs["main"]]) == SENT | {"figure.png"}


def test_one_sentence_each(hub: Hub, work: Path, tmp_path: Path) -> None:
    """What can be wrong with a push, in both languages; nothing is sent."""
    run = str(work / "runs" / "praise")
    hub.commit("alice/open", {"a": b"1"})
    good, home = hub.environment(tmp_path, "hf_of_alice"), hub.environment(tmp_path)
    cases: list[tuple[dict[str, str], list[str], int, str]] = [
        (home, [run, "alice/x"], 2, "hf auth login"),
        ({**home, "HF_TOKEN": "hf_wrong"}, [run, "alice/x"], 2, "settings/tokens"),
        (good, [run, "bob/x", "--yes"], 2, "bob/x"),
        (good, [run, "alice/open"], 2, "--public"),
        (good, [run, "alice"], 2, "OWNER/NAME"),
        ({**good, "HF_HUB_OFFLINE": "1"}, [run, "alice/x"], 2, "HF_HUB_OFFLINE"),
        (good, [str(work), "alice/x"], 2, "run.json"),
        (good, [run, "alice/x", "--public", "--private"], 2, "--private"),
    ]
    for number, (environment, words, code, word) in enumerate(cases):
        language = "zh" if number % 2 else "en"
        done = command({**environment, "STEELYARD_LANG": language}, "push", *words, folder=work)
        assert done.returncode == code, (words, done.stderr)
        assert word in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr and done.stdout == "", done.stderr
        assert (language == "zh") == any("\u4e00" <= letter <= "\u9fff" for letter in done.stderr.splitlines()[-1])
    assert not [path for path in hub.paths("POST") if "/commit/" in path] and not hub.paths("PUT")


def test_a_run_that_is_not_whole(hub: Hub, work: Path, tmp_path: Path) -> None:
    """Not finished, without a card, with other weights than were weighed: nothing is asked of the Hub."""
    import shutil

    for number, (change, word) in enumerate(((lambda r: r.update({"state": "training"}), "not finished"),
                                             (lambda r: r.card_file.unlink(), "no card"),
                                             (lambda r: r.update({"model": {"sha256": "sha256:0"}}), "not those"))):
        run = Run(Path(shutil.copytree(work / "runs" / "praise", tmp_path / str(number))))
        change(run)
        with pytest.raises(steelyard.InputError, match=word):
            steelyard.push(run, "alice/x")
    assert not hub.requests


def test_the_hub_fails_while_sending(hub: Hub, work: Path, tmp_path: Path) -> None:
    """Faults of each step of an upload end in one sentence and exit code 4."""
    run = str(work / "runs" / "praise")
    for number, (path, method) in enumerate(((r"/api/repos/create", "POST"), (r"/commit/", "POST"))):
        hub.fault("500", path, method)
        done = command(hub.environment(tmp_path, "hf_of_alice"), "push", run, f"alice/x{number}", "--yes", folder=work)
        assert done.returncode == 4 and "500" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr, done.stderr
