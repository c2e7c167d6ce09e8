"""What the answers depend on: published only where it was shown to be so, refused with the figure otherwise.

A method's map of a row says how much each unit (word, patch) speaks for what the model answered. It is judged by
what hiding its top units costs the answer, against every control of `evidence/deletion.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard import catalog
from steelyard.evidence import deletion, words
from steelyard.evidence.deletion import Candidate, Line, Subject, Verdict
from steelyard.facts import Evidence, Finding, Quantity
from steelyard.language import Sentence, say
from steelyard.math.deletion import SHARES
from steelyard.math.intervals import mean
from steelyard.parts import Answer, Door, Explainer, Key, Row, Task, Units

if TYPE_CHECKING:
    from steelyard.evidence.case import Case

LEAST_ROWS = 20  # fewer say nothing with an interval worth its name
LEAST_UNITS = 3  # with fewer, nearly every map hides the same
SHOWN = 10
WORDS = 20
LEAST_OF_WORD = 3
LEAST_OF_BEST = 0.02
PILOTS = 4  # rows that are timed at most
CHOICES = 60  # about how many hidden variants of a row one method asks about under one way
HOW = "t 95% over rows"


@dataclass(frozen=True)
class Judged:
    """What was judged: the rows, and for each method its maps and the verdict.

    broken  method -> why its maps could not be judged at all
    """

    subjects: Sequence[Subject]
    maps: Mapping[str, Sequence[np.ndarray]]
    verdicts: Mapping[str, Verdict]
    broken: Mapping[str, Sentence]


def weigh(case: "Case") -> Evidence:
    """Explain a sample of the judged rows by every method of the recipe, and publish what beats every control."""
    started = perf_counter()
    settings = case.recipe.evidence.explanation
    better, difference = case.better_than_constant
    if not better:
        return _refusal(case, started, _no_better(difference))
    if not settings.methods or settings.rows < 1:
        return _refusal(case, started, say("no method or no row is asked for (evidence.explanation in the recipe)"))
    methods: dict[str, Explainer] = {name: catalog.load("explainers", name, "evidence.explanation.methods")() for name in settings.methods}
    subjects = _subjects(case, settings.rows)
    if len(subjects) < LEAST_ROWS:
        return _refusal(case, started, say(
            "only {n} rows have {units} pieces or more that can be hidden; {least} rows are the least for an interval",
            n=len(subjects), units=LEAST_UNITS, least=LEAST_ROWS))
    door, twin = case.door(), case.twin()
    each = _seconds_a_row(case, door, twin, methods, subjects)
    affordable = int((case.seconds - (perf_counter() - started)) / each)
    if affordable < LEAST_ROWS:
        return _refusal(case, started, say(
            "a row takes {each:.2g} s to explain and to judge, so {seconds:.0f} s are enough for {n} rows; {least} are the least",
            each=each, seconds=case.seconds, n=max(0, affordable), least=LEAST_ROWS))
    judged = _judge(case, door, twin, methods, subjects[:affordable])
    if not all(np.isfinite(line.difference) for verdict in judged.verdicts.values() for line in verdict.table):
        return _refusal(case, started, say("the model gives a log probability that is no finite number for some rows with hidden pieces"))
    return _document(case, started, judged, wanted=settings.rows)


def units_of(task: Task, row: Row, units: Units, scores: np.ndarray) -> list[dict[str, Any]]:
    """The map of one row for people: where each unit is, its score, and its text where the row is one."""
    text = task.show(row).get("text")
    found = []
    for place, score in zip(units.places, scores, strict=True):
        unit: dict[str, Any] = {"place": list(place), "score": float(score)}
        if text is not None and len(place) == 2:
            unit["text"] = text[place[0] : place[1]]
        found.append(unit)
    return found


def explain_row(door: Door, row: Row, example: Mapping[str, np.ndarray], answer: Answer, explainer: Explainer) -> list[dict[str, Any]]:
    """One row, by one method, unjudged: `units_of` its map for `answer`. A row without any unit gives an empty list."""
    units = door.task.units(row, example, door.processor)
    if not len(units):
        return []
    subject = Subject(0, row, example, units, door.task.guess(answer))
    return units_of(door.task, row, units, deletion.explain(explainer, door, [subject])[0])


# ---------------------------------------------------------------- what is judged

def _subjects(case: "Case", wanted: int) -> list[Subject]:
    """A seeded sample of the judged rows, in a drawn order, without those that have too few units."""
    rng = np.random.default_rng(Key(case.seed).number("explanation/rows"))
    chosen = rng.permutation(len(case.rows))[:wanted].tolist()
    subjects = []
    for index, example, answer in zip(chosen, case.examples(chosen), case.answers(chosen), strict=True):
        row = case.rows[index]
        units = case.task.units(row, example, case.processor)
        if len(units) >= LEAST_UNITS:
            subjects.append(Subject(index, row, example, units, case.task.guess(answer)))
    return subjects


def _ways(task: Task, explainer: Explainer) -> tuple[str, ...]:
    return tuple(way for number, way in enumerate(task.ways) if number != explainer.way)


def _seconds_a_row(case: "Case", door: Door, twin: Door, methods: Mapping[str, Explainer], subjects: Sequence[Subject]) -> float:
    """What one more row will take: the quickest of a few, for the first pays what is done only once, and neighbours disturb."""
    rng = np.random.default_rng(Key(case.seed).number("explanation/pilot"))
    taken: list[float] = []
    for subject in subjects[:PILOTS]:
        started = perf_counter()
        _pilot(case, door, twin, methods, subject, rng)
        taken.append(perf_counter() - started)
        if sum(taken) > case.seconds / 5:
            break
    return max(min(taken), 1e-6)


def _pilot(case: "Case", door: Door, twin: Door, methods: Mapping[str, Explainer], subject: Subject, rng: np.random.Generator) -> None:
    """About what explaining and judging one row asks of the model."""
    for explainer in methods.values():
        deletion.explain(explainer, door, [subject])
        deletion.explain(explainer, twin, [subject])
        for way in _ways(case.task, explainer):
            choices = rng.random((CHOICES, len(subject.units))) < 0.2
            examples = [case.task.hide(subject.example, subject.units, one, way, case.processor) for one in choices]
            door.log_prob(examples, [subject.target] * CHOICES)


def _judge(case: "Case", door: Door, twin: Door, methods: Mapping[str, Explainer], subjects: Sequence[Subject]) -> Judged:
    surfaces = case.task.surface([one.row for one in subjects], [one.example for one in subjects], [one.units for one in subjects],
                                 case.rows if case.train is None else case.train)
    candidates = {name: Candidate(deletion.explain(explainer, door, subjects), deletion.explain(explainer, twin, subjects),
                                  _ways(case.task, explainer)) for name, explainer in methods.items()}
    broken = {name: bad for name, candidate in candidates.items() if (bad := _unfinished(name, candidate))}
    whole = {name: candidate for name, candidate in candidates.items() if name not in broken}
    verdicts = deletion.judge(door, subjects, whole, surfaces, Key(case.seed).number("explanation/controls"))
    return Judged(subjects, {name: candidate.maps for name, candidate in candidates.items()}, verdicts, broken)


def _unfinished(method: str, candidate: Candidate) -> Sentence | None:
    """What is wrong with maps that have a score that is no finite number."""
    finite = [bool(np.isfinite(np.concatenate(both)).all()) for both in zip(candidate.maps, candidate.twin, strict=True)]
    if all(finite):
        return None
    return say("{method} is refused: it gave a score that is no finite number on {rows} of {n} rows",
               method=words.name(method), rows=finite.count(False), n=len(finite))


# ---------------------------------------------------------------- what is said

def beaten_by(method: str, line: Line) -> Sentence:
    """Why a method is refused: the control that it does not surely beat, and by how much."""
    values = {"method": words.name(method), "way": words.name(line.way), **_figures(line)}
    if line.control == "nothing":
        return say("{method} is refused: hiding what it points at ({way}) costs the answer {difference:.3g} nats "
                   "(95% {low:.3g} to {high:.3g}, {n} rows), not surely more than nothing", **values)
    return say("{method} is refused: hiding what it points at ({way}) costs the answer {difference:.3g} nats more "
               "(95% {low:.3g} to {high:.3g}, {n} rows) than hiding as much by {control}: that is not surely more",
               control=words.name(line.control), **values)


def _figures(line: Line) -> dict[str, float]:
    return {"difference": line.difference, "low": line.low, "high": line.high, "n": line.n}


def _outcome(method: str, verdict: Verdict) -> Sentence:
    line = verdict.worst()
    if not verdict.published:
        return beaten_by(method, line)
    return say("{method} is published: hiding what it points at costs the answer surely more than every control; "
               "the nearest is {control} ({way}): {difference:.3g} nats (95% {low:.3g} to {high:.3g}, {n} rows)",
               method=words.name(method), control=words.name(line.control), way=words.name(line.way), **_figures(line))


def _no_better(difference: Quantity) -> Sentence:
    if difference.value is None or difference.low is None or difference.high is None:
        return say("the model is not known to be better than a constant answer, so its answers are not explained")
    return say("the model is not surely better than a constant answer (difference {value:.3g}, 95% {low:.3g} to {high:.3g}, {n} rows), "
               "so its answers are not explained", value=difference.value, low=difference.low, high=difference.high, n=difference.n)


def _refusal(case: "Case", started: float, why: Sentence) -> Evidence:
    return Evidence(evidence="explanation", of=case.of, signature=case.signature("nothing was explained"),
                    seconds=perf_counter() - started, refused=why)


def _document(case: "Case", started: float, judged: Judged, wanted: int) -> Evidence:
    published = [name for name, verdict in judged.verdicts.items() if verdict.published]
    n = len(judged.subjects)
    tables = {name: [line.to_json() for line in verdict.table] for name, verdict in judged.verdicts.items()}
    details: dict[str, Any] = {"rows": n, "wanted": wanted, "methods": {
        name: {"published": name in published, "table": tables.get(name, [])} for name in judged.maps}}
    if published and case.recipe.evidence.show_rows:
        maps = judged.maps[published[0]]
        some = zip(judged.subjects[:SHOWN], maps[:SHOWN], strict=True)
        details["shown"] = [_shown(case, published[0], subject, scores) for subject, scores in some]
        details["words"] = _words(case, judged.subjects, maps)
    whys = {name: judged.broken.get(name) or _outcome(name, judged.verdicts[name]) for name in judged.maps}
    nearest = sorted(judged.verdicts, key=lambda name: judged.verdicts[name].worst().low)
    shares = "/".join(f"{share:.0%}" for share in SHARES)
    return Evidence(
        evidence="explanation", of=case.of, seconds=perf_counter() - started,
        signature=case.signature(f"deletion of the top {shares} of the units | {n} of {len(case.rows)} rows | target: what was answered"),
        quantities=dict(_quantities(judged)), details=details,
        findings=[Finding(f"explanation/{name}", "passed" if name in published else "inconclusive", why) for name, why in whys.items()],
        refused=None if published else whys[(nearest or list(whys))[-1]])


def _quantities(judged: Judged) -> Iterator[tuple[str, Quantity]]:
    for name, verdict in judged.verdicts.items():
        for way, effect in verdict.effects.items():
            value, low, high = (float(v) for v in mean(effect))
            yield f"{name}.{way}.effect", Quantity(value=value, low=low, high=high, n=len(effect), unit="nats", how=HOW, better="higher")
            line = verdict.worst(way)
            yield f"{name}.{way}.margin", Quantity(value=line.difference, low=line.low, high=line.high, n=line.n, unit="nats",
                                                   how=f"{HOW}, against {line.control}", better="higher")


def _shown(case: "Case", method: str, subject: Subject, scores: np.ndarray) -> dict[str, Any]:
    answer = next(iter(case.answers([subject.index])))
    return {"row": case.rows.origin(subject.index), "method": method, "answer": case.task.decision(answer) or case.task.line(answer, 3),
            "show": dict(case.task.show(subject.row)), "units": units_of(case.task, subject.row, subject.units, scores)}


def _words(case: "Case", subjects: Sequence[Subject], maps: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The words with the largest mean scores over all rows (absent: 0): {"word", "score", "rows"}; [] where there is no text.

    Only words that speak for the answers where they stand (95% lower bound above zero) in LEAST_OF_WORD rows or more: a word
    of one row says nothing of the whole, and may be a name. Twenty are chosen of many: each may be a chance find. What has
    less than LEAST_OF_BEST of the first word's score is not worth a line.
    """
    by_row: dict[str, dict[int, float]] = {}
    for subject, scores in zip(subjects, maps, strict=True):
        for unit in units_of(case.task, subject.row, subject.units, scores):
            if word := str(unit.get("text", "")).strip().casefold():
                own = by_row.setdefault(word, {})
                own[subject.index] = own.get(subject.index, 0.0) + unit["score"]
    scores_of = {word: np.array(list(own.values())) for word, own in by_row.items() if len(own) >= LEAST_OF_WORD}
    sure = {word: scores for word, scores in scores_of.items() if mean(scores)[1] > 0}
    best = sorted(sure, key=lambda word: -float(sure[word].sum()))[:WORDS]
    best = [word for word in best if sure[word].sum() >= LEAST_OF_BEST * sure[best[0]].sum()]
    return [{"word": word, "score": float(sure[word].sum()) / len(subjects), "rows": len(sure[word])} for word in best]
