"""Texts: how a stranger's value is shown in a sentence, and what two texts share that a person would call the same."""

import re
import unicodedata

_ASCII_REST = re.compile(r"[^a-z0-9]+")


class _Kept(dict[int, str | None]):
    """Code point -> itself where it is a letter, a mark or a number, else None; filled as it is asked (str.translate)."""

    def __missing__(self, code: int) -> str | None:
        kept = chr(code) if unicodedata.category(chr(code))[0] in "LMN" else None
        self[code] = kept
        return kept


_KEPT = _Kept()


def same(text: str) -> str:
    """The letters and digits of any script, in lower case; texts that agree in it differ in case, space and punctuation only.

    Marks count as letters (many scripts write vowels with them). A text without any letter or digit keeps its signs but
    not its spaces, so that two smileys are not taken for one.
    """
    if text.isascii():
        return _ASCII_REST.sub("", text.lower()) or "".join(text.split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_KEPT) or "".join(folded.split())


def shown(value: object, most: int = 60) -> str:
    """`value` as a sentence may hold it: at most `most` characters, and none that a terminal would obey."""
    text = value[: most + 1] if isinstance(value, str) else repr(value)
    cut = text[:most] + "..." if len(text) > most else text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
