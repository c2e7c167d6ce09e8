"""Integrated gradients: the mean gradient on the way from "everything hidden" to the input, times that way.

Sundararajan et al. 2017, arXiv:1703.01365.
"""

import numpy as np

from steelyard.parts import Door, Example, Explainer, Target, Units

STEPS = 32  # points on the way; their forward and backward passes go through the model as one batch


class IntegratedGradients(Explainer):
    """A unit's score is the sum over its positions; the scores sum to log_prob(everything) - log_prob(all hidden)."""

    name = "integrated-gradients"
    help = "gradients on the way from everything hidden to the input; scores sum to what is lost, in nats (Sundararajan et al. 2017)"

    def explain(self, door: Door, example: Example, units: Units, target: Target) -> np.ndarray:
        """(units,) nats."""
        start = door.task.hide(example, units, np.ones(len(units), dtype=bool), door.task.ways[0], door.processor)
        at = door.path_gradients(example, start, target, STEPS)
        inside = units.of >= 0
        return np.bincount(units.of[inside], weights=np.asarray(at, dtype=np.float64)[inside], minlength=len(units))


PART = IntegratedGradients
