"""What tasks share that give a row a number on a scale: regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.parts import PLAIN, Aim, Answer, Batch, Examples, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._forms import Form

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig

SCORE = "score"  # the column, and what the answer is called


@dataclass(frozen=True)
class Number(Form):
    """Abstract: one number a row. The model says how many standard deviations it lies from the training rows' mean.

    middle, spread   the mean and standard deviation of the training rows' numbers
    low, high        the least and the greatest of them: what `right` measures errors by
    """

    middle: float
    spread: float
    low: float
    high: float
    problem: str = "regression"

    output: ClassVar[str] = "classes"
    target_column: ClassVar[str] = SCORE
    linear: ClassVar[str] = "ridge regression"
    metrics: ClassVar[tuple[str, ...]] = ("pearson", "spearman", "rmse")
    best: ClassVar[str] = "pearson"
    at_once: ClassVar[bool] = True
    settings: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def learnt(cls, rows: Rows) -> Number:
        """The scale of the rows' numbers. Raises InputError where all are one."""
        values = np.array(rows.column(SCORE), dtype=np.float64)
        if len(values) == 0 or values.min() == values.max():
            raise InputError(say('all {n} training rows have one number, {value}: there is nothing to tell apart; give rows that differ',
                                 n=len(values), value=values[0] if len(values) else "-"))
        return cls(float(values.mean()), float(values.std()), float(values.min()), float(values.max()))

    @classmethod
    def told_by(cls, config: PreTrainedConfig) -> Number:
        """The scale as a trained model's configuration has it; one of another maker answers in its own numbers, said to lie in 0 to 1."""
        scale = config.to_dict().get("score_scale") or {}
        return cls(float(scale.get("mean", 0)), float(scale.get("std", 1)), float(scale.get("min", 0)), float(scale.get("max", 1)))

    def describe(self, config: PreTrainedConfig) -> None:
        """One output, problem_type, and the scale: score = mean + std * logit."""
        config.num_labels = 1
        config.id2label, config.label2id = {0: SCORE}, {SCORE: 0}
        config.problem_type = self.problem
        config.score_scale = {"mean": self.middle, "std": self.spread, "min": self.low, "max": self.high}

    def encode_target(self, row: Row) -> dict[str, np.ndarray]:
        """{"target": ()} float32, in standard deviations from the mean; {} where the row has none."""
        value = row.get(SCORE)
        return {} if value is None else {"target": np.array((value - self.middle) / self.spread, dtype=np.float32)}

    def aim(self, train: Rows, smoothing: float, weights: str | Mapping[str, float] | None) -> Aim:
        """Nothing: there are no labels."""
        return PLAIN

    def shares(self, targets: Tensor) -> Tensor:
        """Numbers mix as they are."""
        return targets

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() half the squared error, in standard deviations, summed over the batch."""
        assert batch.targets is not None
        error = outputs.logits.float()[:, 0] - batch.targets
        total: Tensor = 0.5 * (error**2).sum()
        return total

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log density of batch.targets under a normal distribution of deviation 1 about the answer, in nats."""
        assert batch.targets is not None
        error = outputs.logits.float()[:, 0] - batch.targets
        density: Tensor = -0.5 * error**2 - 0.5 * math.log(2 * math.pi)
        return density

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """() float64 an example, on the data's own scale."""
        return list(self.middle + self.spread * outputs.logits.double()[:, 0].cpu().numpy())

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """[{"label": "score", "score"}]; of several windows the mean."""
        return [{"label": SCORE, "score": float(np.mean(partials))}]

    def line(self, answer: Answer, most: int = 1) -> str:
        """The number."""
        return f"{answer[0]['score']:.4g}"

    def target(self, row: Row) -> Target | None:
        """As `encode_target` makes it."""
        return self.encode_target(row).get("target")

    def guess(self, answer: Answer) -> Target:
        """() float32, in standard deviations from the mean."""
        return np.array((answer[0]["score"] - self.middle) / self.spread, dtype=np.float32)

    def told(self, examples: Examples, targets: Sequence[Target] | None) -> Tensor | None:
        """(examples,) the targets that were given, else the examples' own, else none."""
        import torch

        if targets is not None:
            return torch.from_numpy(np.stack(targets))
        return torch.as_tensor(examples.fields["target"]) if "target" in examples.fields else None

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """number, answered () float64; scale () float64: from the least to the greatest of training."""
        own = {} if row.get(SCORE) is None else {"number": np.array(float(row[SCORE]))}
        return {**own, "answered": np.array(float(answer[0]["score"])), "scale": np.array(self.high - self.low)}

    def measure_all(self, examples: Mapping[str, np.ndarray], rows: np.ndarray, partials: Sequence[Any]) -> Statistics:
        """As `measure`, but for the rounding of targets to float32."""
        firsts = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(np.append(firsts, len(rows)))
        means = np.add.reduceat(np.array(partials, dtype=np.float64), firsts) / counts
        own = {"number": self.middle + self.spread * examples["target"][firsts].astype(np.float64)} if "target" in examples else {}
        return {**own, "answered": means, "scale": np.full(len(means), self.high - self.low)}

    def right(self, statistics: Statistics) -> np.ndarray:
        """1 minus the error's share of the scale, at least 0."""
        error = np.abs(statistics["answered"] - statistics["number"]) / statistics["scale"]
        return np.asarray(np.clip(1 - np.nan_to_num(error, nan=1.0), 0, 1))

    def decision(self, answer: Answer) -> str | None:
        """None: a number is no decision."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def wanted(self, row: Row) -> str | None:
        """The row's number, for people."""
        value = row.get(SCORE)
        return None if value is None else f"{value:.4g}"

    def constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """The mean of the training rows."""
        answer = self.merge({}, [float(np.mean(train.column(SCORE)))])
        return (answer for _ in range(len(rows)))

    def regression(self, inputs: Any, targets: Sequence[Any], strength: float) -> Callable[[Any], Iterator[Answer]]:
        """scikit-learn's ridge regression on features (rows, width), dense or sparse; strength: the inverse of alpha."""
        from sklearn.linear_model import Ridge
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            fitted = Ridge(alpha=1 / strength, solver="lsqr").fit(inputs, np.array(targets, dtype=np.float64))

        def answers(questions: Any) -> Iterator[Answer]:
            for value in fitted.predict(questions):
                yield self.merge({}, [value])

        return answers
