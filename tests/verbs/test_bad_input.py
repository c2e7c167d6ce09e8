"""Wrong input ends in exit code 2 and one sentence, before any training, with nothing half-written: a table of kinds."""

import gzip
import io
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_client import fetched
from hub_server import Hub
from PIL import Image

from steelyard.cli import main
from steelyard.language import in_language

RECIPE = "task: text-classification\ndata: {{train: {train}{more}}}\nmodel: {{family: bert, size: tiny}}\ntraining: {{epochs: 1}}\n"
PICTURES = "task: image-classification\ndata: {{train: {train}}}\nmodel: {{family: mlp}}\ntraining: {{epochs: 1}}\n"
GOOD = "text,label\n" + "".join(f"the {word} number {i},{'ab'[i % 2]}\n" for i, word in enumerate(["cat", "dog", "cow", "hen"] * 10))


def rows(folder: Path, content: str | bytes, name: str = "rows.csv", more: str = "") -> Path:
    """A recipe about one file with that content."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return written(folder, RECIPE.format(train=name, more=more))


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def archive(folder: Path, change: Callable[[tarfile.TarInfo], None]) -> Path:
    """A tar.gz of two class folders, in which `change` was done to one member."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "PNG")
    with tarfile.open(folder / "pictures.tar.gz", "w:gz") as tar:
        for number in range(4):
            member = tarfile.TarInfo(f"{'ab'[number % 2]}/{number}.png")
            member.size = len(stream.getvalue())
            if number == 3:
                change(member)
            tar.addfile(member, io.BytesIO(stream.getvalue()) if member.isreg() else None)
    return written(folder, PICTURES.format(train="pictures.tar.gz"))


def folder_of(folder: Path, content: bytes, name: str) -> Path:
    """Class folders of pictures, one of which has that content."""
    for label in "ab":
        (folder / "set" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), number).save(folder / "set" / label / f"{number}.png")
    (folder / "set" / "a" / name).write_bytes(content)
    return written(folder, PICTURES.format(train="set"))


