"""Spans: stretches of a text that are marked, by the numbers of their characters from 0."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from steelyard.kinds._names import name_of
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind

LABEL = "span"  # of spans that bear no name


class Spans(Kind):
    """[8, 9, 10] (each marked character), [[8, 11]], [[8, 11, "place"]] or [{"start": 8, "end": 11, "label": "place"}]; [] is none.

    The end is the character behind the last. A text in which such a list is written is read too.
    """

    name = "spans"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of (start, end, label)."""
        return pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]))

    def parse(self, raw: object) -> list[dict[str, Any]]:
        """In the order of their starts. Raises BadValue for what is no such list, or a span that has no characters."""
        entries = _listed(raw)
        if all(isinstance(entry, int) and not isinstance(entry, bool) for entry in entries):
            found = _runs(sorted({int(entry) for entry in entries}))  # type: ignore[call-overload]
        else:
            found = [_span(entry) for entry in entries]
        for span in found:
            if span["start"] < 0 or span["end"] <= span["start"]:
                raise BadValue(say("the span from {start} to {end} has no characters; want 0 <= start < end", start=span["start"],
                                   end=span["end"]))
        return sorted(found, key=lambda span: (span["start"], span["end"]))

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


def _runs(places: Sequence[int]) -> list[dict[str, Any]]:
    """Characters that follow each other are one span."""
    found: list[dict[str, Any]] = []
    for place in places:
        if found and found[-1]["end"] == place:
            found[-1]["end"] = place + 1
        else:
            found.append({"start": place, "end": place + 1, "label": LABEL})
    return found


def _span(entry: object) -> dict[str, Any]:
    if isinstance(entry, Mapping):
        start, end, label = (entry.get(name) for name in ("start", "end", "label"))
    elif isinstance(entry, list | tuple) and len(entry) in (2, 3):
        start, end, label = (*entry, None)[:3]
    else:
        start = end = label = None
    if not isinstance(start, int) or not isinstance(end, int):
        raise BadValue(say('the span {got} is none; want [start, end], [start, end, label] or {{"start", "end", "label"}}',
                           got=shown(entry)))
    return {"start": start, "end": end, "label": LABEL if label is None else name_of(label)}


def _listed(raw: object) -> list[object]:
    if raw is None:
        raise BadValue(say("the spans are missing; a row that has none says so with an empty list"))
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadValue(say("got {got}, want a list of spans", got=shown(raw))) from error
    if not isinstance(raw, list | tuple):
        raise BadValue(say("got {got}, want a list of spans", got=shown(raw)))
    return list(raw)


PART = Spans
