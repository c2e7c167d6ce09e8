"""Five sentences: how often right, the bill, what answers depend on, the worst group, what cannot be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits
from steelyard.report.chapter import Chapter, Notice, Table, Text, intervals, join
from steelyard.report.material import Material, entries, mapping, quantity
from steelyard.report.names import name
from steelyard.report.texts import shorten

LEAK = "data/duplicates-across-splits"


@dataclass(frozen=True)
class Said:
    """One of the five: the question, and the sentences that answer it."""

    ask: Sentence
    text: list[Text]
    stale: bool = False


def view(material: Material) -> Chapter:
    """The five sentences, and ours beside the counterweights."""
    remarks = [Notice("stale", say("Sentences marked as stale were measured on another model or other data than this run holds now."))
               ] if material.stale else []
    return Chapter("summary", say("In five sentences"), {"said": five(material), "table": weights(material)}, remarks)


def five(material: Material) -> list[Said]:
    """Question and answer; a terminal prints them too."""
    return [
        Said(say("How often is it right?"), right(material), "quality" in material.stale),
        Said(say("What did it cost?"), cost(material), "cost" in material.stale),
        Said(say("What do its answers depend on?"), dependence(material), "explanation" in material.stale),
        Said(say("Whom does it fail most?"), worst_group(material), "bias" in material.stale),
        Said(say("What cannot be said?"), unsaid(material)),
    ]


def metric_of(document: Evidence) -> str:
    """The measure that is compared with the counterweights."""
    return str(document.details.get("metric") or next(iter(document.quantities), "accuracy"))


def best_counterweight(document: Evidence) -> tuple[str, Quantity, Quantity | None] | None:
    """The strongest one: its name, its value, and ours minus its."""
    metric = metric_of(document)
    ours = document.quantities.get(metric)
    found = [(weight, q[metric], q.get("difference")) for weight, q in document.counterweights.items()
             if metric in q and q[metric].value is not None]
    if not found:
        return None
    sign = -1 if ours is not None and ours.better == "lower" else 1
    return max(found, key=lambda item: sign * (item[1].value or 0.0))


def right(material: Material) -> list[Text]:
    """How often it is right, what the strongest counterweight makes of the same rows, and what leaked rows add."""
    return [*_compared_with_counterweights(material), *_leaked(material)]


def _leaked(material: Material) -> list[Text]:
    """The score without the judged rows that stand in other splits too, where there are any."""
    document = material.answered("data")
    found = next((finding for finding in document.findings if finding.code == LEAK and finding.outcome == "issue"),
                 None) if document else None
    without = quantity(found.details.get("without")) if found else None
    if without is None or without.value is None:
        return []
    return [say("Without the rows that stand in other splits too it is {figure}.", figure=digits.full(without))]


def _compared_with_counterweights(material: Material) -> list[Text]:
    document = material.answered("quality")
    if document is None:
        return _absent(material, "quality")
    metric = metric_of(document)
    ours = document.quantities.get(metric)
    if ours is None or ours.value is None:
        return [digits.full(ours) if ours else say("not measured")]
    values = {"figure": digits.full(ours), "set": name(material.about)}
    said: list[Text] = [say("It is right in {figure}, on the set “{set}”.", **values) if metric == "accuracy"
                        else say("Its {metric} is {figure}, on the set “{set}”.", metric=name(metric), **values)]
    if (spread := digits.over_seeds(ours)) is not None:
        said.append(say("Trained anew with other seeds: {spread}.", spread=spread))
    best = best_counterweight(document)
    if best is None:
        return [*said, say("It was not held against any counterweight.")]
    weight, theirs, difference = best
    values = {"weight": name(weight), "figure": digits.brief(theirs)}
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return [*said, say("The best simple model, {weight}, reaches {figure}.", **values)]
    values["gap"] = digits.gap(difference)
    low, high = sorted((difference.low, difference.high)) if ours.better != "lower" else sorted((-difference.high, -difference.low))
    if low > 0:
        return [*said, say("That is better than the best simple model, {weight}, with {figure}: the difference is {gap}.", **values)]
    if high < 0:
        return [*said, say("That is worse than a simple model, {weight}, with {figure}: the difference is {gap}.", **values)]
    return [*said, say("It is not shown to be better than a simple model, {weight}, with {figure}: the difference is {gap}.", **values)]


def cost(material: Material) -> list[Text]:
    """Time and memory, then what is only modelled."""
    document = material.answered("cost")
    if document is None:
        return _absent(material, "cost")
    figures = {**document.quantities}
    for key, value in mapping(document.details.get("measured")).items():
        if (q := quantity(value)) is not None:
            figures.setdefault(key, q)
    said: list[Text] = []
    time, memory = figures.get("time"), figures.get("memory")
    if time is not None and time.value is not None and memory is not None and memory.value is not None:
        said.append(say("Training took {time} and at most {memory} of memory{machine}.", time=digits.value(time),
                        memory=digits.value(memory), machine=_machine(material)))
    elif time is not None and time.value is not None:
        said.append(say("Training took {time}{machine}.", time=digits.value(time), machine=_machine(material)))
    elif memory is not None and memory.value is not None:
        said.append(say("It needed at most {memory} of memory{machine}.", memory=digits.value(memory), machine=_machine(material)))
    modelled = [say("{what} {figure}", what=name(key), figure=digits.ends(q) or digits.value(q)) for key, q in figures.items()
                if key in ("energy", "money", "co2") and (q.value is not None or q.low is not None)]
    if modelled:
        said.append(say("Modelled, not metered: {figures}.", figures=join(modelled)))
    return said or [say("Nothing about its cost was measured.")]


def _absent(material: Material, question: str) -> list[Text]:
    why = material.absence(question)
    return [say("Refused: {why}", why=why) if material.document(question) else say("Open: {why}", why=why)] if why else []


def _machine(material: Material) -> Text:
    machine = material.section("machine")
    found = next((machine[key] for key in ("processor", "cpu", "name", "gpu") if machine.get(key)), None)
    return say(", on {machine}", machine=shorten(found, 80)) if found else ""


def dependence(material: Material) -> list[Text]:
    """What beat every control, or why nothing is published."""
    document = material.document("explanation")
    if document is None or document.refused is not None:
        return _absent(material, "explanation")
    methods = [method for method, found in mapping(document.details.get("methods")).items() if mapping(found).get("published")]
    if not methods:
        return [say("No method showed what the answers depend on.")]
    said: list[Text] = []
    words = [shorten(entry.get("word"), 40) for entry in entries(document.details.get("words"))][:6]
    if words and material.shows_rows:
        said.append(say("Most on these words: {words}.", words=", ".join(words)))
    margins = [q for key, q in document.quantities.items() if key.startswith(f"{methods[0]}.") and key.endswith(".margin")
               and q.value is not None]
    if margins:
        least = min(margins, key=lambda q: q.value or 0.0)
        said.append(say("Hiding what {method} points at costs the answer {figure} of log probability more than the strongest control does.",
                        method=name(methods[0]), figure=digits.brief(least)))
    return said or [say("{methods} beat every control.", methods=join([name(method) for method in methods]))]


def worst_group(material: Material) -> list[Text]:
    """The group with the highest error rate, and whether that is more than chance."""
    document = material.answered("bias")
    if document is None:
        return _absent(material, "bias")
    worst = mapping(document.details.get("worst"))
    error = quantity(worst.get("error"))
    if not worst or error is None:
        return [say("No group could be assessed.")]
    if error.value == 0:
        return [say("No answer is wrong in any group that was assessed; that is not to say that none would be on further rows.")]
    column, group = shorten(worst.get("column"), 60), shorten(worst.get("group"), 60)
    said: list[Text] = [say("{column} = {group}: wrong in {figure}.", column=column, group=group, figure=digits.full(error))]
    compared = _compared(document, worst)
    difference = quantity(compared.get("difference"))
    if compared.get("outcome") == "issue" and difference is not None:
        said.append(say("That is worse than all other rows by {gap}, and more than chance.", gap=digits.gap(difference)))
    elif compared.get("outcome") == "inconclusive":
        said.append(say("These rows are too few to tell that from chance."))
    issues = sum(finding.outcome == "issue" for finding in document.findings) - (compared.get("outcome") == "issue")
    if issues:
        said.append(say("Further differences between groups that are more than chance: {n}.", n=issues))
    elif compared.get("outcome") != "issue":
        said.append(say("No difference between groups was shown to be more than chance; that is not to say that there is none."))
    return said


def _compared(document: Evidence, worst: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the worst group's error rate compares with that of all others: difference and outcome."""
    groups = entries(mapping(document.details.get("columns")).get(str(worst.get("column"))))
    entry = next((group for group in groups if group.get("group") == worst.get("group")), {})
    return mapping(mapping(entry.get("compared")).get("error"))


