"""All measures, and ten answers, marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.evidence.words import how
from steelyard.facts import Evidence
from steelyard.language import Sentence, say
from steelyard.report import digits
from steelyard.report.chapter import Chapter, Notice, Text, notices
from steelyard.report.material import Material, entries, mapping
from steelyard.report.names import name
from steelyard.report.texts import picture, shorten, sound


@dataclass(frozen=True)
class Shown:
    """One row with what was answered; text, picture, sound with its picture, or neither.

    mark  "right", "partly", "wrong", or "" where the truth is not known
    """

    origin: str
    text: str | None
    picture: str | None
    sound: str | None
    alternative: Sentence
    missing: Sentence | None
    decided: str
    truth: str
    mark: str
    sure: str


@dataclass(frozen=True)
class Measure:
    """One line of the table of measures: ours, and each counterweight's; how the interval was made."""

    name: Text
    figure: Text
    others: Sequence[Text]
    n: str
    how: Text


def view(material: Material) -> Chapter:
    """The table of measures and the ten answers of quality.json."""
    title, boxes = say("Ten answers, marked"), notices(material, "quality")
    document = material.answered("quality")
    if document is None:
        return Chapter("answers", title, notices=boxes)
    rows = shown(material, document.details.get("sample"))
    if not material.shows_rows:
        boxes.append(hidden())
    weights = list(document.counterweights)
    return Chapter("answers", title, {
        "words": words(), "rows": rows[:10],
        "lead": say("Drawn by chance from the set “{set}”, not chosen: {right} of {n} are right.", set=name(material.about),
                    right=sum(row.mark == "right" for row in rows[:10]), n=len(rows[:10])) if rows else None,
        "measures": measures(document, weights), "weights": [name(weight) for weight in weights],
        "heads": {"caption": say("All measures, with 95% intervals"), "measure": say("measure"), "ours": say("this model"),
                  "n": say("rows")},
    }, boxes)


def measures(document: Evidence, weights: Sequence[str]) -> list[Measure]:
    """One line a quantity; a counterweight that lacks it has a dash."""
    found = []
    for key, quantity in document.quantities.items():
        others: list[Text] = [digits.brief(document.counterweights[weight][key]) if key in document.counterweights[weight] else "–"
                              for weight in weights]
        ours = digits.brief(quantity) if quantity.value is not None else digits.full(quantity)
        found.append(Measure(name(key), digits.with_seeds(quantity, ours), others,
                             f"{quantity.n:,}" if quantity.n else "–", how(quantity.how)))
    return found


def hidden() -> Notice:
    """That rows are kept out, as the recipe asked."""
    return Notice("note", say("Rows are kept out of this page, as the recipe asks (`evidence.show_rows: false`)."))


def words() -> Mapping[str, Sentence]:
    """What the template writes around a row."""
    return {"right": say("right"), "wrong": say("wrong"), "partly": say("partly right"),
            "answered": say("answered"), "true": say("in truth"), "sure": say("certainty"),
            "unmarked": say("not marked")}


def shown(material: Material, data: object) -> list[Shown]:
    """The rows of a list in quality.json; none where rows must not be shown."""
    return [one_row(entry) for entry in entries(data)] if material.shows_rows else []


def one_row(entry: Mapping[str, Any]) -> Shown:
    """A row, with everything in it that is a person's made safe."""
    show = mapping(entry.get("show"))
    truth, decided = entry.get("truth"), entry.get("decided")
    right = entry.get("right")
    image = picture(show.get("image"))
    score, heard, origin = entry.get("score"), sound(show.get("audio")), shorten(entry.get("origin", ""), 80)
    return Shown(
        origin=shorten(entry.get("origin", entry.get("row", "")), 80),
        text=shorten(show["text"]) if isinstance(show.get("text"), str) else None, picture=image,
        sound=heard, alternative=say("the sound {origin}", origin=origin) if heard else say("the picture {origin}", origin=origin),
        missing=say("This picture cannot be shown.") if show.get("image") and image is None else None,
        decided=shorten(decided, 200) if decided is not None else "–", truth=shorten(truth, 200) if truth is not None else "–",
        mark="" if not isinstance(right, (int, float)) else "right" if right == 1 else "partly" if right > 0 else "wrong",
        sure=_sure(score))


def _sure(score: object) -> str:
    """A probability as a certainty: "91.5%", and ">99.9%" for what is all but sure."""
    if not isinstance(score, (int, float)) or not 0 <= score <= 1:
        return ""
    return ">99.9%" if score > 0.9995 else digits.share(score, strict=False) + "%"
