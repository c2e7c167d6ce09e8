"""summarization: a long text in a few sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.math import rouge
from steelyard.parts import Answer, Column, Row, Statistics
from steelyard.rows import Rows
from steelyard.tasks._sequences import Sequences, every

LEAD = 3  # sentences; of headlines' and dialogues' lines, lines
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[\u3002\uff01\uff1f]|\n|$)", re.DOTALL)


@dataclass(frozen=True)
class Summarization(Sequences):
    """One text a row, and its summary, or several that were written of it."""

    name: ClassVar[str] = "summarization"
    title: ClassVar[Sentence] = say("a text, told in short")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", aliases=("document", "article", "dialogue", "content", "文本", "正文", "文章", "对话")),
        Column(name="summary", kind="references", target=True, aliases=("highlights", "abstract", "headline", "summary1", "摘要", "总结")),
    )
    source_column: ClassVar[str] = "text"
    target_column: ClassVar[str] = "summary"
    key: ClassVar[str] = "summary_text"
    forms: ClassVar[tuple[str, ...]] = ("jsonl", "csv", "json", "parquet", "arrow", "hub")
    metrics: ClassVar[tuple[str, ...]] = ("rouge1", "rouge2", "rougel")
    best: ClassVar[str] = "rouge1"
    family: ClassVar[str] = "bart"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "summarization",
        "data": {"train": "builtin:accounts"},
        "model": {"family": "bart", "size": "tiny"},
        "training": {"epochs": 6},
    }

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """rouge1, rouge2, rougel () float64, as math.rouge; the mean over the references where there are several."""
        said = rouge.words(str(answer[self.key]))
        truths = [rouge.words(text) for text in every(row.get(self.target_column))]
        if not truths:
            return {}
        return {"rouge1": np.array(np.mean([rouge.rouge_n(truth, said, 1) for truth in truths])),
                "rouge2": np.array(np.mean([rouge.rouge_n(truth, said, 2) for truth in truths])),
                "rougel": np.array(np.mean([rouge.rouge_l(truth, said) for truth in truths]))}

    def right(self, statistics: Statistics) -> np.ndarray:
        """ROUGE-1 of each row."""
        return np.asarray(statistics["rouge1"])

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """The commonest summary, and the first three sentences."""
        return {"constant": self._constant, "lead-3": self._lead}

    def _lead(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        for row in rows:
            yield {self.key: " ".join(part.strip() for part in sentences(self.passage(row))[:LEAD])}


def sentences(text: str) -> list[str]:
    """A text in pieces that end with a sign that ends a sentence, or with a line."""
    return [found.group() for found in _SENTENCE.finditer(text) if found.group().strip()]


PART = Summarization
