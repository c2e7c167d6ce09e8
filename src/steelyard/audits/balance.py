"""How many rows each class has, in each split."""

from collections import Counter

from steelyard.audits import _look as look
from steelyard.facts import Finding, Quantity
from steelyard.language import say
from steelyard.math.intervals import newcombe
from steelyard.parts import Audit, Splits

SIZES, SHARES, SHIFT = "data/class-sizes", "data/class-shares", "data/class-shares-across-splits"
FEW = 10  # rows of a class in train: fewer teach little, and in a set that is judged say little
DOMINANT = 0.9  # a share of one class above which being right often means little
SURE, LARGE = 0.001, 0.05  # a shift is called one where chance is ruled out and some class's share moved by 5 points


class Balance(Audit):
    """Are the classes large enough, not one of them nearly everything, and alike in every split?"""

    name = "balance"
    help = "rows per class and split: too few, one class nearly everything, other shares in test than in train"

    def ask(self, splits: Splits) -> list[Finding]:
        """Three findings; details: `counts` {split: {class: rows}}."""
        if look.label_column(splits) is None:
            why = say("the targets are no labels: there are no classes to count")
            return [Finding(code, "not applicable", why) for code in (SIZES, SHARES, SHIFT)]
        counts = {split: Counter(str(label) for label in look.labels(splits, split) if label is not None) for split in look.order(splits)}
        classes = sorted({label for counter in counts.values() for label in counter})
        table = {split: {label: counter[label] for label in classes} for split, counter in counts.items() if counter}
        return [_sizes(table), _dominance(splits, table), _shift(splits, table)]


def _sizes(table: dict[str, dict[str, int]]) -> Finding:
    few = {split: {label: rows for label, rows in counts.items() if rows < FEW} for split, counts in table.items()}
    few = {split: labels for split, labels in few.items() if labels}
    details = {"counts": table, "few": few, "least": FEW}
    if not few:
        return Finding(SIZES, "passed", say("every class has {least} rows or more in every split", least=FEW), details=details)
    split, labels = next(iter(few.items()))
    label = min(labels, key=lambda one: labels[one])
    number = sum(map(len, few.values()))
    return Finding(SIZES, "issue", say('"{label}" has only {rows} rows in {split}; {n} classes of a split in all have fewer than {least}: '
                                       'little can be learnt or said about them',
                                       label=label, rows=labels[label], split=split, n=number, least=FEW), details=details)


def _dominance(splits: Splits, table: dict[str, dict[str, int]]) -> Finding:
    about = look.judged(splits)
    about = about if about in table else next(iter(table), None)
    if about is None:
        return Finding(SHARES, "not applicable", say("no row has a label"))
    counts = table[about]
    total, label = sum(counts.values()), max(counts, key=lambda one: counts[one])
    share = counts[label] / total
    details = {"about": about, "largest": label, "share": share}
    values = {"label": label, "share": share, "split": about}
    if share > DOMINANT:
        return Finding(SHARES, "issue", say('"{label}" is {share:.1%} of {split}: answering it always is right that often; look at the '
                                            'other classes, not at accuracy',
                                            **values), details=details)
    return Finding(SHARES, "passed", say('the largest class, "{label}", is {share:.1%} of {split}', **values), details=details)


def _shift(splits: Splits, table: dict[str, dict[str, int]]) -> Finding:
    about = look.judged(splits)
    if "train" not in table or about not in table:
        return Finding(SHIFT, "not applicable", say("there are not two splits with labels to compare"))
    ours, theirs = table[about], table["train"]
    n_ours, n_theirs = sum(ours.values()), sum(theirs.values())
    moved = max(ours, key=lambda one: abs(ours[one] / n_ours - theirs[one] / n_theirs))
    there, here = theirs[moved] / n_theirs, ours[moved] / n_ours
    low, high = newcombe(ours[moved], n_ours, theirs[moved], n_theirs)
    chance = _chance(list(ours.values()), list(theirs.values()))
    moved_by = Quantity(value=here - there, low=low, high=high, n=n_ours, how="Newcombe 95%")
    details = {"about": about, "class": moved, "difference": moved_by.to_json(), "p": chance}
    values = {"label": moved, "there": there, "here": here, "split": about}
    if chance < SURE and abs(here - there) >= LARGE:
        return Finding(SHIFT, "issue", say('the shares of the classes differ: "{label}" is {there:.1%} of train and {here:.1%} of '
                                           '{split}, more than chance explains', **values), details=details)
    return Finding(SHIFT, "passed", say('no share of a class moves much between train and {split}; the most does "{label}", from '
                                        '{there:.1%} to {here:.1%}', **values), details=details)


def _chance(ours: list[int], theirs: list[int]) -> float:
    """p of Pearson's chi-square test that both counts come from the same shares; classes that expect fewer than 5 rows together."""
    from scipy.special import chdtrc

    total = sum(ours) + sum(theirs)
    least = min(sum(ours), sum(theirs)) / total
    large = [(a, b) for a, b in zip(ours, theirs, strict=True) if (a + b) * least >= 5]
    small = [(a, b) for a, b in zip(ours, theirs, strict=True) if (a + b) * least < 5]
    cells = large + ([(sum(a for a, _ in small), sum(b for _, b in small))] if small else [])
    cells = [(a, b) for a, b in cells if a + b]
    if len(cells) < 2:
        return 1.0
    share = sum(ours) / total
    statistic = sum((a - (a + b) * share) ** 2 / ((a + b) * share * (1 - share)) for a, b in cells)  # both splits' terms in one
    return float(chdtrc(len(cells) - 1, statistic))


PART = Balance
