"""Imports point downward only. The order of the floors stands here, in DESIGN's words."""

import ast
from collections.abc import Iterator

import pytest

FLOORS = (
    ("errors", "language", "math", "version"),
    ("facts",),
    ("run", "rows", "values", "judging", "parts", "catalog", "autoclasses", "hub"),
    ("recipe",),
    ("tasks", "families", "sources", "kinds", "metrics", "explainers", "audits"),  # rooms: they do not import each other
    ("engine",),
    ("evidence",),
    ("report",),
    ("verbs",),
    ("cli",),
    ("__main__",),
)
ROOMS = FLOORS[4]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
HEIGHT[""] = len(FLOORS)  # steelyard/__init__.py offers what all floors have, and imports it when it is asked for
LOADERS = ("steelyard", "steelyard.catalog", "steelyard.cli", "steelyard.verbs.weigh")  # who may import by a computed name: what lies below
SHARED = {("steelyard.cli", "steelyard.verbs._output")}  # the command line prints as its verbs do


def imports(tree: ast.Module, modules: set[str]) -> Iterator[tuple[ast.stmt, str]]:
    """Every name of ours that a file imports, inside functions and for the type checker too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names if alias.name.split(".")[0] == "steelyard")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node, "." * node.level
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "steelyard":
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(name: str, modules: set[str]) -> str:
    """The longest prefix that is a module: "steelyard.rows.Rows" -> "steelyard.rows"."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def floor_of(module: str) -> str:
    """"steelyard.tasks.text" -> "tasks"."""
    return (module.split(".") + [""])[1]


def complaints(module: str, tree: ast.Module, modules: set[str]) -> Iterator[tuple[ast.stmt, str]]:
    here = floor_of(module)
    for node, name in imports(tree, modules):
        if name.startswith("."):
            yield node, "a relative import"
            continue
        target = part_of(name, modules)
        there = floor_of(target)
        if here != there and HEIGHT[there] > HEIGHT[here]:
            yield node, f"{here} must not look up to {there or 'the package itself'} ({name})"
        elif here in ROOMS and there in ROOMS and here != there:
            yield node, f"rooms do not import each other: {here} imports {there} ({name})"
        rest = name[len(target) + 1 :]
        hidden = [word for word in target.split(".") if word.startswith("_") and word != "__main__"]
        own = target.rpartition(".")[0] in (module, module.rpartition(".")[0])
        if hidden and not own and (module, target) not in SHARED:
            yield node, f"{hidden[0]} is private to its folder"
        if rest.startswith("_") and not rest.startswith("__"):
            yield node, f"{rest} is private to its file"


def test_every_module_stands_on_a_floor(library):
    homeless = sorted({source.path for source in library if floor_of(source.module) not in HEIGHT})
    assert not homeless, f"add them to FLOORS, or put them where they belong: {homeless}"


def test_imports_point_downward(library):
    modules = {source.module for source in library}
    found = [f"{source.at(node)} {why}" for source in library for node, why in complaints(source.module, source.tree, modules)]
    assert not found, "\n".join(found)


def test_only_loaders_import_by_a_computed_name(library):
    found = [source.at(node) for source in library if source.module not in LOADERS for node in ast.walk(source.tree)
             if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")]
    assert not found, f"an import that this test cannot see: {found}"


@pytest.mark.parametrize("module, line, bad", [
    ("steelyard.tasks.text", "from steelyard.metrics.f1 import F1", True),
    ("steelyard.tasks.text", "from steelyard.parts import Task", False),
    ("steelyard.tasks.text", "from steelyard.tasks._shared import help", False),
    ("steelyard.tasks.text", "from steelyard.engine import train", True),
    ("steelyard.tasks.text", "from . import other", True),
    ("steelyard.engine.train", "from steelyard.tasks._shared import help", True),
    ("steelyard.engine.train", "from steelyard.tasks.text import _part", True),
    ("steelyard.engine.train", "def f():\n import steelyard.verbs.train", True),
    ("steelyard.engine.train", "from steelyard import Run", True),
    ("steelyard.engine.train", "from steelyard import rows", False),
    ("steelyard.math.areas", "import numpy", False),
])
def test_the_reader_of_imports_itself(module, line, bad):
    modules = {"steelyard", "steelyard.parts", "steelyard.rows", "steelyard.engine", "steelyard.engine.train", "steelyard.tasks.text",
               "steelyard.tasks._shared", "steelyard.metrics.f1", "steelyard.verbs.train", "steelyard.math.areas"}
    assert bool(list(complaints(module, ast.parse(line), modules))) == bad
