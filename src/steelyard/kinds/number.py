"""A number: what is measured or predicted on a scale."""

import math
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real

import numpy as np
import pyarrow as pa

from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind


class Number(Kind):
    """A finite number."""

    name = "number"

    @property
    def arrow(self) -> pa.DataType:
        """64-bit floats."""
        return pa.float64()

    def parse(self, raw: object) -> float:
        """A finite float, from a number or its text ("1.5", "-2e3"). Raises BadValue."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            raise BadValue(say("the number is missing"))
        if isinstance(raw, (bool, np.bool_)) or not isinstance(raw, (str, Real, Decimal)):
            raise BadValue(say("got {got}, want a number", got=shown(raw)))
        try:
            number = float("_" if isinstance(raw, str) and "_" in raw else raw)  # Python reads 1_000, no table means it
        except (ValueError, OverflowError) as error:
            raise BadValue(say('got "{got}", want a number', got=shown(raw))) from error
        if not math.isfinite(number):
            raise BadValue(say('got "{got}", want a finite number', got=shown(raw)))
        return number

    def fits(self, samples: Sequence[object]) -> bool:
        """Numbers all, but for what is missing."""
        present = [value for value in samples if value is not None and value != ""]
        return bool(present) and all(self._is_number(value) for value in present)

    def _is_number(self, value: object) -> bool:
        try:
            self.parse(value)
        except BadValue:
            return False
        return True


PART = Number
