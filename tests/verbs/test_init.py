"""init: the data is looked at, the recipe that is written reads back and is complete, and nothing is overwritten."""

import json
import os
import random
from pathlib import Path

import pytest

from steelyard import cli
from steelyard.errors import InputError
from steelyard.recipe.data import SplitBy
from steelyard.recipe.reader import read
from steelyard.verbs.init import _seen_from, _value, init, seconds

WORDS = ["the", "parcel", "came", "late", "broken", "again", "thanks", "fine", "works", "invoice", "twice", "refund", "please"]
TINY = ("data.columns.label=stars", "model.size=tiny", "training.precision=fp32", "training.threads=1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory with a cache of its own, in English."""
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STEELYARD_LANG", "en")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def reviews(file: Path, rows: int = 60, broken: int = 0) -> None:
    """A CSV with a text, a label, a few regions, repeating customers and a split."""
    rng = random.Random(0)
    lines = ["review,stars,region,customer,split,detail"]
    for i in range(rows):
        text = " ".join(rng.choices(WORDS, k=8))
        split = "dev" if i % 10 == 1 else "test" if i % 10 == 2 else "train"
        lines.append(f"{text},{i % 3},{('north', 'south')[i % 2]},c{i % 20},{split},{i % 3}.{i % 5}")
    lines += ["only one cell"] * broken
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_table_of_texts(folder):
    (folder / "data").mkdir()
    (folder / "recipes").mkdir()
    reviews(folder / "data" / "my reviews.csv", broken=1)
    file = init("text-classification", "data/my reviews.csv", "recipes/r.yaml", 600, TINY)
    got = read(file)
    assert got.data.train == "../data/my reviews.csv" and got.data.columns == {"text": "review", "label": "stars"}
    assert got.data.test == SplitBy(column="split", value="test") and got.data.validation == SplitBy(column="split", value="dev")
    assert got.evidence.bias.groups == ("region",) and got.data.max_bad_rows == 1
    assert got.model.family == "bert" and got.model.size == "tiny" and got.training.batch_size == 32 and got.training.epochs
    text = file.read_text(encoding="utf-8")
    assert "# 3 labels: 0 (33%), 1 (33%), 2 (33%)" in text
    assert "# group_by: customer" in text and "detail" not in text and "my reviews.csv:62" in text
    assert not list(folder.glob("**/*.tmp")) and not (folder / "runs").exists()


def test_the_recipe_is_commented_in_the_language_in_force(folder, monkeypatch, capsys):
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    sets = [word for text in (*TINY[1:], "model.family=mlp") for word in ("--set", text)]
    assert cli.main(["init", "image-classification", "--data", "builtin:digits", "--out", "d.yaml", *sets]) == 0
    text = (folder / "d.yaml").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert "# 优化" in text or "样本数" in text
    got = read(folder / "d.yaml")
    assert (got.data.train, got.data.test, got.data.validation, got.model.family) == ("builtin:digits", "10%", "10%", "mlp")


def test_a_small_budget_shortens_training(folder):
    reviews(folder / "a.csv")
    got = read(init("text-classification", "a.csv", "a.yaml", 0.001, (*TINY,)))
    assert got.training.steps == 1 and got.training.epochs is None
    kept = read(init("text-classification", "a.csv", "b.yaml", 0.001, (*TINY, "training.epochs=2")))
    assert kept.training.epochs == 2  # what the person fixes stays


def test_nothing_is_overwritten(folder):
    (folder / "recipe.yaml").write_text("mine")
    with pytest.raises(InputError, match=r'"recipe.yaml" is there already'):
        init("text-classification", "builtin:messages")
    assert (folder / "recipe.yaml").read_text() == "mine"


@pytest.mark.parametrize("task", ["text-classification", "image-classification"])
@pytest.mark.parametrize("text", [
    "a,b,c\n1,2,3\n4,5,6\n", "age,job,sex,income\n" + "40,clerk,f,>50K\n20,none,m,<=50K\n" * 9,
    "length,width,species\n1.5,2,setosa\n2.5,1,virginica\n"])
def test_a_table_of_numbers_is_refused(folder, task, text):
    (folder / "n.csv").write_text(text)
    with pytest.raises(InputError, match=r"a table of numbers and categories .* has no task for those") as caught:
        init(task, "n.csv")
    assert "--set data.columns." in str(caught.value) and os.listdir(folder) == ["n.csv"]


@pytest.mark.parametrize(("words", "said"), [
    ([], "steelyard init: TASK is missing"),
    (["text-classification"], "steelyard init: --data is missing"),
    (["text-classification", "--data", "absent.csv"], 'there is no "absent.csv"'),
    (["text-clasification", "--data", "a.csv"], "did you mean text-classification?"),
    (["text-classification", "--data", "a.csv", "--budget", "soon"], '--budget: got "soon", want a time such as 20m'),
    (["text-classification", "--data", "a.csv", "--out", "no/such/r.yaml"], 'there is no folder "no/such"'),
    (["text-classification", "--data", "a.csv", "--set", "data.columns.text=revew"], "did you mean review?"),
    (["text-classification", "--data", "a.csv", "--set", "training=none", "--set", "model.from=x"], "writes a recipe that trains"),
    (["text-classification", "--data", "broken.csv", "--set", "data.columns.label=stars"], "13 rows are broken"),
    (["text-classification", "--data", "a.csv"], 'could each be "label"; say which with data.columns.label'),
    (["image-classification", "--data", "a.csv", "--set", "data.columns.label=stars"], 'no column looks like "image"'),
])
def test_wrong_input_is_one_sentence_and_leaves_nothing(folder, words, said, capsys):
    reviews(folder / "a.csv")
    reviews(folder / "broken.csv", rows=10, broken=3)
    assert cli.main(["init", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and sorted(os.listdir(folder)) == ["a.csv", "broken.csv"]


def test_schema(capsys):
    assert cli.main(["init", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["task", "data"]


@pytest.mark.parametrize(("text", "number"), [("20m", 1200), ("90s", 90), ("1.5h", 5400), ("2 min", 120), (" 1H ", 3600)])
def test_budget(text, number):
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["", "20", "-5m", "0m", "m", "1d", "nan s"])
def test_wrong_budget(text):
    with pytest.raises(InputError):
        seconds(text)


@pytest.mark.parametrize("value", [
    "plain", "two words", "a: b", "#no", "评论", "true", "No", "1", "007", "1.5", "", " lead", "trail ", 'qu"ote', "a\nb", "builtin:digits",
    "10%", "*.csv", "a*.csv", "[x]", "{y}", "&a", "!t", "-", "a #b", "null", "~", "a\\b", "@x", "`y`"])
def test_values_survive_yaml(value, tmp_path):
    file = tmp_path / "r.yaml"
    groups = _value([value or "x"])
    text = f"task: t\ndata: {{train: a}}\nabout:\n  purpose: {_value(value)}\nevidence:\n  bias: {{groups: {groups}}}\n"
    file.write_text(text, encoding="utf-8")
    got = read(file)
    assert got.about.purpose == value and got.evidence.bias.groups == (value or "x",)


def test_paths_are_seen_from_the_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _seen_from(Path("r"), "a/b.csv") == "../a/b.csv" and _seen_from(Path(), "a.csv") == "a.csv"
    assert _seen_from(Path("r"), ("a", "builtin:x")) == ["../a", "builtin:x"]
    assert [_seen_from(Path("r"), same) for same in ("/x/a.csv", "10%", "builtin:digits")] == ["/x/a.csv", "10%", "builtin:digits"]
