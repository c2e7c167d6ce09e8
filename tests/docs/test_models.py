"""docs/models.md says what the code and the sweep of architectures say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import twelve

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sizes_are_those_of_the_code() -> None:
    assert script("scripts/models.py").filled(PAGE) == PAGE, "run: .venv/bin/python scripts/models.py"


def test_the_architectures_are_those_of_the_sweep() -> None:
    named = PAGE.partition("<!-- twelve -->\n")[2].partition("\n<!-- end -->")[0]
    assert named.split(", ") == list(twelve.TWELVE)
