"""image-classification: one label a picture; or several labels, or a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from steelyard.language import Sentence, say
from steelyard.math import augment
from steelyard.math.draws import uniform
from steelyard.math.pictures import decode
from steelyard.parts import Answer, Augment, Batch, Column, Example, Examples, Key, Processor, Row, Target, Task
from steelyard.rows import Rows
from steelyard.tasks._classification import TARGET, Classification
from steelyard.tasks._forms import Form, form_of, form_told, from_state
from steelyard.tasks._number import SCORE, Number
from steelyard.tasks._pictures import Seen, scaling, url
from steelyard.tasks._several import SET, Several

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Pictures(Seen, Form):
    """Abstract: what is read, a picture, whatever is asked of it."""

    name: ClassVar[str] = "image-classification"
    title: ClassVar[Sentence] = say("which label a picture has (object, scene, person...); several labels; a number")
    takes: ClassVar[str] = "image"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="image", kind="image", aliases=("img", "picture", "photo", "pixel_values", "图片", "图像", "照片")),
        Column(name=SET, kind="labels", required=False, target=True, aliases=("label_set", "标签集")),
        Column(name=TARGET, kind="label", target=True, aliases=("labels", "category", "class", "target", "标签", "类别", "分类")),
        Column(name=SCORE, kind="number", required=False, target=True, aliases=("分数", "得分")),
    )
    forms: ClassVar[tuple[str, ...]] = ("folder", "archive", "idx", "csv", "jsonl", "parquet", "arrow", "hub")
    family: ClassVar[str] = "resnet"
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "image-classification",
        "data": {"train": "builtin:digits"},
        "model": {"family": "mlp"},
        "training": {"epochs": 10},
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

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """pixels (channels, height, width) uint8, as large as the processor makes them; target () int64."""
        mode: Literal["L", "RGB"] = "L" if len(processor.image_mean) == 1 else "RGB"
        return [[{"pixels": _fitted(decode(row["image"], mode), processor), **self.encode_target(row)}] for row in rows]

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """pixel_values (examples, channels, height, width) float32, scaled and centred as the processor says."""
        import torch

        pixels = examples.fields["pixels"]
        pixels = torch.stack(pixels) if isinstance(pixels, list) else pixels
        scale, shift = scaling(processor.rescale_factor, tuple(processor.image_mean), tuple(processor.image_std))
        values = torch.addcmul(shift, pixels.float(), scale)
        return Batch({"pixel_values": values}, self.told(examples, targets), len(examples), examples.rows)

    def augment(self, batch: Batch, numbers: Tensor, how: Augment, key: Key) -> Batch:
        """Mirrored, moved, cut out, reduced, mixed, in this order. With mixup the targets become (examples, labels) float32.

        A picture is seen mirrored in every second epoch, which of the two by the seed: in two epochs each way once, as
        Jordan 2024, arXiv:2404.00498, section 3.6, found to learn faster than a coin that is thrown anew. All else is drawn
        anew in each step, by the example's number; mixup pairs those of one micro-batch.
        """
        pictures, targets, places = batch.inputs["pixel_values"], batch.targets, numbers.cpu().numpy()

        def draws(purpose: str, count: int) -> np.ndarray:
            return uniform(Key(key.seed, key.epoch, key.step).number(purpose), places, count)

        if how.flip:
            side = uniform(Key(key.seed).number("flip"), places, 1)
            pictures = augment.flip(pictures, (side + key.epoch % 2 / 2) % 1)
        if how.shift:
            pictures = augment.shift(pictures, draws("shift", 2), how.shift)
        if how.cutout:
            pictures = augment.cutout(pictures, draws("cutout", 2), how.cutout)
        if how.early_size:
            pictures = augment.smaller(pictures, how.early_size)
        if how.mixup and targets is not None:
            pictures, targets = augment.mixup(pictures, self.shares(targets), draws("mixup", 2), how.mixup)
        return replace(batch, inputs={**batch.inputs, "pixel_values": pictures}, targets=targets)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the last hidden state, averaged over its places where it has any."""
        last: Tensor = outputs.hidden_states[-1].float()
        if last.dim() == 4:  # (examples, channels, height, width)
            return last.mean(dim=(2, 3))
        return last.mean(dim=1) if last.dim() == 3 else last

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """A constant, and the pixels of a small copy with a linear model."""
        return {"constant": self.constant, f"pixels + {self.linear}": self._pixels}

    def _pixels(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """On at most 10,000 training pictures, drawn evenly, as 16 x 16 pixels of grey or colour."""
        some = train.select(np.unique(np.linspace(0, len(train) - 1, 10_000).astype(np.int64)))
        inputs = np.concatenate([_thumbnails(block) for block in some.blocks(1024)])
        mean = inputs.mean(axis=0)  # centred, the fit takes a tenth of the steps
        answers = self.regression(inputs - mean, some.column(self.target_column), strength=0.1)
        for block in rows.blocks(1024):
            yield from answers(_thumbnails(block) - mean)

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"image": a data: URL of a PNG of at most 256 pixels a side, "target"}."""
        from PIL import Image

        picture = Image.fromarray(decode(row["image"], "RGB"))
        picture.thumbnail((256, 256))
        return {"image": url(picture), "target": self.wanted(row)}


AUGMENTED = ("augment.flip", "augment.shift", "augment.cutout", "augment.early_size", "augment.mixup")


@dataclass(frozen=True)
class ImageClassification(Pictures, Classification):
    """Which of the labels a picture has."""

    settings: ClassVar[tuple[str, ...]] = (*Classification.settings, *AUGMENTED)


@dataclass(frozen=True)
class ImageTagging(Pictures, Several):
    """Which of the labels a picture has, each by itself."""

    settings: ClassVar[tuple[str, ...]] = (*Several.settings, *AUGMENTED)


@dataclass(frozen=True)
class ImageRating(Pictures, Number):
    """A number for a picture."""

    settings: ClassVar[tuple[str, ...]] = (*Number.settings, *AUGMENTED)


FORMS = (ImageClassification, ImageTagging, ImageRating)


def _fitted(picture: np.ndarray, processor: Processor) -> np.ndarray:
    """(height, width[, 3]) uint8 -> (channels, height, width) uint8 of the processor's size."""
    size = processor.size
    same = not processor.do_resize or picture.shape[:2] == (size.get("height"), size.get("width"))
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    if same and not _crops(processor):  # what most small pictures need: nothing
        return np.ascontiguousarray(planes)
    whole = processor(images=[planes], do_rescale=False, do_normalize=False, do_convert_rgb=False,
                      input_data_format="channels_first", return_tensors="np")["pixel_values"][0]
    return np.ascontiguousarray(np.rint(whole).clip(0, 255).astype(np.uint8))


def _crops(processor: Processor) -> bool:
    return bool(processor.to_dict().get("do_center_crop"))


def _thumbnails(rows: Sequence[Row]) -> np.ndarray:
    """(rows, 16 * 16 * 3) float32 in [0, 1]."""
    from PIL import Image

    small = [Image.fromarray(decode(row["image"], "RGB")).resize((16, 16), Image.Resampling.BOX) for row in rows]
    return np.stack([np.asarray(picture, dtype=np.float32).ravel() / 255 for picture in small])


PART = ImageClassification
