"""What pydantic found wrong, as sentences with place, key, what was got and what is wanted. None of its own texts."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from steelyard.errors import InputError, listing
from steelyard.language import Sentence, say
from steelyard.recipe._section import Says, Section
from steelyard.recipe._synonyms import SYNONYMS, plain
from steelyard.recipe._yaml import Tree

_MOST = 5  # complaints that are told at once
_LONGEST = 60  # characters of a wrong value that are quoted


@dataclass(frozen=True)
class _Lines:
    """Sentences, one a line, in the language in force when they are read."""

    sentences: tuple[Sentence, ...]

    def __str__(self) -> str:
        return "\n".join(str(sentence) for sentence in self.sentences)


def error_of(sentences: list[Sentence]) -> InputError:
    """All complaints as one error: one line each, at most five."""
    if len(sentences) == 1:
        return InputError(sentences[0])
    told = tuple(sentences[:_MOST])
    if len(sentences) > _MOST:
        told = (*told, say("and {n} more complaints", n=len(sentences) - _MOST))
    return InputError(say("{lines}", lines=_Lines(told)))


def name_of(name: str, field: FieldInfo) -> str:
    """The key as it stands in YAML."""
    return field.alias or name


def says(field: FieldInfo) -> Says:
    """What a key says of itself. Raises StopIteration where it says nothing: a test holds that each does."""
    return next(entry for entry in field.metadata if isinstance(entry, Says))


def sections(annotation: Any) -> Iterator[type[Section]]:
    """The sections that a key's annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType):
        for part in get_args(annotation):
            yield from sections(part)


def keys(section: type[BaseModel], above: str = "") -> dict[str, FieldInfo]:
    """Every dotted key below a section, those of its sections too."""
    found: dict[str, FieldInfo] = {}
    for name, field in section.model_fields.items():
        key = f"{above}{name_of(name, field)}"
        found[key] = field
        for below in sections(field.annotation):
            found |= keys(below, f"{key}.")
    return found


def complaints(error: ValidationError, recipe: type[BaseModel], tree: Tree) -> list[Sentence]:
    """One sentence a wrong key, in the order of the file; what is missing comes first."""
    known = keys(recipe)
    told: dict[str, Sentence] = {}
    for item in error.errors(include_url=False):
        path = [str(part) for part in item["loc"] if not str(part).startswith("~")]
        if item["type"] == "complaint":
            key = ".".join(part for part in (*path, item["ctx"]["key"]) if part) if path[-1:] != [item["ctx"]["key"]] else ".".join(path)
            told.setdefault(key, _rule(item["ctx"]["sentence"], tree.where(key)))
            continue
        key = _longest(path, known, tree.values)
        if item["type"] == "extra_forbidden":
            told.setdefault(key, _no_such_key(key, known, tree))
        elif item["type"] == "missing":
            told.setdefault(key, say("{where}: missing; want {want}", where=tree.where(key), want=says(known[key]).want))
        else:
            told.setdefault(key, _wrong_value(key, known, tree))
    order = {key: number for number, key in enumerate(tree.places)}
    return [told[key] for key in sorted(told, key=lambda key: order.get(key, -1))]


def _rule(sentence: Sentence, where: str) -> Sentence:
    if "where" in sentence.values:
        return Sentence(sentence.template, {**sentence.values, "where": where})
    return say("{where}: {rule}", where=where, rule=sentence)


def _longest(path: list[str], known: Mapping[str, FieldInfo], values: Any) -> str:
    """The path without pydantic's own entries (branches of unions): as far as it follows keys or the values given."""
    followed: list[str] = []
    for part in path:
        key = ".".join((*followed, part))
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, tuple) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif key in known:
            values = None
        else:
            break
        followed.append(part)
    return ".".join(followed)


def _no_such_key(key: str, known: Mapping[str, FieldInfo], tree: Tree) -> Sentence:
    above, _, name = key.rpartition(".")
    siblings = [other.rpartition(".")[2] for other in known if other.rpartition(".")[0] == above]
    near = _nearest(name, above, siblings, known)
    if near:
        return say("{where}: no such key; did you mean {name}?", where=tree.where(key), name=near)
    return say("{where}: no such key (there are: {names})", where=tree.where(key), names=listing(siblings, most=30))


def _nearest(name: str, above: str, siblings: list[str], known: Mapping[str, FieldInfo]) -> str:
    """Our key of that meaning: a sibling's other case, other people's spelling, a slip, the same key elsewhere."""
    bare = plain(name)
    if bare in siblings:
        return bare
    ours = SYNONYMS.get(bare, "")
    if ours and ours.rpartition(".")[0] == above:
        return ours.rpartition(".")[2]
    if near := get_close_matches(bare, siblings, n=1, cutoff=0.75):
        return near[0]
    elsewhere = [key for key in known if key.rpartition(".")[2] == bare]
    if ours or elsewhere:
        return ours or elsewhere[0]
    far = {key.rpartition(".")[2]: key for key in known}
    slip = get_close_matches(bare, [*siblings, *far], n=1, cutoff=0.6)
    return "" if not slip else slip[0] if slip[0] in siblings else far[slip[0]]


def _wrong_value(key: str, known: Mapping[str, FieldInfo], tree: Tree) -> Sentence:
    above = key
    while above not in known and above:  # an entry of a list or of pairs: what its key wants
        above = above.rpartition(".")[0]
    if not above:
        return say("{where}: a recipe is made of keys such as `task: text-classification`, and this file has none", where=tree.where(""))
    return say("{where}: got {got}, want {want}", where=tree.where(key), got=_quoted(_at(tree.values, key)), want=says(known[above]).want)


def _at(values: Any, key: str) -> Any:
    """What stands at a dotted key; names of files have dots of their own."""
    if not key:
        return values
    if not isinstance(values, Mapping):
        first, _, rest = key.partition(".")
        return _at(values[int(first)], rest)
    name = max((str(name) for name in values if key == str(name) or key.startswith(f"{name}.")), key=len)
    return _at(values[name], key[len(name) + 1:])


def _quoted(value: object) -> object:
    if isinstance(value, Mapping):
        return say("keys ({names})", names=listing(value, most=4)) if value else say("nothing")
    if isinstance(value, list | tuple):
        return say("a list of {n}", n=len(value)) if len(value) > 4 else f"[{', '.join(str(_quoted(item)) for item in value)}]"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return f'"{text}"' if isinstance(value, str) else text
