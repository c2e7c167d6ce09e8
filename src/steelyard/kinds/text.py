"""Text: a word, a sentence, a document."""

from collections.abc import Sequence
from numbers import Real

import pyarrow as pa

from steelyard.language import say
from steelyard.math.texts import same, shown
from steelyard.parts import BadValue, Kind

_SPACE = "\t\n\r\f\v"
_MOST_CONTROL = 0.1  # share of control characters above which a value is bytes that were taken for text


class Text(Kind):
    """Any text, the empty one too: what an empty row means is for an audit to say."""

    name = "text"

    @property
    def arrow(self) -> pa.DataType:
        """Strings."""
        return pa.string()

    def parse(self, raw: object) -> str:
        """Text as it is, a number as it is written. Raises BadValue for what is missing, no text or binary."""
        if isinstance(raw, str):
            return _checked(raw)
        if raw is None or raw != raw:  # NaN: a table's way to say that nothing is there
            raise BadValue(say("the text is missing"))
        if isinstance(raw, Real):
            return str(raw)
        raise BadValue(say("got {got}, want a text", got=shown(raw)))

    def fits(self, samples: Sequence[object]) -> bool:
        """Mostly different, and mostly of several words (or several characters of a script that does not space words)."""
        texts = [value for value in samples if isinstance(value, str) and value.strip()]
        if not texts or any(value is not None and not isinstance(value, str) for value in samples):
            return False
        return 2 * len(set(texts)) >= len(texts) and 2 * sum(map(_several_words, texts)) >= len(texts)

    def identity(self, stored: object) -> str:
        """Letters and digits of any script, in lower case."""
        return same(str(stored))


def _checked(text: str) -> str:
    if text.isprintable():  # most are: the rest is looked at in full
        return text
    if "\0" in text:
        raise BadValue(say("the text holds NUL bytes: it is binary data, or in another encoding"))
    control = sum(c not in _SPACE and (c < " " or "\x7f" <= c <= "\x9f") for c in text)
    if control > _MOST_CONTROL * len(text):
        raise BadValue(say("{n} of the {all} characters are control characters: it is binary data, or in another encoding",
                           n=control, all=len(text)))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadValue(say("the text holds half a character (a lone surrogate), which no file can store")) from error
    return text


def _several_words(text: str) -> bool:
    stripped = text.strip()
    return any(c.isspace() for c in stripped) or sum("\u2e80" <= c <= "\uffdc" or "\u0e00" <= c <= "\u109f" for c in stripped) >= 4


PART = Text
