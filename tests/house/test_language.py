"""Every sentence of the source has its Chinese translation with the same fields, and no translation is unused."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import steelyard
from steelyard.language import Sentence, in_language, language, say

ROOT = Path(steelyard.__file__).parent
CATALOGUES = sorted(ROOT.glob("strings/*.zh.json"))


def templates() -> Iterator[tuple[str, str]]:
    """(template, where) of every say(...) and Sentence(...) whose first argument is a literal."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "Sentence"):
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, where
                elif node.func.id == "say":
                    raise AssertionError(f"{where}: say() wants its template as a literal: the catalogue's key")


def translations() -> dict[str, str]:
    """All catalogues joined; one key must not be translated in two ways."""
    joined: dict[str, str] = {}
    for path in CATALOGUES:
        for english, chinese in json.loads(path.read_text(encoding="utf-8")).items():
            assert joined.get(english, chinese) == chinese, f"{path.name}: two translations of {english!r}"
            joined[english] = chinese
    return joined


def fields(template: str) -> list[str]:
    """The names in braces, each as often as it is there, formats and conversions with it."""
    return sorted(f"{name}!{conversion}:{form}" for _, name, form, conversion in string.Formatter().parse(template) if name is not None)


def test_every_sentence_is_translated() -> None:
    known = translations()
    missing = [f"{where}: {template!r}" for template, where in templates() if template not in known]
    assert not missing, f"{len(missing)} without translation:\n" + "\n".join(missing)


def test_translations_have_the_same_fields() -> None:
    wrong = [english for english, chinese in translations().items() if set(fields(english)) != set(fields(chinese))]
    assert not wrong


def test_no_translation_is_unused() -> None:
    used = {template for template, _ in templates()}
    unused = [english for english in translations() if english not in used]
    assert not unused, f"{len(unused)} unused:\n" + "\n".join(unused)


def test_language_is_chosen_by_block_then_environment_then_locale(monkeypatch) -> None:
    monkeypatch.setenv("STEELYARD_LANG", "zh_CN.UTF-8")
    assert language() == "zh"
    with in_language("en"):
        assert language() == "en"
    monkeypatch.setenv("STEELYARD_LANG", "de")
    assert language() == "en"


def test_a_sentence_speaks_the_language_in_force_and_survives_json() -> None:
    sentence = say("{n} rows", n=3)
    assert str(Sentence.from_json(json.loads(json.dumps(sentence.to_json())))) == "3 rows"
    english = next(iter(translations()))
    with in_language("zh"):
        assert Sentence(english).template == english


def test_fields_sees_formats() -> None:
    assert fields("{a} {b:.2f} {{c}}") == ["a!None:", "b!None:.2f"]
