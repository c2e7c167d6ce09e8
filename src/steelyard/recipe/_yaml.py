"""YAML text -> plain values, and for every key the place it stands at. No tags, objects, anchors, or keys twice."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from steelyard.errors import InputError
from steelyard.language import Sentence, say

MOST_BYTES = 1_000_000
_MOST_EVENTS = 20_000  # keys, values and brackets: this parser takes 0.1 ms for each
_LONGEST_NUMBER = 400  # digits; a float has 309 at most
_DEEPEST = 12  # a recipe has four levels; deeper nesting is an accident or an attack on the parser's stack
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|(API|ACCESS|AUTH)_?KEY", re.IGNORECASE)  # a run keeps its recipe
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Keys under which a scalar is the text that the person wrote: 007, True and 1.10 are names of columns and labels there.
_AS_WRITTEN = tuple(
    re.compile(pattern)
    for pattern in (
        r"task|run|about\.\w+|data\.(train|group_by|encoding)(\.\d+)?",
        r"data\.(validation|test)(\.\d+|\.column|\.value)",
        r"data\.(columns|labels)\..*",
        r"model\.(from|family|size)",
        r"evidence\.bias\.(groups|positive)\.\d+",
        r"gates\.\d+",
    )
)


@dataclass
class Tree:
    """Plain values (dict, tuple, str, int, float, bool), the place of every dotted key, and what is wrong with them."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    complaints: list[Sentence] = field(default_factory=list)

    def where(self, key: str) -> str:
        """ "recipe.yaml:7 training.epochs"; the place of the nearest section above where the key stands nowhere."""
        above = key
        while above and above not in self.places:
            above = above.rpartition(".")[0]
        return f"{self.places.get(above, '')} {shown(key)}".strip()


def shown(key: str) -> str:
    """A dotted key for people: the number of an item of a list is not part of a key's name."""
    return re.sub(r"\.\d+(?=\.|$)", "", key)


def read_file(path: Path) -> Tree:
    """The recipe in a file. Raises InputError."""
    try:
        raw = path.read_bytes() if path.is_file() and path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise InputError(say('cannot read the recipe "{path}": {reason}', path=path, reason=error.strerror)) from error
    if raw is None:
        if path.is_file():
            raise InputError(
                say(
                    "{where}: a recipe has at most {most} bytes, this file has {got}; is it one?",
                    where=path,
                    most=MOST_BYTES,
                    got=path.stat().st_size,
                )
            )
        kind = say("it is a folder; give the recipe in it") if path.is_dir() else say("there is no such file")
        raise InputError(say('cannot read the recipe "{path}": {reason}', path=path, reason=kind))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(say("{where}: a recipe is text in UTF-8, this file is not; save it as UTF-8", where=f"{path}:{line}")) from error
    tree = Tree(places={"": str(path)})
    node = _compose(text, str(path))
    if not isinstance(node, MappingNode):
        raise InputError(say("{where}: a recipe is made of keys such as `task: text-classification`, and this file has none", where=path))
    tree.values = _mapping(tree, node, "", str(path))
    return tree


def from_mapping(values: Mapping[str, Any]) -> Tree:
    """The recipe in a dict. None means "not given", as an empty key does in YAML."""
    tree = Tree()
    plain = _plain(tree, values, "")
    tree.values = plain if isinstance(plain, dict) else {}
    return tree


def override(tree: Tree, text: str) -> None:
    """Put "training.epochs=5" into the tree: the value is YAML. Raises InputError where it has no such form."""
    key, equals, value = text.partition("=")
    key, where = key.strip(), f"--set {key.strip()}"
    if not equals or not re.fullmatch(r"[^\s.=]+(\.[^.=]+)*", key):
        raise InputError(say('--set: got "{got}", want a key and its value, such as training.epochs=5', got=text))
    node = _compose(value, where) if value.strip() else None
    *above, last = key.split(".")
    section = tree.values
    for name in above:
        below = section.get(name)
        if not isinstance(below, dict):
            below = section[name] = {}  # also where `training: none` stood: who sets training.epochs wants training
        section = below
    for old in [old for old in tree.places if old == key or old.startswith(key + ".")]:
        del tree.places[old]
    tree.places[key] = "--set"
    section.pop(last, None)
    found = None if node is None else _value(tree, node, key, None)
    if found is not None:
        section[last] = found