def bomb(width: int, height: int) -> bytes:
    """The start of a PNG that claims so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    sized = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + sized + struct.pack(">I", 0) + b"IDAT"


def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(stream, "JPEG")
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": ["a b"] * 50, "label": ["a", "b"] * 25}), stream)
    return stream.getvalue()


def climbs(member: tarfile.TarInfo) -> None:
    member.name = "../../b/3.png"


def links(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0


def table_of_pictures(folder: Path, *names: str, table: str = "rows.csv", column: str = "image") -> Path:
    """Six pictures, and a table that names them, and then `names`."""
    (folder / "set" / "pictures").mkdir(parents=True)
    for number in range(6):
        Image.new("L", (8, 8), number).save(folder / "set" / "pictures" / f"{number}.png")
    named = [*(f"pictures/{number}.png" for number in range(6)), *names]
    lines = "".join(f"{name},{'ab'[number % 2]}\n" for number, name in enumerate(named))
    (folder / "set" / table).write_text(f"{column},label\n{lines}")
    return written(folder, PICTURES.format(train="set" if table.startswith("metadata") else f"set/{table}"))


def saved(folder: Path, *splits: str) -> Path:
    """A set as `datasets` saves it, whose rows are cut short; or one with these splits."""
    for split in splits or ("",):
        place = folder / "saved" / split
        place.mkdir(parents=True)
        (place / "dataset_info.json").write_text('{"features": {}}')
        (place / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
        with pa.ipc.new_stream(str(place / "data.arrow"), pa.schema({"text": pa.string()})) as stream:
            stream.write_table(pa.table({"text": ["a text"] * 99}))
        (place / "data.arrow").write_bytes((place / "data.arrow").read_bytes()[:-400])
    if splits:
        (folder / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": splits}))
    return written(folder, RECIPE.format(train="saved", more=""))


def two_tables(folder: Path, second: str) -> Path:
    """Two files to learn from."""
    (folder / "second.csv").write_text(second)
    (folder / "rows.csv").write_text(GOOD)
    return written(folder, RECIPE.format(train="{rows.csv: 1, second.csv: 2}", more=""))


def label_names(folder: Path, names: str) -> Path:
    """Labels as numbers, and a file of their names."""
    (folder / "names.txt").write_text(names)
    return rows(folder, GOOD.replace(",a\n", ",0\n").replace(",b\n", ",1\n"), more=", label_names: names.txt")


def two_sets(folder: Path, test: str) -> Path:
    (folder / "test.csv").write_text(test)
    return rows(folder, GOOD, more=", test: test.csv")


def pickled(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model" / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    (folder / "rows.csv").write_text(GOOD)
    return written(folder, "task: text-classification\ndata: {train: rows.csv}\nmodel: {from: model}\n")


def changed(old: str, new: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        recipe = rows(folder, GOOD)
        text = recipe.read_text()
        assert old in text
        return written(folder, text.replace(old, new))
    return make


# what is wrong -> (how the recipe is made, words that the sentence must hold)
KINDS: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "unknown key": (changed("epochs", "epoch"), ["recipe.yaml:4", "training.epoch", "epochs"]),
    "somebody else's key": (changed("epochs", "num_train_epochs"), ["recipe.yaml:4", "num_train_epochs", "epochs"]),
    "wrong type": (changed("epochs: 1", "epochs: many"), ["recipe.yaml:4", "training.epochs", "many"]),
    "impossible value": (changed("epochs: 1", "learning_rate: -1"), ["training.learning_rate", "-1"]),
    "share of 100%": (changed("train: rows.csv", "train: rows.csv, test: 100%"), ["data.test", "100%"]),
    "unknown task": (changed("text-classification", "text-clasification"), ["recipe.yaml:1", "text-classification"]),
    "unknown family": (changed("family: bert", "family: bret"), ["model.family", "bert"]),
    "unknown size": (changed("size: tiny", "size: huge"), ["model.size", "huge", "tiny"]),
    "a family that cannot do the task": (changed("family: bert", "family: mlp"), ["model.family", "mlp", "bert"]),
    "batch larger than the data": (changed("epochs: 1", "epochs: 1, batch_size: 500"), ["training.batch_size", "500", "32"]),
    "unknown metric": (changed("epochs: 1", "epochs: 1, best: bleu"), ["training.best", "bleu", "accuracy"]),
    "YAML that is none": (changed("training: {", "training: [{"), ["recipe.yaml"]),
    "YAML with objects": (changed("epochs: 1", "epochs: !!python/object/apply:os.system [id]"), ["recipe.yaml:4"]),
    "YAML with aliases": (changed("training: {epochs: 1}", "training: &a {epochs: 1}\nabout: *a"), ["recipe.yaml:4"]),
    "a key twice": (changed("training: {epochs: 1}", "training: {epochs: 1}\nseed: 1\nseed: 2"), ["seed"]),
    "an environment variable that is not set": (changed("rows.csv", "${STEELYARD_NO_SUCH}/rows.csv"), ["STEELYARD_NO_SUCH"]),
    "missing file": (changed("rows.csv", "rosw.csv"), ["data.train", "rosw.csv", "rows.csv"]),
    "empty file": (lambda f: rows(f, ""), ["rows.csv"]),
    "a header and no row": (lambda f: rows(f, "text,label\n"), ["rows.csv"]),
    "wrong column": (lambda f: rows(f, GOOD, more=", columns: {text: txet}"), ["txet", "text"]),
    "a column of no task": (lambda f: rows(f, GOOD, more=", columns: {txt: text}"), ["data.columns.txt", "text"]),
    "two columns that could be the label": (
        lambda f: rows(f, GOOD.replace("label", "first,second").replace(",a\n", ",a,x\n").replace(",b\n", ",b,y\n")),
                                            ["first", "second", "data.columns.label"]),
    "a table of numbers": (lambda f: rows(f, "a,b\n" + "1.5,2\n" * 20), ["text", "a, b"]),
    "one class": (lambda f: rows(f, GOOD.replace(",b\n", ",a\n")), ['"a"', "tell apart"]),
    "a label in test that train lacks": (lambda f: two_sets(f, "text,label\nthe cat,a\nthe dog,c\n"), ["test.csv:3", '"c"', "a, b"]),
    "labels that are no number": (lambda f: rows(f, GOOD + "the cat,NaN\n"), ["rows.csv:42", "label"]),
    "an unknown split": (lambda f: rows(f, GOOD, more=", test: {column: label, value: c}"), ["data.test", '"c"', "a, b"]),
    "an unknown group": (lambda f: rows(f, GOOD, more=", group_by: person"), ["data.group_by", "person"]),
    "broken gz": (lambda f: rows(f, gzip.compress(GOOD.encode() * 50)[:-40], "rows.csv.gz"), ["rows.csv.gz"]),
    "broken parquet": (lambda f: rows(f, parquet()[:-200], "rows.parquet"), ["rows.parquet"]),
    "a pickle as a table": (lambda f: rows(f, pickle.dumps({"text": ["a"] * 99})), ["rows.csv"]),
    "binary as text": (lambda f: rows(f, os.urandom(4096)), ["rows.csv"]),
    "wrong encoding": (lambda f: rows(f, GOOD.replace("the", "这是").encode("gb18030")), ["rows.csv", "data.encoding", "gb18030"]),
    "duplicate column names": (lambda f: rows(f, GOOD.replace("text,label", "label,label")), ["rows.csv", "label"]),
    "a ragged row": (lambda f: rows(f, GOOD + "one,two,three,four\n"), ["rows.csv:42", "data.max_bad_rows"]),
    "broken JSON lines": (lambda f: rows(f, '{"text": "a", "label": "a"}\n{"text": \n' * 9, "rows.jsonl"),
                          ["rows.jsonl:2", "data.max_bad_rows"]),
    "a form that nothing reads": (lambda f: rows(f, GOOD, "rows.docx"), ["rows.docx", "csv"]),
    "broken jpg": (lambda f: folder_of(f, jpeg()[:400], "x.jpg"), ["x.jpg", "data.max_bad_rows"]),
    "a picture bomb": (lambda f: folder_of(f, bomb(100_000, 100_000), "x.png"), ["x.png"]),
    "a tar that climbs out": (lambda f: archive(f, climbs), ["pictures.tar.gz", ".."]),
    "a tar with a link": (lambda f: archive(f, links), ["pictures.tar.gz"]),
    "a column of paths with a missing picture": (lambda f: table_of_pictures(f, "pictures/9.png"),
                                                 ["rows.csv:8", "pictures/9.png", "data.max_bad_rows"]),
    "a path that leads out of the folder": (lambda f: table_of_pictures(f, "../recipe.png"), ["rows.csv:8", "../recipe.png"]),
    "a path that leads to the root": (lambda f: table_of_pictures(f, "/etc/passwd.png"), ["rows.csv:8", "/etc/passwd.png"]),
    "a picture that metadata does not name": (lambda f: [table_of_pictures(f, table="metadata.csv", column="file_name"),
                                                         (f / "set" / "more.png").write_bytes(b"x"), f / "recipe.yaml"][2],
                                              ["set/more.png", "metadata.csv"]),
    "metadata without file_name": (lambda f: table_of_pictures(f, table="metadata.csv", column="name"), ["metadata.csv", "file_name"]),
    "JSON that breaks off": (lambda f: rows(f, '[{"text": "a b", "label": "a"},\n{"text": ', "rows.json"), ["rows.json:2", "JSON"]),
    "JSON of two lists": (lambda f: rows(f, '{"one": [{"text": "a b"}], "two": [{"text": "c d"}]}', "rows.json"),
                          ["rows.json", "one", "two"]),
    "JSON columns of unequal lengths": (lambda f: rows(f, '{"text": ["a b", "c d"], "label": ["a"]}', "rows.json"),
                                        ["rows.json", "text: 2", "label: 1"]),
    "two data sets whose labels differ": (lambda f: two_tables(f, GOOD.replace(",a\n", ",0\n").replace(",b\n", ",1\n")),
                                          ["rows.csv", "second.csv", "a, b", "0, 1", "data.labels"]),
    "two data sets whose columns differ": (lambda f: two_tables(f, "text\nthe cat\nthe dog\n"), ["rows.csv", "second.csv", "label"]),
    "a file that is named twice": (changed("rows.csv", "[rows.csv, rows.*]"), ["data.train", "rows.csv"]),
    "names for fewer labels": (lambda f: label_names(f, "sport\n"), ["rows.csv:3", "names.txt", '"1"']),
    "one name for two labels": (lambda f: label_names(f, "sport\nsport\n"), ["data.label_names", "names.txt", "sport"]),
    "no file of names": (lambda f: rows(f, GOOD, more=", label_names: nmaes.txt"), ["data.label_names", "nmaes.txt"]),
    "a column beyond the last": (lambda f: rows(f, GOOD, more=", header: false, columns: {text: 1, label: 5}"),
                                 ["rows.csv", '"5"', "1, 2"]),
    "UTF-16 as UTF-8": (lambda f: rows(f, GOOD.encode("utf-16")), ["rows.csv", "data.encoding: utf-16"]),
    "a saved set of two splits": (lambda f: saved(f, "train", "test"), ["saved/train", "saved/test"]),
    "a saved set that is cut short": (saved, ["data.arrow"]),
    "a set of the Hub without network and copy": (changed("rows.csv", '"hub:org/none:train"'),
                                                  ["data.train", "org/none", "HF_HUB_OFFLINE"]),
    "a name that no set of the Hub has": (changed("rows.csv", '"hub:a b"'), ["data.train", "hub:a b", "hub:NAME"]),
    "a pickle for weights": (pickled, ["model.from", "pytorch_model.bin"]),
    "no model folder": (changed("family: bert, size: tiny", "from: nowhere"), ["model.from", "nowhere"]),
}


def one_sentence(told: str, words: list[str]) -> None:
    lines = told.strip().splitlines()
    assert len(lines) == 1, told
    assert "Traceback" not in told
    assert all(word in told for word in words), (words, told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_training_refuses(kind: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                          capsys: pytest.CaptureFixture[str]) -> None:
    make, words = KINDS[kind]
    recipe = make(tmp_path)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_LANG", language)
    start = time.process_time()
    with in_language(language):
        code = main(["train", str(recipe)])
    told = capsys.readouterr()
    assert code == 2, told.err
    assert told.out == ""
    shown = words if language == "en" else [word.strip('"') for word in words if not word.startswith("tell")]
    one_sentence(told.err, shown)
    if language == "zh":
        assert any("\u4e00" <= letter <= "\u9fff" for letter in told.err), told.err
    assert time.process_time() - start < 10
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


REAL = ["unknown key", "missing file", "empty file", "one class", "a label in test that train lacks", "broken gz", "binary as text",
        "wrong encoding", "a picture bomb", "a tar that climbs out", "a pickle for weights", "a family that cannot do the task"]


def spent() -> float:
    """Seconds of the processor that ended children took: those of the wall, where nobody else is at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_real_command_refuses(tmp_path: Path) -> None:
    """Twelve of them as a person types them: a process of its own, its exit code, its standard error."""
    for number, kind in enumerate(REAL):
        folder = tmp_path / str(number)
        folder.mkdir()
        make, words = KINDS[kind]
        recipe = make(folder)
        start = spent()
        told = subprocess.run([sys.executable, "-m", "steelyard", "train", recipe.name], cwd=folder, capture_output=True,
                              text=True, timeout=60)
        assert told.returncode == 2, (kind, told.stderr)
        one_sentence(told.stderr, words)
        assert told.stdout == "" and not (folder / "runs").exists()
        assert spent() - start < 10, kind


