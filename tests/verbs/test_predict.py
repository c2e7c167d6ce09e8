"""predict: texts, standard input and tables, with the real command's main."""

import io
import json

import pytest

import steelyard
from steelyard.cli import main
from steelyard.errors import InputError

ROWS = "text,label\n" + "".join(f"the {word} number {n},{label}\n" for n in range(10) for word, label in (("cat", "a"), ("car", "b")))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small classifier of texts, whatever it learnt."""
    folder = tmp_path_factory.mktemp("predict")
    (folder / "rows.csv").write_text(ROWS)
    recipe = {"task": "text-classification", "data": {"train": str(folder / "rows.csv")}, "model": {"family": "bert", "size": "tiny"},
              "training": {"epochs": 1, "batch_size": 4, "threads": 1}}
    return steelyard.train(recipe, out=folder, quiet=True, evidence=False)


def test_a_blank_line_is_no_row(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat\n\n  \nthe car"))
    assert main(["predict", str(run.folder), "-", "--json"]) == 0
    assert [one["input"] for one in json.loads(capsys.readouterr().out)["answers"]] == ["the cat", "the car"]


def test_a_table_and_standard_input_skip_alike(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "some.csv").write_text("text\nthe cat\n\nthe car\n")
    assert main(["predict", str(run.folder), str(tmp_path / "some.csv"), "--json"]) == 0
    from_table = [one["answer"] for one in json.loads(capsys.readouterr().out)["answers"]]
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat\n\nthe car\n"))
    assert main(["predict", str(run.folder), "-", "--json"]) == 0
    assert [one["answer"] for one in json.loads(capsys.readouterr().out)["answers"]] == from_table


@pytest.mark.parametrize("given", ["", "  \t"])
def test_an_empty_text_is_wrong_input(run, given, capsys):
    assert main(["predict", str(run.folder), given]) == 2
    assert capsys.readouterr().err == "the input is empty: there is nothing to answer; give a text or the path of a file\n"
    with pytest.raises(InputError, match="the input is empty"):
        list(steelyard.predict(run, ["the cat", given]))
