"""Data are told apart by what they hold; what has not changed is not read again to find that out."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steelyard import catalog
from steelyard.engine import cache
from steelyard.engine.read import locate, table
from steelyard.recipe.data import Data

LONG_AGO = 1_600_000_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to be hashed."""
    names: list[str] = []
    real = cache.file_hash
    monkeypatch.setattr(cache, "file_hash", lambda path: names.append(path.name) or real(path))
    return names


def aged(folder: Path, by: int = 0) -> Path:
    """Its files, last written long ago."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (LONG_AGO + by, LONG_AGO + by))
    return folder


def pictures(root: Path) -> Path:
    """Class folders of four small pictures."""
    rng = np.random.default_rng(0)
    for number in range(4):
        (root / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(root / "ab"[number % 2] / f"{number}.png")
    return aged(root)


def mark(path: Path) -> str:
    columns = catalog.load("tasks", "image-classification", "here").columns
    return table(locate(str(path), Path(), "here"), columns, Data(train=str(path)), "here").mark


def test_a_copy_with_other_times_is_the_same_data(tmp_path: Path) -> None:
    first = mark(pictures(tmp_path / "set"))
    shutil.copytree(tmp_path / "set", tmp_path / "else" / "set", copy_function=shutil.copyfile)
    assert mark(tmp_path / "else" / "set") == first


def test_another_picture_of_the_same_size_and_time_is_other_data(tmp_path: Path) -> None:
    first = mark(pictures(tmp_path / "set"))
    file = tmp_path / "set" / "a" / "0.png"
    content = bytearray(file.read_bytes())
    shutil.copytree(tmp_path / "set", tmp_path / "else" / "set")
    other = tmp_path / "else" / "set" / "a" / "0.png"
    content[-5] ^= 1  # of the checksum at the end
    other.write_bytes(content)
    aged(tmp_path / "else" / "set")
    assert other.stat().st_size == file.stat().st_size and other.stat().st_mtime == file.stat().st_mtime
    assert mark(tmp_path / "else" / "set") != first


def test_a_second_start_reads_nothing_that_did_not_change(tmp_path: Path, hashed: list[str]) -> None:
    pictures(tmp_path / "set")
    first = mark(tmp_path / "set")
    assert sorted(hashed) == ["0.png", "1.png", "2.png", "3.png"]
    hashed.clear()
    assert mark(tmp_path / "set") == first and not hashed
    os.utime(tmp_path / "set" / "b" / "3.png", (LONG_AGO + 5, LONG_AGO + 5))
    assert mark(tmp_path / "set") == first and hashed == ["3.png"]


def test_a_renamed_picture_is_other_data(tmp_path: Path) -> None:
    first = mark(pictures(tmp_path / "set"))
    (tmp_path / "set" / "a" / "0.png").rename(tmp_path / "set" / "b" / "0.png")
    assert mark(tmp_path / "set") != first


def test_a_single_file_is_hashed_once(tmp_path: Path, hashed: list[str]) -> None:
    file = tmp_path / "big.jsonl"
    file.write_text("a")
    os.utime(file, (LONG_AGO, LONG_AGO))

    def digest() -> str:
        with cache.hashes(file) as hash_of:
            return hash_of(file)

    first = digest()
    assert digest() == first and hashed == ["big.jsonl"]
    (tmp_path / "new").write_text("b")  # replaced by one of the same size and time: another inode
    os.utime(tmp_path / "new", (LONG_AGO, LONG_AGO))
    os.replace(tmp_path / "new", file)
    assert digest() != first and len(hashed) == 2


def test_what_was_just_written_is_not_trusted_to_tell_its_changes(tmp_path: Path, hashed: list[str]) -> None:
    file = tmp_path / "new.csv"
    file.write_text("a")
    for _ in range(2):
        with cache.hashes(file) as hash_of:
            hash_of(file)
    assert len(hashed) == 2


def test_a_damaged_ledger_is_made_anew(tmp_path: Path, hashed: list[str]) -> None:
    first = mark(pictures(tmp_path / "set"))
    (ledger,) = (tmp_path / "cache" / "hashes").iterdir()
    ledger.write_text(ledger.read_text()[:20])
    assert mark(tmp_path / "set") == first and len(hashed) == 8
    assert [path.suffix for path in ledger.parent.iterdir()] == [".json"]


def test_pictures_that_a_table_names_count_by_what_they_hold(tmp_path: Path) -> None:
    pictures(tmp_path / "set")
    (tmp_path / "set.csv").write_text("image,label\nset/a/0.png,a\nset/b/1.png,b\n")
    first = mark(tmp_path / "set.csv")
    aged(tmp_path / "set", by=9)
    assert mark(tmp_path / "set.csv") == first
    shutil.copyfile(tmp_path / "set" / "a" / "2.png", tmp_path / "set" / "a" / "0.png")
    assert mark(tmp_path / "set.csv") != first
