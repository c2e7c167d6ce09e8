"""tasks: all of the catalogue is listed, and every tiny recipe is one that the reader takes."""

import json

import pytest

from steelyard import catalog, cli
from steelyard.recipe.reader import read


def test_lists_every_task_with_what_it_needs(monkeypatch, capsys):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    assert cli.main(["tasks", "--json"]) == 0
    told = {one["task"]: one for one in json.loads(capsys.readouterr().out)["tasks"]}
    assert sorted(told) == catalog.names("tasks")
    assert {"name": "text", "target": False}.items() <= told["text-classification"]["columns"][0].items()
    assert "bert" in told["text-classification"]["families"] and "mlp" not in told["text-classification"]["families"]
    assert all(one["family"] in one["families"] for one in told.values())
    assert cli.main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*told, "评论", "accuracy", "csv", "steelyard train text-classification.yaml"))


@pytest.mark.parametrize("name", catalog.names("tasks"))
def test_tiny_recipe_is_a_recipe(name, tmp_path, capsys):
    assert cli.main(["tasks", name, "--tiny"]) == 0
    file = tmp_path / "tiny.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    recipe = read(file)
    assert recipe.task == name and str(recipe.data.train).startswith("builtin:")


def test_unknown_task_and_no_task(monkeypatch, capsys):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    assert cli.main(["tasks", "text-clasification"]) == 2
    assert "did you mean text-classification?" in capsys.readouterr().err
    assert cli.main(["tasks", "--tiny"]) == 2
    assert capsys.readouterr().err.startswith("steelyard tasks: --tiny wants a task: ")