def _compose(text: str, where: str) -> Node | None:
    """The one document of `text` as nodes. Every event is looked at first: composing recurses, and resolves aliases."""
    try:
        depth = documents = 0
        for number, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
            if number > _MOST_EVENTS:
                raise InputError(say("{where}: more than {most} keys and values; is it a recipe?", where=where, most=_MOST_EVENTS))
            documents += isinstance(event, DocumentStartEvent)
            depth += isinstance(event, SequenceStartEvent | MappingStartEvent)
            _refuse(event, f"{where}:{event.start_mark.line + 1}" if event.start_mark else where)
            depth -= isinstance(event, SequenceEndEvent | MappingEndEvent)
            if depth > _DEEPEST:
                raise InputError(say("{where}: nested too deeply for a recipe", where=f"{where}:{event.start_mark.line + 1}"))
            if documents > 1:
                raise InputError(
                    say("{where}: a second document starts here (---); a recipe is one", where=f"{where}:{event.start_mark.line + 1}")
                )
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
        return node
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        lines = text.splitlines()
        here = lines[line].strip()[:60] if line < len(lines) else ""
        if line < len(lines) and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]:
            raise InputError(say("{where}: the line begins with a tab; YAML wants spaces", where=f"{where}:{line + 1}")) from error
        raise InputError(
            say(
                '{where}: no YAML can be read here, near "{here}"; look for a missing colon, space, quote or bracket',
                where=f"{where}:{line + 1}",
                here=here,
            )
        ) from error
    except (YAMLError, ValueError) as error:  # ReaderError: control characters; ValueError: a number that is none
        raise InputError(say("{where}: not a text file; a recipe is YAML in UTF-8", where=where)) from error


def _refuse(event: Event, where: str) -> None:
    if isinstance(event, NodeEvent) and event.anchor is not None:  # an alias is one too
        raise InputError(
            say("{where}: anchors (&) and aliases (*) are not taken; write the value out, in quotes where it begins so", where=where)
        )
    if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent) and event.tag is not None:
        raise InputError(say("{where}: tags and objects (!) are not taken; write a plain value, in quotes where it begins so", where=where))


def _mapping(tree: Tree, node: MappingNode, key: str, file: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for name, below in node.value:
        child = f"{key}.{name.value}" if key else str(name.value)
        place = f"{file}:{name.start_mark.line + 1}" if file else tree.places.get(key, "--set")
        if not isinstance(name, ScalarNode):
            tree.complaints.append(say("{where}: a key is a plain word", where=f"{place} {shown(key)}".strip()))
            continue
        if name.value in seen:
            tree.complaints.append(
                say(
                    "{where}: stands here a second time, first at {first}; keep one",
                    where=f"{place} {shown(child)}",
                    first=seen[name.value],
                )
            )
            continue
        seen[name.value] = tree.places[child] = place
        value = _value(tree, below, child, file)
        if value is not None:
            found[name.value] = value
    return found


def _value(tree: Tree, node: Node, key: str, file: str | None) -> Any:
    if file:
        tree.places.setdefault(key, f"{file}:{node.start_mark.line + 1}")
    if isinstance(node, MappingNode):
        return _mapping(tree, node, key, file)
    if isinstance(node, SequenceNode):
        return tuple("" if (item := _value(tree, below, f"{key}.{i}", file)) is None else item for i, below in enumerate(node.value))
    tag, text = str(node.tag).rpartition(":")[2], str(node.value)
    if (tag == "null" and not text.strip("~")) or (tag == "null" and not _as_written(key)):
        return None
    if tag in ("int", "float", "bool") and not _as_written(key) and len(text) <= _LONGEST_NUMBER:
        return _number(tag, text)
    return _expanded(tree, text, key)


def _number(tag: str, text: str) -> int | float | bool:
    """A plain scalar that YAML 1.2 resolves to a number or truth value."""
    if tag == "bool":
        return text.lower() == "true"
    plain = text.replace("_", "").lower()
    if tag == "int":
        sign, digits = (plain[0], plain[1:]) if plain[0] in "+-" else ("", plain)
        base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 10)
        return int(sign + digits, base) if base != 10 else int(plain)
    return float(plain.replace(".inf", "inf").replace(".nan", "nan"))


def _plain(tree: Tree, value: object, key: str) -> Any:
    """A dict's values in the same form as a file's."""
    if isinstance(value, Mapping):
        found = {str(name): _plain(tree, below, f"{key}.{name}" if key else str(name)) for name, below in value.items()}
        return {name: below for name, below in found.items() if below is not None}
    if isinstance(value, list | tuple):
        return tuple(_plain(tree, item, f"{key}.{i}") for i, item in enumerate(value))
    if isinstance(value, os.PathLike):
        return _expanded(tree, os.fspath(value), key)
    if isinstance(value, bool | int | float) and _as_written(key):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return _expanded(tree, value, key) if isinstance(value, str) else value


def _as_written(key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern in _AS_WRITTEN)


def _expanded(tree: Tree, text: str, key: str) -> str:
    """${NAME} becomes that environment variable."""

    def value(found: re.Match[str]) -> str:
        if _SECRET.search(found[1]):
            tree.complaints.append(
                say("{where}: {name} is a secret by its name, and a run keeps its recipe; write no secret into it",
                    where=tree.where(key), name=found[1])
            )
            return ""
        if found[1] not in os.environ:
            tree.complaints.append(
                say(
                    "{where}: the environment variable {name} is not set; set it, or write the value out",
                    where=tree.where(key),
                    name=found[1],
                )
            )
        return os.environ.get(found[1], "")

    return _VARIABLE.sub(value, text)
