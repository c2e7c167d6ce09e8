"""JSON Lines: one object a line, plain or gz."""

import json
from collections.abc import Iterator
from pathlib import Path

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, text_lines


class Jsonl(Source):
    """.jsonl, .ndjson, and .json where it holds an object a line. A blank line is no row."""

    name = "jsonl"
    help = "JSON Lines: one object a line, plain or .gz"

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in (".jsonl", ".ndjson", ".json") and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Values as JSON has them. A line that is no object is a problem; one JSON list instead of lines an InputError."""
        none_yet = True
        for number, line in enumerate(text_lines(path, options.encoding), start=1):
            if not line.strip():
                continue
            if none_yet and (line.lstrip().startswith("[") or line.strip() == "{"):
                raise InputError(say("{where}: this is one JSON document, not JSON Lines; write one object a line "
                                     "(jq -c '.[]' FILE > FILE.jsonl)", where=path))
            none_yet = False
            values, problem = _object(line)
            yield Record(values, str(path), number, problem)
        if none_yet:
            raise InputError(say("{where}: the file has no rows", where=path))


def _object(line: str) -> tuple[dict[str, object], Sentence | None]:
    try:
        value = json.loads(line, object_pairs_hook=_once)
        if "\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return {}, say("the line holds half a character (a lone surrogate), which no file can store")
    except _Twice as error:
        return {}, say('the object has two values for "{key}"', key=shown(str(error)))
    except (ValueError, RecursionError) as error:  # ValueError: numbers of thousands of digits too
        return {}, say("the line is no JSON: {reason}", reason=error)
    if not isinstance(value, dict):
        return {}, say("the line is {got}, want a JSON object", got=shown(value))
    return value, None


class _Twice(ValueError):
    """A key that an object has twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return values


PART = Jsonl
