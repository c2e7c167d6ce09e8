"""Rows whose label looks wrong: a simple model that never saw the row is sure of another one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.audits import _look as look
from steelyard.audits._words import words
from steelyard.facts import Finding, Quantity, unmeasured
from steelyard.language import say
from steelyard.math.intervals import wilson
from steelyard.parts import Audit, Splits

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CODE = "data/labels-that-look-wrong"
FOLDS = 5
LEAST_OF_CLASS = 10  # rows: of a smaller class a fold knows next to nothing, so its rows are left out
MOST_TEXTS, MOST_PICTURES, SIDE = 20_000, 4_000, 16  # beyond: a sample drawn by the seed; pictures are shrunk to SIDE x SIDE
SURE = 0.6  # how much likelier the other label must be than the given one
SUREST = 0.25  # of the rows of each answer: there a clean set agrees but for 0 to 1% (digits, MNIST, TREC), and labels that are turned
# round in 3% of the rows cost 3 points; over all rows, hard and wrong cannot be told apart
GOOD = 0.85  # mean accuracy per class of the simple model below which its doubts are mostly its own faults
MANY = 0.01  # share of the surest rows that disagree, at the interval's lower end, from which it is an issue


@dataclass(frozen=True)
class Sample:
    """The rows that are looked at: split and place of each, its label as a number, its fold and its features."""

    names: list[str]
    split: np.ndarray
    place: np.ndarray
    label: np.ndarray
    classes: list[str]
    fold: np.ndarray


class Labels(Audit):
    """Which labels would a model that did not see the row dispute?"""

    name = "labels"
    help = "rows whose label a simple model, that did not see them, is sure to be another (confident learning)"

    def ask(self, splits: Splits) -> list[Finding]:
        """One finding over all splits; details: `doubts` [{row, label, rather, margin}], the simple model's figure, the sample's size.

        Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068, section 3: a row is in doubt where another class reaches that
        class's mean self-confidence. Ours asks besides for a margin of SURE. It is an issue by how often labels disagree where the
        model is surest; a weak model cannot say.
        """
        kinds = {column.kind for column in splits.inputs()}
        if look.label_column(splits) is None:
            return [Finding(CODE, "not applicable", say("the targets are no labels: a simple classifier cannot doubt them"))]
        if not kinds & {"text", "image"}:
            return [Finding(CODE, "not applicable", say("no input is a text or a picture: no simple model can doubt labels"))]
        sample, known = _sample(splits, MOST_TEXTS if "text" in kinds else MOST_PICTURES)
        if len(sample.classes) < 2:
            return [Finding(CODE, "not applicable", say("fewer than two labels have {least} rows to learn from", least=LEAST_OF_CLASS))]
        features = _texts(splits, sample) if "text" in kinds else _pictures(splits, sample)
        return [_judge(splits, sample, _out_of_fold(features, sample), known)]


def _sample(splits: Splits, most: int) -> tuple[Sample, int]:
    """Labelled, not empty rows of all splits, at most `most`; and how many there are."""
    names = look.order(splits)
    label = np.concatenate([look.labels(splits, name) for name in names] or [np.zeros(0, object)])
    split = np.concatenate([np.full(len(splits.rows[name]), number) for number, name in enumerate(names)] or [np.zeros(0, int)])
    place = np.concatenate([np.arange(len(splits.rows[name])) for name in names] or [np.zeros(0, int)])
    same = np.concatenate([look.keys(splits, name).same for name in names] or [np.zeros(0, np.uint64)])
    empty = np.concatenate([look.keys(splits, name).empty for name in names] or [np.zeros(0, bool)])
    chosen = (~empty & np.array([one is not None for one in label], dtype=bool)).nonzero()[0]
    known = len(chosen)
    if known > most:
        chosen = np.sort(np.random.default_rng(splits.seed).choice(chosen, most, replace=False))
    classes, counts = np.unique(label[chosen].astype(str), return_counts=True)
    classes = classes[counts >= LEAST_OF_CLASS]
    chosen = chosen[np.isin(label[chosen].astype(str), classes)]
    number = np.searchsorted(classes, label[chosen].astype(str)) if len(classes) else np.zeros(0, int)
    fold = (same[chosen] % np.uint64(FOLDS)).astype(np.int64)  # a row and its repetition are never on two sides
    return Sample(names, split[chosen], place[chosen], number, [str(name) for name in classes], fold), known


def _texts(splits: Splits, sample: Sample) -> "csr_matrix":
    from sklearn.feature_extraction.text import TfidfVectorizer

    columns = [column.name for column in splits.inputs() if column.kind == "text"]
    texts = [" ".join(str(row[name] or "") for name in columns) for row in _rows(splits, sample, columns)]
    return TfidfVectorizer(analyzer=words, min_df=2, sublinear_tf=True, dtype=np.float32).fit_transform(texts)


def _rows(splits: Splits, sample: Sample, columns: list[str]) -> Any:
    for number, name in enumerate(sample.names):
        for block in look.blocks(splits.rows[name].select(sample.place[sample.split == number]), columns):
            yield from block


def _pictures(splits: Splits, sample: Sample) -> np.ndarray:
    """(rows, SIDE * SIDE * 3) float32 in [-2, 2], of mean 0."""
    from io import BytesIO

    from PIL import Image

    column = next(column.name for column in splits.inputs() if column.kind == "image")
    pixels = np.empty((len(sample.label), SIDE * SIDE * 3), dtype=np.float32)
    for place, row in enumerate(_rows(splits, sample, [column])):
        with Image.open(BytesIO(row[column])) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        pixels[place] = np.asarray(small, dtype=np.float32).ravel() / 127.5
    centred: np.ndarray = pixels - pixels.mean(axis=0)  # the fit takes a tenth of the steps
    return centred


def _out_of_fold(features: Any, sample: Sample) -> np.ndarray:
    """(rows, classes) probabilities from a logistic regression fitted on the other folds."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    probs = np.zeros((len(sample.label), len(sample.classes)))
    for fold in range(FOLDS):
        held = sample.fold == fold
        if not held.any() or len(np.unique(sample.label[~held])) < 2:
            continue
        dense = isinstance(features, np.ndarray)
        with threadpool_limits(1):  # threads of so small products wait for each other: 45 times slower
            model = LogisticRegression(C=0.1 if dense else 10.0, max_iter=200, tol=1e-3).fit(features[~held], sample.label[~held])
        probs[np.ix_(held, model.classes_)] = model.predict_proba(features[held])
    return probs


