"""What texts share, against a literal reference; and values that are shown without harm."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.math.texts import same, shown


def literal(text):
    """Character by character: letters, marks and numbers of the case-folded, compatibility-composed text."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = [c for c in folded if unicodedata.category(c)[0] in "LMN"]
    return "".join(kept) if kept else "".join(c for c in folded if not c.isspace())


@given(st.text(max_size=40))
def test_same_is_the_literal_definition(text):
    assert same(text) == literal(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_the_short_way_for_ascii_agrees(text):
    assert same(text) == literal(text)


@pytest.mark.parametrize("one, other", [
    ("ＡＢＣ１２３", "abc123"), ("Straße", "STRASSE"), ("cafe\u0301", "CAFÉ"), ("«Да», — нет!", "да нет"), ("你好，世界！", "你好 世界"),
    ("a_b", "ab"),
])
def test_one_text_written_in_two_ways(one, other):
    assert same(one) == same(other)


@pytest.mark.parametrize("one, other", [("👍", "👎"), ("!!!", "???"), ("कि", "का"), ("a1", "a2"), ("", "!")])
def test_two_texts(one, other):
    assert same(one) != same(other)


@pytest.mark.parametrize("value, text", [
    ("plain", "plain"), ("杆秤", "杆秤"), ("a\x1b[31m\nb", "a\\x1b[31m\\nb"), ("x" * 100, "x" * 60 + "..."), (5, "5"), (None, "None"),
    ("\ud800", "\\ud800"), ("\u202e", "\\u202e"), (["a\n"], "['a\\n']"),
])
def test_shown(value, text):
    assert shown(value) == text
