"""Boxes: forms of files, what lies outside a picture, overlaps, matching as pycocotools does it, and detectors of Transformers."""

import json

import numpy as np
import pytest
import torch
from huggingface_hub import ObjectDetectionOutputElement
from PIL import Image

from steelyard.catalog import load
from steelyard.engine.prepare import prepare
from steelyard.errors import InputError
from steelyard.math import boxes
from steelyard.parts import Augment, BadValue, Batch, Key, ReadOptions
from steelyard.recipe.reader import read as recipe_of
from steelyard.tasks._detection import box_log_prob, corners, map_loss, overlap, set_loss
from steelyard.tasks.object_detection import ObjectDetection as Task


def some_boxes(rng, n, size=200):
    low = rng.random((n, 2)) * size
    return np.concatenate([low, low + rng.random((n, 2)) * 120], axis=1)


def literal_iou(a, b):
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    joint = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / joint if joint > 0 else 0.0


def test_overlap_is_what_it_is_literally():
    rng = np.random.default_rng(0)
    one, other = some_boxes(rng, 7), some_boxes(rng, 5)
    want = [[literal_iou(a, b) for b in other] for a in one]
    np.testing.assert_allclose(boxes.iou(one, other), want, atol=1e-12)
    ours, general = overlap(torch.tensor(one)[:, None], torch.tensor(other)[None])
    np.testing.assert_allclose(ours.numpy(), want, atol=1e-9)
    assert (general <= ours + 1e-12).all() and (general >= -1).all()
    assert boxes.iou(np.zeros((1, 4)), np.zeros((1, 4))) == 0 and boxes.iou(np.zeros((0, 4)), other).shape == (0, 5)


@pytest.mark.parametrize("most_overlap", [0.0, 0.3, 0.7, 1.0])
def test_of_boxes_that_say_the_same_the_likeliest_is_kept(most_overlap):
    rng = np.random.default_rng(3)
    own, scores, classes = some_boxes(rng, 60, 60), rng.random(60).round(1), rng.integers(0, 2, 60)  # with ties
    left, want = list(np.argsort(-scores, kind="stable")), []
    while left:
        best = left.pop(0)
        want.append(best)
        left = [other for other in left if classes[other] != classes[best] or literal_iou(own[best], own[other]) <= most_overlap]
    assert boxes.kept(own, scores, classes, most_overlap).tolist() == want
    assert boxes.kept(own, scores, classes, most_overlap, 3).tolist() == want[:3]
    assert boxes.kept(own[:0], scores[:0], classes[:0], most_overlap).tolist() == []


def pictures(rng, count=25, labels=3):
    """True and answered boxes, many of them near a true one; some pictures have none of the one or the other."""
    for number in range(count):
        true = some_boxes(rng, 0 if number % 7 == 3 else int(rng.integers(1, 9)), 150)
        kinds = rng.integers(0, labels, len(true))
        near = true[rng.integers(0, len(true), 2 * len(true))] + rng.normal(0, 8, (2 * len(true), 4)) if len(true) else true
        said = np.concatenate([near, some_boxes(rng, 0 if number % 5 == 2 else 4)])
        said[:, 2:] = np.maximum(said[:, 2:], said[:, :2] + 1)
        yield true, kinds, said, rng.integers(0, labels, len(said)), rng.random(len(said))


