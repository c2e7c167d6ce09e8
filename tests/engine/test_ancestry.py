"""A chain of runs: each knows what its ancestors were trained on, wherever they lie now."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from steelyard.engine import ancestry
from steelyard.engine.job import begin
from steelyard.errors import InputError
from steelyard.evidence.case import Case
from steelyard.evidence.data import weigh
from steelyard.facts import Finding
from steelyard.recipe.reader import read
from steelyard.run import Run

CODE = "data/rows-that-ancestors-trained-on"
BOOK = "It was a long winter, and nobody in the house had seen the sun for weeks when the letter came. {} And so the story ends."


def rows(path: Path, texts: list[str]) -> str:
    path.write_text("".join(json.dumps({"text": text, "label": "ab"[i % 2]}) + "\n" for i, text in enumerate(texts)), encoding="utf-8")
    return str(path)


def trained(folder: Path, name: str, train: str, test: str, parent: Run | None = None, **model: Any) -> Run:
    recipe = {"run": name, "task": "text-classification", "data": {"train": train, "validation": test, "test": test, "max_length": 16},
              "model": {"from": str(parent.folder)} if parent else {"family": "bert", "size": "tiny", **model},
              "training": {"steps": 2, "batch_size": 4, "precision": "fp32"}}
    return begin(read(recipe), folder / "runs", quiet=True)


def leak(run: Run) -> Finding:
    return next(found for found in weigh(Case(run)).findings if found.code == CODE)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A grandparent, a parent and a child whose test rows they know: as they are, and within a longer text."""
    folder = tmp_path_factory.mktemp("chain")
    long = "The letter said that a ship had been sighted off the northern coast with no one on board but a dog and a clock"
    test = rows(folder / "test.jsonl", ["Seen by A!", "seen by B", long, *(f"new test row {i}" for i in range(5))])
    clean = rows(folder / "clean.jsonl", [f"other row {i}" for i in range(8)])
    first = trained(folder, "a", rows(folder / "a.jsonl", [*(f"row a {i}" for i in range(10)), "seen, by a", BOOK.format(long)]), clean)
    second = trained(folder, "b", rows(folder / "b.jsonl", [*(f"row b {i}" for i in range(10)), "Seen by B.", "x y"]), clean, first)
    third = trained(folder, "c", rows(folder / "c.jsonl", [f"row c {i}" for i in range(12)]), test, second)
    return {"folder": folder, "a": first, "b": second, "c": third}


def test_a_child_finds_the_rows_of_parent_and_grandparent(chain: dict[str, Any]) -> None:
    found = leak(chain["c"])
    assert found.outcome == "issue" and list(found.rows) == ["test.jsonl:1", "test.jsonl:2", "test.jsonl:3"]
    assert found.details["runs"] == {"b": {"whole": 1, "part": 0}, "a": {"whole": 1, "part": 1}}
    assert found.details["with"]["n"] == 8 and found.details["without"]["n"] == 5
    assert [entry["run"] for entry in chain["c"].manifest()["ancestors"]] == ["b", "a"]
    assert leak(chain["b"]).outcome == "passed" and leak(chain["a"]).outcome == "not applicable"


def test_it_does_so_after_all_folders_were_moved(chain: dict[str, Any], tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(chain["c"].folder, moved)
    for name in ("a", "b", "c"):
        chain[name].folder.rename(chain[name].folder.with_name(f"{name}-away"))
    try:
        assert list(leak(Run.open(moved)).rows) == ["test.jsonl:1", "test.jsonl:2", "test.jsonl:3"]
    finally:
        for name in ("a", "b", "c"):
            chain[name].folder.with_name(f"{name}-away").rename(chain[name].folder)


def test_no_row_can_be_read_out_of_a_trace(chain: dict[str, Any]) -> None:
    raw = chain["a"].trained_file.read_bytes()
    assert b"seen" not in raw.lower() and b"ship" not in raw
    assert len(ancestry.read(chain["a"].trained_file).whole) == 12


def test_check_says_it_before_anything_is_trained(chain: dict[str, Any]) -> None:
    from steelyard.verbs.check import check

    data = {"train": str(chain["folder"] / "c.jsonl"), "test": str(chain["folder"] / "test.jsonl")}
    found = check({"task": "text-classification", "data": data, "model": {"from": str(chain["b"].folder / "model")}})
    (told,) = [one for one in found.findings if one.code == CODE]
    assert told.outcome == "issue" and "3 of 8 test rows (37.5%) were trained on by b, a" in str(told.why)


def test_a_parent_without_a_trace_is_said(chain: dict[str, Any], tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(chain["a"].folder, old)
    (old / "data" / "trained.safetensors").unlink()
    child = trained(tmp_path, "child", str(chain["folder"] / "c.jsonl"), str(chain["folder"] / "test.jsonl"), Run.open(old))
    assert leak(child).outcome == "inconclusive"


def test_a_damaged_trace_is_one_sentence(chain: dict[str, Any], tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(chain["c"].folder, moved)
    (moved / "data" / "ancestors" / "1.safetensors").write_bytes(b"no safetensors")
    with pytest.raises(InputError, match=r'ancestors/1.safetensors" is damaged'):
        ancestry.traces(Run.open(moved))
