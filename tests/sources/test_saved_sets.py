"""Sets as `datasets` saves them, Arrow files, folders with a table that names their pictures: read here with pyarrow alone."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.math.pictures import pgm
from steelyard.parts import ReadOptions

FEATURES = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
TABLE = pa.table({"text": [f"text {n}" for n in range(600)], "label": [n % 2 for n in range(600)]})
PICTURE = pgm(np.zeros((2, 3), np.uint8))


def read(path):
    """The records, from the one source of the catalogue that accepts the path."""
    (source,) = [part() for part in catalog.every("sources") if part().accepts(path)]
    return list(source.read(path, ReadOptions()))


def values(records):
    assert not [str(record.problem) for record in records if record.problem]
    return [record.values for record in records]


def arrow(path, table, file=False):
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=250)


def saved(folder, table=TABLE, features=FEATURES, shards=2, **state):
    """A folder as save_to_disk leaves it."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{shards:05d}.arrow" for n in range(shards)]
    size = -(-table.num_rows // shards)
    for number, name in enumerate(names):
        arrow(folder / name, table.slice(number * size, size))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features, "citation": ""}))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names], "_split": "train"} | state))
    return folder


def test_a_saved_set(tmp_path):
    records = read(saved(tmp_path / "set"))
    assert values(records) == [{"text": f"text {n}", "label": ["neg", "pos"][n % 2]} for n in range(600)]
    assert [record.line for record in records] == [*range(1, 301)] * 2
    assert records[300].file == f"{tmp_path}/set/data-00001-of-00002.arrow"


def test_a_label_that_is_unknown_is_missing_and_one_without_a_name_a_problem(tmp_path):
    table = pa.table({"text": ["a", "b", "c", "d"], "label": [0, -1, 2, None]})
    records = read(saved(tmp_path / "set", table, shards=1))
    assert [record.values.get("label") for record in records] == ["neg", None, None, None]
    assert [str(record.problem) for record in records if record.problem] == [
        'column "label": the label 2 has no name: there are 2, for 0 to 1']


def test_pictures_in_a_saved_set(tmp_path):
    table = pa.table({"image": [{"bytes": PICTURE, "path": None}, {"bytes": None, "path": "/etc/passwd"}], "label": [0, 1]})
    rows = values(read(saved(tmp_path / "set", table, {"image": {"_type": "Image"}, "label": FEATURES["label"]}, shards=1)))
    assert rows[0]["image"]["bytes"] == PICTURE and [row["label"] for row in rows] == ["neg", "pos"]


@pytest.mark.parametrize("features", [{}, None, [], {"label": 5}, {"label": {"_type": "ClassLabel"}},
                                      {"label": {"_type": "ClassLabel", "names": [1]}}])
def test_a_saved_set_without_names(tmp_path, features):
    assert values(read(saved(tmp_path / "set", features=features)))[1]["label"] == 1


def test_several_splits_in_one(tmp_path):
    saved(tmp_path / "set/train")
    (tmp_path / "set/dataset_dict.json").write_text('{"splits": ["train"]}')
    assert len(read(tmp_path / "set")) == 600
    saved(tmp_path / "set/test")
    (tmp_path / "set/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(InputError, match=r"several splits lie in it \(set/train, set/test\)"):
        read(tmp_path / "set")
    assert len(read(tmp_path / "set/test")) == 600


@pytest.mark.parametrize("file", [False, True])
def test_an_arrow_file(tmp_path, file):
    schema = TABLE.schema.with_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})})
    arrow(tmp_path / "a.arrow", TABLE.cast(schema), file)
    assert values(read(tmp_path / "a.arrow"))[1] == {"text": "text 1", "label": "pos"}


def test_parquet_has_the_names_of_its_labels(tmp_path):
    pq.write_table(TABLE.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})}), tmp_path / "a.parquet")
    assert values(read(tmp_path / "a.parquet"))[1]["label"] == "pos"
    pq.write_table(TABLE.replace_schema_metadata({"huggingface": "[" * 99_999}), tmp_path / "b.parquet")
    assert values(read(tmp_path / "b.parquet"))[1]["label"] == 1


def entry(name):
    return {"_data_files": [{"filename": name}]}


