"""Hostile runs and checkpoints: folders that somebody hands on, whose hashes fit where that helps the attack."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.corpus import CODE, SECRET, Artefact, Pickled, checkpoint, edited, run

EVIL = pickle.dumps(Pickled())
RESUME, DOCTOR, PREDICT = ("train", "--resume", "run"), ("doctor", "run"), ("predict", "run", "some words")
WEIGH, GATE, EXPLAIN = ("weigh", "run", "--only", "cost"), ("gate", "run", "--gate", "quality.accuracy >= 0"), ("explain", "run", "words")
INSPECT = ("inspect", "run")
REACHES = "{a.__init__.__globals__[os].environ[HF_TOKEN]}{a.__class__.__mro__}"
WIDE = "{a:>9999999999}"
Change = Callable[[Path], object]


def step(name: str, says: str, change: Change, words: tuple[str, ...] = RESUME, codes: tuple[int, ...] = (2, 4),
         signed: bool = True, owed: str = "") -> Artefact:
    return Artefact(name, lambda here, base: checkpoint(here, base, change, signed), words, says, codes, ("run",), owed)


def whole(name: str, says: str, change: Change, words: tuple[str, ...], codes: tuple[int, ...] = (2,), **more: Any) -> Artefact:
    return Artefact(name, lambda here, base: change(run(here, base)), words, says, codes, ("run",), **more)


def state(**keys: Any) -> Change:
    return lambda folder: edited(folder, "state.json", **keys)


def content(name: str, data: bytes | str) -> Change:
    return lambda folder: (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def manifest(**keys: Any) -> Change:
    return lambda folder: edited(folder, "run.json", **keys)


def listed(name: str) -> Change:
    """A MANIFEST that names a file elsewhere."""
    return lambda folder: edited(folder, "MANIFEST.json", **{name: "0" * 64})


def best_elsewhere(folder: Path) -> None:
    edited(folder, "state.json", best={"folder": "../../../../etc", "manifest": "0" * 64})


def linked(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        place = folder / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        place.symlink_to(target)
    return change


def pipe(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    return change


def sentence(template: str) -> Change:
    """An evidence document whose sentence reaches for what it should not."""
    def change(folder: Path) -> None:
        inner = {"template": "x", "values": {}}
        said = {"text": "x", "template": template, "values": {"a": inner}}
        edited(folder / "evidence" / "test", "quality.json", refused=said)
        finding = {"code": "data/x", "outcome": "issue", "why": said, "rows": ["<script>canary()</script>"]}
        edited(folder / "evidence" / "test", "quality.json", findings=[finding])
    return change


def silent(here: Path, said: str) -> None:
    """Nothing of the environment in any page, and no markup of a row."""
    for page in here.glob("run/*.html"):
        text = page.read_text(encoding="utf-8")
        assert SECRET not in text and "<script>canary" not in text and "__mro__" not in text.replace(REACHES, "").replace("{a.__", ""), page


def unpacked(name: str) -> Change:
    """Files of code and pickles in the model's folder."""
    def change(folder: Path) -> None:
        (folder / "model" / name).write_bytes(EVIL if name.endswith((".bin", ".pt")) else CODE.encode())
    return change


