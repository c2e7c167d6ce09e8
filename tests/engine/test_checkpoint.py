"""Checkpoints as files: what is written, in which order, what stays, and what the disk may do to them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from steelyard.engine import checkpoint, disk
from steelyard.engine.checkpoint import Checkpoint, committed, damage, newest, save, write_tensors
from steelyard.engine.log import cut_back
from steelyard.errors import InputError, OutsideError


def made(step: int, best_step: int | None = None, value: float | None = None) -> Checkpoint:
    """Weights that tell their step."""
    own = {"weight": torch.full((3, 2), float(step if value is None else value)), "count": torch.tensor(step)}
    best = None if best_step is None else {"weight": torch.full((3, 2), float(best_step))}
    state: dict[str, Any] = {"step": step, "best_step": best_step or 0, "best_value": None, "waited": 0, "seconds": 1.0, "kept": "",
                             "judged": True}
    return Checkpoint(own, {"weight/momentum": torch.full((3, 2), -float(step))}, best, {}, state)


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_every_kind_of_tensor_comes_back(tmp_path: Path) -> None:
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
             torch.bool]
    tensors = {f"{kind}": (torch.arange(7) % 2).to(kind) for kind in kinds}
    tensors |= {"one": torch.tensor(3.5), "none": torch.empty(0, 4), "turned": torch.arange(6.0).reshape(2, 3).T,
                "last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last), "名": torch.ones(1)}
    digest = write_tensors(tmp_path / "a.safetensors", tensors)
    found = load_file(tmp_path / "a.safetensors")
    assert found.keys() == tensors.keys() and digest == disk_hash(tmp_path / "a.safetensors")
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape and torch.equal(found[name], tensor), name


def disk_hash(path: Path) -> str:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()


def test_best_weights_are_stored_once(tmp_path: Path) -> None:
    for step, best in ((4, 2), (8, 2), (12, 10)):
        save(tmp_path, made(step, best), keep=2)
    assert names(tmp_path) == ["best", "best-00000002", "best-00000010", "latest", "step-00000008", "step-00000012"]
    assert not list(tmp_path.glob("step-*/best*"))
    assert (tmp_path / "latest").read_text() == "step-00000012\n" and (tmp_path / "best").read_text() == "best-00000010\n"
    found, wrong = newest(tmp_path)
    assert found is not None and found.best is not None and not wrong and float(found.best["weight"][0, 0]) == 10
    save(tmp_path, made(16, 10), keep=2)
    assert "best-00000002" not in names(tmp_path), "nothing refers to it any more"


def test_a_whole_checkpoint_is_never_replaced(tmp_path: Path) -> None:
    save(tmp_path, made(4), keep=2)
    before = {path: path.stat().st_ino for path in (tmp_path / "step-00000004").iterdir()}
    save(tmp_path, made(4, value=9), keep=2)
    assert {path: path.stat().st_ino for path in (tmp_path / "step-00000004").iterdir()} == before
    (tmp_path / "step-00000004/state.json").write_text("{}")
    save(tmp_path, made(4, value=9), keep=2)
    found, wrong = newest(tmp_path)
    assert found is not None and not wrong and float(found.model["weight"][0, 0]) == 9 and not list(tmp_path.glob("*.tmp"))


def test_a_damaged_newer_one_does_not_push_out_the_whole_ones(tmp_path: Path) -> None:
    for step in (4, 8, 12):
        save(tmp_path, made(step), keep=2)
    (tmp_path / "step-00000012/model.safetensors").write_bytes(b"")
    save(tmp_path, made(10), keep=1)
    assert [path.name for path in committed(tmp_path)] == ["step-00000010", "step-00000012"]
    found, wrong = newest(tmp_path)
    assert found is not None and found.state["step"] == 10 and len(wrong) == 1


def test_damaged_best_weights_are_damage(tmp_path: Path) -> None:
    save(tmp_path, made(4, 4), keep=2)
    save(tmp_path, made(8, 8), keep=2)
    (tmp_path / "best-00000008/model.safetensors").write_bytes((tmp_path / "best-00000004/model.safetensors").read_bytes())
    assert "best-00000008" in str(damage(tmp_path / "step-00000008"))
    shutil.rmtree(tmp_path / "best-00000008")
    shutil.copytree(tmp_path / "best-00000004", tmp_path / "best-00000008")  # whole by itself, but another
    assert damage(tmp_path / "step-00000008") is not None
    found, _ = newest(tmp_path)
    assert found is not None and found.state["step"] == 4
    save(tmp_path, made(8, 8), keep=2)
    assert damage(tmp_path / "step-00000008") is None, "what is damaged is written anew"


def test_room_is_looked_for_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, made(4), keep=2)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage._replace(free=1 << 20))
    with pytest.raises(disk.NoRoom, match=r"MiB are needed.*the last whole one is step-00000004"):
        save(tmp_path, made(8), keep=2)
    assert names(tmp_path) == ["latest", "step-00000004"]


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="No such file"):
        save(tmp_path / "run" / "checkpoints", made(4), keep=2)
    assert not (tmp_path / "run").exists()


def test_lines_wait_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves whole lines only, and what waited comes with the next one."""
    lines, real, full = disk.Lines(tmp_path / "a", waits=True), os.write, [False]

    def write(handle: int, data: Any) -> int:
        if full[0]:
            real(handle, bytes(data)[:2])
            raise OSError(28, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(disk.os, "write", write)
    lines.add(b"one\n")
    full[0] = True
    lines.add(b"two\n")
    lines.add(b"three\n")
    assert (tmp_path / "a").read_bytes() == b"one\n"
    with pytest.raises(disk.NoRoom):
        lines.sure()
    full[0] = False
    lines.sure()
    assert (tmp_path / "a").read_bytes() == b"one\ntwo\nthree\n"
    lost = disk.Lines(tmp_path / "b", waits=False)
    full[0] = True
    lost.add(b"gone\n")
    full[0] = False
    lost.add(b"here\n")
    lost.close()
    lines.close()
    assert (tmp_path / "b").read_bytes() == b"here\n"


@pytest.mark.parametrize(("step", "judged", "want"), [(0, True, 0), (3, True, 2), (4, True, 4), (4, False, 3), (9, True, 5)])
def test_the_log_is_cut_back(tmp_path: Path, step: int, judged: bool, want: int) -> None:
    events = [{"step": 2, "train/loss": 1.0}, {"step": 2, "eval/accuracy": 0.5}, {"step": 4, "train/loss": 1.0},
              {"step": 4, "eval/accuracy": 0.5}, {"step": 6, "train/loss": 1.0}]
    whole = "".join(json.dumps(event) + "\n" for event in events)
    for tail in ("", '{"step": 7, "tr', '{"step": 7}', "\0\0\0"):  # half a line, as a kill leaves it
        (tmp_path / "metrics.jsonl").write_text(whole + tail)
        cut_back(tmp_path / "metrics.jsonl", step, judged)
        assert [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == events[:want]
    cut_back(tmp_path / "none.jsonl", 3)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with disk.held(tmp_path), pytest.raises(InputError, match="another process is at work"), disk.held(tmp_path):
        pass
    with disk.held(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_what_was_left_over_goes_away(tmp_path: Path) -> None:
    (tmp_path / "checkpoints/step-00000004.tmp").mkdir(parents=True)
    (tmp_path / "checkpoints/step-00000004.tmp/model.safetensors").write_text("half")
    (tmp_path / "run.json.tmp").write_text("half")
    (tmp_path / "kept.json").write_text("whole")
    (tmp_path / "link.tmp").symlink_to(tmp_path / "kept.json")
    disk.tidy(tmp_path)
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["checkpoints", "kept.json"]


def test_nothing_that_is_written_is_a_pickle(tmp_path: Path) -> None:
    save(tmp_path, made(4, 2), keep=1)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert path.suffix in (".json", ".safetensors", "") and not data.startswith((b"\x80", b"PK", b"ustar")), path


def test_unused_names_are_no_checkpoints(tmp_path: Path) -> None:
    for name in ("step-00000004.tmp", "step-00000004.old.tmp", "step-x", "best-00000001"):
        (tmp_path / name).mkdir()
    assert committed(tmp_path) == [] and newest(tmp_path) == (None, []) and committed(tmp_path / "none") == []
    assert checkpoint.damage(tmp_path / "step-00000099") is not None
