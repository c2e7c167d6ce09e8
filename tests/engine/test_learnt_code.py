"""What training rows teach is kept, and stale once the task is written otherwise."""

import sys
from importlib import import_module

import pyarrow as pa
import pytest

from steelyard.engine import learnt
from steelyard.rows import Rows

BEFORE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Counting:
    labels: tuple = ()
    name = "counting"

    @classmethod
    def fit(cls, rows):
        return cls(labels=tuple(rows.column("label")))

    @classmethod
    def from_state(cls, state):
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in state.items()})
"""
AFTER = BEFORE.replace("    name =", "    shortest: int = 0\n    name =").replace("column(\"label\"))", "column(\"label\")), shortest=1")


def part(folder, source):
    (folder / "counting_task.py").write_text(source)
    sys.modules.pop("counting_task", None)
    return import_module("counting_task").Counting


def test_a_task_that_got_a_field_is_taught_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    rows = Rows(pa.table({"label": ["a", "b"]}))
    assert learnt.fitted(part(tmp_path, BEFORE), rows, "mark").labels == ("a", "b")
    assert learnt.fitted(part(tmp_path, AFTER), rows, "mark").shortest == 1
    assert learnt.fitted(part(tmp_path, BEFORE), rows, "mark").labels == ("a", "b")


def test_what_nobody_rewrote_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    task, rows = part(tmp_path, BEFORE), Rows(pa.table({"label": ["a", "b"]}))
    first = learnt.fitted(task, rows, "mark")
    monkeypatch.setattr(task, "fit", classmethod(lambda cls, rows: pytest.fail("the rows are read again")))
    assert learnt.fitted(task, rows, "mark") == first
