"""What all sections of a recipe share: frozen and strict, and every key says in both languages what it is and wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from steelyard.language import Sentence, say

WHOLE = say("a whole number, 1 or more")
NUMBER = say("a number above 0")
PATH = say("a path, relative to the recipe (a glob, a folder, builtin:NAME, hub:NAME), or a list of them")
WORDS = say("a text")
NAMES = say("a list of names in square brackets")
YES_NO = say("true or false")


@dataclass(frozen=True)
class Says:
    """Stands in a key's annotation: what the key is, and what it takes (follows "want")."""

    help: Sentence
    want: Sentence


class Section(BaseModel):
    """Abstract: a frozen section of a recipe. Unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=False)


def complaint(key: str, sentence: Sentence) -> PydanticCustomError:
    """What a section's own rule raises: `key` of this section is wrong for the reason in `sentence`."""
    return PydanticCustomError("complaint", "{key}", {"key": key, "sentence": sentence})


def form(value: object) -> str:
    """Which branch of a union a value belongs to, by its YAML form; "~" marks it as no key."""
    if isinstance(value, Mapping | BaseModel):
        return "~mapping"
    return "~list" if isinstance(value, list | tuple) else "~scalar"


def _spelled(value: object) -> object:
    """YAML reads 4 and true as number and truth value; where a text is wanted they are texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_spelled), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Name = Annotated[str, BeforeValidator(_spelled), Field(min_length=1), WithJsonSchema({"type": ["string", "number"], "minLength": 1})]