def doubts(probs: np.ndarray, label: np.ndarray, least_margin: float = SURE) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) int64 the class that a row seems to be instead, -1 where there is no doubt; (rows,) float the margin.

    probs  (rows, classes) of a model that did not see the row; label (rows,) int64. A class is confident in a row where its
    probability reaches the class's mean over the rows that bear its label; the likeliest of those, if not the given one, is it.
    """
    rows, classes = probs.shape
    own = probs[np.arange(rows), label]
    means = np.array([own[label == number].mean() if (label == number).any() else np.inf for number in range(classes)])
    confident = np.where(probs >= means, probs, -1.0)
    rather = confident.argmax(axis=1)
    margin = probs[np.arange(rows), rather] - own
    wrong = (confident.max(axis=1) >= 0) & (rather != label) & (margin >= least_margin)
    return np.where(wrong, rather, -1), margin


def surest(probs: np.ndarray, share: float = SUREST) -> np.ndarray:
    """(rows,) bool: of the rows of each answer the `share` with the highest probability; probs (rows, classes)."""
    answer, sure = probs.argmax(axis=1), np.zeros(len(probs), dtype=bool)
    for number in range(probs.shape[1]):
        rows = (answer == number).nonzero()[0]
        sure[rows[np.argsort(-probs[rows, number], kind="stable")[: int(len(rows) * share)]]] = True
    return sure


def _judge(splits: Splits, sample: Sample, probs: np.ndarray, known: int) -> Finding:
    rather, margin = doubts(probs, sample.label)
    right, sure = probs.argmax(axis=1) == sample.label, surest(probs)
    per_class = float(np.mean([right[sample.label == number].mean() for number in np.unique(sample.label)]))
    off, of_sure = int((sure & ~right).sum()), int(sure.sum())
    low, high = wilson(off, of_sure)
    disagree = unmeasured(say("no row is left"))
    if of_sure:
        disagree = Quantity(value=off / of_sure, low=low, high=high, n=of_sure, how="Wilson 95%")
    ranked = sorted((rather >= 0).nonzero()[0].tolist(), key=lambda row: (-margin[row], row))
    shown = [{"row": _origin(splits, sample, row), "split": sample.names[sample.split[row]], "label": sample.classes[sample.label[row]],
              "rather": sample.classes[rather[row]], "margin": round(float(margin[row]), 3)} for row in ranked[: look.SHOWN]]
    details = {"doubts": shown, "rows": len(ranked), "of": len(sample.label), "known": known, "disagree": disagree.to_json(),
               "mean_accuracy_per_class": per_class,
               "per_split": {name: int((sample.split[ranked] == place).sum()) for place, name in enumerate(sample.names)}}
    rows = [str(one["row"]) for one in shown]
    values = {"n": len(ranked), "of": len(sample.label), "per_class": per_class, "share": disagree.value}
    if per_class < GOOD or disagree.value is None:
        return Finding(CODE, "inconclusive", say("a simple model that did not see the rows is right in {per_class:.0%} of a class's "
                                                 "rows on average: too few for its doubts about {n} of {of} labels to count",
                                                 **values), rows, details)
    if low >= MANY:
        return Finding(CODE, "issue", say("where a simple model that did not see the rows is surest, {share:.1%} of the labels say "
                                          "something else; {n} of {of} labels look wrong: look at the first",
                                          **values), rows, details)
    return Finding(CODE, "passed", say("where a simple model that did not see the rows is surest, {share:.1%} of the labels say "
                                       "something else; {n} of {of} labels look wrong",
                                       **values), rows, details)


def _origin(splits: Splits, sample: Sample, row: int) -> str:
    return splits.rows[sample.names[sample.split[row]]].origin(int(sample.place[row]))


PART = Labels