RUNS = [
    step("a checkpoint that is a pickle", "", content("model.safetensors", EVIL), codes=(0,)),
    step("an optimizer that is a pickle", "", content("optimizer.safetensors", EVIL), DOCTOR, codes=(0, 2)),
    step("a pickle beside a checkpoint", "", content("optimizer.pt", EVIL), DOCTOR, codes=(0, 2)),
    step("a MANIFEST that points up", "", listed("../../run.json"), codes=(0,), signed=False),
    step("a MANIFEST that points away", "", listed("/etc/passwd"), DOCTOR, signed=False),
    step("a MANIFEST of another hash", "", listed("model.safetensors"), DOCTOR, signed=False),
    step("a MANIFEST that is a list", "", content("MANIFEST.json", "[1]"), DOCTOR, signed=False),
    step("a MANIFEST of many levels", "", content("MANIFEST.json", "[" * 100_000), DOCTOR, signed=False),
    step("a state of NaN", "", state(step=float("nan")), DOCTOR),
    step("a state of 10**400 steps", "", state(step=10**400), DOCTOR),
    step("a state of many levels", "", content("state.json", "[" * 100_000), DOCTOR),
    step("a state that is a list", "", content("state.json", "[]"), DOCTOR),
    step("a state of text", "", state(step="../../x"), codes=(0,)),
    step("a state whose best lies elsewhere", "", best_elsewhere, codes=(0,)),
    step("a state without keys", "", content("state.json", '{"step": 1, "best": null}'), DOCTOR, codes=(0, 2)),
    step("a checkpoint's weights are a pipe", "", pipe("model.safetensors"), DOCTOR, signed=False),
    step("a pickle, asked of the doctor", "", content("model.safetensors", EVIL), DOCTOR, signed=False),
    whole("run.json is a list", "damaged", content("run.json", "[]"), DOCTOR),
    whole("run.json of many levels", "damaged", content("run.json", '{"a":' * 100_000), PREDICT),
    whole("run.json is a pickle", "damaged", content("run.json", EVIL), PREDICT),
    whole("run.json is a pipe", "", pipe("run.json"), PREDICT),
    whole("run.json says next to nothing", "", content("run.json", '{"format": 1}'), PREDICT),
    whole("the same, asked of the doctor", "", content("run.json", '{"format": 1}'), DOCTOR, (0, 2)),
    whole("the same, judged", "", content("run.json", '{"format": 1}'), WEIGH),
    whole("the same, resumed", "", content("run.json", '{"format": 1, "state": "training"}'), RESUME),
    whole("run.json whose parts are of other kinds", "", manifest(model=[], data="x", versions=3, task_state=None), WEIGH),
    whole("the same, answering", "", manifest(model=[], data="x", versions=3, task_state=None), PREDICT),
    whole("a recipe with objects", "tags and objects", content("recipe.yaml", "task: !!python/object/apply:os.system ['canary']\n"), WEIGH),
    whole("a recipe that names a device", "", content("recipe.yaml", "task: text-classification\ndata: {train: /dev/zero}\n"),
          INSPECT, (0, 2)),
    whole("evidence that reaches for the environment", "", sentence(REACHES), WEIGH, (0,), check=silent),
    whole("evidence that is 10 GB wide", "", sentence(WIDE), WEIGH, (0,), check=silent),
    whole("evidence that is a list", "", content("evidence/test/quality.json", "[]"), GATE),
    whole("evidence of many levels", "", content("evidence/test/quality.json", "[" * 100_000), GATE),
    whole("evidence without quantities", "", content("evidence/test/quality.json", '{"evidence": "quality", "of": {}}'), GATE),
    whole("evidence that is a pipe", "", pipe("evidence/test/quality.json"), GATE),
    whole("code beside the model", "", unpacked("modeling_bert.py"), PREDICT, (0, 2)),
    whole("a pickle beside the model", "", unpacked("pytorch_model.bin"), PREDICT, (0, 2)),
    whole("the model is a link out", "", linked("model", "/etc"), PREDICT),
    whole("the model asks for code", "", lambda r: edited(r / "model", "config.json", auto_map={"AutoModel": "canary.X"}), PREDICT),
    whole("the model's weights are a pickle", "", content("model/model.safetensors", EVIL), PREDICT),
    whole("the tokenizer is of another kind", "", content("model/tokenizer.json", "[]"), PREDICT),
    whole("the task's labels are no labels", "", content("model/task.json", '{"labels": {"a": 1}}'), EXPLAIN, (0, 2)),
    whole("rows that are no rows", "", content("data/test.arrow", EVIL), ("weigh", "run", "--only", "quality")),
    whole("answers that are no answers", "", content("evidence/test/answers.parquet", EVIL), WEIGH, (0, 2)),
    whole("metrics that are none", "", content("logs/metrics.jsonl", "[" * 100_000 + "\n" + "\0" * 99), WEIGH, (0, 2)),
    Artefact("a run that is a file", lambda here, base: (here / "run").write_bytes(EVIL), DOCTOR, "", (2,)),
    Artefact("a run that is a link to itself", lambda here, base: (here / "run").symlink_to("run"), DOCTOR, "", (2,)),
]
