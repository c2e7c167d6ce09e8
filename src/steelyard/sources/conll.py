"""CoNLL columns: a word a line with its tag behind it, a blank line between sentences."""

import re
from collections.abc import Iterator
from pathlib import Path

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, text_lines

_SUFFIXES = (".conll", ".bio", ".iob", ".iob2", ".bioes", ".conll03")
_DOCUMENT = "-DOCSTART-"
_SPACE = re.compile(r"[ \t]+")


class Conll(Source):
    """The first column is the word, the last one its tag; tabs or spaces lie between, comments begin with "# "."""

    name = "conll"
    help = say("CoNLL columns (.conll, .bio, .iob, plain or .gz): a word and its tag a line, a blank line between sentences")

    def accepts(self, path: Path) -> bool:
        """By suffix."""
        return form(path) in _SUFFIXES and not path.is_dir()

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """{"words", "tags"} a sentence; its line is that of its first word. A word without a tag is a problem of its sentence.

        Raises InputError where the file has one column only, or no sentence.
        """
        words: list[str] = []
        tags: list[str] = []
        start, problem, tabs, none_yet = 0, None, None, True
        lines = iter(text_lines(path, options.encoding))
        number = 0
        while True:
            line = next(lines, None)
            number += 1
            bare = "" if line is None else line.rstrip("\r\n")
            if not bare.strip() or bare.startswith(_DOCUMENT):
                if words:
                    none_yet = False
                    yield Record({} if problem else {"words": words, "tags": tags}, str(path), start, problem)
                words, tags, problem = [], [], None
                if line is None:
                    break
                continue
            if not words and bare.startswith("# ") and "\t" not in bare:  # a comment; a word "#" has its tag behind it
                continue
            tabs = "\t" in bare if tabs is None else tabs
            cells = _cells(bare, tabs)
            start = start if words else number
            if len(cells) < 2 and problem is None:
                problem = _lacking(number, bare)
            words.append(cells[0])
            tags.append(cells[-1])
        if none_yet:
            raise InputError(say("{where}: the file has no rows", where=path))


def _cells(line: str, tabs: bool) -> list[str]:
    """The columns of a line; the word may hold spaces where tabs lie between."""
    return [cell.strip() for cell in line.split("\t")] if tabs else _SPACE.split(line.strip())


def _lacking(number: int, line: str) -> Sentence:
    return say('line {line}: "{got}" has no tag behind it', line=number, got=shown(line))


PART = Conll
