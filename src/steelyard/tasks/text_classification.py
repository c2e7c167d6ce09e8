"""text-classification: one label a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.language import Sentence, say
from steelyard.math.lengths import padded_length
from steelyard.parts import Answer, Batch, Column, Example, Examples, Key, Processor, Row, Target, Units
from steelyard.rows import Rows
from steelyard.tasks._classification import TARGET, Classification

if TYPE_CHECKING:
    from torch import Tensor

WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|\w+")  # a Chinese character is a word by itself


@dataclass(frozen=True)
class TextClassification(Classification):
    """Which of the labels a text has."""

    name: ClassVar[str] = "text-classification"
    title: ClassVar[Sentence] = say("which label a text has: topic, sentiment, language...")
    takes: ClassVar[str] = "text"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", aliases=("sentence", "review", "content", "comment", "message", "question", "title",
                                                  "文本", "内容", "评论", "标题", "句子")),
        Column(name=TARGET, kind="label", target=True, aliases=("labels", "category", "class", "sentiment", "topic", "target",
                                                               "标签", "类别", "分类", "情感")),
    )
    ways: ClassVar[tuple[str, str]] = ("mask", "remove")
    settings: ClassVar[tuple[str, ...]] = (*Classification.settings, "batch_tokens")
    family: ClassVar[str] = "bert"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "text-classification",
        "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                 "test": {"column": "split", "value": "test"}},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 3},
    }

    def texts(self, rows: Rows) -> Iterator[str]:
        """Every text."""
        return (text for block in rows.blocks(1024) for text in (row["text"] for row in block))

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids (tokens,) int32, cut at the tokenizer's model_max_length; target () int64."""
        encoded = processor([row["text"] for row in rows], truncation=True, return_attention_mask=False,
                            return_token_type_ids=False)["input_ids"]
        return [[{"input_ids": np.array(ids, dtype=np.int32), **self.encode_target(row)}]
                for row, ids in zip(rows, encoded, strict=True)]

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids and attention_mask (examples, tokens), padded to one of a few lengths on the right."""
        import torch

        tokens = list(examples.fields["input_ids"])
        longest = padded_length(max(len(ids) for ids in tokens), processor.model_max_length)
        ids = torch.full((len(tokens), longest), processor.pad_token_id, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for i, own in enumerate(tokens):
            ids[i, : len(own)] = own
            mask[i, : len(own)] = 1
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

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """The words of the text, as the tokenizer divides it; signs that it adds belong to none."""
        encoded = processor(row["text"], truncation=True, return_offsets_mapping=True)
        of = np.full(len(example["input_ids"]), -1, dtype=np.int64)
        places: list[tuple[int, ...]] = []
        last = None
        for position, (word, (start, end)) in enumerate(zip(encoded.word_ids(), encoded["offset_mapping"], strict=True)):
            if word is None:
                last = None
                continue
            if word != last:
                places.append((start, end))
            else:
                places[-1] = (places[-1][0], end)
            last = word
            of[position] = len(places) - 1
        return Units(of, tuple(places))

    def hide(self, example: Example, units: Units, hidden: np.ndarray, way: str, processor: Processor) -> Example:
        """mask: the mask token (unknown, where the tokenizer has none) in each one's place; remove: the tokens are left out."""
        gone = (units.of >= 0) & np.append(hidden, False)[units.of]
        if way == "remove":
            return {**example, "input_ids": example["input_ids"][~gone]}
        blank = processor.mask_token_id if processor.mask_token_id is not None else processor.unk_token_id
        return {**example, "input_ids": np.where(gone, np.int32(blank), example["input_ids"])}

    def surface(self, rows: Sequence[Row], examples: Sequence[Example], units: Sequence[Units],
                train: Rows) -> Mapping[str, list[np.ndarray]]:
        """length and rarity of the word; priors of position: the first, the last, the middle."""
        step = max(1, len(train) // 20_000)
        some = train.select(np.arange(0, len(train), step)).column("text")
        counts = Counter(word for text in some for word in WORD.findall(text.lower()))
        words = [[row["text"][start:end].lower() for start, end in own.places] for row, own in zip(rows, units, strict=True)]
        return {
            "length": [np.array([len(word) for word in own], dtype=np.float64) for own in words],
            "rarity": [np.array([-np.log1p(counts[word]) for word in own]) for own in words],
            "first": [-np.arange(len(own), dtype=np.float64) for own in words],
            "last": [np.arange(len(own), dtype=np.float64) for own in words],
            "centre": [-np.abs(np.arange(len(own)) - (len(own) - 1) / 2) for own in words],
        }

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        return {"text": row["text"], "target": self.truth(row)}


def _words_and_pairs(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


PART = TextClassification
