"""Data as people keep it, through the recipe: files in number, tables of pictures' paths, no header, names of labels, mixed sets."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.engine.prepare import task_of
from steelyard.engine.read import Table, locate, table
from steelyard.engine.split import dataset
from steelyard.errors import InputError
from steelyard.math.pictures import pgm
from steelyard.recipe.reader import read

LINES = [(f"the {word} number {i}", "ab"[i % 2]) for i, word in enumerate(["cat", "dog", "cow", "hen"] * 5)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in LINES)
JSON = json.dumps([{"text": text, "label": label} for text, label in LINES])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / ".cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(**files: str | bytes) -> None:
    """Files by their names, in which "__" stands for "/" and "_" for "."."""
    for name, content in files.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def told(train: Any = "rows.csv", task: str = "text-classification", **data: Any) -> Table:
    recipe = read({"task": task, "data": {"train": train, **data}})
    return table(locate(tuple(train) if isinstance(train, dict) else train, Path(), "data.train"), task_of(recipe).columns, recipe.data,
                 "data.train", Path())


def pairs(own: Table) -> list[tuple[str, str]]:
    return list(zip(own.rows.column("text"), own.rows.column("label"), strict=True))


# ---------------------------------------------------------------- files in number

@pytest.mark.parametrize("place", ["set/*.csv", "**/*.csv", ["set/one.csv", "set/two.csv"], "set", ["set/one.csv", "set/t*.csv"]])
def test_files_in_number(place: Any) -> None:
    put(set__one_csv=CSV, set__two_csv=CSV.replace("number", "nr"))
    own = told(place)
    assert pairs(own) == LINES + [(text.replace("number", "nr"), label) for text, label in LINES]
    assert own.counts == (20, 20) and own.rows.origin(25) == "two.csv:7"


def test_files_of_several_forms_with_the_same_columns() -> None:
    put(set__a_csv=CSV, set__b_json=JSON, set__c_tsv=CSV.replace(",", "\t"), set__README_md="about")
    own = told("set")
    assert pairs(own) == LINES * 3 and own.counts == (20, 20, 20)


def test_counts_leave_bad_rows_out() -> None:
    put(a_csv=CSV + "one,two,three\n", b_csv=CSV)
    own = told(["a.csv", "b.csv"], max_bad_rows=1)
    assert own.counts == (20, 20) and [bad.origin for bad in own.bad] == ["a.csv:22"]


def test_files_whose_columns_differ() -> None:
    put(a_csv=CSV, b_csv="text,who\n" + "".join(f"some text {n},id-{n}\n" for n in range(9)))
    with pytest.raises(InputError, match=r'"a\.csv" has a column for "label", "b\.csv" has none.*\("b\.csv" has: text, who\)'):
        told(["a.csv", "b.csv"])
    with pytest.raises(InputError, match=r'"a\.csv" has a column for "label", "b\.csv" has none'):
        told(["b.csv", "a.csv"])


def test_columns_go_by_other_names_in_other_files() -> None:
    put(a_csv=CSV, b_csv=CSV.replace("text,label", "sentence,category"))
    assert pairs(told(["a.csv", "b.csv"])) == LINES * 2


def test_a_file_that_is_named_twice() -> None:
    put(a_csv=CSV)
    with pytest.raises(InputError, match=r'"a\.csv" is named twice'):
        told(["a.csv", "*.csv"])


def test_a_folder_of_the_tables_of_several_splits() -> None:
    put(set__train_csv=CSV, set__test_csv=CSV)
    with pytest.raises(InputError, match=r"several splits lie in it \(test\.csv, train\.csv\)"):
        told("set")
    put(more__a_csv=CSV, more__b_docx=b"x")
    with pytest.raises(InputError, match=r"more/b\.docx"):
        told("more")


def test_two_sets_whose_labels_differ() -> None:
    put(a_csv=CSV, b_csv=CSV.replace(",a\n", ",0\n").replace(",b\n", ",1\n"))
    with pytest.raises(InputError, match=r'"a\.csv" has the labels a, b, "b\.csv" has 0, 1, and none is in both.*data\.labels.*\{0: a\}'):
        told({"a.csv": 1, "b.csv": 2})
    assert sorted(set(told(["a.csv", "b.csv"], labels={"0": "a", "1": "b"}).rows.column("label"))) == ["a", "b"]
    assert sorted(set(told(["a.csv", "b.csv"], labels={"0": "0"}).rows.column("label"))) == ["0", "1", "a", "b"]


def test_a_table_split_by_its_labels() -> None:
    put(pos_csv="text,label\n" + "a fine film,pos\n" * 3, neg_csv="text,label\n" + "not mine at all,neg\n" * 3)
    assert told(["pos.csv", "neg.csv"]).counts == (3, 3)


# ---------------------------------------------------------------- no header, names of labels

def test_columns_by_number() -> None:
    put(rows_csv="".join(f"{label},{text}\n" for text, label in LINES))
    assert pairs(told(header=False, columns={"text": 2, "label": 1})) == LINES
    assert pairs(told(header=False)) == LINES


NUMBERS = CSV.replace(",a\n", ",0\n").replace(",b\n", ",1\n")


@pytest.mark.parametrize(("name", "content"), [
    ("names.txt", "sport\n world \n"), ("names.txt", "\ufeffsport\r\nworld\r\n\r\n"), ("names.json", '["sport", "world"]'),
    ("names.json", '{"0": "sport", "1": "world"}'), ("names.json", '{"world": 1, "sport": 0}'),
])
def test_names_of_labels(name: str, content: str) -> None:
    put(rows_csv=NUMBERS, **{name.replace(".", "_"): content})
    assert told(label_names=name).rows.column("label") == ["sport", "world"] * 10
    assert told(label_names=name, labels={"world": "news"}).rows.column("label") == ["sport", "news"] * 10


def test_a_label_that_has_its_name_already() -> None:
    put(rows_csv=NUMBERS.replace(",1\n", ",world\n"), names_txt="sport\nworld\n")
    assert told(label_names="names.txt").rows.column("label") == ["sport", "world"] * 10


@pytest.mark.parametrize(("content", "words"), [
    ("", "empty"), ("\n\n", "empty"), ("sport\n\nworld\n", "label 1 has no name"), ("sport\nsport\n", '"sport" stands there twice'),
])
def test_names_that_are_none(content: str, words: str) -> None:
    put(rows_csv=NUMBERS, names_txt=content)
    with pytest.raises(InputError, match=words):
        told(label_names="names.txt")


@pytest.mark.parametrize(("content", "words"), [
    ("5", "want a list of names"), ("{", "no JSON"), ("[]", "empty"), ('["a", null]', "label 1 has no name"), ('{"0": " "}', "no name"),
])
def test_json_names_that_are_none(content: str, words: str) -> None:
    put(rows_csv=NUMBERS, names_json=content)
    with pytest.raises(InputError, match=words):
        told(label_names="names.json")


def test_a_label_out_of_range_is_a_bad_row_and_no_file_an_error() -> None:
    put(rows_csv=NUMBERS + "one more text,2\n", names_txt="sport\nworld\n")
    own = told(label_names="names.txt")
    assert [bad.origin for bad in own.bad] == ["rows.csv:22"]
    assert 'the label "2" has no name in "names.txt", which names 2 labels (0 to 1)' in str(own.bad[0].why)
    with pytest.raises(InputError, match=r"data\.label_names: other\.txt: the file is missing"):
        told(label_names="other.txt")
    put(names_txt="a\xe9".encode("latin-1"))
    with pytest.raises(InputError, match="save it as UTF-8"):
        told(label_names="names.txt")


def test_other_names_are_other_rows() -> None:
    put(rows_csv=NUMBERS, names_txt="sport\nworld\n")
    before = told(label_names="names.txt").mark
    put(names_txt="sport\nnews\n")
    assert told(label_names="names.txt").mark != before


# ---------------------------------------------------------------- pictures

def picture(shade: int) -> bytes:
    return pgm(np.full((4, 4), shade, np.uint8))


def with_pictures(*names: str, table: str = "set/rows.csv") -> None:
    for number in range(6):
        put(**{f"set__pics__{number}_pgm": picture(10 * number)})
    Path(table).write_text("image,label\n" + "".join(f"{name},{'ab'[n % 2]}\n" for n, name in enumerate(names)))


def images(train: str = "set/rows.csv", **data: Any) -> Table:
    return told(train, "image-classification", **data)


GOOD = [f"pics/{n}.pgm" for n in range(6)]


def test_a_column_of_paths() -> None:
    with_pictures(*GOOD)
    own = images()
    assert own.rows.column("image") == [picture(10 * n) for n in range(6)] and not own.bad
    put(set__rows_jsonl="".join(json.dumps({"picture": name, "label": n % 2}) + "\n" for n, name in enumerate(GOOD)))
    assert images("set/rows.jsonl").rows.column("image") == own.rows.column("image")
    mark = own.mark
    assert images().mark == mark
    put(set__pics__3_pgm=picture(200))
    assert images().rows.column("image")[3] == picture(200), "a picture that changed is read anew"


def test_paths_that_lead_nowhere_or_out_name_row_and_file() -> None:
    Path("secret.pgm").write_bytes(picture(9))
    with_pictures(*GOOD, "pics/gone.pgm", "../secret.pgm", str(Path("secret.pgm").absolute()), "pics/link.pgm", "pics", "x" * 5000 + ".pgm",
                  "pics/../pics/0.pgm", "pics/pipe.pgm", " ", "pics/text.pgm")
    Path("set/pics/link.pgm").symlink_to(Path("secret.pgm").absolute())
    Path("set/pics/text.pgm").write_text("no picture")
    os.mkfifo("set/pics/pipe.pgm")
    own = images(columns={"image": "image"})
    assert len(own.rows) == 6
    wrong = {int(bad.origin.removeprefix("rows.csv:")): str(bad.why) for bad in own.bad}
    want = {8: 'no picture "pics/gone.pgm"', 9: "leads out", 10: "leads out", 11: "leads out", 12: 'no picture "pics"', 13: "no picture",
            14: "leads out", 15: "no picture", 16: "missing", 17: "this is no picture"}
    assert wrong.keys() == want.keys()
    assert all(words in wrong[line] and 'column "image"' in wrong[line] for line, words in want.items()), wrong


def test_a_link_inside_is_read() -> None:
    with_pictures("pics/link.pgm", *GOOD)
    Path("set/pics/link.pgm").symlink_to("5.pgm")
    assert images().rows.column("image")[0] == picture(50)


def test_texts_are_no_paths() -> None:
    put(rows_csv="text,label\n" + "".join(f"a text about 1.png number {n},{'ab'[n % 2]}\n" for n in range(9)))
    with pytest.raises(InputError, match=r'looks like "image"'):
        images("rows.csv")


def test_a_folder_with_metadata_through_a_recipe() -> None:
    for split in ("train", "test"):
        for number in range(8):
            put(**{f"set__{split}__{number}_pgm": picture(10 * number + (split == "test"))})
        Path(f"set/{split}/metadata.csv").write_text("file_name,label,who\n" + "".join(f"{n}.pgm,{'ab'[n % 2]},p{n}\n" for n in range(8)))
    recipe = read({"task": "image-classification", "data": {"train": "set/train", "test": "set/test"}})
    found = dataset(recipe, task_of(recipe))
    assert len(found.rows["test"]) == 8 and found.rows["test"].column("image")[2] == picture(21)
    assert found.rows["test"].column("who")[2] == "p2" and found.rows["test"].origin(2) == "test/metadata.csv:4"


# ---------------------------------------------------------------- encodings

@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "big5", "shift_jis", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_named_encodings(encoding: str) -> None:
    text = CSV.replace("cat", "caf\u00e9" if encoding == "cp1252" else "日本")
    put(rows_csv=text.encode(encoding), rows_json=JSON.replace("cat", "日本" if encoding != "cp1252" else "caf\u00e9").encode(encoding))
    assert pairs(told(encoding=encoding)) == pairs(told("rows.json", encoding=encoding))


def test_utf16_and_gb18030_are_recognised_where_utf8_was_asked_for() -> None:
    put(rows_csv=CSV.encode("utf-16"), gb_csv=(CSV + "中文标题的一行,a\n").encode("gb18030"))
    with pytest.raises(InputError, match=r"rows\.csv: .*set data\.encoding: utf-16"):
        told()
    with pytest.raises(InputError, match=r"gb\.csv:22: .*set data\.encoding: gb18030"):
        told("gb.csv")
