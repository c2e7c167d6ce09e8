"""Ctrl-C and SIGTERM set a flag; loops poll it where they can stop without losing anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from steelyard.errors import Interrupted
from steelyard.language import Sentence


class Stop:
    """The flag. A second signal ends the process as usual."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def error(self, sentence: Sentence) -> Interrupted:
        """What to raise once all is saved: exit code 130 or 143."""
        return Interrupted(sentence, 128 + (self.signal or signal.SIGINT))


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Inside the block signals set the flag; outside the main thread nothing changes."""
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
    try:
        yield stop
    finally:
        for known, handler in old.items():
            signal.signal(known, handler)
