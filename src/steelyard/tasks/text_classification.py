"""text-classification: one label a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.parts import Answer, Batch, Column, Example, Examples, Key, Processor, Row, Target
from steelyard.rows import Rows
from steelyard.tasks._classification import TARGET, Classification
from steelyard.tasks._words import WORD, Words, padded

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TextClassification(Words, Classification):
    """Which of the labels a text has."""

    name: ClassVar[str] = "text-classification"
    title: ClassVar[Sentence] = say("which label a text has: topic, sentiment, language...")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", aliases=("sentence", "review", "content", "comment", "message", "question", "title",
                                                  "文本", "内容", "评论", "标题", "句子")),
        Column(name=TARGET, kind="label", target=True, aliases=("labels", "category", "class", "sentiment", "topic", "target",
                                                               "标签", "类别", "分类", "情感")),
    )
    settings: ClassVar[tuple[str, ...]] = (*Classification.settings, "batch_tokens")
    family: ClassVar[str] = "bert"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "text-classification",
        "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                 "test": {"column": "split", "value": "test"}},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 3},
    }

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids (tokens,) int32, cut at the tokenizer's model_max_length; target () int64."""
        encoded = processor([row["text"] for row in rows], truncation=True, return_attention_mask=False,
                            return_token_type_ids=False)["input_ids"]
        return [[{"input_ids": np.array(ids, dtype=np.int32), **self.encode_target(row)}]
                for row, ids in zip(rows, encoded, strict=True)]

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids and attention_mask (examples, tokens), padded to one of a few lengths on the right."""
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, processor.model_max_length)
        return Batch({"input_ids": ids, "attention_mask": mask}, self.told(examples, targets), len(examples), examples.rows)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the mean of the last hidden states over the text's tokens."""
        mask = batch.inputs["attention_mask"][:, :, None]
        last: Tensor = outputs.hidden_states[-1].float()
        return (last * mask).sum(dim=1) / mask.sum(dim=1)

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """A constant, and TF-IDF of words and pairs of words with logistic regression."""
        return {"constant": self.constant, "tf-idf + logistic regression": self._tf_idf}

    def _tf_idf(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """On at most 50,000 training texts, drawn evenly."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        some = train.select(np.unique(np.linspace(0, len(train) - 1, 50_000).astype(np.int64)))
        vectorizer = TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True, dtype=np.float32)
        answers = self.regression(vectorizer.fit_transform(some.column("text")), some.column(TARGET), strength=10.0)
        for block in rows.blocks(4096):
            yield from answers(vectorizer.transform([row["text"] for row in block]))

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        return {"text": row["text"], "target": self.truth(row)}


def _words_and_pairs(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


PART = TextClassification