def statistics_of(found, labels=3):
    task = Task(tuple("abc"[:labels]))
    stream = Image.new("RGB", (400, 400))
    import io

    buffer = io.BytesIO()
    stream.save(buffer, "PNG")
    rows = []
    for true, kinds, said, guessed, scores in found:
        entries = [{"label": task.labels[k], **dict(zip(("left", "top", "right", "bottom"), box, strict=True))}
                   for k, box in zip(kinds, true, strict=True)]
        answer = [{"label": task.labels[k], "score": s, "place": list(box)} for k, box, s in zip(guessed, said, scores, strict=True)]
        rows.append(task.measure({"image": buffer.getvalue(), "boxes": entries}, answer))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def test_precision_is_that_of_pycocotools(capsys):
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    found = list(pictures(np.random.default_rng(1)))
    known, annotations, answers = coco.COCO(), [], []
    for image, (true, kinds, said, guessed, scores) in enumerate(found, start=1):
        for box, kind in zip(true, kinds, strict=True):
            sides = box[2:] - box[:2]
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": int(kind) + 1, "iscrowd": 0,
                                "bbox": [*box[:2], *sides], "area": float(sides.prod())})
        answers += [{"image_id": image, "category_id": int(kind) + 1, "score": float(score), "bbox": [*box[:2], *(box[2:] - box[:2])]}
                    for box, kind, score in zip(said, guessed, scores, strict=True)]
    known.dataset = {"images": [{"id": n} for n in range(1, len(found) + 1)], "annotations": annotations, "info": {},
                     "categories": [{"id": n, "name": str(n)} for n in (1, 2, 3)]}
    known.createIndex()
    judge = evaluation.COCOeval(known, known.loadRes(answers), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    capsys.readouterr()
    own = statistics_of(found)
    for place, name in enumerate(("ap", "ap50", "ap75", "ap-small", "ap-medium", "ap-large")):
        assert load("metrics", name, "test")().value(own) == pytest.approx(judge.stats[place], abs=1e-6), name


def test_precision_of_what_is_perfect_empty_or_repeated():
    rng = np.random.default_rng(2)
    found = [(true, kinds, true, kinds, rng.random(len(true))) for true, kinds, *_ in pictures(rng)]
    ap = load("metrics", "ap", "test")()
    assert ap.value(statistics_of(found)) == pytest.approx(1)
    nothing = [(true, kinds, true[:0], kinds[:0], np.zeros(0)) for true, kinds, *_ in found]
    assert ap.value(statistics_of(nothing)) == 0
    own = statistics_of(list(pictures(np.random.default_rng(5))))
    drawn = np.array([0, 0, 1, 4, 4, 4, 9])
    classes = boxes.ranked(own["scores"], own["classes"], own["fates"][:, 0], own["true"][:, 0])
    weighed = boxes.mean_precision(classes, np.bincount(drawn, minlength=25).astype(float))
    assert weighed == pytest.approx(ap.value({name: values[drawn] for name, values in own.items()}), abs=1e-12)


def test_boxes_in_every_form():
    parse = load("kinds", "boxes", "test")().parse
    want = [{"label": "cat", "left": 1.0, "top": 2.0, "right": 4.0, "bottom": 6.0}]
    forms = [want, [{"label": "cat", "bbox": [1, 2, 3, 4]}], {"bbox": [[1, 2, 3, 4]], "category": ["cat"]}, json.dumps(want)]
    assert all(parse(form) == want for form in forms)
    assert parse([]) == [] and parse({"bbox": [], "category": []}) == []
    ends = [[1, 2, -3, 4], [1, 2, "x", 4], [1, 2, float("nan"), 4], [1, 2, 3], None]
    for bad in (None, 3, "no", [[1, 2, 3, 4]], [{"label": "cat"}], [{"bbox": [1, 2, 3, 4]}], {"bbox": [[1, 2, 3, 4]], "category": []},
                *([{"label": "cat", "bbox": end}] for end in ends)):
        with pytest.raises(BadValue):
            parse(bad)


def test_what_lies_outside_is_clipped_and_what_has_no_area_is_left_out():
    task = Task(("a",))
    entry = {"label": "a", "left": -10.0, "top": 5.0, "right": 20.0, "bottom": 500.0}
    flat, away = {**entry, "left": 3.0, "right": 3.0}, {**entry, "left": 300.0, "right": 400.0}
    goals = task._goals([entry, flat, away], (40, 50))
    np.testing.assert_allclose(goals[0], [0, 0.25, 27.5 / 50, 0.5, 45 / 50], atol=1e-6)
    assert (goals[1:, 0] == -1).all()
    with pytest.raises(BadValue, match="zebra"):
        task._goals([{**entry, "label": "zebra"}], (40, 50))


def voc(root, names, size=(40, 30)):
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for name in names:
        Image.new("RGB", size).save(root / "JPEGImages" / f"{name}.jpg")
        box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>11</xmax><ymax>12</ymax></bndbox>"
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation><object><name>cell</name>{box}</object></annotation>")
    (root / "ImageSets/Main/train.txt").write_text(f"{names[0]}\n")
    (root / "ImageSets/Main/test.txt").write_text(f"{names[1]} 1\r\n")


def test_a_voc_folder_and_its_lists(tmp_path):
    voc(tmp_path, ["one", "two"])
    source = load("sources", "voc", "test")()
    assert source.accepts(tmp_path) and source.accepts(tmp_path / "ImageSets/Main/test.txt") and not source.accepts(tmp_path / "JPEGImages")
    rows = list(source.read(tmp_path, ReadOptions()))
    assert [row.values["split"] for row in rows] == ["train", "test"]
    (row,) = source.read(tmp_path / "ImageSets/Main/test.txt", ReadOptions())
    assert row.values["file"] == "two.jpg"
    assert row.values["boxes"] == [{"label": "cell", "left": 1.0, "top": 2.0, "right": 11.0, "bottom": 12.0}]
    assert tmp_path / "Annotations/two.xml" in source.beside(tmp_path / "ImageSets/Main/test.txt")


@pytest.mark.parametrize("content, why", [
    ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "document type"), ("<annotation>", "no XML"), ("<a>\xff</a>", "no XML"),
    ("<a><object><name>x</name><bndbox><xmin>one</xmin></bndbox></object></a>", "no number xmin"),
])
def test_annotations_that_cannot_be_read(tmp_path, content, why):
    voc(tmp_path, ["one", "two"])
    (tmp_path / "Annotations/one.xml").write_bytes(content.encode("latin-1"))
    first, second = load("sources", "voc", "test")().read(tmp_path, ReadOptions())
    assert why in str(first.problem) and second.problem is None


