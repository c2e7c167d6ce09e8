"""The page: one self-contained HTML file, in the order in which a person asks."""

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from steelyard.language import language, say
from steelyard.report import answers, bill, curve, datasheet, dependence, gates, groups, method, mistakes, summary
from steelyard.report.chapter import prose
from steelyard.report.material import Material, gather
from steelyard.report.names import name
from steelyard.report.texts import shorten, tidy
from steelyard.run import Run, write_text

if TYPE_CHECKING:
    from jinja2 import Environment

ORDER = (summary, gates, answers, mistakes, groups, dependence, bill, datasheet, curve, method)


def render(run: Run, about: str = "test") -> str:
    """The page about one set of rows, in the language in force. Raises InputError where the run is damaged."""
    material = gather(run, about)
    chapters = [chapter for part in ORDER if (chapter := part.view(material)) is not None]
    return _environment().get_template("page.html.jinja").render(
        lang="zh-Hans" if language() == "zh" else "en", title=shorten(material.name, 120), head=_head(material), chapters=chapters,
        words={"stale": say("stale"), "between": say(" "), "contents": say("Contents"), "skip": say("To the text"), "old": say("Stale"),
               "refused": say("Refused"), "absent": say("Not asked yet"),
               "note": say("Note"), "made": say("Made by steelyard {version}", version=_version(material)),
               "rows": say("people's rows are in this page: pass it on with care") if material.shows_rows
               else say("no rows are in this page")})


def write(run: Run, about: str = "test") -> None:
    """Put the page into the run. Raises InputError, OutsideError."""
    write_text(run.page_about(about), render(run, about))


def _version(material: Material) -> str:
    return tidy(material.section("versions").get("steelyard", ""))


def _head(material: Material) -> dict[str, object]:
    model, rows = material.section("model"), material.section("data").get("rows")
    facts: list[object] = [shorten(material.manifest["task"], 60)] if material.manifest.get("task") else []
    if model.get("family"):
        facts.append(shorten(model["family"], 60))
    if isinstance(model.get("parameters"), int):
        facts.append(say("{n:,} parameters", n=model["parameters"]))
    if isinstance(rows, dict) and isinstance(rows.get("train"), int):
        facts.append(say("{n:,} training rows", n=rows["train"]))
    facts.append(say("weighed on “{set}”", set=name(material.about)))
    if material.manifest.get("finished"):
        facts.append(str(material.manifest["finished"])[:10])  # the day
    purpose = material.recipe.about.purpose if material.recipe else None
    return {"facts": facts, "purpose": shorten(purpose, 300) if purpose else None}


def _shown(value: object) -> object:
    """What every expression of a template passes through: marks that would disturb the page are made visible."""
    return value if isinstance(value, Markup) or value is None else tidy(value)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("steelyard.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True,
                              finalize=_shown)
    environment.filters["prose"] = prose
    return environment

