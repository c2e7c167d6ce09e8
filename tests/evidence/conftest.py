"""Small models, really trained in a second, with the few things that an explanation asks of a task and of a door."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from steelyard.evidence.deletion import Subject
from steelyard.facts import Quantity
from steelyard.parts import Units
from steelyard.rows import FILE, LINE, Rows


class Pictures:
    """Pictures of 8 x 8; a unit is a cell of `side` pixels a side."""

    name, ways = "toy-pictures", ("mean", "blur")

    def __init__(self, mean, side=1):  # `mean` is one grey: what "mean" writes over a hidden cell
        self.mean, self.side = mean, side

    def units(self, row, example, processor):
        side, cells = self.side, 8 // self.side
        places = tuple((x * side, y * side, (x + 1) * side, (y + 1) * side) for y in range(cells) for x in range(cells))
        return Units(np.repeat(np.repeat(np.arange(cells**2).reshape(cells, cells), side, axis=0), side, axis=1), places)

    def hide(self, example, units, hidden, way, processor):
        pixels = example["pixels"]
        fill = self.mean if way == "mean" else gaussian_filter(pixels, 8 / 6, mode="nearest")
        return {"pixels": np.where(hidden[units.of], fill, pixels)}

    def surface(self, rows, examples, units, train):
        pictures = [example["pixels"] for example in examples]
        across = np.abs(np.arange(8) - 3.5)
        return {"ink": [self.per_unit(p, own) for p, own in zip(pictures, units, strict=True)],
                "edges": [self.per_unit(sum(map(np.abs, np.gradient(p))), own) for p, own in zip(pictures, units, strict=True)],
                "centre": [self.per_unit(-np.hypot(*np.meshgrid(across, across)), own) for own in units]}

    @staticmethod
    def per_unit(values, units):
        return np.bincount(units.of.ravel(), weights=values.ravel())

    def guess(self, answer):
        return answer

    def show(self, row):
        return {"image": "data:image/png;base64,", "target": None}

    def decision(self, answer):
        return str(answer)


class Texts:
    """Texts as numbers of words; a word is a unit."""

    name, ways = "toy-texts", ("mask", "remove")

    def __init__(self, words):
        self.words = words  # number -> word; 0 is the mask

    def units(self, row, example, processor):
        ends = np.cumsum([len(self.words[i]) + 1 for i in example["ids"]])
        places = tuple((int(end) - len(self.words[i]) - 1, int(end) - 1) for i, end in zip(example["ids"], ends, strict=True))
        return Units(np.arange(len(places)), places)

    def hide(self, example, units, hidden, way, processor):
        ids = example["ids"]
        return {"ids": np.where(hidden, 0, ids) if way == "mask" else ids[~hidden]}

    def surface(self, rows, examples, units, train):
        return {"length": [np.array([len(self.words[i]) for i in one["ids"]], dtype=float) for one in examples],
                "rarity": [np.array([-train[i] for i in one["ids"]], dtype=float) for one in examples],
                "first": [-np.arange(len(one["ids"]), dtype=float) for one in examples],
                "last": [np.arange(len(one["ids"]), dtype=float) for one in examples]}

    def guess(self, answer):
        return answer

    def show(self, row):
        return {"text": row["text"], "target": None}

    def decision(self, answer):
        return str(answer)


class TorchDoor:
    """A door to a module that takes (examples, height, width) pixels, or (examples, words, width) embeddings and a mask."""

    processor = None

    def __init__(self, task, model, embedding=None):
        self.task, self.model, self.embedding = task, model, embedding

    def logits(self, examples):
        if self.embedding is None:
            return self.model(torch.tensor(np.stack([one["pixels"] for one in examples]), dtype=torch.float32))
        longest = max(1, *(len(one["ids"]) for one in examples))
        ids = torch.full((len(examples), longest), -1)
        for i, one in enumerate(examples):
            ids[i, : len(one["ids"])] = torch.tensor(one["ids"])
        return self.model(self.embedding(ids.clamp(min=0)) * (ids >= 0)[:, :, None], (ids >= 0).sum(dim=1, keepdim=True))

    def log_prob(self, examples, targets):
        with torch.no_grad():
            return self.logits(examples).log_softmax(dim=1).gather(1, torch.tensor(targets)[:, None])[:, 0].double().numpy()

    def answers(self, examples):
        with torch.no_grad():
            return self.logits(examples).argmax(dim=1).tolist()

    def path_gradients(self, example, start, target, steps):
        field = "pixels" if self.embedding is None else "ids"
        a, b = torch.tensor(start[field]), torch.tensor(example[field])
        a, b = (a.float(), b.float()) if self.embedding is None else (self.embedding(a).detach(), self.embedding(b).detach())
        at = ((torch.arange(steps) + 0.5) / steps).view(-1, *[1] * a.dim())
        points = (a + at * (b - a)).requires_grad_()
        logits = self.model(points) if self.embedding is None else self.model(points, torch.full((steps, 1), len(b)))
        total = logits.log_softmax(dim=1)[:, target].sum()
        mean = torch.autograd.grad(total, points)[0].mean(dim=0) * (b - a)
        return (mean if self.embedding is None else mean.sum(dim=1)).double().numpy()


class Net(nn.Module):
    """Pixels -> 64 -> classes."""

    def __init__(self, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, pixels):
        return self.layers(pixels)


class Bag(nn.Module):
    """The mean of the words' vectors -> 32 -> classes."""

    def __init__(self, width, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 32), nn.Tanh(), nn.Linear(32, classes))

    def forward(self, vectors, lengths):
        return self.layers(vectors.sum(dim=1) / lengths.clamp(min=1))


