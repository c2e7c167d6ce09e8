"""The model card: model/README.md, with Hugging Face's front matter and sections, filled from evidence.

Aggregates only. Rows, words of rows, and sentences of findings that may quote either stay out, and so do groups of
fewer than `LEAST` rows and folders of this machine: a card is made to be published.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from steelyard.evidence.words import how
from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.report import digits, summary
from steelyard.report.chapter import Text
from steelyard.report.gates import gates
from steelyard.report.material import Material, entries, gather, mapping, quantity
from steelyard.report.names import name
from steelyard.report.texts import shorten, tidy
from steelyard.run import Run

LEAST = 10  # rows of a group that a card speaks of
LINES = 40  # of one table
_METRICS = {"macro-f1": "f1", "roc-auc": "roc_auc", "log-loss": "log_loss", "calibration-error": "expected_calibration_error"}
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+\Z")
Lines = Iterator[str]


def card(run: Run) -> str:
    """The card in the language in force, about the test set. Raises InputError where the run is damaged."""
    material = gather(run, "test")
    body = [f"# {say('Model card of {name}', name=_plain(material.name))}", "", *_description(material), *_uses(material),
            *_limits(material), *_start(material),
            *_training(material), *_evaluation(material), *_examination(material), *_environment(material), *_specifications(material)]
    return f"---\n{_yaml(front(material))}---\n\n" + "\n".join(body).rstrip() + "\n"


# ---------------------------------------------------------------- the front matter

def front(material: Material) -> dict[str, Any]:
    """What the Hub reads of a card; keys that nobody declared are left out."""
    recipe, quality = material.recipe, material.answered("quality")
    about, base = (recipe.about, recipe.model.from_) if recipe else (None, None)
    found: dict[str, Any] = {
        "license": about.license if about else None, "language": about.language if about else None, "library_name": "transformers",
        "pipeline_tag": _task(material), "base_model": base.removeprefix("hub:") if base and _from_hub(base) else None,
        "datasets": _hub_datasets(material),
        "metrics": [_metric(key) for key, q in quality.quantities.items() if q.value is not None] if quality else None,
        "tags": ["steelyard", *([str(material.section("model")["family"])] if material.section("model").get("family") else [])],
        "model-index": _index(material, quality) if quality and "quality" not in material.stale else None,
    }
    return {key: value for key, value in found.items() if value}


def _index(material: Material, quality: Evidence) -> list[dict[str, Any]]:
    figures = [{"type": _metric(key), "value": round(q.value, 6), "name": _english(name(key)),
                "args": {"low": q.low, "high": q.high, "n": q.n, "how": q.how}} for key, q in quality.quantities.items()
                if q.value is not None]
    if not figures:
        return []
    names = _files(material)
    dataset = {"name": ", ".join(names[:3]) or "test", "type": (_hub_datasets(material) or ["local"])[0], "split": "test"}
    return [{"name": material.name, "results": [{"task": {"type": _task(material), "name": _task(material)}, "dataset": dataset,
                                                 "metrics": figures}]}]


def _metric(key: str) -> str:
    return _METRICS.get(key.replace("_", "-"), key)


def _english(text: Text) -> str:
    return str(text.to_json()["text"]) if isinstance(text, Sentence) else text


def _task(material: Material) -> str:
    return str(material.manifest.get("task") or (material.recipe.task if material.recipe else "other"))


def _from_hub(model: str) -> bool:
    """Whether a model's name is a Hub id; a folder of this machine is nobody's business."""
    return model.startswith("hub:") or (bool(_HUB.match(model)) and not model.startswith((".", "/", "~")))


def _hub_datasets(material: Material) -> list[str]:
    data = material.recipe.data if material.recipe else None
    return [path.removeprefix("hub:") for path in (data.sets if data else ()) if path.startswith("hub:")]


def _yaml(data: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 4096
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(dict(data), out)
    return out.getvalue()


# ---------------------------------------------------------------- the sections

def _description(material: Material) -> Lines:
    about, model = material.recipe.about if material.recipe else None, material.section("model")
    unsaid = say("not declared")
    yield from (_sentence(text) for text in summary.right(material))
    yield from ("", f"## {say('Model details')}", "")
    yield f"- **{say('Answered for by')}:** {_plain(about.authors) if about and about.authors else unsaid}"
    kind = " · ".join(_plain(model[key]) for key in ("family", "type") if model.get(key))
    size = say("{n:,} parameters", n=model["parameters"]) if isinstance(model.get("parameters"), int) else ""
    yield f"- **{say('Model type')}:** " + ", ".join(str(part) for part in (kind, size) if part)
    yield f"- **{say('Task')}:** {_plain(_task(material))}"
    yield f"- **{say('Language')}:** {_plain(about.language) if about and about.language else unsaid}"
    yield f"- **{say('License')}:** {_plain(about.license) if about and about.license else unsaid}"
    base = front(material).get("base_model")
    yield f"- **{say('Trained from')}:** {_plain(base) if base else say('random weights, or a model that is not on the Hub')}"
    yield ""


def _uses(material: Material) -> Lines:
    purpose = material.recipe.about.purpose if material.recipe else None
    yield from (f"## {say('Uses')}", "", f"### {say('Direct use')}", "")
    yield f"{_plain(purpose)}" if purpose else f"{say('Nobody declared what this model is for (`about.purpose` in the recipe).')}"
    yield from ("", f"### {say('Out-of-scope use')}", "")
    yield f"{say('Everything that the figures below were not measured on: other sources, languages, times or groups of people.')}"
    yield ""


def _limits(material: Material) -> Lines:
    yield from (f"## {say('Bias, risks, and limitations')}", "")
    bias = material.answered("bias")
    if bias is None:
        yield f"{say('Groups')}: {_sentence(material.absence('bias'))}"
    else:
        yield from _groups(bias)
    yield from ("", f"### {say('What cannot be said')}", "", *(_sentence(text) for text in summary.unsaid(material)))
    yield from ("", f"### {say('Recommendations')}", "")
    yield f"{say('Weigh it on rows of your own before relying on it: `steelyard weigh RUN --data new.csv`.')}"
    yield ""


def _groups(bias: Evidence) -> Lines:
    for column, data in mapping(bias.details.get("columns")).items():
        lines = [(group, error) for group in entries(data) if (error := quantity(group.get("error"))) is not None
                 and (error.n or group.get("n", 0)) >= LEAST]
        lines.sort(key=lambda line: -(line[1].value or 0.0))
        if lines:
            yield from ("", *_table((say("group"), say("error rate")),
                                    [(f"{column} = {group['group']}", digits.full(q)) for group, q in lines[:LINES]]))
    issues = sum(finding.outcome == "issue" for finding in bias.findings)
    said = say("Differences that are more than chance: {n}. Groups of fewer than {least} rows are left out here.", n=issues, least=LEAST)
    yield from ("", f"{said}")


def _start(material: Material) -> Lines:
    example = {"text-classification": '"a text"', "image-classification": '"picture.png"'}.get(_task(material), '"..."')
    yield from (f"## {say('How to get started')}", "", "```python")
    if str(material.section("model").get("type", "")).startswith("steelyard"):
        yield "import steelyard  # registers the model's class"
    yield from ("from transformers import pipeline", "")
    yield from (f'answer = pipeline({json.dumps(_task(material))}, model="path/to/this/folder")({example})', "```", "")


def _training(material: Material) -> Lines:
    yield from (f"## {say('Training details')}", "", f"### {say('Training data')}", "")
    rows = mapping(material.section("data").get("rows"))
    if files := _files(material):
        yield f"{say('Files')}: {', '.join(_plain(file) for file in files)}"
    if rows:
        yield from ("", *_table((say("split"), say("rows")), [(name(split), f"{int(n):,}") for split, n in rows.items()]))
    if (data := material.answered("data")) is not None:
        yield from ("", f"{say('What the audits of the data found (details stay with the run, for they may quote rows):')}", "")
        for finding in data.findings:
            with_, without = quantity(finding.details.get("with")), quantity(finding.details.get("without"))
            figures = say("; with these rows {one}, without {other}", one=digits.brief(with_),
                          other=digits.brief(without)) if with_ and without else ""
            yield f"- `{_code(finding.code)}`: {_outcome(finding.outcome)}{figures}"
    training = material.recipe.training if material.recipe else None
    yield from ("", f"### {say('Training procedure')}", "")
    if training is None or isinstance(training, str):
        yield f"{say('Nothing was trained: the model was judged as it is.') if training else say('not declared')}"
    else:
        settings = [(key, value) for key, value in _flat(training.model_dump(exclude_none=True)) if value != "auto"]
        yield from _table((say("setting"), say("value")), [(f"`{key}`", str(value)) for key, value in settings], plain=True)
    chosen = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in material.section("chosen").items())
    if chosen:
        yield from ("", f"{say('Measured and chosen on the machine: {chosen}.', chosen=_plain(chosen))}")
    yield ""


def _evaluation(material: Material) -> Lines:
    yield from (f"## {say('Evaluation')}", "")
    quality = material.answered("quality")
    if quality is None:
        yield from (_sentence(material.absence("quality")), "")
        return
    if "quality" in material.stale:
        yield from (f"**{material.stale['quality']}**", "")
    weights = list(quality.counterweights)
    lines = [(name(key), digits.with_seeds(q, digits.full(q)), *(_other(quality, weight, key) for weight in weights))
             for key, q in quality.quantities.items()]
    yield from _table((say("measure"), say("this model"), *(name(weight) for weight in weights)), lines)
    labels = [(shorten(label, 60), digits.full(recall)) for label, found in mapping(quality.details.get("per_class")).items()
              if (recall := quantity(mapping(found).get("recall"))) is not None]
    if labels:
        yield from ("", *_table((say("label"), say("recall")), labels[:LINES]))
    parts = [(shorten(part, 60), f"{int(mapping(found).get('n', 0)):,}", *(digits.full(told) for told in told_of))
             for part, found in mapping(quality.details.get("parts")).items()
             if (told_of := [told for data in mapping(found).values() if (told := quantity(data)) is not None])]
    if parts:
        first = next(iter(mapping(quality.details.get("parts")).values()))
        yield from ("", *_table((say("label"), say("in truth"), *(name(short) for short in first if short != "n")), parts[:LINES]))
    if judged := gates(material):
        words = {True: say("holds"), False: say("does not hold"), None: say("cannot be judged")}
        yield from ("", *_table((say("gate"), say("outcome")), [(gate.text, words[gate.holds]) for gate in judged]))
    yield from ("", f"{say('Signature')}: `{_code(quality.signature)}`", "")


def _other(quality: Evidence, weight: str, key: str) -> Text:
    found: Quantity | None = quality.counterweights[weight].get(key)
    return digits.brief(found) if found is not None else "–"


def _examination(material: Material) -> Lines:
    yield from (f"## {say('Model examination')}", "")
    document = material.document("explanation")
    methods = mapping(document.details.get("methods")) if document else {}
    if not methods:
        yield from (_sentence(material.absence("explanation") or say("No method showed what the answers depend on.")), "")
        return
    yield f"{say('A method is published only where hiding what it points at costs the answer more than every control does.')}"
    yield ""
    lines: list[tuple[Text, ...]] = []
    for method, found in methods.items():
        lows = [float(line["low"]) for line in entries(mapping(found).get("table")) if isinstance(line.get("low"), (int, float))]
        least = f"{min(lows):.3g}".replace("-", "−") if lows else "–"
        lines.append((name(method), say("published") if mapping(found).get("published") else say("refused"), least))
    yield from (*_table((say("method"), say("outcome"), say("lower bound over the nearest control (nats)")), lines), "")


def _environment(material: Material) -> Lines:
    yield from (f"## {say('Environmental impact')}", "")
    cost = material.answered("cost")
    if cost is None:
        yield from (_sentence(material.absence("cost")), "")
        return
    yield from _table((say("what"), say("figure"), say("how")),
                      [(name(key), digits.ends(q) or digits.value(q) if q.how.startswith("modelled") else digits.brief(q),
                        how(q.how))
                                                              for key, q in cost.quantities.items() if q.value is not None
                                                              or q.low is not None])
    yield ""


def _specifications(material: Material) -> Lines:
    yield from (f"## {say('Technical specifications')}", "")
    machine, versions = material.section("machine"), material.section("versions")
    for title, section in ((say("Hardware"), machine), (say("Software"), versions)):
        if section:
            listed = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in section.items() if isinstance(value, (str, int, float)))
            yield f"- **{title}:** {_plain(listed)}"
    if sha := material.section("model").get("sha256"):
        yield f"- **{say('Weights')}:** `{_code(sha)}`"
    yield from ("", f"{say('Written by steelyard from the evidence of the run.')}")


# ---------------------------------------------------------------- Markdown

def _table(heads: tuple[Text, ...], lines: Sequence[tuple[Text, ...]], plain: bool = False) -> Lines:
    """A Markdown table; cells are escaped, but for a first column of our own making."""
    yield "| " + " | ".join(_plain(head) for head in heads) + " |"
    yield "|" + " --- |" * len(heads)
    for first, *rest in lines:
        yield "| " + " | ".join([str(first) if plain else _plain(first), *(_plain(cell) for cell in rest)]) + " |"


def _plain(text: object) -> str:
    """Text of a person as Markdown that shows it and does nothing else: one line, no HTML, no links, no table ends."""
    line = " ".join(shorten(text, 400).split())
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sentence(text: object) -> str:
    """A sentence of ours as Markdown: its `commands` stay, what a person wrote in it shows and does nothing."""
    return " ".join(tidy(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: object) -> str:
    """What can stand between backticks."""
    return " ".join(shorten(text, 1_000).split()).replace("`", "'")


def _outcome(outcome: str) -> Sentence:
    return {"issue": say("issue"), "passed": say("passed"), "inconclusive": say("open"), "not applicable": say("does not apply")}[outcome]


def _files(material: Material) -> list[str]:
    """The data's files without the folders that they lie in."""
    files = material.section("data").get("files")
    found = [str(entry.get("file", "")) if isinstance(entry, dict) else str(entry) for entry in files] if isinstance(files, list) else []
    return [PurePath(file).name for file in found if file]


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Sections within a section by dotted keys."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{below}", inner) for below, inner in _flat(value))
        else:
            yield key, value
