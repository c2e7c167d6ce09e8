"""Method and signature: what every figure hangs on, so that it can be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.language import say
from steelyard.report.chapter import Chapter, Text
from steelyard.report.digits import amount, duration
from steelyard.report.material import Material
from steelyard.report.texts import shorten


@dataclass(frozen=True)
class Signature:
    """The settings behind one document."""

    question: Text
    signature: str
    seconds: str
    stale: bool


def view(material: Material) -> Chapter:
    """The run's facts, and one signature a document."""
    titles: dict[str, Text] = {"quality": say("quality"), "cost": say("cost"), "explanation": say("explanation"), "bias": say("bias"),
                               "data": say("data")}
    signatures = [Signature(titles.get(question, question), shorten(document.signature, 1_000),
                            duration(document.seconds) if document.seconds else "–", question in material.stale)
                  for question, document in material.documents.items()]
    return Chapter("method", say("Method and signature"), {
        "facts": facts(material), "signatures": signatures,
        "heads": {"caption": say("What every figure hangs on"), "question": say("question"), "signature": say("signature"),
                  "seconds": say("took"),
                  "stale": say("stale"), "facts": say("The run")},
        "words": [
            say("An interval is a 95% interval for what this model would do on further rows like these; "
                "it knows nothing of another seed or of other data."),
            say("A mean of several seeds (`training.seeds`) stands beside it, with the interval of that mean on the same rows: how much "
                "another training would change. The model is always that of the recipe's own seed, never the one that did best."),
            say("The set that chose the best weights is never the one that is quoted."),
            say("Stale evidence was measured on another model or on other data than the run holds now."),
        ],
    })


def facts(material: Material) -> list[tuple[Text, Text]]:
    """What run.json says of model, data, machine and time; what it lacks is left out."""
    model, data, versions, machine = (material.section(key) for key in ("model", "data", "versions", "machine"))
    files = data.get("files")
    found: list[tuple[Text, object]] = [
        (say("task"), material.manifest.get("task")),
        (say("model"), model.get("family") or model.get("from")),
        (say("parameters"), amount(float(model["parameters"]), "count") if isinstance(model.get("parameters"), (int, float)) else None),
        (say("weights"), model.get("sha256")),
        (say("data"), data.get("sha256")),
        (say("files"), ", ".join(shorten(_file(file), 120) for file in files[:12]) if isinstance(files, list) else None),
        (say("state"), material.manifest.get("state")),
        (say("started"), material.manifest.get("started")),
        (say("finished"), material.manifest.get("finished")),
        (say("machine"), _listed(machine)),
        (say("versions"), _listed(versions)),
        (say("sets weighed"), ", ".join(material.sets)),
    ]
    return [(label, shorten(value, 1_000)) for label, value in found if value not in (None, "")]


def _listed(section: Mapping[str, object]) -> str:
    told = {key: value for key, value in section.items() if isinstance(value, (str, int, float)) and value != ""}
    return " · ".join(f"{key.removesuffix('_mib')} {amount(float(value), 'MiB')}" if key.endswith("_mib")
                      else f"{key.replace('_', ' ')} {value}"
                      for key, value in told.items())


def _file(entry: object) -> str:
    """A file of the data: its name alone where the manifest tells more."""
    return str(entry.get("file", "")) if isinstance(entry, dict) else str(entry)