def fit(parameters, loss, steps):
    """Adam for `steps` steps."""
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def subjects_of(task, door, examples, texts=None):
    """Subjects for what the model answers."""
    rows = [{"text": text} for text in texts] if texts else [{} for _ in examples]
    return [Subject(i, row, example, task.units(row, example, None), answer)
            for i, (row, example, answer) in enumerate(zip(rows, examples, door.answers(examples), strict=True))]


@dataclass
class Case:
    """What `explanation.weigh` asks of a case, about a model that lies in memory."""

    subjects: list
    near: TorchDoor
    far: TorchDoor
    train: object
    better_than_constant: tuple = (True, Quantity(value=0.5, low=0.4, high=0.6, n=60))
    seconds: float = 30.0
    wanted: int = 60
    show_rows: bool = True
    methods: tuple = ("integrated-gradients", "occlusion")
    seed: int = 0
    about: str = "test"
    of: dict = field(default_factory=lambda: {"run": "toy", "model": "sha256:0", "data": "sha256:0"})
    processor: object = None

    @property
    def task(self):
        return self.near.task

    @property
    def recipe(self):
        explanation = SimpleNamespace(methods=list(self.methods), rows=self.wanted)
        return SimpleNamespace(evidence=SimpleNamespace(explanation=explanation, show_rows=self.show_rows))

    @property
    def rows(self):
        table = {"text": [one.row.get("text", "") for one in self.subjects], FILE: ["toy.csv"] * len(self.subjects),
                 LINE: list(range(2, len(self.subjects) + 2))}
        return Rows(pa.table(table))

    def examples(self, indices):
        return [self.subjects[i].example for i in indices]

    def answers(self, indices):
        return [self.subjects[i].target for i in indices]

    def door(self):
        return self.near

    def twin(self):
        return self.far

    def signature(self, extra):
        return f"toy | {extra}"


