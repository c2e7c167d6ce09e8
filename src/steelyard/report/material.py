"""What a page is made of: everything a run knows about itself and one set of rows, read once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.errors import InputError
from steelyard.facts import Evidence, Quantity
from steelyard.language import Sentence, say
from steelyard.recipe.reader import read
from steelyard.recipe.recipe import Recipe
from steelyard.run import Run

QUESTIONS = ("quality", "cost", "explanation", "bias", "data")


@dataclass(frozen=True)
class Material:
    """A run as the chapters see it.

    about      the set of rows that the page is about
    sets       all sets that the run was weighed on
    documents  question -> evidence, about that set or about none
    stale      question -> why its evidence is about another model or other data
    recipe     None where the run has none
    complaint  why the recipe could not be read
    steps      logs/metrics.jsonl, one mapping a line
    """

    name: str
    about: str
    sets: tuple[str, ...]
    manifest: Mapping[str, Any]
    documents: Mapping[str, Evidence]
    stale: Mapping[str, Sentence]
    recipe: Recipe | None
    complaint: Sentence | None
    steps: tuple[Mapping[str, Any], ...]

    def document(self, question: str) -> Evidence | None:
        """The evidence, refused or not; None where nobody asked."""
        return self.documents.get(question)

    def answered(self, question: str) -> Evidence | None:
        """The evidence where it was asked for and not refused as a whole."""
        found = self.documents.get(question)
        return found if found is not None and found.refused is None else None

    def absence(self, question: str) -> Sentence | None:
        """Why the question has no answer; None where it has one."""
        found = self.documents.get(question)
        if found is None:
            return say("not weighed yet; `steelyard weigh RUN --only {question}` answers it", question=question)
        return found.refused

    @property
    def shows_rows(self) -> bool:
        """Whether people's rows may stand in the page (`evidence.show_rows`)."""
        return self.recipe is None or self.recipe.evidence.show_rows

    def section(self, name: str) -> Mapping[str, Any]:
        """A part of run.json; empty where it is absent."""
        found = self.manifest.get(name)
        return found if isinstance(found, dict) else {}


def gather(run: Run, about: str) -> Material:
    """Read all that the page shows. Raises InputError where run.json or a document is damaged."""
    manifest = run.manifest()
    documents = {**run.evidence(), **run.evidence(about)}
    recipe, complaint = _recipe(run)
    return Material(name=run.name, about=about, sets=tuple(run.sets()), manifest=manifest, documents=documents,
                    stale=_stale(manifest, documents, about), recipe=recipe, complaint=complaint, steps=_steps(run))


def _recipe(run: Run) -> tuple[Recipe | None, Sentence | None]:
    if not run.recipe_file.is_file():
        return None, None
    try:
        return read(run.recipe_file), None
    except InputError as error:
        return None, error.sentence


def _stale(manifest: Mapping[str, Any], documents: Mapping[str, Evidence], about: str) -> dict[str, Sentence]:
    """Evidence that names another model or other data than the run has now; where either names none, nothing is said."""
    found = {}
    for question, document in documents.items():
        if _differ(document.of.get("model"), manifest.get("model")):
            found[question] = say("this was measured on other weights than the run holds now; weigh it again")
        elif about == "test" and _differ(document.of.get("data"), manifest.get("data")):
            found[question] = say("this was measured on other data than the run holds now; weigh it again")
    return found


def _differ(said: str | None, section: object) -> bool:
    held = section.get("sha256") if isinstance(section, dict) else None
    return bool(said) and bool(held) and str(said).removeprefix("sha256:") != str(held).removeprefix("sha256:")


def _steps(run: Run) -> tuple[Mapping[str, Any], ...]:
    if not run.metrics_file.is_file():
        return ()
    found = []
    for line in run.metrics_file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # a run that was killed leaves half a line
        if isinstance(entry, dict):
            found.append(entry)
    return tuple(found)


def quantity(data: object) -> Quantity | None:
    """A quantity out of a document's details; None where there is none."""
    return Quantity.from_json(data) if isinstance(data, dict) and "value" in data else None


def sentence(data: object) -> Sentence | str | None:
    """A sentence out of a document's details or run.json: as a template with values, or as plain text."""
    if isinstance(data, dict):
        return Sentence.from_json(data) if "template" in data else None
    return None if data is None or data == "" else str(data)


def entries(data: object) -> list[dict[str, Any]]:
    """A list of mappings out of details; whatever is none is left out."""
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


def mapping(data: object) -> dict[str, Any]:
    """A mapping out of details, or an empty one."""
    return data if isinstance(data, dict) else {}
