"""The forms of one task: what is asked of a row follows from the column that its target stands in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.parts import Answer, Examples, Row, Target, Task
from steelyard.rows import Rows

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig

Forms = Sequence[Any]  # Form classes; all but the first have a field `problem`, Transformers' problem_type


@dataclass(frozen=True)
class Form(Task):
    """Abstract: what is asked of a row, whatever is read; a final form has learnt(rows) and told_by(config) too."""

    target_column: ClassVar[str]
    linear: ClassVar[str]  # what `regression` is called

    @abstractmethod
    def encode_target(self, row: Row) -> dict[str, np.ndarray]:
        """{"target": ...}, or {} where the row has none. Raises BadValue."""

    @abstractmethod
    def told(self, examples: Examples, targets: Sequence[Target] | None) -> Tensor | None:
        """(examples, ...) the targets that were given, else the examples' own, else none."""

    @abstractmethod
    def shares(self, targets: Tensor) -> Tensor:
        """(examples, ...) float32: targets as they can be mixed."""

    @abstractmethod
    def wanted(self, row: Row) -> str | None:
        """The row's target, for people."""

    @abstractmethod
    def constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """The same answer, whatever the input."""

    @abstractmethod
    def regression(self, inputs: Any, targets: Sequence[Any], strength: float) -> Callable[[Any], Iterator[Answer]]:
        """A linear model of features (rows, width) that scikit-learn fits; strength: the inverse of the regularisation."""


def form_of(forms: Forms, rows: Rows) -> Task:
    """The form whose target the rows have, as they teach it. Raises InputError."""
    for form in forms:
        if form.target_column in rows.names:
            task: Task = form.learnt(rows)
            return task
    raise InputError(say("no column tells the answers; the task reads one of {names}", names=listing(form.target_column for form in forms)))


def form_told(forms: Forms, config: PreTrainedConfig) -> Task:
    """The form that a trained model's configuration names (problem_type), as it has it; without a name the first."""
    task: Task = _named(forms, config.problem_type).told_by(config)
    return task


def from_state(forms: Forms, state: Mapping[str, Any]) -> Task:
    """The form that `state` is of; lists become tuples."""
    task: Task = _named(forms, state.get("problem"))(**{name: tuple(value) if isinstance(value, list) else value
                                                        for name, value in state.items()})
    return task


def _named(forms: Forms, problem: str | None) -> Any:
    return next((form for form in forms[1:] if form.problem == problem), forms[0])
