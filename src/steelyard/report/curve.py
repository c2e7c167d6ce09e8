"""The training curve, from logs/metrics.jsonl."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from steelyard.language import Sentence, say
from steelyard.report import svg
from steelyard.report.chapter import Chapter, Notice
from steelyard.report.material import Material
from steelyard.report.names import name

POINTS = 300  # of one line: more than a screen can tell apart


_LOSSES = ("eval/loss", "eval/log-loss", "eval/log_loss")
_FIRST = ("eval/accuracy", "eval/macro-f1", "eval/macro_f1")  # what is shown where it is there
_TONES = ("ours", "other", "third")


def view(material: Material) -> Chapter | None:
    """Loss and the measures on validation over steps; None where nothing was trained."""
    if not material.steps:
        return None
    names = sorted({key for step in material.steps for key in step if key.startswith("eval/")})
    loss = [svg.Line(say("loss in training"), points(material.steps, "train/loss"), "ours")]
    loss += [svg.Line(say("loss on validation"), points(material.steps, key), "other") for key in names if key in _LOSSES]
    measured = [key for key in names if key in _FIRST] or [key for key in names if key not in _LOSSES]
    scores = [svg.Line(name(key.removeprefix("eval/")), points(material.steps, key), tone)
              for key, tone in zip(measured[:3], _TONES, strict=False)]
    found = (_picture(say("Loss over training"), loss), _picture(say("Measures on validation"), scores))
    if not any(found):
        return Chapter("curve", say("Training"), notices=[Notice("note", say("The log holds no step."))])
    return Chapter("curve", say("Training"), {"pictures": [picture for picture in found if picture]})


def _picture(title: Sentence, lines: Sequence[svg.Line]) -> Mapping[str, Any] | None:
    drawn = [line for line in lines if len(line.points) > 0]
    if not drawn or max(len(line.points) for line in drawn) < 2:
        return None
    told = [(line.name, line.tone, f"{line.points[0][1]:.4g} → {line.points[-1][1]:.4g}") for line in drawn]
    picture: Markup = svg.curve(drawn, say("{title}: {lines}", title=title,
                                           lines="; ".join(f"{label} {change}" for label, _, change in told)), say("step"))
    return {"title": title, "picture": picture, "legend": told}


def points(steps: Sequence[Mapping[str, Any]], key: str, most: int = POINTS) -> list[tuple[float, float]]:
    """(step, value) of every line that has `key` as a finite number; neighbours are averaged to at most `most` points."""
    found = [(float(step["step"]), float(step[key])) for step in steps
             if isinstance(step.get("step"), (int, float)) and isinstance(step.get(key), (int, float)) and math.isfinite(step[key])]
    found.sort()
    if len(found) <= most:
        return found
    size = math.ceil(len(found) / most)
    blocks = [found[start : start + size] for start in range(0, len(found), size)]
    return [(sum(x for x, _ in block) / len(block), sum(y for _, y in block) / len(block)) for block in blocks]
