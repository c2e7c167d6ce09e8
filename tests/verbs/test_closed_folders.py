"""Folders that may not be written: exit code 2 with the remedy before anything is paid; a full disk: exit code 4; nothing half-written."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.errors import InputError, OutsideError, refused
from steelyard.language import say
from steelyard.run import Run, write_text

ROWS = "text,label\n" + "".join(f"the {word} number {n},{label}\n" for n in range(10) for word, label in (("cat", "a"), ("car", "b")))
RECIPE = "task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\ntraining: {epochs: 1, threads: 1}\n"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 64 KiB of its own, writable still."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def closed(folder: Path) -> Path:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return str(tmp_path / "recipe.yaml")


def test_runs_on_a_read_only_disk(recipe: str, mounted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed(mounted)
    for out in (mounted, mounted / "deeper" / "still"):
        assert main(["train", recipe, "--out", str(out)]) == 2
        assert capsys.readouterr().err == f'cannot make a run in "{out}": Read-only file system; name another folder with --out\n'


def test_runs_in_a_file(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    for out in ("taken", "taken/deeper"):
        assert main(["train", recipe, "--out", str(tmp_path / out)]) == 2
        said = capsys.readouterr().err
        assert said.endswith("Not a directory; name another folder with --out\n") and said.count("\n") == 1
    assert not list(tmp_path.glob("taken*-*"))


def test_looking_leaves_nothing(tmp_path: Path) -> None:
    Run.room(tmp_path / "runs" / "of" / "mine")
    assert not list(tmp_path.iterdir())


def test_a_cache_on_a_read_only_disk(recipe: str, mounted: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(closed(mounted)))
    assert main(["check", recipe]) == 2
    said = capsys.readouterr().err
    assert "Read-only file system; name another folder in STEELYARD_CACHE" in said and said.count("\n") == 1


def test_a_full_disk_is_no_fault_of_the_input(recipe: str, mounted: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(mounted))
    (Path(recipe).parent / "rows.csv").write_text(ROWS + "".join(f"row {n} {'x' * 2000},a\n" for n in range(100)))
    assert main(["check", recipe]) == 4
    said = capsys.readouterr().err
    assert "No space left on device" in said and said.count("\n") == 1
    assert not [path for path in mounted.rglob("*") if path.is_file()]


def test_a_document_is_written_whole_or_not_at_all(mounted: Path) -> None:
    (mounted / "a.json").write_text("old")
    with pytest.raises(OutsideError, match="No space left"):
        write_text(mounted / "a.json", "x" * 10**6)
    assert [path.name for path in mounted.iterdir()] == ["a.json"] and (mounted / "a.json").read_text() == "old"
    with pytest.raises(InputError, match="Read-only"):
        write_text(closed(mounted) / "a.json", "new")
    assert (mounted / "a.json").read_text() == "old"


@pytest.mark.parametrize(("number", "code"), [(errno.EACCES, 2), (errno.EROFS, 2), (errno.EPERM, 2), (errno.ENOTDIR, 2), (errno.ENOSPC, 4),
                                              (errno.EIO, 4), (errno.EDQUOT, 4)])
def test_who_is_to_blame(number: int, code: int) -> None:
    assert refused(OSError(number, "?"), say("interrupted")).code == code
