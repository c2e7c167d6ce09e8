"""JSON objects as rows: what is no object, has a key twice or holds half a character is said, and is no row."""

import json
from collections.abc import Iterator
from pathlib import Path

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import Record
from steelyard.sources._open import text_lines


def lines(path: Path, encoding: str) -> Iterator[Record]:
    """JSON Lines: one object a line; a blank line is no row. Raises InputError where it is one JSON document instead."""
    none_yet = True
    for number, line in enumerate(text_lines(path, encoding), start=1):
        if not line.strip():
            continue
        if none_yet and (line.lstrip().startswith("[") or line.strip() == "{"):
            raise InputError(say("{where}: this is one JSON document, not JSON Lines; give the file the suffix .json", where=path))
        none_yet = False
        values, problem = _of_line(line)
        yield Record(values, str(path), number, problem)
    if none_yet:
        raise InputError(say("{where}: the file has no rows", where=path))


def _of_line(line: str) -> tuple[dict[str, object], Sentence | None]:
    decoder = Decoder()
    try:
        value = decoder.decode(line)
    except (ValueError, RecursionError) as error:  # ValueError: numbers of thousands of digits too
        return {}, say("the line is no JSON: {reason}", reason=error)
    if problem := decoder.problem("\\u" in line, value):
        return {}, problem
    if not isinstance(value, dict):
        return {}, say("the line is {got}, want a JSON object", got=shown(value))
    return value, None


class Decoder(json.JSONDecoder):
    """Python's, which remembers the last key that an object had twice."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=self._paired)
        self.twice: str | None = None

    def problem(self, escaped: bool, value: object) -> Sentence | None:
        """What makes the value that was decoded last no row; `escaped`: there are escapes in its text."""
        if self.twice is not None:
            key, self.twice = self.twice, None
            return say('the object has two values for "{key}"', key=shown(key))
        if escaped:
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                return say("the line holds half a character (a lone surrogate), which no file can store")
        return None

    def _paired(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(pairs)
        if len(values) < len(pairs):
            keys = [key for key, _ in pairs]
            self.twice = next(key for key in keys if keys.count(key) > 1)
        return values
