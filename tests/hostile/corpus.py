"""What a hostile artefact is, and the materials that the corpus is made of: a small good run, a model's folder, rows, recipes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEET = Path(__file__).with_name("meet.py")
SECRET = "hf_canarySecretOfTheCorpus0123456789"
TRAIN = ("train", "recipe.yaml", "--out", "runs")
CHECK = ("check", "recipe.yaml")
CODE = "import os\nos.system('touch canary-was-here')\ncanary = 1\n"
SMALL = ("training: {steps: 1, batch_size: 8, micro_batch: 8, threads: 1, precision: fp32, compile: false}\n"
         "evidence: {only: [quality], show_rows: true}\nrun: x\n")


class Pickled:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary-was-here",)


@dataclass(frozen=True)
class Artefact:
    """make     writes it into an empty folder, the command's own; `base` holds run/, a good one
    words    the command that meets it
    says     what the sentence must hold; "" where the artefact is met without a word
    codes    the exit codes that are right
    writes   what the command may write to within the folder
    owed     what does not hold yet, and where
    check    looks at what came out; raises AssertionError
    """

    name: str
    make: Callable[[Path, Path], object]
    words: Sequence[str]
    says: str = ""
    codes: tuple[int, ...] = (2,)
    writes: tuple[str, ...] = ("runs",)
    owed: str = ""
    check: Callable[[Path, str], object] = lambda folder, said: None


@dataclass(frozen=True)
class Met:
    """How the command ended, and what was seen of it."""

    code: int
    said: str
    seconds: float
    mib: int
    seen: list[str]


class Guard:
    """The process that meets artefacts, with a base run made by it."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None, hosts: Sequence[str] = ()) -> None:
        self.root, self.number, self.hosts = root, 0, list(hosts)
        for name in ("cache", "home", "tmp", "logs"):
            (root / name).mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false",
               "STEELYARD_CACHE": str(root / "cache"), "HF_HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "HF_TOKEN": SECRET,
               "HF_HUB_OFFLINE": "0", "STEELYARD_LANG": "en", **(environment or {})}
        self.process = subprocess.Popen([sys.executable, str(MEET)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the guard is dead"
        return json.loads(line)

    def meet(self, folder: Path, words: Sequence[str], writes: Sequence[str] = ("runs",)) -> Met:
        """Run one command in `folder`."""
        self.number += 1
        log = self.root / "logs" / f"{self.number}.log"
        assert self.process.stdin is not None
        told = {"words": list(words), "folder": str(folder), "log": str(log), "writes": list(writes), "hosts": self.hosts}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        return Met(said=log.read_text(encoding="utf-8", errors="replace"), **answer)

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def rows(here: Path, text: str = "a fine day number {i}, and words") -> None:
    """rows.csv: 60 rows of two labels."""
    lines = [f'"{text.format(i=i)}",{"good" if i % 2 else "bad"}' for i in range(60)]
    (here / "rows.csv").write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")


def recipe(here: Path, model: str = "{from: model}", train: str = "rows.csv", rest: str = SMALL, task: str = "text-classification") -> None:
    """recipe.yaml."""
    (here / "recipe.yaml").write_text(f"task: {task}\ndata: {{train: {json.dumps(train)}}}\nmodel: {model}\n{rest}", encoding="utf-8")


def base_run(guard: Guard, root: Path) -> Path:
    """A good run of a tiny BERT with one checkpoint; its folder is root/base/run, its data beside it."""
    here = root / "base"
    here.mkdir()
    rows(here)
    recipe(here, "{family: bert, size: tiny, options: {hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1}}")
    met = guard.meet(here, (*TRAIN[:2], "--out", "runs"))
    assert met.code == 0, met.said
    assert not met.seen, met.seen
    (here / "runs" / "x").rename(here / "run")
    return here


def model(here: Path, base: Path, files: Mapping[str, bytes | str | None] | None = None, rest: str = SMALL, **config: Any) -> Path:
    """model/, a good BERT with `config` over its config.json and `files` over its files; the rows and the recipe that start from it."""
    folder = here / "model"
    shutil.copytree(base / "run" / "model", folder)
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, **config}))
    for name, content in (files or {}).items():
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    rows(here)
    recipe(here, rest=rest)
    return folder


def edited(folder: Path, name: str, **keys: Any) -> None:
    """Put keys over those of a JSON document."""
    (folder / name).write_text(json.dumps({**json.loads((folder / name).read_text()), **keys}))


def run(here: Path, base: Path) -> Path:
    """A copy of the good run, its data beside it."""
    rows(here)
    shutil.copytree(base / "run", here / "run")
    text = (here / "run" / "recipe.yaml").read_text().replace(str(base), str(here))
    (here / "run" / "recipe.yaml").write_text(text)
    return here / "run"


def checkpoint(here: Path, base: Path, change: Callable[[Path], object], signed: bool = True) -> Path:
    """A copy of the run that was killed in training, its newest checkpoint changed; with a MANIFEST that fits where `signed`."""
    folder = run(here, base)
    edited(folder, "run.json", state="training")
    step = sorted((folder / "checkpoints").glob("step-*"))[-1]
    change(step)
    if signed:
        names = [path for path in sorted(step.iterdir()) if path.name != "MANIFEST.json" and path.is_file()]
        (step / "MANIFEST.json").write_text(json.dumps({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}))
    return step


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A file of that form; `length` is what it says of its header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def fresh(root: Path) -> Path:
    """An empty folder of its own."""
    return Path(tempfile.mkdtemp(dir=root))