def unsaid(material: Material) -> list[Text]:
    """What this run leaves open: refusals, what was not asked, what rests on one seed or on a model of the cost."""
    said: list[Text] = []
    for question, clause in (
        ("quality", say("how often it is right")), ("explanation", say("what its answers depend on")), ("bias", say("whom it fails")),
        ("cost", say("what it cost")), ("data", say("whether the data leak")),
    ):
        if material.absence(question) is not None:
            said.append(clause)
    if (document := material.answered("bias")) is not None:
        open_ = sum(finding.outcome == "inconclusive" for finding in document.findings)
        if open_:
            said.append(say("{n} comparisons of groups, for want of rows", n=open_) if open_ > 1
                        else say("a comparison of groups, for want of rows"))
    if (document := material.answered("quality")) is not None:
        if "seeds" not in document.details:
            said.append(say("how much another seed would change: this is one training run"))
        said.append(say("how it does on other data than “{set}”", set=name(material.about)))
    if not said:
        return [say("Whatever was not asked.")]
    return [say("Still open: {clauses}.", clauses=join(said))]


def weights(material: Material) -> Table | None:
    """Ours and every counterweight on the same rows, as intervals."""
    document = material.answered("quality")
    if document is None:
        return None
    metric = metric_of(document)
    ours = document.quantities.get(metric)
    if ours is None:
        return None
    lines: list[tuple[Text, Quantity, Text, str]] = [(say("this model"), ours, "", "ours")]
    for weight, figures in document.counterweights.items():
        if metric in figures:
            difference = figures.get("difference")
            remark: Text = say("ours: {gap}", gap=digits.gap(difference)) if difference is not None else ""
            lines.append((name(weight), figures[metric], remark, "other"))
    return intervals(say("{metric}: this model beside its counterweights, with 95% intervals", metric=name(metric)),
                     (say("who answers"), name(metric), say("interval")), lines)

