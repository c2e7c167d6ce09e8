"""Sets that nobody here made: every row is read, and none is bad. STEELYARD_DATA names the folder that holds them."""

import os
from collections import Counter
from pathlib import Path

import pytest

from steelyard import catalog
from steelyard.parts import ReadOptions

DATA = Path(os.environ.get("STEELYARD_DATA", ""))
pytestmark = pytest.mark.skipif("STEELYARD_DATA" not in os.environ, reason="STEELYARD_DATA is not set")
TEXT, LABEL, IMAGE = (catalog.load("kinds", name, "test")() for name in ("text", "label", "image"))


def read(name, **options):
    path = DATA / name
    source = next(part() for part in catalog.every("sources") if part().accepts(path))
    for record in source.read(path, ReadOptions(**options)):
        assert record.problem is None
        yield record


@pytest.mark.parametrize("name, header, text, label, num_rows, num_labels", [
    ("sst2/sentences/train.tsv.gz", True, "sentence", "label", 6920, 2),
    ("sst2/sentences/dev.tsv", True, "sentence", "label", 872, 2),
    ("sst2/sentences/test.tsv", True, "sentence", "label", 1821, 2),
    ("sst2/phrases/train.tsv.gz", True, "sentence", "label", 60614, 2),
    ("goemotions/train.tsv.gz", True, "text", None, 43410, 0),
    ("trec/train.csv.gz", True, "text", "coarse_label", 5452, 6),
    ("trec/test.csv", True, "text", "fine_label", 500, 42),
    ("movie-reviews/rt_polarity.csv.gz", True, "text", "label", 10662, 2),
    ("thucnews-titles/test.txt.gz", False, "1", "2", 10000, 10),
    ("toxic-spans/tsd_train.csv.gz", True, "text", None, 7939, 0),
    ("dialogsum/dialogsum_train.csv.gz", True, "dialogue", None, 12460, 0),
    ("dialogsum/dialogsum.test.jsonl.gz", True, "dialogue", None, 500, 0),
    ("bbq/Religion.jsonl.gz", True, "context", "label", 1200, 3),
    ("stsb/zh_train.csv.gz", True, "sentence1", None, 5749, 0),
    ("adult/adult_train.csv.gz", True, "occupation", "income", 32561, 2),
    ("identity-templates/zh-cn_sentence_templates.csv.gz", True, "phrase", "toxicity", 37359, 2),
])
def test_tables(name, header, text, label, num_rows, num_labels):
    rows = [record.values for record in read(name, header=header)]
    texts = [TEXT.parse(row[text]) for row in rows]
    labels = [LABEL.parse(row[label]) for row in rows] if label else []
    assert (len(texts), len(set(labels))) == (num_rows, num_labels)
    samples = [row[text] for row in rows[:200]]
    assert label is None or (LABEL.fits([row[label] for row in rows[:200]]) and not TEXT.fits([row[label] for row in rows[:200]]))
    assert name.startswith(("adult", "identity")) or (TEXT.fits(samples) and not LABEL.fits(samples))


def test_the_leak_between_the_two_sets_of_reviews_shows():
    reviews = {TEXT.identity(record.values["text"]) for record in read("movie-reviews/rt_polarity.csv.gz")}
    assert len(reviews) == 10660
    assert sum(TEXT.identity(record.values["sentence"]) in reviews for record in read("sst2/sentences/test.tsv")) == 1425


def test_mnist():
    labels = Counter()
    for record in read("mnist/t10k-images-idx3-ubyte.gz"):
        assert len(IMAGE.parse(record.values["image"])) == 28 * 28 + len(b"P5 28 28 255\n")
        labels[LABEL.parse(record.values["label"])] += 1
    assert sum(labels.values()) == 10_000 and labels["0"] == 980 and labels["5"] == 892
    assert sum(1 for record in read("mnist/train-images-idx3-ubyte.gz") if IMAGE.parse(record.values["image"])) == 60_000


def test_cifar10():
    labels = Counter()
    for number, record in enumerate(read("cifar10/test.tar.gz")):
        labels[record.values["label"]] += 1
        if number % 10 == 0:
            IMAGE.parse(record.values["image"])
    assert set(labels.values()) == {1000} and len(labels) == 10 and record.values["file"] == "truck/0999.jpg"


@pytest.mark.parametrize("name, num_rows, num_labels", [("att-faces/att-faces.tar.gz", 400, 40), ("flowers5/flowers5_128.tar.gz", 3670, 5)])
def test_archives(name, num_rows, num_labels):
    labels = [record.values["label"] for record in read(name) if len(record.values["image"])]
    assert (len(labels), len(set(labels))) == (num_rows, num_labels)
