"""Bytes by the bytes before them: interpolated after Witten and Bell (1991), the simplest model of texts that is any good."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

LEARNT = 1_000_000  # bytes that are counted: some seconds, and some 200 MB at an order of five


class Ngrams:
    """P(byte | up to `order` bytes before it); a byte that was never seen keeps a share of 1/256 of what is left for it."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.counts: dict[bytes, dict[int, int]] = defaultdict(dict)

    def learn(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Count the bytes of texts, each with what stands before it; LEARNT bytes at most."""
        left = LEARNT
        for before, text in pairs:
            text = text[:left]
            left -= len(text)
            data, first = before[-self.order :] + text if self.order else text, min(len(before), self.order)
            for at in range(first, len(data)):
                byte = data[at]
                for length in range(min(self.order, at) + 1):
                    own = self.counts[data[at - length : at]]
                    own[byte] = own.get(byte, 0) + 1
            if left <= 0:
                return

    def share(self, before: bytes, byte: int) -> float:
        """The probability of one byte: each longer context trusts the shorter one as much as it saw different bytes."""
        value = 1 / 256
        for length in range(min(self.order, len(before)) + 1):
            own = self.counts.get(before[len(before) - length :])
            if own is None:
                break
            total = sum(own.values())
            value = (own.get(byte, 0) + len(own) * value) / (total + len(own))
        return value

    def shares(self, before: bytes) -> list[float]:
        """(256,) the probability of every byte; they add up to 1."""
        return [self.share(before, byte) for byte in range(256)]

    def nats(self, before: bytes, text: bytes) -> float:
        """Minus the log probability of the text."""
        data = before + text
        return -math.fsum(math.log(self.share(data[max(0, at - self.order) : at], data[at])) for at in range(len(before), len(data)))
