"""object-detection: what is in a picture, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from steelyard.errors import InputError, listing
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math import augment, boxes
from steelyard.math.draws import uniform
from steelyard.math.pictures import decode, size_of
from steelyard.parts import (
    PLAIN,
    Aim,
    Answer,
    Augment,
    BadValue,
    Batch,
    Column,
    Detail,
    Example,
    Examples,
    Key,
    Processor,
    Row,
    Statistics,
    Target,
)
from steelyard.rows import Rows
from steelyard.tasks._blobs import FEW, Blobs, Named
from steelyard.tasks._classification import natural
from steelyard.tasks._moved import mirrored, moved, stretched
from steelyard.tasks._odd import Tally, tallied
from steelyard.tasks._pictures import Seen, drawn, scaling, url

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

TARGET = "boxes"
SURE = 0.3  # score from which a box is drawn, counted in `right` and explained; the metrics look at all
LEAST = 0.05  # score from which a box is answered at all, where the recipe says nothing
OVERLAP = 0.6  # IoU beyond which two boxes of one label are one, for models that answer from every place
SLOTS = 128  # boxes of an example that all take the same room
ENDS = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class ObjectDetection(Seen):
    """Boxes with a label each; in pixels of the picture as it is looked at, the right way up.

    map_stride   pixels from place to place, where the model answers from every place of one map (its configuration's map_stride);
                 0: it answers with a set of boxes, as DETR does
    """

    labels: tuple[str, ...]
    map_stride: int = 0

    name: ClassVar[str] = "object-detection"
    title: ClassVar[Sentence] = say("what is in a picture, and where: boxes with labels")
    output: ClassVar[str] = "boxes"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="image", kind="image", aliases=("img", "picture", "photo", "图片", "图像", "照片")),
        Column(name=TARGET, kind="boxes", target=True, aliases=("objects", "annotations", "bboxes", "标注框", "目标框")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("ap50", "ap", "ap75", "ap-small", "ap-medium", "ap-large")
    detailed: ClassVar[Mapping[str, str]] = {"ap50": "ap50", "ap": "ap"}
    best: ClassVar[str] = "ap50"
    forms: ClassVar[tuple[str, ...]] = ("coco", "voc", "folder", "jsonl", "parquet", "arrow", "hub")
    family: ClassVar[str] = "onestage"
    settings: ClassVar[tuple[str, ...]] = ("augment.flip", "augment.shift", "augment.cutout")
    decoding: ClassVar[tuple[str, ...]] = ("threshold", "overlap")
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "object-detection",
        "data": {"train": "builtin:shapes"},
        "model": {"family": "onestage", "size": "tiny"},
        "training": {"epochs": 12},
    }

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """The labels of all boxes. InputError where no row has a box."""
        labels = {box["label"] for own in rows.column(TARGET) for box in own}
        if not labels:
            raise InputError(say("none of the {n} training pictures has a box: there is nothing to learn", n=len(rows)))
        return cls(tuple(sorted(labels, key=natural)))

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> Self:
        """The configuration's labels, without gaps in their numbers, and its map."""
        named = config.id2label
        return cls(tuple(str(named.get(number, number)) for number in range(config.num_labels)), _stride(config))

    def describe(self, config: PreTrainedConfig) -> None:
        """id2label and label2id, both ways."""
        config.id2label = dict(enumerate(self.labels))
        config.label2id = {label: number for number, label in enumerate(self.labels)}

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Self:
        """With the model's map, where it has one."""
        return replace(self, map_stride=_stride(config))

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """pixels (channels, height, width) uint8, as large as the processor makes every picture, whatever its shape.

        size (2,) int32, width and height before; goals (128 or more, 5) float32, as `_goals`. Raises BadValue for a label
        that training lacks.
        """
        return [[self._example(row, processor)] for row in rows]

    def _example(self, row: Row, processor: Processor) -> Example:
        mode: Literal["L", "RGB"] = "L" if len(processor.image_mean) == 1 else "RGB"
        picture = decode(row["image"], mode)
        size = (picture.shape[1], picture.shape[0])
        example = {"pixels": stretched(picture, processor), "size": np.array(size, dtype=np.int32)}
        if row.get(TARGET) is None:
            return example
        return {**example, "goals": self._goals(row[TARGET], size)}

    def _goals(self, entries: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> np.ndarray:
        """(SLOTS or more, 5) float32: label, centre, width and height as shares of the picture; -1 behind the last.

        Clipped to the picture; what has no area there is nothing to learn, and is left out.
        """
        names, ends = _clipped(entries, size)
        if strange := sorted(set(names) - set(self.labels)):
            raise BadValue(say("the labels {strange} are not among those of the training rows ({labels})",
                               strange=listing(strange), labels=listing(self.labels)))
        goals = np.full((max(SLOTS, len(names)), 5), -1, dtype=np.float32)
        goals[: len(names), 0] = [self.labels.index(name) for name in names]
        shares = ends / np.array([*size, *size])
        goals[: len(names), 1:3] = (shares[:, :2] + shares[:, 2:]) / 2
        goals[: len(names), 3:] = shares[:, 2:] - shares[:, :2]
        return goals

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """pixel_values (examples, channels, height, width) float32, scaled as the processor says; targets (examples, boxes, 5) float32.

        targets: lists of boxes in pixels, as `target` gives them. count: boxes.
        """
        import torch

        pixels = examples.fields["pixels"]
        pixels = torch.stack(pixels) if isinstance(pixels, list) else pixels
        told = processor.to_dict()
        channels = len(processor.image_mean)
        normal = told.get("do_normalize", True)
        scale, shift = scaling(processor.rescale_factor if told.get("do_rescale", True) else 1.0,
                               tuple(processor.image_mean) if normal else (0.0,) * channels,
                               tuple(processor.image_std) if normal else (1.0,) * channels)
        values = torch.addcmul(shift, pixels.float(), scale)
        goals: list[Tensor] | None = None
        if targets is not None:
            goals = [torch.from_numpy(self._goals(target, tuple(size.tolist())))
                     for target, size in zip(targets, examples.fields["size"], strict=True)]
        elif "goals" in examples.fields:
            goals = list(examples.fields["goals"])
        if goals is None:
            return Batch({"pixel_values": values}, None, len(examples), examples.rows)
        counts = torch.tensor([int((own[:, 0] >= 0).sum()) for own in goals])
        width = max(1, int(counts.max()))
        whole = torch.stack([own[:width] for own in goals])
        return Batch({"pixel_values": values}, whole, int(counts.sum()), examples.rows, {"counts": counts})

    def augment(self, batch: Batch, numbers: Tensor, how: Augment, key: Key) -> Batch:
        """Mirrored, moved, cut out, in this order; the boxes go along, clipped, and are gone where less than STAYS of one is left.

        Which of two epochs shows a picture mirrored hangs on the seed; all else is drawn anew in each step.
        """
        pictures, goals, places = batch.inputs["pixel_values"], batch.targets, numbers.cpu().numpy()
        assert goals is not None
        at = Key(key.seed, key.epoch, key.step)
        if how.flip:
            side = (uniform(Key(key.seed).number("flip"), places, 1) + key.epoch % 2 / 2) % 1
            pictures, goals = augment.flip(pictures, side), mirrored(goals, side[:, 0] < 0.5)
        if how.shift:
            draws = uniform(at.number("shift"), places, 2)
            pictures = augment.shift(pictures, draws, how.shift, "zero")
            moves = np.floor(draws * (2 * how.shift + 1)) - how.shift
            goals = moved(goals, moves[:, ::-1] / np.array([pictures.shape[3], pictures.shape[2]]))
        if how.cutout:
            pictures = augment.cutout(pictures, uniform(at.number("cutout"), places, 2), how.cutout)
        return replace(batch, inputs={**batch.inputs, "pixel_values": pictures}, targets=goals, count=int((goals[..., 0] >= 0).sum()))

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() the sum over boxes: as `map_loss` where the model's configuration names a map, else as `set_loss`."""
        from steelyard.tasks._detection import map_loss, set_loss

        assert batch.targets is not None
        logits, said = outputs.logits.float(), outputs.pred_boxes.float()
        if logits.is_meta:  # arithmetic is counted on shapes
            shapes: Tensor = logits.sum() + said.sum()
            return shapes
        if not self.map_stride:
            return set_loss(logits, said, batch.targets, len(self.labels))
        height, width = batch.inputs["pixel_values"].shape[2:]
        return map_loss(logits, said, batch.targets, (-(-height // self.map_stride), -(-width // self.map_stride)))

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) how well the answers cover batch.targets: the sum over those boxes of log(probability of the label x IoU) of the
        answer that covers each best; of no box, log(1 - the probability of the likeliest answer). After D-RISE (Petsiuk et al. 2021,
        arXiv:2006.03204); no probability of a set in the strict sense."""
        from steelyard.tasks._detection import box_log_prob, log_chances

        assert batch.targets is not None
        return box_log_prob(log_chances(outputs.logits, len(self.labels)), outputs.pred_boxes, batch.targets)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the last hidden state, averaged over its places."""
        states: Tensor = outputs.last_hidden_state.float()
        return states.mean(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """(scores, labels, corners) an example."""
        return self._found(outputs, {})

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`, with the `threshold` and `overlap` of the section `decoding`."""
        return self._found(model(**batch.inputs), model.config.to_dict().get("decoding") or {})

    def _found(self, outputs: Any, told: Mapping[str, Any]) -> list[Any]:
        from steelyard.tasks._detection import found, log_chances

        return found(log_chances(outputs.logits, len(self.labels)), outputs.pred_boxes, float(told.get("threshold", LEAST)),
                     float(told.get("overlap", OVERLAP if self.map_stride else 1.0)))

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """[{"label", "score", "box": {"xmin", "ymin", "xmax", "ymax"}, "place"}], the likeliest first: ObjectDetectionOutputElement.

        place: the box before it is rounded to whole pixels, [left, top, right, bottom]; what the metrics look at.
        """
        scores, labels, shares = partials[0]
        width, height = size_of(row["image"])
        ends = np.round(shares * np.array([width, height, width, height]), 2).tolist()
        return [_element(self.labels[label], float(score), place) for score, label, place in zip(scores, labels, ends, strict=True)]

    def line(self, answer: Answer, most: int = 1) -> str:
        """How many of what, of the boxes that score at least SURE."""
        return _counted([entry["label"] for entry in answer if entry["score"] >= SURE])

    def target(self, row: Row) -> Target | None:
        """The row's boxes, in pixels."""
        return row.get(TARGET)

    def guess(self, answer: Answer) -> Target:
        """The boxes that score at least SURE."""
        return [{"label": entry["label"], **dict(zip(ENDS, entry["place"], strict=True))} for entry in answer if entry["score"] >= SURE]

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """scores (100,) float64, -1 behind the last box; classes (100,) int16; fates (4, 10, 100) int8; true (4, labels) int32: the
        boxes there are. 4: of all sizes, small, medium, large; 10: overlaps; as math.boxes has them."""
        if row.get(TARGET) is None:
            return {}
        names, ends = _clipped(row[TARGET], size_of(row["image"]))
        numbers = np.array([self.labels.index(name) if name in self.labels else -1 for name in names], dtype=np.int64)
        limits = np.array(boxes.AREAS)
        own = boxes.area(ends)
        sized = (own >= limits[:, :1]) & (own <= limits[:, 1:])
        true = np.stack([np.bincount(numbers[here & (numbers >= 0)], minlength=len(self.labels)) for here in sized]).astype(np.int32)
        said = sorted(answer, key=lambda entry: -float(entry["score"]))[: boxes.MOST]
        places = np.array([entry["place"] for entry in said], dtype=np.float64).reshape(-1, 4)
        classes = np.full(boxes.MOST, -1, dtype=np.int16)
        classes[: len(said)] = [self.labels.index(entry["label"]) for entry in said]
        scores = np.full(boxes.MOST, -1.0)
        scores[: len(said)] = [entry["score"] for entry in said]
        fates = np.zeros((len(boxes.AREAS), len(boxes.OVERLAPS), boxes.MOST), dtype=np.int8)
        for number in np.unique(classes[: len(said)]):
            those = np.flatnonzero(classes == number)
            fates[:, :, those] = boxes.fates(places[those], ends[numbers == number])
        return {"scores": scores, "classes": classes, "fates": fates, "true": true}

    def details(self, statistics: Statistics) -> Mapping[str, Detail]:
        """Each label by itself."""
        found = {}
        for number, label in enumerate(self.labels):
            own = statistics["classes"] == number
            true = statistics["true"][:, :, number : number + 1]
            found[label] = Detail(int(true[:, 0].sum()), {
                "scores": np.where(own, statistics["scores"], -1.0), "classes": np.where(own, 0, -1), "fates": statistics["fates"],
                "true": true})
        return found

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """Boxes that reach beyond their picture, or have no area in it."""
        found = tallied(rows, oddities) if all(TARGET in own.names for own in rows.values()) else {}
        return [
            *found.get("outside", Tally()).finding("data/boxes-outside", "issue", say(
                "{n} boxes in {rows} of {all} pictures reach beyond the picture by more than a pixel; they are clipped to it",
                n=0, rows=0, all=0)),
            *found.get("empty", Tally()).finding("data/boxes-without-area", "issue", say(
                "{n} boxes in {rows} of {all} pictures have no area inside the picture; they are left out", n=0, rows=0, all=0)),
        ]

    def right(self, statistics: Statistics) -> np.ndarray:
        """F1 of the boxes that score at least SURE, right where they overlap a true one of their label by an IoU of 0.5; 1 where there is
        nothing and nothing is said."""
        sure = statistics["scores"] >= SURE
        hits = (sure & (statistics["fates"][:, 0, 0] == boxes.FOUND)).sum(axis=1)
        both = sure.sum(axis=1) + statistics["true"][:, 0].sum(axis=1)
        return np.where(both > 0, 2 * hits / np.maximum(both, 1), 1.0)

    def decision(self, answer: Answer) -> str | None:
        """None: boxes are no decision for one of few."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """The mean box of each label, in every picture; and what stands out by its colour."""
        return {"constant": self._constant, "blobs + nearest boxes": self._blobs}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """As likely as the share of training pictures that have the label."""
        means, shares = {}, {}
        pictures = _known(train)
        for label in self.labels:
            own = [box for _, entries in pictures for name, box in entries if name == label]
            if own:
                means[label] = np.mean(own, axis=0)
                shares[label] = float(np.mean([any(name == label for name, _ in entries) for _, entries in pictures]))
        order = sorted(means, key=lambda label: (-shares[label], label))
        for row in rows:
            yield [_placed(label, shares[label], means[label], size_of(row["image"])) for label in order]

    def _blobs(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        learnt = Blobs(_known(train))
        for row in rows:
            said = sorted(learnt(row["image"]), key=lambda entry: -entry[2])
            yield [_placed(label, score, box, size_of(row["image"])) for label, box, score in said]

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"image": a data: URL of a PNG of at most 320 pixels a side, the true boxes drawn in thin white; "target": how many of what}."""
        return self.marked(row, [])

    def marked(self, row: Row, answer: Answer) -> Mapping[str, Any]:
        """As `show`, with the answered boxes that score at least SURE in a colour a label."""
        true = [] if row.get(TARGET) is None else row[TARGET]
        names, ends = _clipped(true, size_of(row["image"]))
        said = self.guess(answer)
        colours = {label: number for number, label in enumerate(self.labels)}
        picture = drawn(decode(row["image"], "RGB"), ends,
                        [(box["label"], colours[box["label"]], [box[end] for end in ENDS]) for box in said])
        return {"image": url(picture), "target": None if row.get(TARGET) is None else _counted(names)}


def _stride(config: PreTrainedConfig) -> int:
    return int(config.to_dict().get("map_stride") or 0)


def _clipped(entries: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> tuple[list[str], np.ndarray]:
    """Labels and (boxes, 4) in pixels of a picture of (width, height): clipped to it, and those that have any area there."""
    ends = np.array([[entry[end] for end in ENDS] for entry in entries], dtype=np.float64).reshape(-1, 4)
    clipped, there = boxes.inside(ends, *size)
    return [str(entry["label"]) for entry, here in zip(entries, there, strict=True) if here], clipped[there]


def oddities(row: Row) -> dict[str, int]:
    """{"outside", "empty"}: boxes that have an area in the picture and reach beyond it by more than a pixel; that have none."""
    width, height = size_of(row["image"])
    ends = np.array([[entry[end] for end in ENDS] for entry in row[TARGET] or ()], dtype=np.float64).reshape(-1, 4)
    _, there = boxes.inside(ends, width, height)
    beyond = (ends[:, :2] < -1).any(axis=1) | (ends[:, 2:] > np.array([width + 1, height + 1])).any(axis=1)
    return {"outside": int((beyond & there).sum()), "empty": int((~there).sum())}


def _known(train: Rows) -> list[tuple[bytes, list[Named]]]:
    """At most FEW training pictures, drawn evenly, with their boxes in shares of the picture."""
    found = []
    for row in train.select(np.unique(np.linspace(0, len(train) - 1, FEW).astype(np.int64))):
        size = size_of(row["image"])
        names, ends = _clipped(row[TARGET], size)
        found.append((row["image"], list(zip(names, ends / np.array([*size, *size]), strict=True))))
    return found


def _element(label: str, score: float, place: Sequence[float]) -> dict[str, Any]:
    names = ("xmin", "ymin", "xmax", "ymax")
    return {"label": label, "score": score, "box": {name: round(end) for name, end in zip(names, place, strict=True)}, "place": list(place)}


def _placed(label: str, score: float, shares: np.ndarray, size: tuple[int, int]) -> dict[str, Any]:
    return _element(label, score, np.round(shares * np.array([*size, *size]), 2).tolist())


def _counted(names: Sequence[str]) -> str:
    """"3 RBC, 1 WBC"; "–" for none."""
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0]))) or "–"


PART = ObjectDetection
