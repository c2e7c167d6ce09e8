"""Occlusion: hide one unit at a time, and see what the answer loses. Zeiler & Fergus 2014, arXiv:1311.2901, section 4.2."""

import numpy as np

from steelyard.parts import Door, Example, Explainer, Target, Units


class Occlusion(Explainer):
    """score = log_prob(everything) - log_prob(without the unit), in nats."""

    name = "occlusion"
    help = "hides one piece at a time: its score is what the answer loses, in nats (Zeiler & Fergus 2014)"
    way = 0

    def explain(self, door: Door, example: Example, units: Units, target: Target) -> np.ndarray:
        """(units,) nats; one call of log_prob with units + 1 examples."""
        without = [door.task.hide(example, units, one, door.task.ways[0], door.processor) for one in np.eye(len(units), dtype=bool)]
        log_prob = door.log_prob([example, *without], [target] * (len(units) + 1))
        return np.asarray(log_prob[0] - log_prob[1:], dtype=np.float64)


PART = Occlusion