def coco(folder, **changes):
    Image.new("RGB", (40, 30)).save(folder / "a.png")
    document = {"images": [{"id": 7, "file_name": "a.png"}], "categories": [{"id": 3, "name": "cat"}],
                "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0},
                                {"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1}], **changes}
    (folder / "boxes.json").write_text(json.dumps(document))
    return folder / "boxes.json"


def test_coco_files(tmp_path):
    source, path = load("sources", "coco", "test")(), coco(tmp_path)
    assert source.accepts(path)
    (row,) = source.read(path, ReadOptions())
    assert row.values["boxes"] == [{"label": "cat", "bbox": [1, 2, 3, 4]}] and row.values["image"] == tmp_path / "a.png"
    (tmp_path / "rows.json").write_text('[{"image": "a.png"}]')
    assert not source.accepts(tmp_path / "rows.json")
    (row,) = source.read(coco(tmp_path, images=[{"id": 7, "file_name": "../a.png"}]), ReadOptions())
    assert "leads out" in str(row.problem)
    (row,) = source.read(coco(tmp_path, annotations=[{"image_id": 7, "category_id": 99, "bbox": [1, 2, 3, 4]}]), ReadOptions())
    assert "no category" in str(row.problem)
    stray, row = source.read(coco(tmp_path, annotations=[{"image_id": 8, "category_id": 3, "bbox": [1, 2, 3, 4]}]), ReadOptions())
    assert stray.problem and row.values["boxes"] == []
    for bad in ({"images": []}, {"annotations": {}}, {"categories": None}):
        with pytest.raises(InputError):
            list(source.read(coco(tmp_path, **bad), ReadOptions()))


def batch_of(goals, size=32):
    goals = torch.tensor(goals)
    n = len(goals)
    pixels = torch.arange(n * size * size, dtype=torch.float32).reshape(n, 1, size, size)
    return Batch({"pixel_values": pixels}, goals, int((goals[..., 0] >= 0).sum()), torch.arange(n))


def test_boxes_go_along_with_the_picture():
    task, key = Task(("a",)), Key(seed=0, epoch=0)
    whole = batch_of([[[0.0, 0.25, 0.5, 0.25, 0.5], [-1.0] * 5]] * 6)
    numbers = torch.arange(6)
    flipped = [task.augment(whole, numbers, Augment(flip=True), Key(seed=0, epoch=epoch)) for epoch in (0, 1)]
    for one, two in zip(*(batch.targets[:, 0, 1].tolist() for batch in flipped), strict=True):
        assert sorted((one, two)) == [0.25, 0.75], "in two epochs each way once"
    assert (flipped[0].targets[:, 1] == -1).all()
    moved = task.augment(whole, numbers, Augment(shift=20), key)
    assert moved.count == int((moved.targets[..., 0] >= 0).sum()) <= whole.count
    there = moved.targets[moved.targets[..., 0] >= 0]
    ends = corners(there[:, 1:])
    assert (ends >= -1e-6).all() and (ends <= 1 + 1e-6).all()
    marked = batch_of([[[0.0, 0.5, 0.5, 0.25, 0.25]]] * 6)
    marked.inputs["pixel_values"] = torch.zeros(6, 1, 32, 32)
    marked.inputs["pixel_values"][:, :, 12:20, 12:20] = 1
    moved = task.augment(marked, numbers, Augment(flip=True, shift=9), key)
    for picture, goal in zip(moved.inputs["pixel_values"], moved.targets, strict=True):
        ys, xs = torch.nonzero(picture[0], as_tuple=True)
        want = torch.tensor([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / 32
        torch.testing.assert_close(corners(goal[0, 1:]), want, atol=1e-6, rtol=0)


def test_both_losses_are_least_where_the_answer_is_right():
    goals = torch.tensor([[[1.0, 0.3, 0.4, 0.2, 0.3], [-1.0] * 5], [[-1.0] * 5, [-1.0] * 5]])
    said = torch.tensor([0.5, 0.5, 0.2, 0.2]).repeat(2, 16, 1)
    logits = torch.full((2, 16, 2), -6.0)
    better_logits, better = logits.clone(), said.clone()
    place = 1 * 4 + 1  # of (0.3, 0.4) in 4 x 4 places
    better_logits[0, place, 1], better[0, place] = 6.0, goals[0, 0, 1:]
    for loss in (lambda a, b: map_loss(a, b, goals, (4, 4)), lambda a, b: set_loss(a, b, goals, 2)):
        assert loss(better_logits, better) < 0.2 < loss(logits, said)
        assert loss(logits, said).isfinite()
    logs = torch.nn.functional.logsigmoid(better_logits)
    sure = box_log_prob(logs, better, goals)
    assert sure[0] == pytest.approx(0, abs=0.01) and sure[1] == pytest.approx(0, abs=0.01)
    assert box_log_prob(torch.nn.functional.logsigmoid(logits), said, goals)[0] < -5


def test_matching_is_the_cheapest_of_all():
    from itertools import permutations

    rng = torch.Generator().manual_seed(0)
    logits, said = torch.randn(1, 4, 3, generator=rng), torch.rand(1, 4, 4, generator=rng) * 0.3 + 0.2
    goals = torch.cat([torch.tensor([[[0.0], [1.0]]]), torch.rand(1, 2, 4, generator=rng) * 0.3 + 0.2], dim=2)
    chance, costs = logits[0].softmax(dim=-1), {}
    _, general = overlap(corners(said[0])[:, None], corners(goals[0, :, 1:])[None])
    for pair in permutations(range(4), 2):
        costs[pair] = sum(5 * float((said[0, p] - goals[0, t, 1:]).abs().sum()) - 2 * float(general[p, t]) - float(chance[p, t])
                          for t, p in enumerate(pair))
    best = min(costs, key=costs.get)
    wanted = torch.full((4,), 2)
    want = 0.0
    for t, p in enumerate(best):
        wanted[p] = t
        want += 5 * float((said[0, p] - goals[0, t, 1:]).abs().sum()) + 2 * (1 - float(general[p, t]))
    weight = torch.tensor([0.1 if w == 2 else 1.0 for w in wanted])
    want += float((weight * torch.nn.functional.cross_entropy(logits[0], wanted, reduction="none")).sum())
    assert float(set_loss(logits, said, goals, 2)) == pytest.approx(want, rel=1e-5)


def small_detector(kind, folder):
    """A detector of Transformers with few weights, saved with its processor."""
    from transformers import (
        DetrConfig,
        DetrForObjectDetection,
        DetrImageProcessorPil,
        ResNetConfig,
        YolosConfig,
        YolosForObjectDetection,
        YolosImageProcessorPil,
    )

    torch.manual_seed(0)
    if kind == "yolos":
        config = YolosConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=[64, 64],
                             patch_size=16, num_detection_tokens=10)
        model, processor = YolosForObjectDetection(config), YolosImageProcessorPil
    else:
        backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"], layer_type="basic")
        config = DetrConfig(use_timm_backbone=False, backbone_config=backbone, backbone=None, d_model=16, encoder_layers=1,
                            decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
                            decoder_ffn_dim=16, num_queries=10, use_pretrained_backbone=False)
        model, processor = DetrForObjectDetection(config), DetrImageProcessorPil
    model.save_pretrained(folder)
    processor(size={"shortest_edge": 64, "longest_edge": 64}).save_pretrained(folder)


@pytest.mark.parametrize("kind", ["detr", "yolos"])
def test_a_detector_of_transformers_learns_and_answers(kind, tmp_path):
    small_detector(kind, tmp_path)
    prepared = prepare(recipe_of({**Task.tiny, "model": {"from": str(tmp_path)}}))
    task = prepared.task
    assert task.map_stride == 0 and task.labels == ("disc", "square", "triangle")
    model = prepared.family.start(task, prepared.config).train()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    batch = task.collate(prepared.stores["train"].take(torch.arange(8)), prepared.processor, None)
    losses = []
    for _ in range(6):
        loss = task.loss(model(**batch.inputs), batch) / batch.count
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    rows = prepared.dataset.rows["train"]
    model.eval()
    model.config.decoding = {"threshold": 0.0}
    with torch.inference_mode():
        answers = [task.merge(rows[int(row)], [partial]) for row, partial in zip(batch.rows, task.respond(model, batch), strict=True)]
    assert all(answers) and all(0 <= entry["score"] <= 1 for answer in answers for entry in answer)
    element = ObjectDetectionOutputElement.parse_obj_as_instance(answers[0][0])
    assert element.label in task.labels and element.box.xmin <= element.box.xmax
