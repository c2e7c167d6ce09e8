"""Wrong input ends in exit code 2 and one sentence, before any training, with nothing half-written: a table of kinds."""

import gzip
import io
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
