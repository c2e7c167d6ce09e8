"""Put the parameter counts of every size into docs/models.md: `<!-- sizes -->` and `<!-- end -->` enclose the table."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, ViTImageProcessorPil

from steelyard import catalog
from steelyard.engine.prepare import family_part
from steelyard.parts import Family, Processor, Task

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
TABLE = re.compile(r"(<!-- sizes -->\n).*?(<!-- end -->)", re.DOTALL)
TEXTS = ("bert", "modernbert", "textcnn", "distilbert", "roberta", "deberta-v2", "electra")
PICTURES = ("mlp", "resnet", "airbench", "vit", "transformers:resnet", "convnextv2", "swin", "dinov2", "mobilenet_v2")
LABELS, WORDS, SIDE = 10, 8000, 32


def tokenizer() -> Processor:
    """8,000 words, texts of up to 256 tokens."""
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    words = [*special.values(), *(f"w{number}" for number in range(WORDS - len(special)))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **special)


def pictures() -> Processor:
    """Colour, 32 x 32 pixels."""
    return ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def count(family: Family, task: Task, processor: Processor, options: Mapping[str, Any]) -> int:
    """Parameters of the model, which is built without its memory."""
    with torch.device("meta"):
        model = family.build(task, family.config(task, processor, options))
    return sum(parameter.numel() for parameter in model.parameters())


def rows() -> Iterator[str]:
    """A line a family."""
    for names, name_of_task, processor in ((TEXTS, "text-classification", tokenizer()), (PICTURES, "image-classification", pictures())):
        task = catalog.load("tasks", name_of_task, "models")(labels=tuple(map(str, range(LABELS))))
        for name in names:
            family = family_part(name, "models")
            counts = {size: count(family(), task, processor, keys) for size, keys in family.sizes.items()}
            cells = " | ".join(short(counts[size]) if size in counts else "" for size in ("tiny", "small", "base", "large"))
            yield f"| `{name}` | {cells} |"


def short(number: int) -> str:
    """Millions to three digits."""
    return f"{number / 1e6:.3g} M"


def filled(text: str) -> str:
    """The page with the table as the code makes it."""
    table = "\n".join(["| `model.family` | tiny | small | base | large |", "| --- | --- | --- | --- | --- |", *rows()])
    return TABLE.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
