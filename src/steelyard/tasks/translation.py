"""translation: a text in another language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from steelyard.language import Sentence, say
from steelyard.parts import Column
from steelyard.tasks._sequences import Sequences


@dataclass(frozen=True)
class Translation(Sequences):
    """One text a row, and its translation."""

    name: ClassVar[str] = "translation"
    title: ClassVar[Sentence] = say("a text, translated into another language")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="source", kind="text", aliases=("src", "source_text", "原文", "源文", "源语言")),
        Column(name="target", kind="text", target=True, aliases=("tgt", "translation", "target_text", "译文", "目标文", "目标语言")),
    )
    source_column: ClassVar[str] = "source"
    target_column: ClassVar[str] = "target"
    key: ClassVar[str] = "translation_text"
    forms: ClassVar[tuple[str, ...]] = ("aligned", "csv", "jsonl", "parquet", "arrow", "hub")
    metrics: ClassVar[tuple[str, ...]] = ("bleu", "chrf")
    best: ClassVar[str] = "bleu"
    family: ClassVar[str] = "bart"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "translation",
        "data": {"train": "builtin:phrases"},
        "model": {"family": "bart", "size": "tiny"},
        "training": {"epochs": 6},
    }


PART = Translation