def test_bad_rows_are_counted_up_to_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    recipe = rows(tmp_path, GOOD + "one,two,three\n", more=", max_bad_rows: 1")
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(recipe)]) == 0
    assert "rows.csv:42" in capsys.readouterr().out
    assert main(["check", str(rows(tmp_path, GOOD + "one,two,three\n" * 2, more=", max_bad_rows: 1"))]) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a read-only folder")
def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = rows(tmp_path, GOOD)
    (tmp_path / "closed").mkdir(mode=0o500)
    assert main(["train", str(recipe), "--out", str(tmp_path / "closed")]) in (2, 4)
    one_sentence(capsys.readouterr().err, ["closed"])


def test_other_verbs_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    recipe = rows(tmp_path, GOOD)
    for words, argv in {
        "no run": ["weigh", "empty"], "run.json": ["predict", "empty", "a text"], "steelyard train": ["weigh", str(recipe)],
        "mean weigh": ["evaluate", "empty"], "--resume": ["train"], "nowhere.yaml": ["check", "nowhere.yaml"],
    }.items():
        assert main(argv) == 2, argv
        one_sentence(capsys.readouterr().err, [words])


# ---------------------------------------------------------------- the Hub, asked by processes of their own

FILES = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"0123456789"}
# what is wrong -> (the Hub id or (id, revision), exit code, words that the sentence must hold)
AT_THE_HUB: dict[str, tuple[str | tuple[str, str], int, list[str]]] = {
    "an id that does not exist": ("org/none", 2, ["model.from", '"org/none"', "hf auth login"]),
    "an id that cannot be one": ("hub:a/b/c", 2, ["model.from", "a/b/c", "OWNER/NAME"]),
    "private": ("bob/secret", 2, ['"bob/secret"', "hf auth login"]),
    "gated": ("org/gated", 2, ['"org/gated"', "hf auth login", "/org/gated"]),
    "no such revision": (("org/good", "v9"), 2, ['"v9"', '"org/good"', "/commits/main"]),
    "a pickle for weights": ("org/pickle", 2, ["pytorch_model.bin", "safetensors"]),
    "no model": ("org/notes", 2, ["config.json"]),
    "damaged on the way": ("org/damaged", 4, ["model.safetensors"]),
    "listed, but not there": ("org/lost", 4, ['"org/lost"']),
    "a Hub that fails": ("org/broken", 4, ["500"]),
    "a Hub that wants to be left alone": ("org/busy", 4, ["429"]),
    "a Hub that hangs": ("org/hangs", 4, ["HF_ENDPOINT", "HF_HUB_OFFLINE=1"]),
}