@pytest.mark.parametrize("name", ["../x.arrow", "/etc/passwd", "", ".", "..", "a/b.arrow", "..\\x.arrow", "a\0b", 5, None])
def test_a_file_outside_the_folder_is_refused(tmp_path, name):
    arrow(tmp_path / "x.arrow", TABLE)
    with pytest.raises(InputError, match="leads out"):
        read(saved(tmp_path / "set", **entry(name)))


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    arrow(tmp_path / "x.arrow", TABLE)
    folder = saved(tmp_path / "set", **entry("x.arrow"))
    with pytest.raises(InputError, match=r"x\.arrow: the file is missing"):
        read(folder)
    (folder / "x.arrow").symlink_to(tmp_path / "x.arrow")
    with pytest.raises(InputError, match=r'link "x\.arrow" leads out'):
        read(folder)


@pytest.mark.parametrize("state, words", [
    ({"_data_files": []}, "names no files"), ({"_data_files": 5}, "names no files"), ({"_data_files": ["x"]}, "leads out"),
    ({"_indices_data_files": [{"filename": "indices.arrow"}]}, "flatten_indices"),
])
def test_a_state_that_is_none(tmp_path, state, words):
    with pytest.raises(InputError, match=words):
        read(saved(tmp_path / "set", **state))


def test_broken_documents_and_files(tmp_path):
    folder = saved(tmp_path / "set")
    whole = (folder / "data-00001-of-00002.arrow").read_bytes()
    for content, words in ((whole[:-1500], "cut short or broken"), (b"", "empty"), (whole[:40], "cut short or broken"),
                           (b"\xff" * 99, "cut short or broken"), (b"ARROW1\0\0" + whole, "cut short or broken")):
        (folder / "data-00001-of-00002.arrow").write_bytes(content)
        with pytest.raises(InputError, match=f"data-00001-of-00002.arrow: .*{words}"):
            read(folder)
    (folder / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"state\.json: this is no JSON"):
        read(folder)


def test_flipped_bytes_never_crash(tmp_path):
    arrow(tmp_path / "a.arrow", TABLE.slice(0, 50))
    whole, rng = (tmp_path / "a.arrow").read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(whole)
        broken[rng.integers(len(broken))] = rng.integers(256)
        (tmp_path / "a.arrow").write_bytes(broken)
        try:
            read(tmp_path / "a.arrow")
        except InputError as error:
            assert "a.arrow: " in str(error)


def listed(folder: Path, table: str, name: str = "metadata.csv") -> Path:
    for file in ("1.pgm", "deep/2.pgm"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(PICTURE)
    (folder / name).write_text(table)
    return folder


@pytest.mark.parametrize("name, table", [
    ("metadata.csv", "file_name,label\n1.pgm,cat\ndeep/2.pgm,dog\n"),
    ("metadata.jsonl", '{"file_name": "1.pgm", "label": "cat"}\n{"file_name": "deep/2.pgm", "label": "dog"}\n'),
])
def test_a_folder_with_a_table_that_names_its_pictures(tmp_path, name, table):
    records = read(listed(tmp_path / "set", table, name))
    assert values(records) == [{"label": "cat", "image": "1.pgm", "file": "1.pgm"},
                               {"label": "dog", "image": "deep/2.pgm", "file": "deep/2.pgm"}]
    assert records[1].file == f"{tmp_path}/set/{name}" and records[1].line == 3 - name.endswith("jsonl")


def test_nothing_in_such_a_folder_is_left_out_in_silence(tmp_path):
    folder = listed(tmp_path / "set", "file_name,label\n1.pgm,cat\n,dog\n")
    (folder / ".hidden").write_bytes(b"x")
    problems = {record.file.rpartition("/")[2]: str(record.problem) for record in read(folder) if record.problem}
    assert problems == {"metadata.csv": "the picture is missing",
                        "2.pgm": 'the file is not named in "metadata.csv"; add a row for it, or remove it'}


@pytest.mark.parametrize("table, words", [("name,label\n1.pgm,cat\n", 'no column "file_name".*name, label'), ("file_name\n", "no rows")])
def test_tables_of_pictures_that_are_refused(tmp_path, table, words):
    with pytest.raises(InputError, match=words):
        read(listed(tmp_path / "set", table))


def test_two_tables_of_pictures_and_splits_side_by_side(tmp_path):
    folder = listed(listed(tmp_path / "set/train", "file_name,label\n1.pgm,cat\n"), "{}", "metadata.jsonl")
    with pytest.raises(InputError, match="two tables"):
        read(folder)
    (folder / "metadata.jsonl").unlink()
    listed(tmp_path / "set/test", "file_name,label\n1.pgm,cat\n")
    with pytest.raises(InputError, match=r"several splits lie in it \(set/test, set/train\)"):
        read(tmp_path / "set")
