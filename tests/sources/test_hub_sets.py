"""Data sets of the Hub: which files are a split, and real second processes against the stand-in on loopback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import Hub

from steelyard.errors import InputError
from steelyard.sources.hub import Place, files_of

FEATURES = {"text": {"_type": "Value"}, "label": {"_type": "ClassLabel", "names": ["neg", "pos"]}}


def parquet(words: str, rows: int = 12) -> bytes:
    file = io.BytesIO()
    table = pa.table({"text": [f"the {words} number {n}" for n in range(rows)], "label": [n % 2 for n in range(rows)]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})}), file)
    return file.getvalue()


FILES = {"README.md": b"about", ".gitattributes": b"", "set.py": b"raise SystemExit('a script was run')",
         "data/train-00000-of-00002.parquet": parquet("first"), "data/train-00001-of-00002.parquet": parquet("second"),
         "data/test-00000-of-00001.parquet": parquet("test", 6)}


@pytest.mark.parametrize(("part", "names", "want"), [
    (None, ["train.csv", "README.md"], ["train.csv"]), (None, ["data.jsonl"], ["data.jsonl"]),
    ("train", ["train.csv", "test.csv"], ["train.csv"]), ("dev", ["train.csv", "valid.csv"], ["valid.csv"]),
    ("train", ["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "data/test-00000-of-00001.parquet"],
     ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]),
    ("sst2/test", ["sst2/test.csv", "sst2/train.csv", "cola/test.csv"], ["sst2/test.csv"]),
    ("sst2", ["sst2/test.csv", "cola/x.csv"], ["sst2/test.csv"]), ("easy", ["easy.jsonl", "hard.jsonl"], ["easy.jsonl"]),
    ("train", ["default/train/0000.parquet", "default/test/0000.parquet"], ["default/train/0000.parquet"]),
    ("extra", ["data/extra-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"], ["data/extra-00000-of-00001.parquet"]),
    ("a/*.json", ["a/1.json", "a/2.json", "b/1.json"], ["a/1.json", "a/2.json"]), ("b/1.json", ["a/1.json", "b/1.json"], ["b/1.json"]),
    ("train", ["train.csv", "train.parquet", "train.jsonl.gz"], ["train.parquet"]),
    (None, ["train.csv.gz", "dataset_infos.json", ".cache/test.csv"], ["train.csv.gz"]),
])
def test_the_files_of_a_split(part: str | None, names: list[str], want: list[str]) -> None:
    assert files_of(Place("org/set", "main", part), names, "data.train") == want


@pytest.mark.parametrize(("part", "names", "words"), [
    (None, ["train.csv", "test.csv"], r"hub:org/set holds several splits; name one: hub:org/set:test, hub:org/set:train"),
    ("train", ["a/train.csv", "b/train.csv"], r"several splits; name one: hub:org/set:a/train, hub:org/set:b/train"),
    ("tain", ["train.csv", "test.csv"], 'has no split "tain"; there are: hub:org/set:test'),
    (None, ["set.py", "README.md"], r"only a script that loads it \(set\.py\), and steelyard runs none"),
    (None, ["README.md", "cat/1.png"], "no Parquet, CSV or JSON file"), (None, [], "no Parquet"), ("x/*.csv", ["train.csv"], "has no file"),
    ("train", ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"], r"file train-00001-of-00003\.parquet is missing"),
])
def test_splits_that_are_none(part: str | None, names: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        files_of(Place("org/set", "main", part), names, "data.train")


CLIENT = """
import json, sys
from steelyard import catalog
from steelyard.engine.read import pinned
from steelyard.engine.split import dataset
from steelyard.errors import SteelyardError
from steelyard.recipe.reader import anchored, read
told = []
for data in json.load(sys.stdin):
    recipe = read({"task": "text-classification", "data": data})
    try:
        found = dataset(recipe, catalog.load("tasks", recipe.task, "test"))
        told.append({"rows": {split: len(rows) for split, rows in found.rows.items()}, "files": list(found.files), "mark": found.mark,
                     "labels": sorted(set(found.rows["train"].column("label"))), "origin": found.rows["train"].origin(0),
                     "pinned": anchored(pinned(recipe)).data.model_dump(exclude_defaults=True)})
    except SteelyardError as error:
        told.append({"error": str(error), "code": error.code})
