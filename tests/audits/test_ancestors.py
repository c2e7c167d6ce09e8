"""Rows that an ancestor trained on, told by its trace."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from steelyard.audits.ancestors import CODE, Ancestors
from steelyard.facts import Finding
from steelyard.math.texts import same
from steelyard.math.traces import trace
from steelyard.parts import Column, Splits

Make = Callable[..., Splits]


def ask(made: Splits, **ancestors: Any) -> Finding:
    (found,) = Ancestors().ask(replace(made, ancestors=ancestors))
    assert found.code == CODE
    return found


def test_whole_rows_and_parts_are_found_in_each_ancestor(splits: Make) -> None:
    long = "A sentence of so many letters that some window of it is in the sample of a book's, whatever stands around it, and some more"
    made = splits({"train": [{"text": "x", "label": "a"}],
                   "test": [{"text": text, "label": "a"} for text in ("Known by heart!", long, "new", "...", "also known")]},
                  right={"test": [1, 1, 0, 0, 0]})
    book = f"Once upon a time. {long.upper()}! The end of the book."
    found = ask(made, near=trace(iter([same("known, by heart"), same(book)])), far=trace(iter([same("Also known.")])))
    assert found.outcome == "issue" and found.rows == ["test.csv:1", "test.csv:2", "test.csv:5"]
    assert found.details["runs"] == {"near": {"whole": 1, "part": 1}, "far": {"whole": 1, "part": 0}}
    assert (found.details["with"]["value"], found.details["without"]["value"]) == (0.4, 0.0)
    assert "3 of 5 test rows (60.0%) were trained on by near, far" in str(found.why)
    assert "40.0% with them and 0.0% without" in str(found.why)


def test_where_nothing_is_known_nothing_is_said(splits: Make) -> None:
    made = splits({"train": [{"text": "x", "label": "a"}], "test": [{"text": "new", "label": "a"}, {"text": "", "label": "a"}]})
    assert ask(made).outcome == "not applicable"
    assert ask(made, old=None).outcome == "inconclusive" and "kept no trace" in str(ask(made, old=None).why)
    assert ask(splits({"train": [{"text": "x", "label": "a"}]}), old=trace(iter(["x"]))).outcome == "not applicable"
    clean = ask(made, old=trace(iter(["else", ""])))
    assert clean.outcome == "passed" and clean.details["unknown"] == 1, "a short text can only be found whole"
    assert ask(made, old=trace(iter(["else"])), older=None).outcome == "inconclusive"


def test_a_score_that_nothing_is_left_of(splits: Make) -> None:
    made = splits({"train": [{"text": "x", "label": "a"}], "test": [{"text": "known", "label": "a"}]}, right={"test": [1]})
    found = ask(made, old=trace(iter(["known"])))
    assert found.details["without"]["value"] is None and "no test" in str(found.why)


def test_rows_of_two_inputs_are_told_apart(splits: Make) -> None:
    columns = (Column(name="one", kind="text"), Column(name="two", kind="text"))
    made = splits({"train": [{"one": "x", "two": "y"}], "test": [{"one": "ab", "two": "c"}, {"one": "a", "two": "bc"}]}, columns)
    assert ask(made, old=trace(iter(["ab\0c"]), parts=False)).rows == ["test.csv:1"]
