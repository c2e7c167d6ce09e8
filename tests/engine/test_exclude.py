"""data.exclude: what is found among training rows, what is left alone, and what is wrong with an entry."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from steelyard import catalog
from steelyard.engine.exclude import finding
from steelyard.engine.split import Dataset, dataset
from steelyard.errors import InputError
from steelyard.recipe.reader import read
from steelyard.rows import FILE, LINE, Rows

LONG = "A film that nobody who has seen it will forget"


def table(path: Path, texts: list[str]) -> str:
    rows = [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


def split(folder: Path, **data: Any) -> Dataset:
    recipe = {"task": "text-classification", "data": data, "model": {"family": "bert", "size": "tiny"}}
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return dataset(read(folder / "recipe.yaml"), catalog.load("tasks", "text-classification", "task"))


def lines(made: Dataset, name: str) -> list[str]:
    return made.rows[name].column("text")


def run(folder: Path, texts: list[str] | None, column: str = "text") -> str:
    (folder / "run" / "data").mkdir(parents=True)
    (folder / "run" / "run.json").write_text('{"format": 1}')
    if texts is not None:
        rows = {column: texts, "label": ["a"] * len(texts), FILE: ["t.csv"] * len(texts), LINE: list(range(len(texts)))}
        Rows(pa.table(rows)).save(folder / "run" / "data" / "test.arrow")
    return "run"


def test_rows_are_left_out_as_a_whole_and_as_a_part_whatever_their_case_and_signs(tmp_path: Path) -> None:
    train = [LONG.upper() + "!!", f"They say: {LONG.lower()} -- so true", "good film", "a good film", "你好，世界", "天气 很好",
             "other text 1", "other text 2"]
    table(tmp_path / "train.jsonl", train)
    table(tmp_path / "test.jsonl", [LONG, "a test row"])
    table(tmp_path / "val.jsonl", ["one", "two"])
    table(tmp_path / "out.jsonl", [LONG, "Good film.", "你好世界"])
    made = split(tmp_path, train="train.jsonl", test="test.jsonl", validation="val.jsonl", exclude="out.jsonl")
    assert lines(made, "train") == ["a good film", "天气 很好", "other text 1", "other text 2"], "a short text is left out as a whole only"
    assert [entry.to_json() for entry in made.excluded] == [{"place": "out.jsonl", "rows": 3, "whole": 3, "part": 1}]
    assert lines(made, "test") == [LONG, "a test row"], "test rows are never left out"
    again = split(tmp_path, train="train.jsonl", test="test.jsonl", validation="val.jsonl", exclude="out.jsonl")
    assert again.mark == made.mark and lines(again, "train") == lines(made, "train")
    plain = split(tmp_path, train="train.jsonl", test="test.jsonl", validation="val.jsonl")
    assert plain.mark != made.mark and len(plain.rows["train"]) == 8 and plain.excluded == ()


def test_several_entries_count_a_row_once(tmp_path: Path) -> None:
    table(tmp_path / "train.jsonl", [f"text number {i}" for i in range(20)])
    table(tmp_path / "one.jsonl", ["text number 3", "text number 4"])
    table(tmp_path / "two.jsonl", ["text number 4", "text number 5"])
    made = split(tmp_path, train="train.jsonl", exclude=["one.jsonl", "two.jsonl", run(tmp_path, ["Text Number 6"])])
    assert [(entry.whole, entry.part) for entry in made.excluded] == [(2, 0), (1, 0), (1, 0)]
    left = {text for rows in made.rows.values() for text in rows.column("text")}
    assert left == {f"text number {i}" for i in range(20)} - {f"text number {i}" for i in (3, 4, 5, 6)}, "before shares are drawn"
    (told,) = finding([entry.to_json() for entry in made.excluded])
    assert told.code == "data/excluded" and told.outcome == "passed" and told.details["whole"] == 4
    assert "4 rows are not trained on, for they are in one.jsonl, two.jsonl, run: 4 as a whole, 0 with one" in str(told.why)


def test_rows_that_a_column_puts_into_test_stay_there(tmp_path: Path) -> None:
    rows = [{"text": f"text number {i}", "label": "ab"[i % 2], "split": "test" if i < 4 else "train"} for i in range(20)]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table(tmp_path / "out.jsonl", ["text number 0", "text number 10"])
    made = split(tmp_path, train="all.jsonl", test={"column": "split", "value": "test"}, exclude="out.jsonl")
    assert len(made.rows["test"]) == 4 and made.excluded[0].whole == 1
    assert "text number 10" not in {*lines(made, "train"), *lines(made, "validation")}


def test_nothing_found_says_so() -> None:
    (told,) = finding([{"place": "out.csv", "rows": 5, "whole": 0, "part": 0}])
    assert "no training row is one that is to be left out (out.csv)" in str(told.why)
    assert finding([]) == []


def test_other_names_of_columns_are_found(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("words,label\n" + "".join(f"text number {i},{'ab'[i % 2]}\n" for i in range(20)))
    (tmp_path / "out.csv").write_text("sentence\ntext number 3\n")
    made = split(tmp_path, train="train.csv", columns={"text": "words"}, exclude="out.csv")
    assert made.excluded[0].whole == 1


@pytest.mark.parametrize(("entry", "told"), [
    ("all.jsonl", "all 20 training rows are among the rows to leave out (all.jsonl): nothing is left to train on"),
    ("numbers.jsonl", 'no column looks like "text"'),
    ("nowhere.jsonl", 'data.exclude: there is no "'),
    ("run", "keeps no rows (evidence.keep_rows: false); name the file of its test rows"),
    ("other", 'have no column "text" (they have: picture, label); it is of another task'),
    ("broken", 'test.arrow" is damaged'),
])
def test_what_is_wrong_with_an_entry_is_one_sentence(entry: str, told: str, tmp_path: Path) -> None:
    table(tmp_path / "train.jsonl", [f"text number {i}" for i in range(20)])
    table(tmp_path / "all.jsonl", [f"text number {i}" for i in range(20)])
    (tmp_path / "numbers.jsonl").write_text('{"a": 1, "b": 2}\n' * 3)
    if entry == "run":
        run(tmp_path, None)
    if entry in ("other", "broken"):
        run(tmp_path, ["x"], "picture")
        (tmp_path / "run").rename(tmp_path / entry)
    if entry == "broken":
        (tmp_path / "broken" / "data" / "test.arrow").write_bytes(b"no arrow")
    with pytest.raises(InputError) as error:
        split(tmp_path, train="train.jsonl", exclude=entry)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_pictures_are_told_by_their_pixels(tmp_path: Path) -> None:
    """Another encoding without loss is the same picture."""
    from PIL import Image

    for folder, ending, count in (("train", "png", 8), ("out", "bmp", 2)):
        for number in range(count):
            place = tmp_path / folder / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number, 9, 9)).save(place / f"{number}.{ending}")
    recipe = {"task": "image-classification", "data": {"train": str(tmp_path / "train"), "exclude": str(tmp_path / "out")}}
    made = dataset(read(recipe), catalog.load("tasks", "image-classification", "task"))
    assert [(entry.rows, entry.whole, entry.part) for entry in made.excluded] == [(2, 2, 0)]
    assert sum(map(len, made.rows.values())) == 6


def test_the_leak_of_known_data_is_found(data: Path, tmp_path: Path) -> None:
    """The SST-2 test sentences in rt-polarity, by `exclude` and by the trace of a run: the figures of docs/design/0007-traces.md."""
    from steelyard.engine.identity import identities
    from steelyard.math.traces import LEAST, Needles, trace, weight

    made = split(tmp_path, train=str(data / "movie-reviews" / "rt_polarity.csv.gz"), exclude=str(data / "sst2" / "sentences" / "test.tsv"))
    (entry,) = made.excluded
    assert (entry.rows, entry.whole, entry.part) == (1821, 1425, 173)
    reviews = list(identities(made.rows["train"], made.columns))
    task = catalog.load("tasks", "text-classification", "task")
    whole = split(tmp_path, train=str(data / "movie-reviews" / "rt_polarity.csv.gz"))
    everything = [text for rows in whole.rows.values() for text in identities(rows, whole.columns)]
    other = dataset(read({"task": task.name, "data": {"train": str(data / "sst2" / "sentences" / "train.tsv.gz"),
                                                      "test": str(data / "sst2" / "sentences" / "test.tsv")}}), task)
    sentences = list(identities(other.rows["test"], other.columns))
    assert not any(sentence in text for sentence in sentences if weight(sentence) >= LEAST for text in reviews)
    asked = set(sentences)
    assert entry.whole == sum(text in asked for text in everything)
    assert not Needles(sentences).find(reviews)[0].any()
    within = [any(sentence in text for text in everything) for sentence in sentences]
    long = [weight(sentence) >= LEAST for sentence in sentences]
    known = set(everything)
    equal = [sentence in known for sentence in sentences]
    assert (sum(within), sum(one or (held and far) for one, held, far in zip(equal, within, long, strict=True))) == (1743, 1692)
    same, part, unknown = trace(iter(everything)).find(sentences)
    assert same.tolist() == equal and (part.sum(), unknown.sum()) == (248, 84)
    assert sum(bool(told) and not held for told, held in zip(part, within, strict=True)) == 10


def test_a_run_records_it_and_its_page_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from steelyard.engine.job import begin
    from steelyard.evidence import data as evidence
    from steelyard.evidence.case import Case
    from steelyard.report import page
    from steelyard.verbs import check

    table(tmp_path / "train.jsonl", [f"text number {i}" for i in range(40)])
    table(tmp_path / "test.jsonl", [f"test row {i}" for i in range(10)])
    recipe = {"task": "text-classification", "model": {"family": "bert", "size": "tiny"}, "training": {"steps": 1, "batch_size": 4},
              "data": {"train": str(tmp_path / "train.jsonl"), "test": str(tmp_path / "test.jsonl"),
                       "exclude": str(tmp_path / run(tmp_path, ["Text number 6!", "text number 7"]))}}
    made = begin(read(recipe), tmp_path / "runs", quiet=True)
    (entry,) = made.manifest()["data"]["excluded"]
    assert (entry["rows"], entry["whole"], entry["part"]) == (2, 2, 0) and made.manifest()["data"]["rows"]["train"] == 34
    made.write_evidence(evidence.weigh(Case(made)))
    page.write(made, "test")
    assert "2 rows are not trained on, for they are in" in made.page_file.read_text(encoding="utf-8")
    again = begin(read({**recipe, "data": {**recipe["data"], "exclude": str(made.folder)}}), tmp_path / "runs", quiet=True)
    assert again.manifest()["data"]["excluded"][0]["rows"] == 10, "of a run: the rows that it is judged on"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    found = check.check(tmp_path / "recipe.json")
    assert [one.code for one in found.findings].count("data/excluded") == 1
    print(check._told(found))
    assert "2 rows are not trained on, for they are in" in capsys.readouterr().out