def faulty(hub: Hub) -> None:
    """All of them in one Hub."""
    for name in ("org/good", "org/gated", "org/damaged", "org/lost", "org/broken", "org/busy", "org/hangs", "bob/secret"):
        hub.commit(name, {**FILES, "config.json": name.encode()})
    hub.repo("org/gated").gated = hub.repo("bob/secret").private = True
    hub.commit("org/pickle", {"config.json": b"{}", "pytorch_model.bin": b"1"})
    hub.commit("org/notes", {"notes.txt": b"1"})
    hub.commit("org/damaged", {"model.safetensors": b"damaged"})
    hub.fault("corrupt", "/lfs/.*")
    hub.fault("404", "/org/lost/resolve/.*model.safetensors", times=9)
    hub.fault("500", "/api/models/org/broken")
    hub.fault("429", "/api/models/org/busy")
    hub.fault("hang", "/api/models/org/hangs")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_hub_refuses_or_fails(language: str, hub: Hub, tmp_path: Path) -> None:
    faulty(hub)
    told = fetched(hub.environment(tmp_path), *(source for source, _, _ in AT_THE_HUB.values()), language=language)
    wrong = fetched(hub.environment(tmp_path, "hf_wrong"), "org/good", language=language)
    good = fetched(hub.environment(tmp_path, "hf_of_alice"), "org/gated", "bob/secret", language=language)
    dead = fetched({**hub.environment(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}, "org/good", language=language)
    offline = fetched({**hub.environment(tmp_path), "HF_HUB_OFFLINE": "1"}, "org/good", language=language)
    expected = [*((code, words) for _, code, words in AT_THE_HUB.values()), (2, ["HF_TOKEN", "/settings/tokens"]), (2, ["/org/gated"]),
                (2, ["bob/secret"]), (4, ["http://127.0.0.1:9", "HF_ENDPOINT"]), (2, ['"org/good"', "HF_HUB_OFFLINE"])]
    for one, (code, words) in zip([*told, *wrong, *good, *dead, *offline], expected, strict=True):
        assert one.get("code") == code and one["seconds"] < 10, (one, words)
        one_sentence(one["error"], words if language == "en" else [word.strip('"') for word in words])
        assert (language == "zh") == any("\u4e00" <= letter <= "\u9fff" for letter in one["error"]), one["error"]
        assert "Error" not in one["noise"] and "Traceback" not in one["noise"]


def test_the_real_command_without_a_network(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(GOOD)
    recipe = written(tmp_path, "task: text-classification\ndata: {train: rows.csv}\nmodel: {from: org/good}\n")
    told = subprocess.run([sys.executable, "-m", "steelyard", "train", recipe.name], cwd=tmp_path, capture_output=True, text=True,
                          timeout=120, env={**os.environ, **hub.environment(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert told.returncode == 4 and told.stdout == "" and not (tmp_path / "runs").exists()
    one_sentence(told.stderr, ["recipe.yaml:3", "model.from", "http://127.0.0.1:9"])
