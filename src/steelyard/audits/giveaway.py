"""A word, or a column that the model does not read, from which alone the label can be told."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.audits import _look as look
from steelyard.audits._words import words
from steelyard.facts import Finding
from steelyard.language import say
from steelyard.math.intervals import wilson
from steelyard.parts import Audit, Splits
from steelyard.rows import FILE, LINE

WORD, COLUMN = "data/word-gives-label-away", "data/column-gives-label-away"
SUPPORT = 20  # rows that hold a cue: fewer prove nothing
PRECISION, CERTAIN = 0.98, 0.9  # the share of a cue's rows that are of its label, and the least lower end of its interval
COVERED = 0.5  # the share of a label's rows that hold the cue (for a column: of all rows): what is rarer carries no score
MOST_ROWS = 50_000  # of a split; beyond, a sample drawn by the seed
BINS, LEAST_OF_BIN = 20, 50  # of a column of numbers, and the fewest rows of a bin: 35 that agree are needed for CERTAIN


@dataclass(frozen=True)
class Cue:
    """How far one cue (a word; all telling values of a column) tells the label, in train and in the judged split."""

    cue: str
    label: str
    precision: dict[str, float]
    coverage: dict[str, float]
    rows: dict[str, int]

    @property
    def strength(self) -> float:
        """The smaller coverage: a cue must stand in every split to carry a score."""
        return min(self.coverage.values())

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"cue": self.cue, "label": self.label, "precision": self.precision, "coverage": self.coverage, "rows": self.rows}


@dataclass(frozen=True)
class Sample:
    """Some rows of one split: their places in it, their labels, and the rows of each label."""

    split: str
    places: np.ndarray
    labels: np.ndarray
    of_label: Counter[str]


class Giveaway(Audit):
    """Is there a word, or a column beside the inputs, that tells the label nearly always?"""

    name = "giveaway"
    help = "a word or a column from which alone the label can be told"

    def ask(self, splits: Splits) -> list[Finding]:
        """Two findings. An issue is a cue with precision >= 0.98 in train and test that covers half of a label's rows (of all, for a
        column); what is weaker passes, the strongest in the details: that "who" asks for a person is no fault.
        """
        if look.label_column(splits) is None:
            why = say("the targets are no labels: no word can give one away")
            return [Finding(code, "not applicable", why) for code in (WORD, COLUMN)]
        about = look.judged(splits)
        samples = [_sample(splits, split) for split in dict.fromkeys(name for name in ("train", about) if name in look.order(splits))]
        samples = [sample for sample in samples if len(sample.places)]
        if not samples or len(samples[0].of_label) < 2:
            return [Finding(code, "not applicable", say("there are not two labels to tell apart")) for code in (WORD, COLUMN)]
        return [_words(splits, samples), _columns(splits, samples)]


def _sample(splits: Splits, split: str) -> Sample:
    labels = look.labels(splits, split)
    places = np.array([place for place, label in enumerate(labels) if label is not None], dtype=np.int64)
    if len(places) > MOST_ROWS:
        places = np.sort(np.random.default_rng(splits.seed).choice(places, MOST_ROWS, replace=False))
    return Sample(split, places, labels[places], Counter(labels[places].tolist()))


def _words(splits: Splits, samples: list[Sample]) -> Finding:
    columns = [column.name for column in splits.inputs() if column.kind == "text" and column.name in splits.rows[samples[0].split].names]
    if not columns:
        return Finding(WORD, "not applicable", say("no input is text"))
    counts = [_count(sample, (_set_of(row, columns) for row in _rows(splits, sample, columns))) for sample in samples]
    cues = [cue for word in counts[0] if (cue := _cue(word, samples, counts)) is not None]
    cues.sort(key=lambda cue: (-cue.strength, cue.cue.isdigit(), cue.cue))
    details = {"strongest": [cue.to_json() for cue in cues[:5]], "sampled": {sample.split: len(sample.places) for sample in samples}}
    if not cues:
        return Finding(WORD, "passed", say("no word tells a label nearly always"), details=details)
    values = {"word": cues[0].cue, "label": cues[0].label, "coverage": cues[0].strength}
    if cues[0].strength < COVERED:
        return Finding(WORD, "passed", say('no word gives a label away; the strongest, "{word}", stands in {coverage:.0%} of the rows '
                                           'labelled "{label}" and in hardly any other',
                                           **values), details=details)
    return Finding(WORD, "issue", say('the word "{word}" stands in {coverage:.0%} of the rows labelled "{label}" and in hardly any '
                                      'other: a model can answer from it alone; will it be there in use?',
                                      **values), _seen(splits, samples[-1], cues[0], columns), details)


def _set_of(row: dict[str, Any], columns: list[str]) -> set[str]:
    return {word for name in columns for word in words(str(row[name] or ""))}


def _rows(splits: Splits, sample: Sample, names: list[str]) -> Iterable[dict[str, Any]]:
    for block in look.blocks(splits.rows[sample.split].select(sample.places), names):
        yield from block


def _seen(splits: Splits, sample: Sample, cue: Cue, columns: list[str]) -> list[str]:
    """Origins of the first rows that hold the cue."""
    places = []
    for place, row in zip(sample.places, _rows(splits, sample, columns), strict=True):
        if cue.cue in _set_of(row, columns):
            places.append(int(place))
            if len(places) == look.SHOWN:
                break
    return look.origins(splits.rows[sample.split], places)


Counts = dict[str, Counter[str]]  # cue -> label -> rows


def _count(sample: Sample, cues_of_rows: Iterable[Iterable[str]]) -> Counts:
    found: Counts = defaultdict(Counter)
    for cues, label in zip(cues_of_rows, sample.labels, strict=True):
        for cue in cues:
            found[cue][label] += 1
    return found


def _telling(counter: Counter[str], of_label: Counter[str]) -> str | None:
    """The label that a cue with these rows tells nearly always, if there is one: at least half of what is unsure without it is gone."""
    rows = counter.total()
    label, most = max(counter.items(), key=lambda item: (item[1], item[0]))
    if rows < SUPPORT or most < PRECISION * rows:
        return None
    low, _ = wilson(most, rows)
    return label if low >= max(CERTAIN, (1 + of_label[label] / of_label.total()) / 2) else None


def _cue(word: str, samples: list[Sample], counts: list[Counts]) -> Cue | None:
    """One word's strength where it tells in train, and nothing in the judged split speaks against it."""
    label = _telling(counts[0][word], samples[0].of_label)
    return None if label is None else _measured(word, label, {word: label}, samples, counts)


