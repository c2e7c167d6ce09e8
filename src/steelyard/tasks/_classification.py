"""What the classifying tasks share: one label a row, chosen among those of the training rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say
from steelyard.parts import PLAIN, Aim, Answer, BadValue, Batch, Examples, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._forms import Form

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig

TARGET = "label"


@dataclass(frozen=True)
class Classification(Form):
    """Abstract: a softmax over `labels`. A row's probability is that of one label, in nats."""

    labels: tuple[str, ...]

    target_column: ClassVar[str] = TARGET
    linear: ClassVar[str] = "logistic regression"
    output: ClassVar[str] = "classes"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1", "roc-auc", "log-loss", "calibration-error")
    best: ClassVar[str] = "accuracy"
    at_once: ClassVar[bool] = True
    settings: ClassVar[tuple[str, ...]] = ("label_smoothing", "class_weights")

    @classmethod
    def learnt(cls, rows: Rows) -> Classification:
        """The labels of the rows, in the order of numbers where all are numbers. InputError where there is but one."""
        labels = sorted(set(rows.column(TARGET)), key=natural)
        if len(labels) < 2:
            raise InputError(say('all {n} training rows have one label, "{label}": there is nothing to tell apart; '
                                 'give rows of two labels or more', n=len(rows), label=labels[0] if labels else ""))
        return cls(labels=tuple(labels))

    @classmethod
    def told_by(cls, config: PreTrainedConfig) -> Classification:
        """The labels of a trained model, in the order of its outputs."""
        return cls(labels=tuple(str(config.id2label[i]) for i in range(config.num_labels)))

    def describe(self, config: PreTrainedConfig) -> None:
        """id2label and label2id, so that nobody meets LABEL_0."""
        config.id2label = dict(enumerate(self.labels))
        config.label2id = {label: i for i, label in enumerate(self.labels)}

    def encode_target(self, row: Row) -> dict[str, np.ndarray]:
        """{"target": ()} int64, or {} where the row has none. Raises BadValue for a label that training lacks."""
        label = row.get(TARGET)
        if label is None:
            return {}
        if label not in self.labels:
            raise BadValue(say('label "{label}" is not among the labels that the model knows ({labels}); '
                               "join spellings with data.labels, or remove the row", label=label, labels=listing(self.labels)))
        return {"target": np.array(self.labels.index(label), dtype=np.int64)}

    def aim(self, train: Rows, smoothing: float, weights: str | Mapping[str, float] | None) -> Aim:
        """balanced: every label as much in sum (scikit-learn's definition); else as told, those not named 1. Scaled to a mean of 1."""
        if weights is None:
            return Aim(smoothing)
        counts = Counter(train.column(TARGET))
        if isinstance(weights, str):
            return Aim(smoothing, tuple(len(train) / len(self.labels) / counts[label] for label in self.labels))
        if strange := [label for label in weights if label not in self.labels]:
            raise InputError(say('training.class_weights: the training rows have no label "{label}"{hint} (there are: {labels})',
                                 label=strange[0], hint=did_you_mean(strange[0], self.labels), labels=listing(self.labels)))
        told = {label: weights.get(label, 1.0) for label in self.labels}
        mean = sum(counts[label] * weight for label, weight in told.items()) / len(train)
        if not mean:
            raise InputError(say("training.class_weights: every label of the training rows weighs 0: nothing would be learnt"))
        return Aim(smoothing, tuple(weight / mean for weight in told.values()))

    def shares(self, targets: Tensor) -> Tensor:
        """(examples, labels) float32: the targets as shares of all labels."""
        from torch.nn.functional import one_hot

        return one_hot(targets, len(self.labels)).float()

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() cross entropy in nats, summed over the batch. Targets are numbers of labels, or shares of all labels (mixup)."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        logits = outputs.logits.float()
        weight = logits.new_tensor(aim.weights) if aim.weights else None
        return cross_entropy(logits, batch.targets, weight, reduction="sum", label_smoothing=aim.smoothing)

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of the label batch.targets, in nats."""
        assert batch.targets is not None
        logs: Tensor = outputs.logits.float().log_softmax(dim=-1)
        return logs.gather(1, batch.targets[:, None])[:, 0]

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """(classes,) float32 probabilities, one array an example."""
        return list(outputs.logits.float().softmax(dim=-1).cpu().numpy())

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """[{"label", "score"}...] for every label, the likeliest first; of several windows the mean."""
        probs = np.asarray(np.mean(partials, axis=0, dtype=np.float64))
        return [{"label": self.labels[i], "score": float(probs[i])} for i in np.argsort(-probs, kind="stable")]

    def line(self, answer: Answer, most: int = 1) -> str:
        """The likeliest labels with their scores."""
        return "  ".join(f"{entry['label']} {entry['score']:.3f}" for entry in answer[:most])

    def target(self, row: Row) -> Target | None:
        """As `encode_target` makes it: () int64, the label's number."""
        return self.encode_target(row).get("target")

    def guess(self, answer: Answer) -> Target:
        """() int64, the number of the likeliest label."""
        return np.array(self.labels.index(answer[0]["label"]), dtype=np.int64)

    def told(self, examples: Examples, targets: Sequence[Target] | None) -> Tensor | None:
        """(examples, ...) the targets that were given, else the examples' own, else none."""
        import torch

        if targets is not None:
            return torch.from_numpy(np.stack(targets))
        return torch.as_tensor(examples.fields["target"]) if "target" in examples.fields else None

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """target and guess () int64; probs (classes,) float32."""
        scores = {entry["label"]: entry["score"] for entry in answer}
        return {
            **self.encode_target(row),
            "guess": np.array(self.labels.index(answer[0]["label"]), dtype=np.int64),
            "probs": np.array([scores[label] for label in self.labels], dtype=np.float32),
        }

    def measure_all(self, examples: Mapping[str, np.ndarray], rows: np.ndarray, partials: Sequence[Any]) -> Statistics:
        """As `measure`: of several windows the mean."""
        firsts = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(np.append(firsts, len(rows)))[:, None]
        probs = np.add.reduceat(np.stack(partials).astype(np.float64), firsts) / counts
        target = {"target": examples["target"][firsts]} if "target" in examples else {}
        return {**target, "guess": probs.argmax(axis=1), "probs": probs.astype(np.float32)}

    def right(self, statistics: Statistics) -> np.ndarray:
        """1 where the likeliest label is the true one."""
        right: np.ndarray = statistics["guess"] == statistics["target"]
        return right.astype(np.float64)

    def decision(self, answer: Answer) -> str | None:
        """The likeliest label."""
        return str(answer[0]["label"])

    def truth(self, row: Row) -> str | None:
        """The row's label."""
        label = row.get(TARGET)
        return None if label is None else str(label)

    def wanted(self, row: Row) -> str | None:
        """The row's target, for people."""
        return self.truth(row)

    def constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """The shares of the training rows, whatever the input: the counterweight that knows no input at all."""
        shares = Counter(train.column(TARGET))
        probs = np.array([shares[label] / len(train) for label in self.labels])
        answer = self.merge({}, [probs])
        return (answer for _ in range(len(rows)))

    def regression(self, inputs: Any, targets: Sequence[str], strength: float) -> Callable[[Any], Iterator[Answer]]:
        """scikit-learn's logistic regression on features (rows, width), dense or sparse; an unseen label gets 0.

        strength  C, the inverse of the regularisation
        """
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        with warnings.catch_warnings(), threadpool_limits(1):  # threads of so small products wait for each other: 45 times slower
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 iterations are what a counterweight is given
            fitted = LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(inputs, targets)
        places = [self.labels.index(label) for label in fitted.classes_]

        def answers(questions: Any) -> Iterator[Answer]:
            for probs in fitted.predict_proba(questions):
                whole = np.zeros(len(self.labels))
                whole[places] = probs
                yield self.merge({}, [whole])

        return answers


def natural(label: str) -> tuple[float, str]:
    """Numbers in their own order and before words."""
    try:
        number = float(label)
    except ValueError:
        number = math.inf
    return (number if math.isfinite(number) else math.inf, label)
