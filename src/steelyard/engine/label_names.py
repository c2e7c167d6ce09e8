"""The names of labels that the data gives as numbers (`data.label_names`), and whether several files speak of the same labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import BadValue

LARGEST = 2**24  # bytes of a file of names
MANY = 10_000  # labels of one file: beyond it nothing is compared


@dataclass(frozen=True)
class LabelNames:
    """The file's name, and number -> name."""

    file: str
    names: Mapping[str, str]

    def name(self, label: object) -> str:
        """The name of a number; a name stays as it is. Raises BadValue for what is neither."""
        text = str(label)
        if text in self.names:
            return self.names[text]
        if text in self.names.values():
            return text
        numbers = list(self.names)
        raise BadValue(say('the label "{got}" has no name in "{file}", which names {n} labels ({first} to {last})', got=shown(text),
                           file=self.file, n=len(numbers), first=numbers[0], last=numbers[-1]))


def label_names(place: str | None, folder: Path) -> LabelNames | None:
    """The names in the recipe's file: a name a line (label 0 first), a JSON list, or a JSON mapping in either direction.

    Raises InputError where it is missing, empty, none of these, or names a label twice.
    """
    if place is None:
        return None
    path = folder / Path(place).expanduser()
    where = f"data.label_names: {path}"
    try:
        if not path.is_file():
            raise InputError(say("{where}: the file is missing", where=where))
        if path.stat().st_size > LARGEST:
            raise InputError(say("{where}: the file has more than {most} MiB: these are no names of labels",
                                 where=where, most=LARGEST >> 20))
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(say("{where}: the file is not in UTF-8; save it as UTF-8", where=where)) from error
    except OSError as error:
        raise InputError(say("{where}: the file cannot be read: {reason}", where=where, reason=error.strerror)) from error
    pairs = _from_json(text, where) if path.suffix.lower() == ".json" else _numbered(text.rstrip().splitlines())
    if not pairs:
        raise InputError(say("{where}: the file is empty", where=where))
    for number, name in pairs:
        if not isinstance(name, str) or not name.strip():
            raise InputError(say("{where}: label {number} has no name (got {got}); want a name for each", where=where, number=number,
                                 got=shown(name) or '""'))
    names = [str(name).strip() for _, name in pairs]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InputError(say('{where}: the name "{name}" stands there twice; two labels need two names', where=where, name=shown(twice[0])))
    return LabelNames(path.name, dict(zip((number for number, _ in pairs), names, strict=True)))


def _numbered(names: Sequence[object]) -> list[tuple[str, object]]:
    return [(str(number), name) for number, name in enumerate(names)]


def _from_json(text: str, where: str) -> list[tuple[str, object]]:
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(say("{where}: this is no JSON: {reason}", where=where, reason=shown(str(error), 200))) from error
    if isinstance(given, list):
        return _numbered(given)
    if not isinstance(given, dict):
        raise InputError(say('{where}: got {got}, want a list of names, or a mapping such as {{"0": "world"}}',
                             where=where, got=shown(given)))
    if given and all(isinstance(value, int) and not isinstance(value, bool) for value in given.values()):
        return sorted(((str(value), name) for name, value in given.items()), key=lambda pair: int(pair[0]))  # label2id
    return list(given.items())


@dataclass
class Seen:
    """The labels of one file, as they are met."""

    file: str
    labels: dict[str, None] = field(default_factory=dict)

    def add(self, label: object) -> None:
        """One more; beyond MANY no more are kept."""
        if len(self.labels) < MANY:
            self.labels[str(label)] = None


def refuse_strangers(seen: Sequence[Seen]) -> None:
    """Raises InputError where two files have two labels or more each, and none in common: two spellings, or two questions.

    Files of one label each are a table split by its labels, and fine.
    """
    several = [own for own in seen if len(own.labels) > 1]
    for other in several[1:]:
        first = several[0]
        if not first.labels.keys() & other.labels.keys():
            theirs, ours = next(iter(other.labels)), next(iter(first.labels))
            raise InputError(say('"{first}" has the labels {ours}, "{second}" has {theirs}, and none is in both; join them with '
                                 "data.labels, such as {{{one}: {two}}}, or where they are labels of their own say {{{one}: {one}}}",
                                 first=first.file, ours=listing(first.labels, most=6), second=other.file,
                                 theirs=listing(other.labels, most=6), one=shown(theirs), two=shown(ours)))
