"""text-classification: one label a text or a pair of texts; or several labels, or a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.parts import Answer, Batch, Column, Example, Examples, Key, Processor, Row, Target, Task, Units
from steelyard.rows import Rows
from steelyard.tasks._classification import TARGET, Classification
from steelyard.tasks._forms import Form, form_of, form_told, from_state
from steelyard.tasks._number import SCORE, Number
from steelyard.tasks._several import SET, Several
from steelyard.tasks._words import WORD, Words, padded

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Texts(Words, Form):
    """Abstract: what is read, one text or a pair of texts, whatever is asked of it."""

    name: ClassVar[str] = "text-classification"
    title: ClassVar[Sentence] = say("which label a text or a pair of texts has (topic, sentiment, language...); several labels; a number")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", aliases=("sentence", "sentence1", "review", "content", "comment", "message", "question", "title",
                                                  "premise", "文本", "内容", "评论", "标题", "句子")),
        Column(name="text_pair", kind="text", required=False, aliases=("sentence2", "hypothesis", "文本对", "句子二")),
        Column(name=SET, kind="labels", required=False, target=True, aliases=("label_set", "标签集")),
        Column(name=TARGET, kind="label", target=True, aliases=("labels", "category", "class", "sentiment", "topic", "target",
                                                               "标签", "类别", "分类", "情感")),
        Column(name=SCORE, kind="number", required=False, target=True, aliases=("similarity", "分数", "得分", "相似度")),
    )
    family: ClassVar[str] = "bert"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "text-classification",
        "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                 "test": {"column": "split", "value": "test"}},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 3},
    }
    @classmethod
    def fit(cls, rows: Rows) -> Task:
        """One label, several labels or a number, as the rows have a column `label`, `labels` or `score`."""
        return form_of(FORMS if cls in FORMS else (cls,), rows)

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> Task:
        """What a trained model's configuration says: its labels, or its scale."""
        return form_told(FORMS if cls in FORMS else (cls,), config)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Task:
        """The inverse of `dataclasses.asdict`, from JSON."""
        return from_state(FORMS if cls in FORMS else (cls,), state)

    def passage(self, row: Row) -> str:
        """The text, and below it the second one of a pair."""
        pair = row.get("text_pair")
        return str(row["text"]) if pair is None else f"{row['text']}\n{pair}"

    def starts(self, row: Row) -> tuple[int, ...]:
        """Where each of the two begins in the passage."""
        return (0, len(row["text"]) + 1)

    def cut(self, row: Row, processor: Processor) -> Any:
        """Both texts of a pair, the longer one cut first."""
        return processor(row["text"], row.get("text_pair"), truncation=True, return_offsets_mapping=True)

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids (tokens,) int32, cut at the tokenizer's model_max_length; of pairs token_type_ids (tokens,) int8; the target."""
        pairs = [row.get("text_pair") for row in rows]
        typed = rows[0].get("text_pair") is not None and "token_type_ids" in processor.model_input_names if rows else False
        encoded = processor([row["text"] for row in rows], pairs if any(pair is not None for pair in pairs) else None, truncation=True,
                            return_attention_mask=False, return_token_type_ids=typed)
        types = encoded["token_type_ids"] if typed else [None] * len(rows)
        return [[{"input_ids": np.array(ids, dtype=np.int32), **({} if kind is None else {"token_type_ids": np.array(kind, dtype=np.int8)}),
                  **self.encode_target(row)}] for row, ids, kind in zip(rows, encoded["input_ids"], types, strict=True)]

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids, attention_mask and of pairs token_type_ids (examples, tokens), padded to one of a few lengths on the right."""
        longest = processor.model_max_length
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, longest)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in examples.fields:
            inputs["token_type_ids"] = padded(list(examples.fields["token_type_ids"]), 0, longest)[0]
        return Batch(inputs, self.told(examples, targets), len(examples), examples.rows)

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """As Words; what is left out is so of the token types too."""
        less = super().hide(example, units, hidden, way, processor)
        if way != "remove" or "token_type_ids" not in example:
            return less
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        return {**less, "token_type_ids": example["token_type_ids"][~gone]}

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the mean of the last hidden states over the text's tokens."""
        mask = batch.inputs["attention_mask"][:, :, None]
        last: Tensor = outputs.hidden_states[-1].float()
        return (last * mask).sum(dim=1) / mask.sum(dim=1)

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """A constant, and TF-IDF of words and pairs of words with a linear model; of two texts what they share too."""
        return {"constant": self.constant, f"tf-idf + {self.linear}": self._tf_idf}

    def _tf_idf(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """On at most 50,000 training texts, drawn evenly."""
        from scipy.sparse import csr_matrix, hstack
        from sklearn.feature_extraction.text import TfidfVectorizer

        some = train.select(np.unique(np.linspace(0, len(train) - 1, 50_000).astype(np.int64)))
        vectorizer = TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True, dtype=np.float32)

        def features(block: Sequence[Row]) -> Any:
            table = vectorizer.transform([self.passage(row) for row in block])
            if "text_pair" not in some.names:
                return table
            return hstack([table, csr_matrix([_shared(row["text"], row["text_pair"]) for row in block], dtype=np.float32)]).tocsr()

        vectorizer.fit(self.texts(some))
        answers = self.regression(features(list(some)), some.column(self.target_column), strength=10.0)
        for block in rows.blocks(4096):
            yield from answers(features(block))

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        return {"text": self.passage(row), "target": self.wanted(row)}


@dataclass(frozen=True)
class TextClassification(Texts, Classification):
    """Which of the labels a text has."""

    settings: ClassVar[tuple[str, ...]] = (*Classification.settings, "batch_tokens")


@dataclass(frozen=True)
class TextTagging(Texts, Several):
    """Which of the labels a text has, each by itself."""

    settings: ClassVar[tuple[str, ...]] = (*Several.settings, "batch_tokens")


@dataclass(frozen=True)
class TextRating(Texts, Number):
    """A number for a text: likeness of two, stars, grades."""

    settings: ClassVar[tuple[str, ...]] = (*Number.settings, "batch_tokens")


FORMS = (TextClassification, TextTagging, TextRating)


def _words_and_pairs(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def _shared(text: str, other: str) -> list[float]:
    """Of two texts: the shares of words and of runs of three characters that they have in common (Jaccard), and their lengths' ratio."""
    words, runs = [set(WORD.findall(own.lower())) for own in (text, other)], [_runs(text), _runs(other)]
    shares = [len(a & b) / max(1, len(a | b)) for a, b in (words, runs)]
    return [*shares, min(len(text), len(other)) / max(1, len(text), len(other))]


def _runs(text: str) -> set[str]:
    return {text[i : i + 3].lower() for i in range(len(text) - 2)}


PART = TextClassification
