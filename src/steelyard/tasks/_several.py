"""What classifying tasks share where a row has several labels, or none: a probability of its own for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import PLAIN, Aim, Answer, BadValue, Batch, Detail, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._classification import Classification, natural

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

SET = "labels"  # the column
THRESHOLD = 0.5  # a label is chosen from this probability on, where `decoding.threshold` says nothing


@dataclass(frozen=True)
class Several(Classification):
    """Abstract: a sigmoid a label. A row's probability is that of all its labels together, those that it lacks included."""

    problem: str = "multi_label_classification"

    target_column: ClassVar[str] = SET
    metrics: ClassVar[tuple[str, ...]] = ("label-macro-f1", "label-micro-f1", "mean-average-precision", "exact-labels")
    detailed: ClassVar[Mapping[str, str]] = {"f1": "label-micro-f1", "average-precision": "mean-average-precision"}
    best: ClassVar[str] = "mean-average-precision"
    decoding: ClassVar[tuple[str, ...]] = ("threshold",)

    @classmethod
    def learnt(cls, rows: Rows) -> Several:
        """The labels of the rows. Raises InputError where there is none, or where one set is every row's."""
        sets = rows.column(SET)
        labels = sorted({label for own in sets for label in own}, key=natural)
        if len({frozenset(own) for own in sets}) < 2:
            raise InputError(say("all {n} training rows have the same labels ({labels}): there is nothing to tell apart; "
                                 "give rows that differ", n=len(rows), labels=listing(labels) if labels else "-"))
        return cls(labels=tuple(labels))

    def describe(self, config: PreTrainedConfig) -> None:
        """id2label, label2id and problem_type: plain Transformers then has the same loss."""
        super().describe(config)
        config.problem_type = self.problem

    def encode_target(self, row: Row) -> dict[str, np.ndarray]:
        """{"target": (labels,)} float32 of 0 and 1, or {} where the row has none. Raises BadValue for a label that training lacks."""
        own = row.get(SET)
        if own is None:
            return {}
        if strange := [label for label in own if label not in self.labels]:
            raise BadValue(say('label "{label}" is not among the labels that the model knows ({labels}); '
                               "join spellings with data.labels, or remove the row", label=strange[0], labels=listing(self.labels)))
        return {"target": np.isin(self.labels, own).astype(np.float32)}

    def aim(self, train: Rows, smoothing: float, weights: str | Mapping[str, float] | None) -> Aim:
        """balanced: the rows that have a label count as much as those that lack it; else as told, those not named 1."""
        if weights is None:
            return Aim(smoothing)
        counts = Counter(label for own in train.column(SET) for label in own)
        if isinstance(weights, str):
            return Aim(smoothing, tuple((len(train) - counts[label]) / max(1, counts[label]) for label in self.labels))
        if strange := [label for label in weights if label not in self.labels]:
            raise InputError(say('training.class_weights: the training rows have no label "{label}"{hint} (there are: {labels})',
                                 label=strange[0], hint="", labels=listing(self.labels)))
        return Aim(smoothing, tuple(weights.get(label, 1.0) for label in self.labels))

    def shares(self, targets: Tensor) -> Tensor:
        """Already shares."""
        return targets

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() binary cross entropy in nats, the mean over labels, summed over the batch; weights multiply what a label's own rows say."""
        import torch

        assert batch.targets is not None
        logits, targets = outputs.logits.float(), batch.targets
        weight = logits.new_tensor(aim.weights) if aim.weights else None
        soft = targets * (1 - aim.smoothing) + aim.smoothing / 2
        entropies = torch.nn.functional.binary_cross_entropy_with_logits(logits, soft, pos_weight=weight, reduction="none")
        return entropies.mean(dim=1).sum()

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability that exactly the labels of batch.targets hold, each by itself, in nats."""
        import torch

        assert batch.targets is not None
        return -torch.nn.functional.binary_cross_entropy_with_logits(outputs.logits.float(), batch.targets, reduction="none").sum(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """(labels + 1,) float32 an example: the probabilities, and the threshold from which a label is chosen."""
        return self._told(outputs, THRESHOLD)

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`, with the threshold of the model's configuration."""
        told = model.config.to_dict().get("decoding") or {}
        return self._told(model(**batch.inputs), float(told.get("threshold", THRESHOLD)))

    def _told(self, outputs: Any, threshold: float) -> list[Any]:
        probs = outputs.logits.float().sigmoid().cpu().numpy()
        return [np.append(own, np.float32(threshold)) for own in probs]

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """[{"label", "score", "chosen"}...] for every label, the likeliest first; of several windows the mean."""
        *probs, threshold = np.asarray(np.mean(partials, axis=0, dtype=np.float64))
        order = np.argsort(-np.asarray(probs), kind="stable")
        return [{"label": self.labels[i], "score": float(probs[i]), "chosen": bool(probs[i] >= threshold)} for i in order]

    def line(self, answer: Answer, most: int = 1) -> str:
        """The chosen labels with their scores, or the likeliest `most` in brackets."""
        chosen = [entry for entry in answer if entry["chosen"]]
        told = "  ".join(f"{entry['label']} {entry['score']:.3f}" for entry in chosen or answer[:most])
        return told if chosen else f"({told})"

    def guess(self, answer: Answer) -> Target:
        """(labels,) float32: 1 for those that are chosen."""
        return np.isin(self.labels, [entry["label"] for entry in answer if entry["chosen"]]).astype(np.float32)

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """wanted, chosen (labels,) bool; scores (labels,) float32."""
        scores = {entry["label"]: entry["score"] for entry in answer}
        wanted = {name: value.astype(bool) for name, value in self.encode_target(row).items()}
        return {**({"wanted": wanted["target"]} if wanted else {}), "chosen": self.guess(answer).astype(bool),
                "scores": np.array([scores[label] for label in self.labels], dtype=np.float32)}

    def measure_all(self, examples: Mapping[str, np.ndarray], rows: np.ndarray, partials: Sequence[Any]) -> Statistics:
        """As `measure`: of several windows the mean."""
        firsts = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(np.append(firsts, len(rows)))[:, None]
        means = np.add.reduceat(np.stack(partials).astype(np.float64), firsts) / counts
        wanted = {"wanted": examples["target"][firsts].astype(bool)} if "target" in examples else {}
        return {**wanted, "chosen": means[:, :-1] >= means[:, -1:], "scores": means[:, :-1].astype(np.float32)}

    def details(self, statistics: Statistics) -> Mapping[str, Detail]:
        """Each label by itself."""
        own = {name: statistics[name] for name in ("wanted", "chosen", "scores")}
        return {label: Detail(int(own["wanted"][:, place].sum()), {name: values[:, place : place + 1] for name, values in own.items()})
                for place, label in enumerate(self.labels)}

    def right(self, statistics: Statistics) -> np.ndarray:
        """Jaccard's index of the chosen and the true labels; 1 where both are none."""
        wanted, chosen = statistics["wanted"], statistics["chosen"]
        either = (wanted | chosen).sum(axis=1)
        return np.where(either == 0, 1.0, (wanted & chosen).sum(axis=1) / np.maximum(either, 1))

    def decision(self, answer: Answer) -> str | None:
        """None: a set of labels is no single decision."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def wanted(self, row: Row) -> str | None:
        """The row's labels, for people."""
        own = row.get(SET)
        return None if own is None else ", ".join(own) or "-"

    def constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """Each label's share of the training rows, whatever the input."""
        counts = Counter(label for own in train.column(SET) for label in own)
        shares = [counts[label] / len(train) for label in self.labels]
        answer = self.merge({}, [np.array([*shares, THRESHOLD])])
        return (answer for _ in range(len(rows)))

    def regression(self, inputs: Any, targets: Sequence[Any], strength: float) -> Callable[[Any], Iterator[Answer]]:
        """A logistic regression a label; one that all or no rows have gets its share."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        wanted = np.array([np.isin(self.labels, own) for own in targets])
        models: list[Any] = []
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            for own in wanted.T:
                both = 0 < own.sum() < len(own)
                models.append(LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(inputs, own) if both else float(own.mean()))

        def answers(questions: Any) -> Iterator[Answer]:
            n = questions.shape[0]
            columns = [np.full(n, own) if isinstance(own, float) else own.predict_proba(questions)[:, 1] for own in models]
            for probs in np.stack(columns, axis=1):
                yield self.merge({}, [np.append(probs, THRESHOLD)])

        return answers
