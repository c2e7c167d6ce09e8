"""SQuAD's JSON, versions 1 and 2, and what was made after it (CMRC 2018, XQuAD, SQuADShifts...): a row a question."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form, open_text

_LOOK = 1 << 16  # characters in which a file of this form says "paragraphs"


class Squad(Source):
    """{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}."""

    name = "squad"
    help = say("SQuAD's JSON, versions 1 and 2 (.json, plain or .gz): articles, paragraphs, questions")
    first = True

    def accepts(self, path: Path) -> bool:
        """By suffix, and "data" and "paragraphs" near the beginning."""
        if form(path) != ".json" or not path.is_file():
            return False
        try:
            with open_text(path, "utf-8") as stream:
                head = stream.read(_LOOK)
        except InputError:  # another source says what is wrong with it
            return False
        return head.lstrip("\ufeff \r\n\t").startswith("{") and '"data"' in head and '"paragraphs"' in head

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """{"question", "context", "answers", "id", "title"}; the line is the question's number, from 1. The document is held whole.

        An impossible question has no answers. Raises InputError where the document is broken or has no question.
        """
        with open_text(path, options.encoding) as stream:
            try:
                document = json.loads(stream.read().removeprefix("\ufeff"))
            except (ValueError, RecursionError) as error:
                raise InputError(say("{where}: this is no JSON: {reason}", where=path, reason=error)) from error
        number = 0
        for title, paragraph in _paragraphs(document):
            context, questions = paragraph.get("context"), paragraph.get("qas")
            for question in questions if isinstance(questions, list) else [None]:
                number += 1
                if not isinstance(context, str) or not isinstance(question, Mapping):
                    yield Record({}, str(path), number, say("the paragraph is {got}, want one with a context and a list of questions (qas)",
                                                            got=shown(paragraph)))
                    continue
                answers = [] if question.get("is_impossible") else question.get("answers")
                values: dict[str, object] = {"question": question.get("question"), "context": context, "answers": answers,
                                             "id": question.get("id"), "title": title}
                yield Record(values, str(path), number)
        if not number:
            raise InputError(say("{where}: the file has no rows", where=path))


def _paragraphs(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(title of the article, paragraph), whatever has no such form left out."""
    articles = document.get("data") if isinstance(document, Mapping) else None
    for article in articles if isinstance(articles, list) else []:
        paragraphs = article.get("paragraphs") if isinstance(article, Mapping) else None
        for paragraph in paragraphs if isinstance(paragraphs, list) else []:
            yield str(article.get("title") or ""), paragraph if isinstance(paragraph, Mapping) else {}


PART = Squad
