"""Answers: the texts that answer a question, each with the place where it stands in the context."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue, Kind

_UNTOLD = -1  # the start of an answer that does not say where it stands
_STARTS = ("start", "answer_start")


class Answers(Kind):
    """[{"text", "start" or "answer_start"}], {"text": [...], "answer_start": [...]}, or a text alone; [] where nothing answers."""

    name = "answers"

    @property
    def arrow(self) -> pa.DataType:
        """Lists of (text, start)."""
        return pa.list_(pa.struct([("text", pa.string()), ("start", pa.int64())]))

    def parse(self, raw: object) -> list[dict[str, Any]]:
        """[{"text", "start"}]; start is -1 where it is not told. Raises BadValue for what is no such list, or an answer of no text."""
        return [_answer(entry) for entry in _listed(raw)]

    def fits(self, samples: Sequence[object]) -> bool:
        """Lists of answers, or the form of Hugging Face's sets."""
        present = [value for value in samples if value is not None]
        try:
            return bool(present) and all(not isinstance(value, str) and isinstance(self.parse(value), list) for value in present)
        except BadValue:
            return False

    def identity(self, stored: object) -> str:
        """The texts in the alphabet's order."""
        return json.dumps(sorted(one["text"] for one in stored) if isinstance(stored, list) else stored, ensure_ascii=False)


def _answer(entry: object) -> dict[str, Any]:
    if isinstance(entry, Mapping):
        text, start = entry.get("text"), next((entry[name] for name in _STARTS if entry.get(name) is not None), _UNTOLD)
    else:
        text, start = entry, _UNTOLD
    if isinstance(text, int | float) and not isinstance(text, bool):  # a year, a spreadsheet's date
        text = str(text)
    if not isinstance(text, str) or not text.strip():
        raise BadValue(say('the answer {got} has no text; want {{"text", "start"}}, and [] where nothing answers', got=shown(entry)))
    if isinstance(start, bool) or not isinstance(start, int):
        raise BadValue(say("the answer starts at {got}, want a character's number from 0", got=shown(start)))
    return {"text": text, "start": start}


def _listed(raw: object) -> list[object]:
    if raw is None:
        raise BadValue(say("the answers are missing; a question that nothing answers says so with an empty list"))
    if isinstance(raw, str) and raw.lstrip()[:1] in ("[", "{"):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadValue(say("got {got}, want a list of answers", got=shown(raw))) from error
    if isinstance(raw, str):
        return [raw] if raw.strip() else []
    if isinstance(raw, Mapping) and isinstance(raw.get("text"), list | tuple):  # columns, as Hugging Face's sets have them
        texts, starts = list(raw["text"]), next((raw[name] for name in _STARTS if raw.get(name) is not None), None)
        if starts is not None and len(starts) != len(texts):
            raise BadValue(say("{texts} texts of answers and {starts} starts; want as many", texts=len(texts), starts=len(starts)))
        return [{"text": text, "start": _UNTOLD if starts is None else starts[i]} for i, text in enumerate(texts)]
    if isinstance(raw, Mapping):
        return [raw]
    if not isinstance(raw, list | tuple):
        raise BadValue(say("got {got}, want a list of answers", got=shown(raw)))
    return list(raw)


PART = Answers
