"""The page as text: what it says, what it leaves out, and that nothing of a person's does anything in it."""

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from steelyard.facts import Evidence
from steelyard.language import in_language, say
from steelyard.report.material import gather
from steelyard.report.page import render, write
from steelyard.run import Run, write_json, write_text

Build = dict[str, Callable[[Path], Run]]
ORDER = ["summary", "gates", "answers", "mistakes", "groups", "dependence", "bill", "datasheet", "curve", "method"]


class Reader(HTMLParser):
    """What a page holds: tags, attributes, text without the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]


def page(run: Run, language: str = "en") -> str:
    with in_language(language):
        return render(run)


def templates() -> set[str]:
    """Every English template of report/, from the source."""
    found = set()
    for source in files("steelyard.report").iterdir():
        if source.name.endswith(".py"):
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say" and isinstance(node.args[0],
                    ast.Constant):
                    found.add(str(node.args[0].value))
    return found


def test_chapters_stand_in_the_order_in_which_a_person_asks(runs: dict[str, Run]) -> None:
    for run in runs.values():
        read = Reader(page(run))
        assert [attrs["id"] for tag, attrs in read.tags if tag == "section"] == ORDER


def test_the_five_sentences(runs: dict[str, Run]) -> None:
    text = Reader(page(runs["text"])).text
    for sentence in (
        "It is right in 87.4% (85.0 to 89.4), n = 872, on the set “test”.",
        "That is better than the best simple model, TF-IDF + logistic regression, with 82.7% (80.0 to 85.1): "
        "the difference is +4.7 points (2.6 to 6.8).",
        "Without the rows that stand in other splits too it is 86.1% (83.6 to 88.3), n = 831.",
        "Training took 2 min 15 s and at most 1.3 GiB of memory, on AMD EPYC, 2 cores.",
        "Modelled, not metered: energy 1.5 to 4.5 Wh; CO₂ equivalent 0.03 to 3.6 g.",
        "Hiding what occlusion points at costs the answer 0.42 nats (0.12 to 0.72) of log probability "
        "more than the strongest control does.",
        "region = north: wrong in 24.3% (19.0 to 30.5), n = 214. That is worse than all other rows by +13.8 points (7.8 to 19.8), "
        "and more than chance.",
        "Still open: a comparison of groups, for want of rows; how much another seed would change: "
        "this is one training run; how it does on",
    ):
        assert sentence in text, sentence


def test_a_model_no_better_than_its_counterweight_is_not_praised(runs: dict[str, Run]) -> None:
    text = Reader(page(runs["refused"])).text
    assert "It is not shown to be better than a simple model, a constant answer, with 30" in text
    assert "That is better" not in text


def test_where_nothing_is_wrong_no_group_is_called_the_worst(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    document = json.loads(run.evidence_file("bias", "test").read_text())
    document["details"]["worst"]["error"] |= {"value": 0.0, "low": 0.0, "high": 0.018}
    run.evidence_file("bias", "test").write_text(json.dumps(document))
    text = Reader(page(run)).text
    assert "No answer is wrong in any group that was assessed" in text and "wrong in 0.0%" not in text
    assert "在所有评估过的群体中没有一条回答出错" in Reader(page(run, "zh")).text


def test_how_intervals_were_made_is_said_in_chinese_too(runs: dict[str, Run]) -> None:
    text = Reader(page(runs["text"], "zh")).text
    assert "Wilson 95% 区间" in text and "自助法 95% 区间" in text and "没有区间" in text
    assert "bootstrap" not in text and "no interval" not in text and "counted" not in text


def test_refusals_gaps_and_stale_evidence_are_said(runs: dict[str, Run]) -> None:
    read = Reader(page(runs["refused"]))
    assert "Refused: the model is no better than a guess" in read.text
    assert "Open: not weighed yet; steelyard weigh RUN --only bias answers it" in read.text
    assert "this was measured on other weights than the run holds now" in read.text
    kinds = [attrs["class"] for tag, attrs in read.tags if tag == "p" and (attrs.get("class") or "").startswith("notice")]
    assert {"notice refused", "notice absent", "notice stale", "notice note"} == set(kinds)
    assert "stale" not in Reader(page(runs["text"])).text.replace("Stale evidence", "").lower()


def test_data_that_changed_is_stale_for_its_own_set_only(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    assert not gather(run, "test").stale
    run.update({"data": {**run.manifest()["data"], "sha256": "sha256:" + "99" * 32}})
    assert set(gather(run, "test").stale) == {"quality", "cost", "explanation", "bias", "data"}
    for path in (run.folder / "evidence" / "test").iterdir():
        (run.folder / "evidence" / "new").mkdir(exist_ok=True)
        path.rename(run.folder / "evidence" / "new" / path.name)
    assert not gather(run, "new").stale  # new rows have a fingerprint of their own


def test_gates_are_judged_on_the_page(runs: dict[str, Run]) -> None:
    text = Reader(page(runs["text"])).text
    assert "1 of 2 gates hold." in text and "holds quality.accuracy >= 0.85" in text and "does not hold cost.time <= 2 min" in text


def test_a_gate_that_cannot_be_judged_does_not_hide_the_others(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    recipe = run.recipe_file.read_text(encoding="utf-8").replace("cost.time <= 2 min", "cost.energy <= 1 kWh")
    write_text(run.recipe_file, recipe)
    text = Reader(page(run)).text
    assert "holds quality.accuracy >= 0.85" in text and "cost.energy is modelled, not measured, and cannot be gated" in text


def test_rows_stay_out_where_the_recipe_says_so(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    assert "Why was I billed twice" in page(run) and "refundcase, parcel" in page(run)
    write_text(run.recipe_file, run.recipe_file.read_text(encoding="utf-8").replace("evidence: {", "evidence: {show_rows: false, "))
    html = page(run)  # the documents still hold them, by somebody's mistake
    for word in ("Why was I billed twice", "refundcase 8812", "parcel", "billed"):
        assert word not in html
    assert "no rows are in this page" in html and "evidence.show_rows: false" in html


def test_nothing_of_a_persons_does_anything(runs: dict[str, Run]) -> None:
    html = page(runs["hostile"])
    read = Reader(html)
    assert not [tag for tag, _ in read.tags if tag in ("script", "iframe", "object", "form", "base", "embed", "foreignobject")]
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on")]
    addresses = [value for _, attrs in read.tags for name, value in attrs.items() if name in ("src", "href", "action", "srcdoc") and value]
    assert all(address.startswith(("#", "data:image/")) or address == "data:," for address in addresses), addresses
    assert "{{7*7}}" in read.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07]", html)
    assert len(html) < 200_000  # 10,000 characters in many places, shortened
    assert html.count("<style>") == 1 == html.count("</style>")


def test_chinese_has_no_english_sentence_left(runs: dict[str, Run]) -> None:
    fragments = {piece.strip() for template in templates() for piece in re.split(r"\{[^}]*\}|`[^`]*`", template)
                 if len(re.findall("[a-z]", piece)) >= 9}
    for name in ("text", "picture", "refused"):
        html = page(runs[name], "zh")
        text = Reader(html).text + " ".join(str(value) for tag, attrs in Reader(html).tags for key, value in attrs.items()
                                            if key in ("alt", "aria-label"))
        assert '<html lang="zh-Hans">' in html
        left = [fragment for fragment in fragments if fragment in text and fragment not in ("TF-IDF + logistic regression",)]
        assert not left, left
        assert "它有多常答对" in text and "方法与签名" in text
    assert len(fragments) > 80


def test_headings_do_not_skip_and_tables_say_what_their_heads_are_for(runs: dict[str, Run]) -> None:
    for run in runs.values():
        read = Reader(page(run))
        levels = read.headings()
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert all(attrs.get("scope") in ("col", "row") for tag, attrs in read.tags if tag == "th")
        tables = sum(tag == "table" for tag, _ in read.tags)
        assert tables == sum(tag == "caption" for tag, _ in read.tags)
        assert all(attrs.get("aria-hidden") or attrs.get("role") == "img" or "viewbox" in attrs for tag, attrs in read.tags if tag == "svg")
        assert all("alt" in attrs for tag, attrs in read.tags if tag == "img")


def test_absent_keys_show_less_and_do_not_crash(tmp_path: Path) -> None:
    run = Run(tmp_path / "bare")
    run.folder.mkdir()
    write_json(run.manifest_file, {"format": 1})
    assert "not weighed yet" in page(run)
    of = {"run": "bare"}
    for name in ("quality", "cost", "explanation", "bias", "data"):
        run.write_evidence(Evidence(evidence=name, of=of, signature=""), "" if name in ("cost", "data") else "test")
    text = Reader(page(run)).text
    assert "not measured" in text and "No group could be assessed." in text and "Nothing about its cost was measured." in text
    write_text(run.metrics_file, '{"step": 1}\nnonsense\n[1]\n{"step": 2, "train/loss": NaN}\n')
    assert "The log holds no step." in page(run)


def test_a_broken_recipe_is_said_and_the_page_is_made(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    write_text(run.recipe_file, "task: text-classification\nnonsense: 1\n")
    assert "no such key" in Reader(page(run)).text


def test_many_labels_and_groups_are_cut_and_said(tmp_path: Path, build: Build) -> None:
    run = build["many"](tmp_path / "run")
    html = page(run)
    assert "and 70 further labels with higher recall" in html and "and 170 further groups" in html
    assert 'class="confusion"' not in html
    assert len(html) < 2_000_000


def test_it_is_quick_and_small(runs: dict[str, Run]) -> None:
    page(runs["picture"])
    started = time.perf_counter()
    html = page(runs["picture"])
    assert time.perf_counter() - started < 1
    assert len(html.encode()) < 500_000


def test_write_puts_it_into_the_run(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    with in_language("en"):
        write(run)
    assert run.page_file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(say("In five sentences")) in run.page_file.read_text(encoding="utf-8")


def test_the_page_never_imports_torch() -> None:
    code = ("import sys, steelyard.report.page, steelyard.report.card; "
            "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'transformers')))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
