"""Only one: show one unit alone, and see what the answer gains over nothing."""

from typing import ClassVar

import numpy as np

from steelyard.parts import Door, Example, Explainer, Target, Units


class OnlyOne(Explainer):
    """score = log_prob(the unit alone) - log_prob(all hidden), in nats."""

    name: ClassVar[str] = "only-one"
    help: ClassVar[str] = "shows one piece at a time: its score is what the answer gains, in nats"
    way: ClassVar[int | None] = 0

    def explain(self, door: Door, example: Example, units: Units, target: Target) -> np.ndarray:
        """(units,) nats; one call of log_prob with units + 1 examples."""
        hidden = np.vstack([np.ones(len(units), dtype=bool), ~np.eye(len(units), dtype=bool)])
        variants = [door.task.hide(example, units, one, door.task.ways[0], door.processor) for one in hidden]
        log_prob = door.log_prob(variants, [target] * len(variants))
        return np.asarray(log_prob[1:] - log_prob[0], dtype=np.float64)


PART = OnlyOne
