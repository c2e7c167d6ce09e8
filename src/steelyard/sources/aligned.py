"""Two aligned text files: train.en and train.de, a sentence a line; the one that is named is the source, the other the target."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, is_packed, text_lines

# Of ISO 639-1, without codes that are also endings of other files (md, ml, mk, pt).
_LANGUAGES = frozenset((
    "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "ga",
    "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "kn", "ko", "lt", "lv", "mn",
    "mr", "ms", "my", "ne", "nl", "no", "pl", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th",
    "tl", "tr", "uk", "ur", "uz", "vi", "zh",
))


class Aligned(Source):
    """{"source", "target"} a line, both without their ends (CRLF too) and without space around them."""

    name = "aligned"
    help = say("two aligned text files (train.en beside train.de, plain or .gz): data.train names the source, a sentence a line")

    def accepts(self, path: Path) -> bool:
        """By a language's code as the suffix."""
        return form(path).removeprefix(".") in _LANGUAGES and not path.is_dir()

    def beside(self, path: Path) -> list[Path]:
        """The other language's file."""
        return _others(path)

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """Raises InputError where there is no other language's file, or several, and where the two have not as many lines."""
        others = _others(path)
        if len(others) != 1:
            raise InputError(say("{where}: want one file of another language beside it, such as {example}; there are {n} ({names}); put "
                                 "the pair into a folder of its own, or give a table with columns source and target",
                                 where=path, example=_stem(path) + (".de" if form(path) != ".de" else ".en"), n=len(others),
                                 names=listing(other.name for other in others) if others else "–"))
        number, counts = 0, [0, 0]
        for number, pair in enumerate(zip_longest(text_lines(path, options.encoding), text_lines(others[0], options.encoding)), start=1):
            counts = [count + (line is not None) for count, line in zip(counts, pair, strict=True)]
            if None not in pair:
                yield Record({"source": pair[0].strip(), "target": pair[1].strip()}, str(path), number)
        if counts[0] != counts[1]:
            raise InputError(say("{where} has {n} lines and {other} has {m}: the two are not aligned; mend the files", where=path,
                                 n=counts[0], other=others[0].name, m=counts[1]))
        if not number:
            raise InputError(say("{where}: the file has no rows", where=path))


def _stem(path: Path) -> str:
    """train for train.en.gz."""
    name = path.name[: -len(".gz")] if is_packed(path) else path.name
    return name.rpartition(".")[0]


def _others(path: Path) -> list[Path]:
    """Files of the same stem in other languages."""
    if not path.parent.is_dir():
        return []
    return sorted(other for other in path.parent.iterdir()
                  if other.is_file() and form(other).removeprefix(".") in _LANGUAGES and _stem(other) == _stem(path)
                  and form(other) != form(path))


PART = Aligned
