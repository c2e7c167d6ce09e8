"""Ctrl-C and SIGTERM set a flag; loops poll it where they can stop without losing anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from steelyard.errors import Interrupted
from steelyard.language import Sentence, say


class Stop:
    """The flag. A second signal ends the process as usual."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def error(self, sentence: Sentence) -> Interrupted:
        """What to raise once all is saved: exit code 130 or 143."""
        return Interrupted(sentence, 128 + (self.signal or signal.SIGINT))


_current: list[Stop] = []  # of this process, while it listens: the outermost


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Inside the block signals set the flag; outside the main thread nothing changes. A block within another has its flag."""
    if _current:
        yield _current[0]
        return
    stop = Stop()
    old: dict[int, Any] = {}  # the handlers before

    def raised(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        signal.signal(number, old[number])

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            old[number] = signal.signal(number, raised)
    except ValueError:  # not the main thread: whoever started it handles its signals
        old.clear()
    _current.append(stop)
    try:
        yield stop
    finally:
        _current.remove(stop)
        for known, handler in old.items():
            signal.signal(known, handler)


def poll() -> None:
    """For loops that have nothing to save: raises Interrupted once a signal has come."""
    for stop in _current:
        if stop:
            raise stop.error(say("stopped before it was done; what was prepared is kept, and nothing was overwritten"))