json.dump(told, sys.stdout)
"""


def asked(environment: dict[str, str], cache: Path, *data: object) -> list[dict]:
    done = subprocess.run([sys.executable, "-c", CLIENT], input=json.dumps(data), capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment, "STEELYARD_CACHE": str(cache)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


GIVEN = {"train": "hub:org/set:train", "test": "hub:org/set:test"}


def test_a_set_is_fetched_once_at_a_pinned_commit(hub: Hub, tmp_path: Path) -> None:
    first = hub.commit("org/set", FILES, "datasets")
    told, = asked(hub.environment(tmp_path / "home"), tmp_path / "cache", GIVEN)
    assert told["rows"]["test"] == 6 and told["rows"]["train"] + told["rows"]["validation"] == 24
    assert told["labels"] == ["neg", "pos"]
    assert told["files"][0]["file"] == told["files"][0]["mark"] == f"hub:org/set@{first}:train"
    assert told["files"][0]["files"] == ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
    assert told["origin"].startswith("hub:org/set/data/train-0000")
    assert told["pinned"] == {"train": f"hub:org/set@{first}:train", "test": f"hub:org/set@{first}:test"}
    assert not [path for path in hub.paths() if path.endswith((".py", "README.md"))]

    second = hub.commit("org/set", {"data/test-00000-of-00001.parquet": parquet("new", 8)}, "datasets")
    now, then = asked(hub.environment(tmp_path / "home"), tmp_path / "cache", GIVEN, told["pinned"])
    assert (now["rows"]["test"], then["rows"]["test"]) == (8, 6) and second in now["files"][1]["mark"]
    assert then["mark"] == told["mark"] != now["mark"]

    hub.requests.clear()
    offline = {**hub.environment(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    kept, main, other = asked(offline, tmp_path / "cache", told["pinned"], GIVEN, {"train": "hub:org/other"})
    assert kept["mark"] == told["mark"] and main["mark"] == now["mark"]
    assert other["code"] == 2 and "HF_HUB_OFFLINE" in other["error"]
    assert not hub.requests


def test_what_goes_wrong_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/set", FILES, "datasets")
    hub.commit("org/script", {"script.py": b"raise SystemExit", "README.md": b""}, "datasets")
    wrong = {"hub:org/none": "org/none", "hub:org/set@nowhere:train": "nowhere", "hub:org/set": "several splits", "hub:org/set:dev": "dev",
             "hub:org/script": "script.py", "hub:a b": "want hub:NAME", "hub:../set": "want hub:NAME", "hub:": "want hub:NAME"}
    for place, told in zip(wrong, asked(hub.environment(tmp_path / "home"), tmp_path / "cache", *({"train": place} for place in wrong)),
                           strict=True):
        assert told["code"] == 2 and wrong[place] in told["error"] and "\n" not in told["error"] and "data.train" in told["error"], told


def test_a_hub_that_does_not_answer(hub: Hub, tmp_path: Path) -> None:
    hub.commit("org/set", FILES, "datasets")
    hub.fault("hang", "/api/", times=9)
    told, = asked(hub.environment(tmp_path / "home"), tmp_path / "cache", GIVEN)
    assert told["code"] == 4 and f"the Hub at {hub.url} cannot be used" in told["error"]
    gone, = asked({**hub.environment(tmp_path / "home"), "HF_ENDPOINT": "http://127.0.0.1:1"}, tmp_path / "cache", GIVEN)
    assert gone["code"] == 4 and "http://127.0.0.1:1" in gone["error"]


def test_files_of_other_forms(hub: Hub, tmp_path: Path) -> None:
    rows = [{"text": f"a text number {n}", "label": "ab"[n % 2]} for n in range(20)]
    hub.commit("org/json", {"train.json": json.dumps({"data": rows}).encode()}, "datasets")
    hub.commit("single", {"a/train.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(), "a/test.csv": b"text,label\nx y,a\n"},
               "datasets")
    told = asked(hub.environment(tmp_path / "home"), tmp_path / "cache", {"train": "hub:org/json"},
                 {"train": {"hub:org/json": 1, "hub:single:a/train": 2}}, {"train": ["hub:single:train"], "test": "hub:single:a/*.csv"})
    assert [sum(one["rows"].values()) for one in told] == [20, 40, 21]
    assert list(told[1]["pinned"]["train"].values()) == [1, 2]
