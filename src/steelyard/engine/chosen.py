"""What was measured on a machine and chosen for a run, each with its reason: pinned in run.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from steelyard.language import Sentence


@dataclass(frozen=True)
class Chosen:
    """A resume uses the same.

    micro_batch        examples that are held at once
    bytes_per_example  what one example of the longest batch takes in training, measured; 0 where it was not
    micro_tokens       where the recipe counts tokens: those that are held at once, padding included; else 0
    compile            whether the model's forward pass is compiled
    """

    threads: int
    precision: str
    layout: str
    micro_batch: int
    bytes_per_example: int = 0
    micro_tokens: int = 0
    compile: bool = False

    def to_json(self) -> dict[str, Any]:
        """As in run.json."""
        return asdict(self)


@dataclass(frozen=True)
class Reason:
    """What was chosen and why, for the log and the page."""

    what: str
    chosen: str
    why: Sentence

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"what": self.what, "chosen": self.chosen, "why": self.why.to_json()}
