"""How a verb prints: for people, or one JSON object on standard output and all else on standard error."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any, TextIO

_results: ContextVar[TextIO | None] = ContextVar("results", default=None)


@contextmanager
def only_results() -> Iterator[None]:
    """Inside the block what is printed goes to standard error; only `result` reaches standard output."""
    token = _results.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _results.reset(token)


def result(document: Mapping[str, Any], text: str | None = None) -> None:
    """What a verb found: `text` for people, or with --json `document` as the one JSON object, in one line. NaN is refused."""
    stream = _results.get()
    if stream is None:
        if text is not None:
            print(text)
        return
    stream.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    stream.flush()


def table(rows: list[tuple[str, ...]], indent: str = "  ") -> str:
    """Columns side by side, each as wide as its widest cell; a Chinese character is two wide."""
    if not rows:
        return ""
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join((indent + "  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row))).rstrip() for row in rows)


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
