"""Reading: the same data is the same wherever it lies, and a run finds it again."""

import shutil
from pathlib import Path

import pytest

import steelyard
from steelyard.engine.job import data_hash
from steelyard.engine.prepare import task_of
from steelyard.engine.split import dataset
from steelyard.errors import InputError
from steelyard.evidence.case import set_name
from steelyard.recipe.reader import anchored, read

ROWS = "text,label,who\n" + "".join(f"the {word} number {i},{'ab'[i % 2]},p{i % 7}\n"
                                      for i, word in enumerate(["cat", "dog", "cow", "hen"] * 15))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "recipe.yaml").write_text("task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\n"
                                          "training: {steps: 2, batch_size: 8, threads: 1}\nevidence: {only: [quality, data]}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_data_has_one_fingerprint(folder: Path) -> None:
    relative = read(Path("recipe.yaml"))
    found = dataset(relative, task_of(relative))
    absolute = dataset(anchored(relative), task_of(relative))
    (folder / "else").mkdir()
    for name in ("rows.csv", "recipe.yaml"):
        shutil.copy(folder / name, folder / "else" / name)
    copied = read(folder / "else" / "recipe.yaml")
    assert found.mark == absolute.mark == dataset(copied, task_of(copied)).mark
    assert found.rows["train"].origin(0).startswith("rows.csv:")
    (folder / "rows.csv").write_text(ROWS.replace("cat number 0", "cat number O"))
    assert dataset(relative, task_of(relative)).mark != found.mark


def test_shares_keep_groups_together_and_hold_every_row(folder: Path) -> None:
    recipe = read({"task": "text-classification", "data": {"train": "rows.csv", "group_by": "who", "test": "30%"}})
    rows = dataset(recipe, task_of(recipe)).rows
    assert sum(len(own) for own in rows.values()) == 60
    groups = [set(own.column("who")) for own in rows.values()]
    assert all(not a & b for i, a in enumerate(groups) for b in groups[i + 1:])


def test_a_run_finds_its_data_and_can_be_moved(folder: Path) -> None:
    run = steelyard.train("recipe.yaml", quiet=True)
    manifest = run.manifest()
    recipe = read(run.recipe_file)
    assert data_hash(dataset(recipe, task_of(recipe)).mark) == manifest["data"]["sha256"]
    assert set(run.evidence("test")["quality"].counterweights) == {"constant", "tf-idf + logistic regression"}
    (folder / "away").mkdir()
    before = run.evidence("test")["quality"].quantities
    moved = shutil.move(run.folder, folder / "away" / "other")
    again = steelyard.weigh(moved, only=["quality"], quiet=True)
    assert again.evidence("test")["quality"].quantities == before
    answers = list(steelyard.predict(moved, ["the cat number 3", {"text": "the dog"}]))
    assert len(answers) == 2 and {entry["label"] for entry in answers[0]} == {"a", "b"}
    (folder / "rows.csv").unlink()  # the rows that are judged lie in the run; what needs the training rows is left out
    alone = steelyard.weigh(moved, only=["quality"], quiet=True)
    assert alone.evidence("test")["quality"].counterweights == {}
    assert alone.evidence("test")["quality"].details["counterweights_skipped"] is True



def test_further_rows_have_a_folder_and_a_page_of_their_own(folder: Path) -> None:
    run = steelyard.train("recipe.yaml", quiet=True)
    before = run.page_file.read_text()
    (folder / "new.csv").write_text("".join(ROWS.splitlines(keepends=True)[:20]))
    steelyard.weigh(run, data="new.csv", quiet=True)
    assert run.sets() == ["test", "new"] and run.page_file.read_text() == before
    assert "“new”" in run.page_about("new").read_text() and "“new”" not in before
    told = [finding for finding in run.evidence("new")["data"].findings if finding.code == "data/duplicates-across-splits"]
    assert told[0].outcome == "issue", "these rows are known from training"


@pytest.mark.parametrize(("data", "name"), [(None, "test"), ("a/july.csv", "july"),
                                            ("test.csv", "file-test"), ("july.v2.csv.gz", "july.v2"),
                                            (".hid.csv", "hid"), ("builtin:messages", "builtin:messages"), ("folder/", "folder")])
def test_a_set_never_takes_the_name_of_a_split(data: str | None, name: str) -> None:
    assert set_name(data) == name


def test_blocks_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard.engine import read as module

    monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    rows = [{"text": "x" * size, "number": 1} for size in (1, 1, 1, 1, 1, 300, 60, 60, 1)]
    blocks = [[len(row["text"]) for row in block] for block in module._blocks(rows)]
    assert blocks == [[1, 1, 1, 1], [1, 300], [60, 60], [1]] and list(module._blocks([])) == []


def test_a_file_of_broken_rows_is_not_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard.engine import read as module

    monkeypatch.setattr(module, "MOST_BAD", 10)
    (folder / "broken.csv").write_text(ROWS + "one cell only\n" * 1000)
    with pytest.raises(InputError, match=r"^broken.csv:62 .*; more than 10 rows are broken: the data has another form$"):
        dataset(read({"task": "text-classification", "data": {"train": "broken.csv"}}), task_of(read(Path("recipe.yaml"))))
