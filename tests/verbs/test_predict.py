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


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What answers questions, whatever it learnt."""
    recipe = {"task": "question-answering", "data": {"train": "builtin:questions"}, "model": {"family": "bert", "size": "tiny"},
              "training": {"steps": 1, "batch_size": 4, "threads": 1}}
    return steelyard.train(recipe, out=tmp_path_factory.mktemp("questions"), quiet=True, evidence=False)


ROW = {"question": "Who met Bob?", "context": "Ada met Bob in Paris."}


def test_a_row_of_several_columns(asked, tmp_path, monkeypatch, capsys):
    wanted = list(steelyard.predict(asked, [ROW]))
    (tmp_path / "article.txt").write_text(ROW["context"])
    ways = [["--set", f"question={ROW['question']}", "--set", f"context={ROW['context']}"], [json.dumps(ROW)],
            ["--set", f"问题={ROW['question']}", "--set", f"Paragraph=@{tmp_path / 'article.txt'}"], ["-"]]
    for way in ways:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ROW) + "\n"))
        assert main(["predict", str(asked.folder), *way, "--json"]) == 0
        assert [one["answer"] for one in json.loads(capsys.readouterr().out)["answers"]] == wanted, way


@pytest.mark.parametrize("given, why", [
    (["Who?"], "the input lacks context; name every column: --set question=... --set context=..."),
    (["--set", "question=Who?"], "the input lacks context; it has: question"),
    (["--set", "question"], "--set question: want COLUMN=VALUE"),
    (["--set", "contxt=x"], '--set: the task reads no column "contxt"; did you mean context?'),
    (["--set", "answers=x"], '--set: the task reads no column "answers"'),
    (["--set", "context=a", "--set", "passage=b"], "--set: context is given twice"),
    (["--set", "context=@absent.txt"], 'cannot read "absent.txt": No such file or directory'),
    (['{"question": "Who?"}'], "the input lacks context; name every column"),
    ([], "nothing to answer: give a text, a file, or columns with --set"),
])
def test_columns_that_are_wrong(asked, given, why, capsys):
    assert main(["predict", str(asked.folder), *given]) == 2
    assert capsys.readouterr().err.startswith(why)


def test_an_input_may_stand_behind_options(run, capsys):
    for words in (["--top", "2", "the cat"], ["the cat", "--top", "2"], ["--top", "2", "--", "the cat"]):
        assert main(["predict", str(run.folder), *words]) == 0
        assert capsys.readouterr().out.startswith("the cat\t")


def test_a_text_that_looks_like_json_stays_a_text(run, capsys):
    for text in ('{"a": 1}', "{not json", '["text"]'):
        assert main(["predict", str(run.folder), text, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["answers"][0]["answer"] == next(iter(steelyard.predict(run, [{"text": text}])))


def test_explain_takes_columns_too(asked, capsys):
    columns = [word for name, value in ROW.items() for word in ("--set", f"{name}={value}")]
    words = ["explain", str(asked.folder), *columns, "--method", "occlusion"]
    assert main([*words, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["methods"]
    assert {unit["text"] for unit in said["units"]} >= {"Ada", "Paris"} and said["units"][0]["spot"] == "characters 1 to 3"
    assert main([*words, "and a text"]) == 2
    assert capsys.readouterr().err.startswith("explain wants one input")
