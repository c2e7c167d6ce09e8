"""What `import steelyard` offers: all of it there, documented, typed, and none of it loaded before it is asked for."""

import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import steelyard


@pytest.mark.parametrize("name", steelyard.__all__)
def test_it_is_there_and_documented(name):
    thing = getattr(steelyard, name)
    assert (thing.__doc__ or "").strip(), f"steelyard.{name} has no docstring"
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        assert signature.return_annotation is not signature.empty
        assert [p.name for p in signature.parameters.values() if p.annotation is p.empty] == []


def test_the_list_is_sorted_and_seen_by_dir():
    assert sorted(steelyard.__all__) == list(steelyard.__all__)
    assert set(steelyard.__all__) <= set(dir(steelyard))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = steelyard.trian


def test_the_version_is_the_installed_one():
    assert steelyard.__version__ == version("steelyard")


def test_importing_it_is_light():
    code = "import sys, steelyard; print([m for m in ('torch', 'transformers', 'numpy', 'pyarrow') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_it_ships_its_types(root):
    assert (root / "src/steelyard/py.typed").is_file()
