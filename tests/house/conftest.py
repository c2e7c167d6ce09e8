"""The house's own source, parsed once."""

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file. `module` is its dotted name ("steelyard.tasks.text_classification"), "" outside src."""

    path: str  # below the root, with slashes
    module: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """"src/steelyard/run.py:17", for complaints."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


def parse(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    below = path.relative_to(ROOT)
    parts = below.with_suffix("").parts
    module = ".".join(parts[1:]).removesuffix(".__init__") if parts[0] == "src" else ""
    return Source(below.as_posix(), module, text, ast.parse(text, str(below)))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def library() -> list[Source]:
    """src/steelyard."""
    return [parse(path) for path in sorted((ROOT / "src").rglob("*.py"))]


@pytest.fixture(scope="session")
def everything(library: list[Source]) -> list[Source]:
    """The library, its tests, benchmarks and scripts."""
    others = [path for folder in ("tests", "benchmarks", "scripts", "docs") for path in sorted((ROOT / folder).rglob("*.py"))]
    return library + [parse(path) for path in others]


@pytest.fixture(scope="session")
def committed() -> list[Path]:
    """Every file that is in git, or would be added to it."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git here: a copy without its history")
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(listed.split("\0")) if name and (ROOT / name).is_file()]
