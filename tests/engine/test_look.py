"""The first look: faults of recipe and data are said before torch is loaded, and what was read is not read again."""

import subprocess
import sys
from pathlib import Path

import pytest

import steelyard
from steelyard.engine import look, prepare

GOOD = "text,label\n" + "".join(f"the {word} number {n},{label}\n" for n in range(10) for word, label in (("cat", "a"), ("car", "b")))
LIGHT = """
import sys
from steelyard.cli import main
code = main(sys.argv[1:])
print([name for name in ("torch", "transformers", "sklearn") if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize("verb", ["train", "check"])
@pytest.mark.parametrize(("rows", "more", "said"), [
    (None, "", 'there is no "'),
    ("text,label\none,a\ntwo\n", "", "rows.csv:3"),
    (GOOD.replace(",b\n", ",a\n"), "", "label"),
    (GOOD, "model: {family: brt}\n", "did you mean bert?"),
    (GOOD.replace("label", "x,y", 1).replace(",a\n", ",a,a\n").replace(",b\n", ",b,b\n"), "", "data.columns.label"),
])
def test_a_fault_of_the_data_is_said_before_torch_is_loaded(tmp_path: Path, verb: str, rows: str | None, more: str, said: str) -> None:
    if rows is not None:
        (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "recipe.yaml").write_text("task: text-classification\ndata: {train: rows.csv}\n" + more)
    done = subprocess.run([sys.executable, "-c", LIGHT, verb, "recipe.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert done.stdout.strip() == "[]", "loaded before the fault was said"
    assert not (tmp_path / "runs").exists()


def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text(GOOD)
    calls = []
    for module in (look, prepare):
        real = module.dataset
        monkeypatch.setattr(module, "dataset", lambda *given, real=real: calls.append(given) or real(*given))
    recipe = {"task": "text-classification", "data": {"train": str(tmp_path / "rows.csv")}, "model": {"family": "bert", "size": "tiny"},
              "training": {"epochs": 1, "batch_size": 4, "threads": 1}}
    steelyard.train(recipe, out=tmp_path / "runs", quiet=True, evidence=False)
    assert len(calls) == 1
