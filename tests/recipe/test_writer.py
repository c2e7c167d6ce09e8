"""A recipe written out reads back equal, and the JSON Schema takes what the reader takes."""

import json
import re
from typing import Any

import pytest

from steelyard.errors import InputError
from steelyard.recipe.reader import read
from steelyard.recipe.writer import dump, plain, schema

FULL = {
    "task": "text-classification",
    "about": {"purpose": "分拣评论: \"quoted\" # no comment", "language": "zh", "license": "mit", "authors": "A & B"},
    "data": {"train": ["a.csv", "b/*.csv"], "validation": {"column": "split", "value": "dev"}, "test": "10%",
             "columns": {"text": "评论"}, "labels": {"pos": 1, "007": "no", "true": True}, "encoding": "gb18030", "header": False,
             "group_by": "user", "max_bad_rows": 3, "max_length": 128, "image_size": 32, "image_mode": "RGB"},
    "model": {"family": "bert", "size": "tiny", "options": {"dropout": 0.1, "act": "gelu", "sizes": [1, 2], "flag": True}},
    "training": {"steps": 100, "batch_size": 8, "learning_rate": 1e-4, "warmup_steps": "5%", "best": "macro-f1", "evaluate_every": 10,
                 "checkpoint_every": 50, "precision": "bf16", "threads": 2},
    "evidence": {"keep_rows": False, "only": ["quality", "cost"], "explanation": {"methods": ["occlusion"], "rows": 7},
                 "bias": {"groups": ["gender"], "positive": [1, "a"]}, "cost": {"grid_g_per_kwh": 50, "price_per_hour": [0.1, 0.2]}},
    "gates": ["quality.accuracy >= 0.85", "cost.time <= 30 min value"],
    "seed": 7, "run": "评论 1",
}
MINIMAL = {"task": "t", "data": {"train": "a.csv"}}
JUDGED = {"task": "t", "data": {"test": "a.csv"}, "model": {"from": "x"}, "training": "none"}


@pytest.mark.parametrize("values", [FULL, MINIMAL, JUDGED], ids=["full", "minimal", "judged"])
def test_dump_reads_back_equal(tmp_path, values):
    file = tmp_path / "recipe.yaml"
    for recipe in (read(values), read(values).filled({"optimizer": "sgd", "epochs": 4})):
        file.write_text(dump(recipe), encoding="utf-8")
        assert read(file) == recipe
        assert read(plain(recipe)) == recipe
        assert dump(read(file)) == dump(recipe)


def test_recipes_that_ask_something_else_are_unequal():
    assert read(MINIMAL) != read({**MINIMAL, "seed": 1})
    assert read(MINIMAL) == read(MINIMAL) and read(MINIMAL) != MINIMAL


def accepts(value: Any, form: dict[str, Any], root: dict[str, Any]) -> bool:
    """JSON Schema's words that ours uses, one by one: slow and easy to believe."""
    if "$ref" in form:
        return accepts(value, root["$defs"][form["$ref"].rpartition("/")[2]], root)
    types = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}
    wanted = form.get("type", [])
    if wanted:
        names = [wanted] if isinstance(wanted, str) else wanted
        if not any(isinstance(value, types[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
            return False
    checks = [
        "anyOf" not in form or any(accepts(value, one, root) for one in form["anyOf"]),
        "oneOf" not in form or sum(accepts(value, one, root) for one in form["oneOf"]) == 1,
        "const" not in form or value == form["const"],
        "enum" not in form or value in form["enum"],
    ]
    if isinstance(value, str):
        checks += [len(value) >= form.get("minLength", 0), re.search(form.get("pattern", ""), value) is not None]
    if isinstance(value, int | float) and not isinstance(value, bool):
        checks += [value >= form.get("minimum", value), value > form.get("exclusiveMinimum", value - 1),
                   value <= form.get("maximum", value), value < form.get("exclusiveMaximum", value + 1)]
    if isinstance(value, list):
        checks += [form.get("minItems", 0) <= len(value) <= form.get("maxItems", len(value)),
                   all(accepts(item, form.get("items", {}), root) for item in value)]
    if isinstance(value, dict):
        known, further = form.get("properties", {}), form.get("additionalProperties", True)
        checks.append(all(name in value for name in form.get("required", [])))
        for name, item in value.items():
            checks.append(accepts(item, known[name], root) if name in known else
                          bool(further) if isinstance(further, bool) else accepts(item, further, root))
    return all(checks)


@pytest.mark.parametrize("values", [FULL, MINIMAL, JUDGED], ids=["full", "minimal", "judged"])
def test_schema_takes_what_the_reader_takes(values):
    assert accepts(values, schema(), schema())
    assert accepts(json.loads(json.dumps(plain(read(values)))), schema(), schema())


@pytest.mark.parametrize("change", [
    {"tasks": "x"}, {"task": ["a"]}, {"seed": -1}, {"training": "off"}, {"training": {"lr": 1}}, {"training": {"epochs": 0}},
    {"training": {"precision": "fp16"}}, {"training": {"warmup_steps": "100%"}}, {"data": {"train": []}}, {"data": {"test": 5}},
    {"evidence": {"only": ["speed"]}}, {"gates": "a"}, {"run": "a/b"}, {"model": {"options": {"a": {}}}},
    {"data": {"test": {"column": "a"}}},
])
def test_schema_refuses_what_the_reader_refuses(change):
    values = {**MINIMAL, **change}
    with pytest.raises(InputError):
        read(values)
    assert not accepts(values, schema(), schema())


def test_schema_describes_every_key():
    whole = schema()
    for section in (whole, *whole["$defs"].values()):
        assert all(one.get("description") for one in section["properties"].values())