@pytest.fixture(scope="session")
def digits():
    """A net that reads digits at some 97%, its twin with random weights, 60 judged pictures, and the training pictures."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    pictures, labels = (data.images / 16)[order], data.target[order]
    train, train_labels = pictures[:1400], torch.tensor(labels[:1400])
    torch.manual_seed(0)
    net, twin = Net(10), Net(10)
    inputs = torch.tensor(train, dtype=torch.float32)
    fit(net.parameters(), lambda: nn.functional.cross_entropy(net(inputs), train_labels), 150)
    task = Pictures(train.mean())
    door = TorchDoor(task, net)
    judged = [{"pixels": picture} for picture in pictures[1400:1460]]
    assert np.mean(np.array(door.answers(judged)) == labels[1400:1460]) > 0.9
    return SimpleNamespace(task=task, door=door, twin=TorchDoor(task, twin), counts=None, train=train, labels=train_labels.numpy(),
                           truth=labels[1400:1460], subjects=subjects_of(task, door, judged))


@pytest.fixture(scope="session")
def messages():
    """A bag of words that tells the built-in messages' labels, its twin, 60 judged texts, and the words' counts."""
    from steelyard.sources._messages import rows

    table = list(rows(seed=0))
    split = {"train": [], "test": []}
    for row in table:
        if row["split"] in split:
            split[row["split"]].append(row)
    words = ["?", *sorted({word for row in split["train"] for word in row["text"].lower().split()})]
    number = {word: i for i, word in enumerate(words)}
    labels = sorted({row["label"] for row in table})

    def ids(row):
        return np.array([number[word] for word in row["text"].lower().split() if word in number], dtype=np.int64)

    train = [{"ids": ids(row)} for row in split["train"]]
    counts = np.bincount(np.concatenate([one["ids"] for one in train]), minlength=len(words))
    torch.manual_seed(0)
    task = Texts(words)
    door, twin = (TorchDoor(task, Bag(16, len(labels)), nn.Embedding(len(words), 16)) for _ in range(2))
    targets = torch.tensor([labels.index(row["label"]) for row in split["train"]])
    fit([*door.model.parameters(), *door.embedding.parameters()],
        lambda: nn.functional.cross_entropy(door.logits(train), targets), 60)
    kept = [row for row in split["test"] if len(ids(row)) >= 4][:60]
    judged = [{"ids": ids(row)} for row in kept]
    right = np.mean([labels[a] == row["label"] for a, row in zip(door.answers(judged), kept, strict=True)])
    texts = [" ".join(words[i] for i in one["ids"]) for one in judged]
    return SimpleNamespace(task=task, door=door, twin=twin, counts=counts, right=right, subjects=subjects_of(task, door, judged, texts))


@pytest.fixture
def case_of():
    """set -> Case about it, with further fields changed."""
    return lambda of, **fields: Case(**{"subjects": of.subjects, "near": of.door, "far": of.twin, "train": of.counts} | fields)


@pytest.fixture(scope="session")
def planted():
    """kind, useful -> a trained set in which something is planted in each row: `planted` (rows,) is the number of its unit."""
    return lambda kind, useful, seed: _planted_words(useful, seed) if kind == "word" else _planted_patches(useful, seed)


def _planted_words(useful, seed):
    """12 fillers and one of two planted words somewhere; the label is the planted word, or else another pair of words."""
    rng = np.random.default_rng(seed)
    n, fillers = 1200, 60
    texts = rng.integers(5, 5 + fillers, (n, 14))
    where = np.stack([rng.permutation(14)[:2] for _ in range(n)])  # of the planted word, of the other pair's word
    pair, other = rng.integers(0, 2, n), rng.integers(0, 2, n)
    texts[np.arange(n), where[:, 0]], texts[np.arange(n), where[:, 1]] = 1 + pair, 3 + other
    labels = torch.tensor(pair if useful else other)
    torch.manual_seed(seed)
    task = Texts(["?", "yes", "no", "left", "right", *(f"w{i}" for i in range(fillers))])
    door, twin = (TorchDoor(task, Bag(16, 2), nn.Embedding(5 + fillers, 16)) for _ in range(2))
    examples = [{"ids": one} for one in texts]
    fit([*door.model.parameters(), *door.embedding.parameters()],
        lambda: nn.functional.cross_entropy(door.logits(examples[:1000]), labels[:1000]), 60)
    judged = examples[1000:]
    assert np.mean(np.array(door.answers(judged)) == labels[1000:].numpy()) > 0.95
    lines = [" ".join(task.words[i] for i in one["ids"]) for one in judged]
    return SimpleNamespace(task=task, door=door, twin=twin, counts=np.bincount(texts.ravel()), planted=where[1000:, 0],
                           decisive=where[1000:, 0 if useful else 1], subjects=subjects_of(task, door, judged, lines))


def _planted_patches(useful, seed):
    """Noise with two marks of 2 x 2 pixels, upright or lying, in two of 16 cells: the label hangs on the darker or the lighter one."""
    rng = np.random.default_rng(seed)
    n = 3000
    pictures = rng.random((n, 8, 8)) * 0.2
    where = np.stack([rng.permutation(16)[:2] for _ in range(n)])
    kinds = rng.integers(0, 2, (n, 2))
    marks = np.array([[[1.0, 0], [1, 0]], [[1, 1], [0, 0]]])
    for i in range(n):
        for which, strength in enumerate((1.0, -1.0)):
            y, x = divmod(where[i, which], 4)
            pictures[i, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = strength * marks[kinds[i, which]]
    labels = torch.tensor(kinds[:, 0 if useful else 1])
    torch.manual_seed(seed)
    net, twin = Net(2), Net(2)
    inputs = torch.tensor(pictures[:2800], dtype=torch.float32)
    fit(net.parameters(), lambda: nn.functional.cross_entropy(net(inputs), labels[:2800]), 300)
    task = Pictures(pictures[:2800].mean(), side=2)
    door = TorchDoor(task, net)
    judged = [{"pixels": picture} for picture in pictures[2800:]]
    assert np.mean(np.array(door.answers(judged)) == labels[2800:].numpy()) > 0.95
    return SimpleNamespace(task=task, door=door, twin=TorchDoor(task, twin), counts=None, planted=where[2800:, 0],
                           decisive=where[2800:, 0 if useful else 1], subjects=subjects_of(task, door, judged))
