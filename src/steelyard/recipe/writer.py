"""A Recipe out: as YAML that reads back equal, and as a JSON Schema for editors."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from steelyard.language import in_language
from steelyard.recipe._complaints import name_of, says, sections
from steelyard.recipe._section import Section
from steelyard.recipe.recipe import Recipe


def dump(recipe: Recipe) -> str:
    """The recipe as YAML, every default written out; `read` gives an equal recipe back."""
    return brief(plain(recipe))


def brief(values: Mapping[str, Any]) -> str:
    """A recipe's keys as YAML, in their order, without defaults."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 4096
    yaml.representer.sort_base_mapping_type_on_output = False
    out = io.StringIO()
    yaml.dump(dict(values), out)
    return out.getvalue()


def plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON values, keys spelled as in YAML; what is None is left out."""
    found: dict[str, Any] = recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of recipe.yaml; descriptions in English."""
    found: dict[str, Any] = Recipe.model_json_schema(by_alias=True, mode="validation")
    with in_language("en"):
        for section in _all(Recipe):
            described = found if section is Recipe else found["$defs"][section.__name__]
            _describe(section, described["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _all(section: type[Section]) -> list[type[Section]]:
    below = [one for field in section.model_fields.values() for one in sections(field.annotation)]
    return [section, *(deeper for one in below for deeper in _all(one))]


def _describe(section: type[Section], properties: Mapping[str, dict[str, Any]]) -> None:
    for name, field in section.model_fields.items():
        words = says(field)
        properties[name_of(name, field)]["description"] = f"{words.help}: {words.want}"
