"""Files of up to 400 lines, functions of up to 60, up to 8 parameters; more wants a reason, written here."""

import ast

LINES, BODY, PARAMETERS = 400, 60, 8

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_PARAMETERS: dict[str, str] = {}


def functions(source):
    return [node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def test_files(everything):
    found = {source.path: lines for source in everything if (lines := source.text.count("\n")) > LINES}
    assert {path: n for path, n in found.items() if path not in LONG_FILES} == {}
    assert set(LONG_FILES) <= set(found), "no longer long: take them off the list"


def test_functions(everything):
    found = {f"{source.path}:{node.name}": length for source in everything for node in functions(source)
             if (length := (node.end_lineno or 0) - node.lineno + 1) > BODY}
    assert {name: n for name, n in found.items() if name not in LONG_FUNCTIONS} == {}
    assert set(LONG_FUNCTIONS) <= set(found), "no longer long: take them off the list"


def test_parameters(everything):
    found = {}
    for source in everything:
        for node in functions(source):
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if (count := len([arg for arg in every if arg.arg not in ("self", "cls")])) > PARAMETERS:
                found[f"{source.path}:{node.name}"] = count
    assert {name: n for name, n in found.items() if name not in MANY_PARAMETERS} == {}
    assert set(MANY_PARAMETERS) <= set(found), "no longer many: take them off the list"
