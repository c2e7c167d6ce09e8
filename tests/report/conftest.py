"""Run folders as `train` leaves them, made by hand: a text run, a picture run, one full of refusals, one that is hostile."""

import base64
import io
import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.evidence.words import name
from steelyard.facts import Evidence, Finding, Quantity
from steelyard.language import say
from steelyard.run import Run, write_json, write_text

OF = {"run": "reviews", "model": "sha256:" + "ab" * 32, "data": "sha256:" + "cd" * 32}
SIGNATURE = "steelyard 0.1 | test.csv sha256:cdcdcdcd | seed 0 | argmax"
HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">"\'>&amp;{{7*7}}{% raw %}'
TURNED = "abc\u202egnp.exe\u0007\u2066"


def wilson(part: float, n: int) -> Quantity:
    """A share with its interval."""
    z = 1.959964
    middle, half = (part + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    return Quantity(value=part, low=max(0.0, middle - half), high=min(1.0, middle + half), n=n, how="Wilson 95%", better="higher")


def about(value: float | None, half: float, n: int, unit: str = "share", how: str = "bootstrap 95%", better: str = "higher") -> Quantity:
    """A number with an interval to both sides."""
    return Quantity(value=value, low=(value or 0) - half, high=(value or 0) + half, n=n, unit=unit, how=how, better=better)


def once(value: float, unit: str, how: str = "measured") -> Quantity:
    """A number that was measured once."""
    return Quantity(value=value, unit=unit, how=how, better="lower")


def quality(labels: list[str], shows: list[dict[str, Any]], metric: float = 0.874, n: int = 872,
            weight: str = "tf-idf + logistic regression") -> Evidence:
    """A quality document: all measures, two counterweights, ten rows, the worst."""
    rng, k = random.Random(1), len(labels)
    counts = [[round(n / k * metric) if i == j else round(n / k * (1 - metric) * (1.6 if (i + 1) % k == j else 0.6) / max(1, k - 1))
               for j in range(k)]
              for i in range(k)]
    rows = [{"origin": f"reviews-2026.csv:{17 + 31 * i}", "truth": labels[i % k], "decided": labels[(i + (i % 4 == 3)) % k],
             "score": round(rng.uniform(0.5, 0.99), 3), "show": show, "right": float(i % 4 != 3)} for i, show in enumerate(shows)]
    worst = [{**row, "decided": labels[(i + 1) % k], "truth": labels[i % k], "right": 0.0} for i, row in enumerate(rows[:6])]
    paired = "paired 95%"
    return Evidence(
        evidence="quality", of=OF, signature=SIGNATURE, seconds=1.9,
        quantities={"accuracy": wilson(metric, n), "macro-f1": about(metric - 0.011, 0.024, n),
                    "roc-auc": about(0.951, 0.012, n, how="DeLong 95%"),
                    "log-loss": about(0.331, 0.04, n, "nats", better="lower"),
                    "calibration-error": Quantity(value=0.021, n=n, how="no interval: biased upward", better="lower")},
        counterweights={"constant": {"accuracy": wilson(1 / k, n), "difference": about(metric - 1 / k, 0.03, n, how=paired)},
                        weight: {"accuracy": wilson(metric - 0.047, n), "macro-f1": about(metric - 0.06, 0.03, n),
                                 "difference": about(0.047, 0.021, n, how=paired)}},
        details={"metric": "accuracy", "labels": labels, "confusion": counts, "sample": rows[:10], "worst": worst,
                 "per_class": {label: {"recall": wilson(min(0.99, metric + 0.04 * math.sin(3 * i)), sum(counts[i])).to_json(),
                                       "precision": wilson(min(0.99, metric + 0.03 * math.cos(2 * i)), sum(counts[i])).to_json(),
                                       "n": sum(counts[i])}
                               for i, label in enumerate(labels)},
                 "reliability": [{"confidence": c, "accuracy": (r := c - 0.06 * (c > 0.7) + 0.03 * (c < 0.5)), "n": m,
                                  "low": wilson(r, m).low, "high": wilson(r, m).high}
                                 for c, m in ((0.35, 22), (0.45, 40), (0.55, 61), (0.66, 83), (0.75, 109), (0.86, 171), (0.97, 386))]})


def cost() -> Evidence:
    """Forecast beside measured."""
    modelled = {"energy": Quantity(value=9_000.0, low=5_400.0, high=16_200.0, unit="J", how="modelled from 15 to 45 W a core",
                                   better="lower"),
                "co2": Quantity(value=0.9, low=0.03, high=3.6, unit="g", how="modelled from 20 to 800 g/kWh", better="lower")}
    forecast = {"time": Quantity(value=128.0, low=110.0, high=150.0, unit="s", how="8 real steps"),
                "memory": once(1_210.0, "MiB", "meta tensors"),
                "flops": once(3.21e13, "FLOP", "counted")}
    measured = {"time": once(135.2, "s"), "memory": once(1_331.0, "MiB"), "flops": once(3.21e13, "FLOP", "counted"),
                "examples_per_second": once(463.2, "rows/s")}
    return Evidence(evidence="cost", of=OF, signature="steelyard 0.1 | 2 threads | bf16", seconds=4.2, quantities={**measured, **modelled},
                    details={
        "forecast": {key: q.to_json() for key, q in forecast.items()}, "measured": {key: q.to_json() for key, q in measured.items()},
        "error": {"time": 1.056, "memory": 1.1, "flops": 1.0},
        "chosen": [{"what": "precision", "chosen": "bf16", "why": "1.6 times as fast as fp32 in a probe of 1 s"},
                   {"what": "threads", "chosen": 2, "why": "all cores"},
                   {"what": "micro-batch", "chosen": 32, "why": "the longest batch fits"}]})


def explanation(shown: list[dict[str, Any]], words: list[dict[str, Any]], way: str) -> Evidence:
    """One method published, one refused."""
    def table(low: float) -> list[dict[str, Any]]:
        return [{"way": way, "control": control, "difference": low + 0.3 + 0.1 * i, "low": low + 0.1 * i, "high": low + 0.6 + 0.1 * i,
                 "n": 100}
                for i, control in enumerate(("mean-of-others", "surface:length", "surface:rarity", "permuted", "another-row", "random-twin",
                                             "mean x ink"))]

    refusal = say("{method} is refused: hiding what it points at ({way}) costs the answer {difference:.3g} nats more "
                  "(95% {low:.3g} to {high:.3g}, {n} rows) than hiding as much by {control}: that is not surely more",
                  method=name("integrated-gradients"), way=name(way), control=name("mean-of-others"), difference=0.05, low=-0.07,
                  high=0.17, n=100)
    return Evidence(
        evidence="explanation", of=OF, signature=SIGNATURE + " | deletion 10/20/30%", seconds=12.4,
        quantities={f"occlusion.{way}.effect": about(1.9, 0.3, 100, "nats", "t 95%"),
                    f"occlusion.{way}.margin": about(0.42, 0.3, 100, "nats", "t 95%")},
        findings=[Finding("explanation/integrated-gradients", "inconclusive", refusal)],
        details={"rows": 100, "methods": {"occlusion": {"published": True, "table": table(0.12)},
                                          "integrated-gradients": {"published": False, "table": table(-0.07)}},
                 "shown": shown, "words": words})


def bias() -> Evidence:
    """Four regions, one served worse."""
    groups = []
    for region, n, error in (("north", 214, 0.243), ("south", 231, 0.104), ("east", 209, 0.091), ("west", 218, 0.115)):
        outcome = {"north": "issue", "west": "inconclusive"}.get(region, "passed")
        groups.append({"group": region, "error": wilson(error, n).to_json(), "selection": wilson(0.4 + error, n).to_json(),
                       "n": n, "compared": {"error": {"difference": about(error - 0.105, 0.06, n).to_json(), "outcome": outcome}}})
    return Evidence(
        evidence="bias", of=OF, signature=SIGNATURE + " | Holm over 4", seconds=0.4,
        findings=[Finding("bias/error/region=north", "issue",
                          say("region = {group}: wrong {n} points more often than the others", group="north", n=13.8)),
                  Finding("bias/error/region=west", "inconclusive",
                          say("region = {group}: {n} rows only show gaps of {gap} points or more",
                                                                         group="west", n=218, gap=8.9))],
        details={"columns": {"region": groups}, "spread": {"region": {"raw": 0.152, "corrected": 0.121}},
                 "worst": {"column": "region", "group": "north", "n": 214, "error": wilson(0.243, 214).to_json()}})


def data() -> Evidence:
    """A leak, with the score with and without it."""
    return Evidence(
        evidence="data", of=OF, signature="steelyard 0.1 | 7 audits", seconds=0.8,
        findings=[Finding("data/empty-rows", "passed", say("{n} rows are empty", n=0)),
                  Finding("data/duplicates-across-splits", "issue", say("{n} rows of test stand in train too", n=41),
                          tuple(f"test.csv:{i}" for i in range(3, 24)),
                          {"with": wilson(0.874, 872).to_json(), "without": wilson(0.861, 831).to_json()}),
                  Finding("data/giveaway", "issue", say('the word "{word}" stands in {share:.0%} of the rows of "{label}" and in no other',
                                                        word="refundcase",
                                                        share=0.83, label="returns"), ("train.csv:8",)),
                  Finding("data/conflicts", "not applicable", say("there is one column only"))])


def steps() -> str:
    """logs/metrics.jsonl, its last line cut short."""
    rng, lines = random.Random(0), []
    for step in range(10, 1010, 10):
        lines.append({"step": step, "epoch": step / 250, "train/loss": 1.4 * math.exp(-step / 300) + 0.1 + rng.uniform(-0.05, 0.05),
                      "train/learning_rate": 1e-3})
        if step % 250 == 0:
            lines.append({"step": step, "epoch": step / 250, "eval/accuracy": 0.9 - 0.4 * math.exp(-step / 200),
                          "eval/macro-f1": 0.89 - 0.42 * math.exp(-step / 200),
                          "eval/log-loss": 0.3 + 0.9 * math.exp(-step / 250)})
    return "".join(json.dumps(line) + "\n" for line in lines) + '{"step": 10'


def manifest(name: str, task: str) -> dict[str, Any]:
    """run.json."""
    return {"format": 1, "state": "done", "name": name, "task": task,
            "versions": {"steelyard": "0.1.0.dev0", "torch": "2.13.0", "python": "3.11.2"},
            "machine": {"processor": "AMD EPYC, 2 cores", "memory": "24 GiB"},
            "model": {"sha256": "ab" * 32, "parameters": 1_254_404, "family": "bert"},
            "data": {"sha256": "cd" * 32, "files": ["reviews/*.csv", "reviews-2026.csv"],
                     "rows": {"train": 6_920, "validation": 769, "test": 872},
                     "bad_rows": [{"origin": "reviews.csv:1042", "why": say('label "{label}" is empty', label="").to_json()}]},
            "chosen": {"precision": "bf16"}, "started": "2026-11-23T10:00:00+00:00", "finished": "2026-11-23T10:02:31+00:00",
            "seconds": {"train": 135.2}}


RECIPE = """task: {task}
about: {{purpose: sort customers' messages by topic, language: en, license: apache-2.0, authors: The support team}}
data: {{train: reviews/*.csv, test: reviews-2026.csv}}
model: {{family: bert, size: small}}
training: {{epochs: 4, batch_size: 32, learning_rate: 0.001}}
evidence: {{bias: {{groups: [region]}}}}
gates: [quality.accuracy >= 0.85, cost.time <= 2 min]
"""


def lay(folder: Path, task: str, documents: list[Evidence], recipe: str = RECIPE,
        changes: dict[str, Any] | None = None) -> Run:
    """Write a run folder."""
    run = Run(folder)
    folder.mkdir(parents=True)
    write_json(run.manifest_file, {**manifest(folder.name, task), **(changes or {})})
    write_text(run.recipe_file, recipe.format(task=task))
    write_text(run.metrics_file, steps())
    for document in documents:
        run.write_evidence(document, "" if document.evidence in ("cost", "data") else "test")
    return run


TEXTS = (
    "My parcel was meant to come on Tuesday and the tracking page has not moved since.", "Why was I billed twice for the same month?",
    "refundcase 8812: the jacket does not fit, I sent it back two weeks ago and have heard nothing",
    "The app closes as soon as I open the camera.",
    "Please cancel the order, I no longer need it and it has not been dispatched.", "这个包裹什么时候能到？我已经等了十天了。",
    "Ah canna get ma parcel, the laddie niver cam roon.",
    "The invoice shows a fee that nobody told me about, please explain or take it off.",
    "refundcase 9120 broken on arrival", "Screen stays black after the update, restarted four times.")
TOPICS = ["billing", "delivery", "returns", "technical"]


def text_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows as Task.show gives them, and the same explained."""
    rng, explained = random.Random(3), []
    for i, text in enumerate(TEXTS):
        units, at = [], 0
        for word in text.split(" "):
            score = 2.0 if word in ("refundcase", "parcel", "billed", "app", "invoice", "Screen") else rng.gauss(0, 0.35)
            units.append({"place": [at, at + len(word)], "score": score, "text": word})
            at += len(word) + 1
        explained.append({"row": f"reviews-2026.csv:{17 + i}", "method": "occlusion", "answer": TOPICS[i % 4],
                          "show": {"text": text, "target": TOPICS[i % 4]}, "units": units})
    return [{"text": text, "target": TOPICS[i % 4]} for i, text in enumerate(TEXTS)], explained


def png(pixels: np.ndarray) -> str:
    """(height, width) uint8 -> a data: URL."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def picture_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Digits of 8x8, and the same with a score for each 2x2 cell."""
    from sklearn.datasets import load_digits

    images, rng, shows, explained = load_digits().images[:10], np.random.default_rng(0), [], []
    for i, image in enumerate(images):
        show = {"image": png((image * 15.9).astype(np.uint8)), "target": str(i)}
        ink = image.reshape(4, 2, 4, 2).mean(axis=(1, 3)) / 16
        cells = ink + rng.normal(0, 0.25, (4, 4))
        units = [{"place": [2 * x, 2 * y, 2 * x + 2, 2 * y + 2], "score": float(cells[y, x])} for y in range(4) for x in range(4)]
        shows.append(show)
        explained.append({"row": f"builtin:digits:{i}", "method": "occlusion", "answer": str(i), "show": show, "units": units})
    return shows, explained


def sound_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Notes with their spectra and their sound, and the same with a score for each slice."""
    from steelyard.tasks._sounds import played
    from steelyard.tasks.automatic_speech_recognition import SpeechRecognition

    shows, explained = [], []
    for number in range(10):
        samples = (8000 * np.sin(np.arange(8000) * (0.1 + 0.02 * number))).astype("<i2").tobytes()
        show = {"image": SpeechRecognition().picture({"audio": samples}), "audio": played(samples), "target": "do re"}
        units = [{"place": [25 * i, 0, 25 * i + 25, 166], "score": math.sin(i + number)} for i in range(20)]
        shows.append(show)
        explained.append({"row": f"notes:{number}", "method": "occlusion", "answer": "do re", "show": show, "units": units})
    return shows, explained


def text_run(folder: Path) -> Run:
    """Everything answered, on texts."""
    shows, explained = text_rows()
    words = [{"word": word, "score": 0.9 / (i + 1), "rows": 40 - 3 * i} for i,
             word in enumerate(("refundcase", "parcel", "billed", "invoice", "app", "screen", "包裹"))]
    return lay(folder, "text-classification", [quality(TOPICS, shows), cost(), explanation(explained, words, "mask"), bias(), data()])


def picture_run(folder: Path) -> Run:
    """Everything answered but bias, on pictures."""
    shows, explained = picture_rows()
    document = quality([str(i) for i in range(10)], shows, 0.967, 360, "pixels + logistic regression")
    refused = Evidence(evidence="bias", of=OF, signature=SIGNATURE,
                       refused=say("no groups are declared; name a column in evidence.bias.groups"))
    return lay(folder, "image-classification", [document, cost(), explanation(explained, [], "blur"), refused, data()])


def sound_run(folder: Path) -> Run:
    """Sounds that can be played, and labels that are measured one by one."""
    shows, explained = sound_rows()
    document = quality(["do", "re"], shows, 0.9, 60, "nearest sound")
    rest = {key: value for key, value in document.details.items() if key not in ("labels", "confusion", "per_class")}
    parts = {label: {"n": 30, "f1": wilson(share, 60).to_json(), "token-f1": wilson(0.9, 60).to_json()}
             for label, share in (("do", 0.9), ("re", 0.4))}
    document = replace(document, details={**rest, "parts": parts, "parts_left_out": 3})
    return lay(folder, "automatic-speech-recognition", [document, cost(), explanation(explained, [], "silence"), data()])


def refused_run(folder: Path) -> Run:
    """Hardly anything is known, and what is known is stale or refused."""
    shows, _ = text_rows()
    weak = quality(TOPICS, shows, 0.32, 96)
    weights = {"constant": {"accuracy": wilson(0.30, 96), "difference": about(0.02, 0.09, 96)}}
    old = Evidence(evidence="quality", of={**OF, "model": "sha256:" + "00" * 32}, signature=SIGNATURE, quantities=weak.quantities,
                   counterweights=weights,
                   details={**weak.details, "worst": []})
    no = Evidence(evidence="explanation", of=OF, signature=SIGNATURE, refused=say("the model is no better than a guess"))
    return lay(folder, "text-classification", [old, no], recipe=RECIPE.replace("[quality.accuracy >= 0.85, cost.time <= 2 min]", "[]"))


def hostile_run(folder: Path) -> Run:
    """Scripts, marks that turn the writing, texts without end, in every place that holds what a person wrote."""
    long = "x" * 10_000
    shows = [{"text": text, "target": HOSTILE} for text in (HOSTILE, TURNED, long, "</style></title><!--", "a b " * 5_000)]
    shows.append({"image": "javascript:window.hacked=1", "audio": "https://elsewhere.example/a.mp3", "target": "p"})
    shows.append({"image": 'data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9Imhp"/>', "target": "p"})
    labels = [HOSTILE, TURNED, long, "</script>"]
    explained = [{"row": HOSTILE, "answer": HOSTILE, "show": {"text": HOSTILE},
                  "units": [{"place": [0, 8], "score": 1.0}, {"place": [4, 20], "score": -1.0}]},
                 {"row": HOSTILE, "answer": HOSTILE, "show": {"image": "http://example.invalid/x.png"},
                  "units": [{"place": [0, 0, 1, 1], "score": 1.0}]}]
    groups = Evidence(evidence="bias", of=OF, signature=HOSTILE,
                      findings=[Finding(HOSTILE, "issue", say("{x}", x=HOSTILE), (HOSTILE, TURNED))],
                      details={"columns": {HOSTILE: [{"group": HOSTILE, "n": 9, "error": wilson(0.5, 9).to_json()}]},
                               "worst": {"column": HOSTILE, "group": TURNED, "error": wilson(0.5, 9).to_json()}})
    changes = {"task": HOSTILE, "machine": {"processor": HOSTILE}, "versions": {"steelyard": HOSTILE},
               "model": {"family": HOSTILE, "sha256": "ab" * 32}}
    recipe = RECIPE.replace("sort customers' messages by topic", '"<script>window.hacked=1</script>"')
    return lay(folder, "text-classification", [quality(labels, shows), cost(),
                                               explanation(explained, [{"word": HOSTILE, "score": 1.0, "rows": 2}], HOSTILE), groups],
               recipe=recipe, changes=changes)


def many_run(folder: Path) -> Run:
    """100 labels and 200 groups, pictures that are too large."""
    rng = np.random.default_rng(0)
    show = {"image": png(rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)), "target": "x"}
    groups = [{"group": f"group {i}", "n": 50, "error": wilson(0.1 + i / 1_000, 50).to_json()} for i in range(200)]
    document = Evidence(evidence="bias", of=OF, signature=SIGNATURE, details={"columns": {"author": groups}})
    return lay(folder, "image-classification", [quality([f"label {i}" for i in range(100)], [show] * 10, n=5_000), document])


RUNS = {"many": many_run, "text": text_run, "picture": picture_run, "sound": sound_run, "refused": refused_run, "hostile": hostile_run}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One run of each sort."""
    root = tmp_path_factory.mktemp("runs")
    return {name: make(root / name) for name, make in RUNS.items()}


@pytest.fixture(scope="session")
def build() -> dict[str, Callable[[Path], Run]]:
    """How to make a run of each sort, for tests that change it."""
    return RUNS
