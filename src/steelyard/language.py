"""What a person reads, in English or Chinese: one catalogue of sentences.

The English sentence is the key; strings/*.zh.json hold the Chinese ones, a file a floor. A test holds that every
sentence of the source has its translation, with the same fields.
"""

import json
import locale
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Iterator

LANGUAGES = ("en", "zh")
_FORM = re.compile(r"[<>^+]?,?\d{0,2}(\.\d{1,2})?[a-z%]?")  # what may stand behind the colon of a field that comes from a file
_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def language() -> str:
    """The language in force: `in_language`, else STEELYARD_LANG, else the locale; "en" or "zh"."""
    wanted = _chosen.get() or os.environ.get("STEELYARD_LANG") or locale.getlocale()[0] or "en"
    return "zh" if wanted.lower().startswith(("zh", "chinese")) else "en"


@contextmanager
def in_language(name: str) -> Iterator[None]:
    """Inside the block every sentence is in the language `name`."""
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


@cache
def _translations(name: str) -> dict[str, str]:
    found = [entry for entry in files("steelyard").joinpath("strings").iterdir() if entry.name.endswith(f".{name}.json")]
    joined: dict[str, str] = {}
    for entry in sorted(found, key=lambda entry: entry.name):
        joined |= json.loads(entry.read_text(encoding="utf-8"))
    return joined


@dataclass(frozen=True)
class Sentence:
    """A sentence with its values, still free of any language: str() gives it in the language in force."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        template = self.template
        if (name := language()) != "en":
            template = _translations(name).get(template, template)
        return template.format_map(self.values)

    def to_json(self) -> dict[str, object]:
        """`text` is for people who read the file; `template` and `values` let a page say it in another language."""
        with in_language("en"):
            text = str(self)
            values = {name: _plain(value) for name, value in self.values.items()}
        return {"text": text, "template": self.template, "values": values}

    @staticmethod
    def from_json(data: Mapping[str, object]) -> "Sentence":
        """A template of no such form as ours is taken as plain text: a file must not reach into objects. Raises KeyError without one."""
        values, template = data.get("values", {}), str(data["template"])
        given = values.items() if isinstance(values, Mapping) else ()
        sentence = Sentence(template, {name: _spoken(value) for name, value in given})
        return sentence if _harmless(sentence) else Sentence(template[:1000].replace("{", "{{").replace("}", "}}"))


def _harmless(sentence: Sentence) -> bool:
    """Whether its fields are names alone (`{x.__init__.__globals__}` would tell the environment) and small, and it can be said."""
    try:
        for _, name, form, conversion in Formatter().parse(sentence.template):
            if name is not None and not (name.isidentifier() and conversion is None and _FORM.fullmatch(form or "")):
                return False
        sentence.template.format_map(sentence.values)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False
    return True


def _plain(value: object) -> object:
    """A value as JSON has it; a sentence within a sentence stays one."""
    if isinstance(value, Sentence):
        return value.to_json()
    return value if isinstance(value, int | float) else str(value)


def _spoken(value: object) -> object:
    return Sentence.from_json(value) if isinstance(value, Mapping) and "template" in value else value


def say(template: str, **values: object) -> Sentence:
    """`say("{n} rows are empty", n=3)`: the template is the catalogue's key, so it stands in the source as a literal."""
    return Sentence(template, values)