def _measured(name: str, label: str, label_of: dict[str, str], samples: list[Sample], counts: list[Counts],
              of_all: bool = False) -> Cue | None:
    """Rows, precision and coverage (of the label's rows, or of all) in each split, of cues that tell; None where one contradicts."""
    rows, precision, coverage = {}, {}, {}
    for sample, found in zip(samples, counts, strict=True):
        rows[sample.split] = sum(found[cue].total() for cue in label_of if cue in found)
        right = sum(found[cue][told] for cue, told in label_of.items() if cue in found)
        if right < PRECISION * rows[sample.split]:
            return None
        precision[sample.split] = right / max(1, rows[sample.split])
        coverage[sample.split] = right / max(1, len(sample.labels) if of_all else sample.of_label[label])
    return Cue(name, label, precision, coverage, rows)


def _columns(splits: Splits, samples: list[Sample]) -> Finding:
    known = {column.name for column in splits.columns}
    names = [name for name in splits.rows[samples[0].split].names if name not in known and name not in (FILE, LINE)]
    names = [name for name in names if all(name in splits.rows[sample.split].names for sample in samples)]
    if not names:
        return Finding(COLUMN, "not applicable", say("there is no column beside the inputs and the label"))
    cues = [cue for name in names if (cue := _column(splits, samples, name)) is not None]
    cues.sort(key=lambda cue: (-cue.strength, cue.cue))
    sampled = {sample.split: len(sample.places) for sample in samples}
    details = {"asked": names, "strongest": [cue.to_json() for cue in cues[:5]], "sampled": sampled}
    strong = [cue for cue in cues if cue.strength >= COVERED]
    if not strong:
        return Finding(COLUMN, "passed", say("none of the columns beside the inputs tells the label: "
                                             "{names}", names=", ".join(names)), details=details)
    return Finding(COLUMN, "issue", say('the column "{column}" tells the label of {coverage:.0%} of the rows: the model does not read '
                                        'it, but whatever shows it in the inputs gives the label away',
                                        column=strong[0].cue, coverage=strong[0].strength), details=details)


def _column(splits: Splits, samples: list[Sample], name: str) -> Cue | None:
    """A column as a cue: its coverage is the share of all rows whose value tells its label."""
    cells = _cells(splits, samples, name)
    counts = [_count(sample, ([cell] for cell in column)) for sample, column in zip(samples, cells, strict=True)]
    label_of = {cell: label for cell, counter in counts[0].items() if (label := _telling(counter, samples[0].of_label)) is not None}
    told = ", ".join(sorted(set(label_of.values()))[:6])
    return _measured(name, told, label_of, samples, counts, of_all=True) if label_of else None


def _cells(splits: Splits, samples: list[Sample], name: str) -> list[list[str]]:
    """The column's values; numbers that hardly repeat in bins (a table sorted by label), other names by their letters ("pos_0123")."""
    columns = [[str(row[name]) if row[name] is not None else "" for row in _rows(splits, sample, [name])] for sample in samples]
    if len(set(columns[0])) <= len(columns[0]) / SUPPORT:
        return columns
    numbers = [[_number(value) for value in column] for column in columns]
    if all(number is not None for column in numbers for number in column):
        bins = max(1, min(BINS, len(numbers[0]) // LEAST_OF_BIN))
        edges = np.unique(np.quantile(np.array(numbers[0], dtype=np.float64), np.linspace(0, 1, bins + 1)[1:-1]))
        return [[str(place) for place in np.searchsorted(edges, np.array(column, dtype=np.float64), side="right")] for column in numbers]
    return [[" ".join(word for word in words(value) if not word.isdigit()) for value in column] for column in columns]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


PART = Giveaway
