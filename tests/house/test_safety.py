"""What the library never does: run what a file says, guess at attributes, hand `**kwargs` on, lose an exception."""

import ast
from collections.abc import Iterator

import pytest

RUNS_CODE = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "runpy", "code", "yaml")
CALLS = ("eval", "exec", "compile", "hasattr", "torch.load", "torch.save", "os.system", "os.popen")
KWARGS = {  # who may take `**names`, and why
    "src/steelyard/engine/compiled.py:called": "stands in a model's place, and takes what the model takes",
    "src/steelyard/language.py:say": "the fields of a template are the caller's own names",
}
CONFIGURATION = "src/steelyard/families/"  # Transformers builds a configuration from whatever stands in config.json


def complaints(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, f"imports {a.name}") for a in node.names if a.name.split(".")[0] in RUNS_CODE)
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] in RUNS_CODE:
            yield node, f"imports {node.module}"
        elif isinstance(node, ast.Call):
            yield from calls(node)
        elif isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node, "a bare except"
            elif all(isinstance(line, ast.Pass) for line in node.body):
                yield node, "except: pass (contextlib.suppress names what may be lost, with a reason beside it)"


def calls(node: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    name = ast.unparse(node.func)
    if name in CALLS:
        yield node, f"calls {name}"
    if name == "getattr" and len(node.args) > 2:
        yield node, "getattr with a default guesses"
    for keyword in node.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg in ("shell", "allow_pickle", "trust_remote_code") and value is not False:
            yield node, f"{keyword.arg} is not False"
        if keyword.arg == "weights_only" or (keyword.arg == "typ" and value in ("unsafe", "base")):
            yield node, f"{keyword.arg}={value}"


def test_the_library_never_does_it(library):
    found = [f"{source.at(node)} {why}" for source in library for node, why in complaints(source.tree)]
    assert not found, "\n".join(found)


def test_kwargs_are_not_handed_on(library):
    found = {f"{source.path}:{node.name}" for source in library for node in ast.walk(source.tree)
             if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.kwarg is not None}
    free = {name for name in found if name.startswith(CONFIGURATION) and name.endswith(":__init__")}
    assert found - free - set(KWARGS) == set(), "a function says what it takes"
    assert set(KWARGS) <= found, "no longer there: take them off the list"


@pytest.mark.parametrize("line, bad", [
    ("import pickle", True), ("from pickle import loads", True), ("def f():\n import joblib", True), ("model.eval()", False),
    ("eval('1')", True), ("torch.load(path)", True), ("np.load(path, allow_pickle=True)", True), ("getattr(a, 'b', None)", True),
    ("getattr(a, name)", False), ("run(words, shell=True)", True), ("try:\n f()\nexcept OSError:\n pass", True),
    ("AutoConfig.from_pretrained(path, trust_remote_code=False)", False), ("from huggingface_hub import x", False),
    ("YAML(typ='unsafe')", True), ("YAML(typ='safe')", False), ("re.compile('a')", False),
])
def test_the_reader_of_faults_itself(line, bad):
    assert bool(list(complaints(ast.parse(line)))) == bad
