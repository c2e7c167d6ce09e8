"""text-tagging: any number of labels a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from steelyard.errors import InputError, listing
from steelyard.language import Sentence, say
from steelyard.parts import PLAIN, Aim, Answer, BadValue, Batch, Column, Row, Statistics
from steelyard.rows import Rows
from steelyard.tasks.text_classification import TextClassification

if TYPE_CHECKING:
    from torch import Tensor

TARGET = "tags"


@dataclass(frozen=True)
class TextTagging(TextClassification):
    """Every label is a question of its own, yes or no; a row's probability is that of exactly its set, in nats."""

    name: ClassVar[str] = "text-tagging"
    title: ClassVar[Sentence] = say("which labels a text has, any number of them, with commas between")
    columns: ClassVar[tuple[Column, ...]] = (
        TextClassification.columns[0],
        Column(name=TARGET, kind="label", target=True, aliases=("keywords", "标注")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("jaccard",)
    best: ClassVar[str] = "jaccard"
    at_once: ClassVar[bool] = False  # rows are measured one by one, by `measure`
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens",)  # its loss knows neither label_smoothing nor class_weights
    tiny: ClassVar[Mapping[str, Any]] = {
        **TextClassification.tiny,
        "task": "text-tagging",
        "data": {**TextClassification.tiny["data"], "columns": {TARGET: "label"}},
    }

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """Every label of the rows. InputError where there is none."""
        labels = sorted({label for tags in rows.column(TARGET) for label in _split(tags)})
        if not labels:
            raise InputError(say("no training row has a label: there is nothing to learn"))
        return cls(labels=tuple(labels))

    def encode_target(self, row: Row) -> dict[str, np.ndarray]:
        """{"target": (labels,)} float32, 1 where the row has the label. Raises BadValue for one that training lacks."""
        if row.get(TARGET) is None:
            return {}
        own = _split(row[TARGET])
        if strange := sorted(own - set(self.labels)):
            raise BadValue(say("the labels {strange} are not among those of the training rows ({labels})",
                               strange=listing(strange), labels=listing(self.labels)))
        return {"target": np.array([label in own for label in self.labels], dtype=np.float32)}

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() binary cross entropy in nats, summed over labels and rows."""
        return -self.log_prob(outputs, batch).sum()

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of exactly the labels in batch.targets, in nats."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        assert batch.targets is not None
        return -binary_cross_entropy_with_logits(outputs.logits.float(), batch.targets, reduction="none").sum(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """(labels,) float32 probabilities, one array an example."""
        return list(outputs.logits.float().sigmoid().cpu().numpy())

    def guess(self, answer: Answer) -> np.ndarray:
        """(labels,) float32, 1 where the label is likelier than not."""
        said = {entry["label"] for entry in answer if entry["score"] > 0.5}
        return np.array([label in said for label in self.labels], dtype=np.float32)

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """said and held (labels,) bool."""
        encoded = self.encode_target(row)
        held = {"held": encoded["target"] > 0} if encoded else {}
        return {**held, "said": self.guess(answer) > 0}

    def right(self, statistics: Statistics) -> np.ndarray:
        """Labels that are both said and held, over those that are either."""
        both = (statistics["said"] & statistics["held"]).sum(axis=1)
        either = (statistics["said"] | statistics["held"]).sum(axis=1)
        return np.where(either, both / np.maximum(either, 1), 1.0)

    def decision(self, answer: Answer) -> str | None:
        """None: a set of labels is no decision for one of them."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """A constant, and the labels of the training text that shares most words."""
        return {"constant": self.constant, "the nearest text": self._nearest}

    def constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """Each label's share of the training rows."""
        answer = self.merge({}, [np.mean([self.encode_target(row)["target"] for row in train], axis=0)])
        return (answer for _ in range(len(rows)))

    def _nearest(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer()
        known = vectorizer.fit_transform(train.column("text"))
        targets = [self.encode_target(row)["target"] for row in train]
        for row in rows:
            likeness = known @ vectorizer.transform([row["text"]]).T
            yield self.merge(row, [targets[int(likeness.toarray().argmax())]])

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        return {"text": row["text"], "target": row.get(TARGET)}


def _split(tags: str) -> set[str]:
    return {tag.strip() for tag in tags.split(",") if tag.strip()}


PART = TextTagging
