"""Folders, archives and IDX: pictures with their labels, nothing left out in silence."""

import gzip
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.math.pictures import decode, pgm
from steelyard.parts import ReadOptions

PICTURES = {f"{label}/{n}.pgm": pgm(np.full((2, 3), 10 * n + len(label), np.uint8)) for label in ("cat", "horse") for n in range(3)}


def read(path):
    """The records, from the first source of the catalogue that accepts the path."""
    source = next(part() for part in catalog.every("sources") if part().accepts(path))
    return list(source.read(path, ReadOptions()))


def filled(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def packed(path, files):
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def rows(records):
    return [(record.values["file"], record.values.get("label"), record.values["image"]) for record in records if not record.problem]


WANT = [(name, name.split("/")[0], data) for name, data in PICTURES.items()]


def test_a_folder_of_class_folders(tmp_path):
    records = read(filled(tmp_path, PICTURES))
    assert rows(records) == WANT
    assert records[0].file == f"{tmp_path}/cat/0.pgm" and records[0].line is None


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize("before", ["", "./", "animals/", "./data/animals/"])
def test_an_archive_of_class_folders(tmp_path, name, before):
    records = read(packed(tmp_path / name, {before + name: data for name, data in PICTURES.items()}))
    assert [(label, image) for _, label, image in rows(records)] == [(label, image) for _, label, image in WANT]
    assert records[0].file == f"{tmp_path}/{name}/{before.removeprefix('./')}cat/0.pgm"


def test_an_archive_that_a_person_made(tmp_path):
    filled(tmp_path / "animals", PICTURES)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.add(tmp_path / "animals", "动物" * 60)  # folders as members, and names that need a longer header
    assert sorted((label, image) for _, label, image in rows(read(tmp_path / "a.tar.gz"))) == sorted((b, c) for _, b, c in WANT)


def test_a_folder_around_the_class_folders(tmp_path):
    assert [row[1] for row in rows(read(filled(tmp_path, {f"animals/{k}": v for k, v in PICTURES.items()})))] == ["cat"] * 3 + ["horse"] * 3


OTHERS = {".DS_Store": b"x", "cat/.hidden.png": b"x", ".git/HEAD": b"x", "__MACOSX/cat/1.png": b"x", "cat/Thumbs.db": b"x",
          "README.md": b"x", "cat/notes.txt": b"x", "horse/old/9.pgm": PICTURES["cat/0.pgm"]}


@pytest.mark.parametrize("make", [filled, lambda folder, files: packed(folder / "a.tar", files)], ids=["folder", "archive"])
def test_what_is_hidden_is_skipped_and_all_else_is_accounted_for(tmp_path, make):
    records = read(make(tmp_path, PICTURES | OTHERS))
    problems = {record.file.rsplit("/", 1)[-1]: str(record.problem) for record in records if record.problem}
    assert {name: words.split()[-1] for name, words in problems.items()} == {"README.md": "it", "notes.txt": "it", "9.pgm": "told"}
    assert rows(records) == WANT


def test_pictures_without_classes_have_no_label(tmp_path):
    assert [row[:2] for row in rows(read(filled(tmp_path, {"1.pgm": b"x", "2.pgm": b"y"})))] == [("1.pgm", None), ("2.pgm", None)]


@pytest.mark.parametrize("make", [filled, lambda folder, files: packed(folder / "a.tar", files)], ids=["folder", "archive"])
def test_splits_are_not_mixed(tmp_path, make):
    files = {f"{split}/{name}": data for split in ("train", "test") for name, data in PICTURES.items()}
    with pytest.raises(InputError, match=r"several splits .*test, train"):
        read(make(tmp_path, files))


def test_no_picture_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    texts = filled(tmp_path / "texts", {"a/b.txt": b"x"})
    for path in (tmp_path / "empty", texts, packed(tmp_path / "a.tar", {}), packed(tmp_path / "b.tar", {"x": b"x"})):
        with pytest.raises(InputError, match="no picture in it"):
            read(path)


def test_links_inside_are_read_and_links_out_are_refused(tmp_path):
    inside = filled(tmp_path / "set", PICTURES)
    (inside / "cat" / "9.pgm").symlink_to(inside / "horse" / "0.pgm")
    assert ("cat/9.pgm", "cat", PICTURES["horse/0.pgm"]) in rows(read(inside))
    (tmp_path / "secret.pgm").write_bytes(b"secret")
    for target in (tmp_path / "secret.pgm", tmp_path, tmp_path / "gone"):
        link = inside / "cat" / "a.pgm"
        link.symlink_to(target)
        with pytest.raises(InputError, match=r'the link "cat/a\.pgm" leads out'):
            read(inside)
        link.unlink()
    (inside / "loop").symlink_to(inside)
    assert [str(record.problem) for record in read(inside) if record.problem] == ["this is neither a file nor a folder"]
    (tmp_path / "alias").symlink_to(tmp_path / "set")
    assert len(rows(read(tmp_path / "alias"))) == 7


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(filled(tmp_path, PICTURES) / "cat" / "pipe.png")
    assert [str(record.problem) for record in read(tmp_path) if record.problem] == ["this is neither a file nor a folder"]


def idx(magic, dimensions, data):
    return struct.pack(f">{1 + len(dimensions)}I", magic, *dimensions) + data


def pair(folder, name="train-images-idx3-ubyte", images=None, labels=None):
    """A set of 3 pictures of 2 x 4 and its labels; other content where it is given. A name that ends in .gz is packed."""
    images = idx(0x803, (3, 2, 4), bytes(range(24))) if images is None else images
    labels = idx(0x801, (3,), bytes([7, 0, 9])) if labels is None else labels
    for path, data in ((folder / name, images), (folder / name.replace("images", "labels").replace("idx3", "idx1"), labels)):
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder / name


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-images.idx3-ubyte", "emnist-letters-train-images-idx3-ubyte.gz"])
def test_idx(tmp_path, name):
    records = read(pair(tmp_path, name))
    assert [(record.line, record.values["label"]) for record in records] == [(1, 7), (2, 0), (3, 9)]
    pixels = np.stack([decode(record.values["image"], "L") for record in records])
    assert (pixels == np.arange(24).reshape(3, 2, 4)).all()


def test_idx_of_which_one_is_packed(tmp_path):
    path = pair(tmp_path)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    assert len(read(path.with_name(path.name + ".gz"))) == 3


def test_idx_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("steelyard.sources.idx._BLOCK", 17)
    assert [record.values["image"][-8:] for record in read(pair(tmp_path))] == [bytes(range(n, n + 8)) for n in (0, 8, 16)]


def test_idx_without_its_labels(tmp_path):
    path = pair(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    with pytest.raises(InputError, match="these are the labels"):
        read(labels)
    labels.unlink()
    with pytest.raises(InputError, match='"train-labels-idx1-ubyte" must lie beside'):
        read(path)


@pytest.mark.parametrize("images, labels, words", [
    (b"\x00\x00\x08\x01" + bytes(40), None, "starts with 0x00000801, want 0x00000803"), (b"P5", None, "cut short"),
    (idx(0x803, (3, 2, 4), bytes(23)), None, "cut short"), (idx(0x803, (3, 2, 4), bytes(25)), None, "more than its header"),
    (idx(0x803, (2, 2, 4), bytes(16)), None, "2 pictures, but 3 labels"), (idx(0x803, (3, 0, 4), b""), None, "0 x 4 pixels"),
    (idx(0x803, (3, 2**31, 2**31), b""), None, "pixels; want"), (idx(0x803, (0, 2, 4), b""), None, "no rows"), (b"", None, "empty"),
    (None, idx(0x801, (3,), b"ab"), "cut short"), (None, idx(0x801, (3,), b"abcd"), "more than"),
    (None, idx(0x801, (2**32 - 1,), b"abc"), "claims"),
    (None, idx(0x803, (3,), b"abc"), "want 0x00000801"),
])
def test_broken_idx(tmp_path, images, labels, words):
    with pytest.raises(InputError, match=words):
        read(pair(tmp_path, images=images, labels=labels))


def test_digits():
    records = read(Path("builtin:digits"))
    assert len(records) == 1797 and records[0].file == "builtin:digits" and records[0].line == 1
    assert {record.values["label"] for record in records} == set(range(10))
    pixels = np.stack([decode(record.values["image"], "L") for record in records])
    assert pixels.shape == (1797, 8, 8) and pixels.min() == 0 and pixels.max() == 255


def test_messages():
    records = read(Path("builtin:messages"))
    assert len(records) > 1000 and {"text", "label"} <= records[0].values.keys()
    assert [record.values for record in records] == [record.values for record in read(Path("builtin:messages"))]


def test_a_set_that_is_not_built_in():
    with pytest.raises(InputError, match="did you mean digits"):
        read(Path("builtin:digit"))
