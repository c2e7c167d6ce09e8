"""Boxes: where in a picture each thing is, in its pixels, and what it is."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from steelyard.kinds._names import name_of
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind

_ENDS = ("left", "top", "right", "bottom")
_NAMES = ("label", "category", "name", "class")


class Boxes(Kind):
    """[{"label", "left", "top", "right", "bottom"}], [{"label", "bbox": [left, top, width, height]}] or, as Hugging Face's sets have
    them, {"bbox": [[left, top, width, height], ...], "category": [...]}; [] is none. A text in which one of these is written is read too.

    What lies outside the picture is not known here: the task clips it.
    """

    name = "boxes"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of (label, left, top, right, bottom)."""
        return pa.list_(pa.struct([("label", pa.string()), *((end, pa.float64()) for end in _ENDS)]))

    def parse(self, raw: object) -> list[dict[str, Any]]:
        """In the order given. Raises BadValue for what is no such list, numbers that are none, and ends the wrong way round."""
        return [_box(entry) for entry in _listed(raw)]

    def fits(self, samples: Sequence[object]) -> bool:
        """Every value is such a list, and one of them is not empty."""
        present = [value for value in samples if value is not None]
        try:
            return any([self.parse(value) for value in present])  # noqa: C419 - all are tried
        except BadValue:
            return False

    def identity(self, stored: object) -> str:
        """All of them in order."""
        return json.dumps(stored, ensure_ascii=False)


def _box(entry: object) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise BadValue(say('the box {got} is none; want {{"label", "left", "top", "right", "bottom"}} or {{"label", "bbox"}}',
                           got=shown(entry)))
    label = next((entry[name] for name in _NAMES if entry.get(name) is not None), None)
    ends = entry.get("bbox") if "bbox" in entry else [entry.get(name) for name in _ENDS]
    if label is None or not isinstance(ends, list | tuple) or len(ends) != 4 or not all(map(_is_number, ends)):
        raise BadValue(say('the box {got} lacks a label or four numbers; want {{"label", "left", "top", "right", "bottom"}} or '
                           '{{"label", "bbox": [left, top, width, height]}}', got=shown(dict(entry))))
    left, top, right, bottom = map(float, ends)
    if "bbox" in entry:
        right, bottom = left + right, top + bottom
    if right < left or bottom < top:
        raise BadValue(say("the box {got} ends before it begins; want left <= right and top <= bottom", got=shown(dict(entry))))
    return {"label": name_of(label), "left": left, "top": top, "right": right, "bottom": bottom}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e9


def _listed(raw: object) -> list[object]:
    if raw is None:
        raise BadValue(say("the boxes are missing; a picture that has none says so with an empty list"))
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadValue(say("got {got}, want a list of boxes", got=shown(raw))) from error
    if isinstance(raw, Mapping):
        names, ends = next((raw[name] for name in ("category", "categories", "label", "labels") if name in raw), None), raw.get("bbox")
        if not isinstance(names, list | tuple) or not isinstance(ends, list | tuple) or len(names) != len(ends):
            raise BadValue(say('got {got}, want {{"bbox": [...], "category": [...]}}, two lists of one length', got=shown(dict(raw))))
        return [{"label": name, "bbox": list(end) if isinstance(end, list | tuple) else end} for name, end in zip(names, ends, strict=True)]
    if not isinstance(raw, list | tuple):
        raise BadValue(say("got {got}, want a list of boxes", got=shown(raw)))
    return list(raw)


PART = Boxes
