"""Every hostile artefact is met in one sentence, within 20 s and 2 GiB; nothing of it runs, connects, or lands elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.corpus import SECRET, Artefact, Guard, base_run, fresh
from hostile.corpus_models import MODELS
from hostile.corpus_recipes import RECIPES
from hostile.corpus_runs import RUNS
from hostile.corpus_tables import TABLES

CORPUS = {"model": MODELS, "run": RUNS, "data": TABLES, "recipe": RECIPES}
EVERY = 3  # of which one is met in `make test`; all of them in `make test-long`


def marks(number: int, artefact: Artefact) -> list[pytest.MarkDecorator]:
    return [pytest.mark.long] * (number % EVERY > 0) + [pytest.mark.xfail(reason=artefact.owed)] * bool(artefact.owed)


CASES = [pytest.param(kind, artefact, id=f"{kind}: {artefact.name}", marks=marks(number, artefact))
         for kind, artefacts in CORPUS.items() for number, artefact in enumerate(artefacts)]
MODULES_MIB = 700  # of what is loaded before the artefact is met


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guard, Path, Path]]:
    root = tmp_path_factory.mktemp("hostile")
    process = Guard(root)
    yield process, base_run(process, root), root
    process.close()


def assert_met(process: Guard, here: Path, artefact: Artefact) -> None:
    met = process.meet(here, artefact.words, artefact.writes)
    assert not met.seen, met.seen
    assert met.code in artefact.codes and "Traceback" not in met.said, f"{met.code}: {met.said[-2000:]}"
    assert artefact.says in met.said
    assert not met.code or met.said.strip(), "it ended without a word"
    assert met.mib < 2048 + MODULES_MIB
    assert SECRET not in met.said
    left = [path for path in here.rglob("*") if path.name.endswith(".tmp") or "canary-was-here" in path.name]
    assert not left
    if met.code == 2 and artefact.words[0] == "train" and "--resume" not in artefact.words:
        assert not any((here / "runs").iterdir() if (here / "runs").is_dir() else ()), "half a run"
    artefact.check(here, met.said)


@pytest.mark.parametrize("kind, artefact", CASES)
def test_it_is_met(kind: str, artefact: Artefact, guard: tuple[Guard, Path, Path]) -> None:
    process, base, root = guard
    here = fresh(root)
    artefact.make(here, base)
    assert_met(process, here, artefact)
    shutil.rmtree(here)


def test_the_corpus_is_large_enough() -> None:
    names = [(kind, artefact.name) for kind, artefacts in CORPUS.items() for artefact in artefacts]
    assert len(names) >= 60 and len(set(names)) == len(names)


def opcodes(data: bytes) -> bool:
    """Whether it begins as a pickle, or as an archive of torch.save, does."""
    return (data[:1] == b"\x80" and data[1:2] in b"\x02\x03\x04\x05") or data[:4] == b"PK\x03\x04"


def test_what_a_run_holds_is_no_pickle_and_no_secret(guard: tuple[Guard, Path, Path]) -> None:
    _, base, root = guard
    allowed = {".json", ".jsonl", ".yaml", ".safetensors", ".arrow", ".parquet", ".html", ".md", ".txt", ".log", ".svg", ""}
    files = [path for path in (base / "run").rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        data = path.read_bytes()
        assert path.suffix in allowed or ".tfevents." in path.name, path
        assert not opcodes(data), path
        assert SECRET.encode() not in data, path
    for path in (root / "cache").rglob("*"):
        assert not path.is_file() or not opcodes(path.read_bytes()[:4]), path


@pytest.mark.parametrize("code, event", [
    ("import os; os.system('true')", "os.system"), ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "socket.connect"),
    ("import pickle, collections; pickle.loads(pickle.dumps(collections.OrderedDict))", "pickle.find_class"),
    ("exec('canary = 1')", "canary"), ("open('elsewhere', 'w').close()", "open"), ("import os; os.mkdir('elsewhere')", "os.mkdir"),
])
def test_the_watch_itself(code: str, event: str, tmp_path: Path) -> None:
    """What it is there to see, it sees."""
    import os
    import subprocess
    import sys

    script = (f"import sys, os; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom pathlib import Path\nfrom meet import Watch\n"
              f"watch = Watch(Path('.'), ['runs'], [])\nsys.addaudithook(watch)\n{code}\n"
              f"assert any({event!r} in one for one in watch.seen), watch.seen")
    told = {**os.environ, "STEELYARD_CACHE": "/nowhere/a", "HF_HOME": "/nowhere/b", "TMPDIR": "/nowhere/c", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
