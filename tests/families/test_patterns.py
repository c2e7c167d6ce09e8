"""Which regular expressions of a tokenizer are taken: none that a text could keep busy without end."""

import pytest

from steelyard.families._patterns import endless

USED = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",  # GPT-2
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",  # Llama 3
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}\p{Lm}]+(?i:'s|'t)?|\p{N}{1,3}",  # o200k
    r" ?[^(\s|[.,!?…。，、।۔،])]+",  # BLOOM: a class within a class, and brackets that are letters there
    r"<\|startoftext\|>|<\|endoftext\|>|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",  # CLIP
    " {2,}", r"[0-9][0-9][0-9]", r"\)+", r"[])]+", "",
]


@pytest.mark.parametrize("pattern", USED)
def test_what_is_in_use_passes(pattern: str) -> None:
    assert not endless(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*", "(?:a|b)+x", "(a){2,}", "(a){99}", "((a))*", r"[x](\d+)*", "x" * 5000])
def test_what_never_ends_is_refused(pattern: str) -> None:
    assert endless(pattern)
