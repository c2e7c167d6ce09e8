"""The model card: complete for the Hub, aggregates only, and nothing of a person's does anything in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from steelyard.facts import Evidence
from steelyard.language import in_language
from steelyard.report.card import card
from steelyard.run import Run, write_json, write_text

Build = dict[str, Callable[[Path], Run]]
SECTIONS = ["Model details", "Uses", "Bias, risks, and limitations", "How to get started", "Training details", "Evaluation",
            "Model examination",
            "Environmental impact", "Technical specifications"]


def made(run: Run, language: str = "en") -> str:
    with in_language(language):
        return card(run)


def test_the_hub_reads_its_front_matter(runs: dict[str, Run]) -> None:
    data = ModelCard(made(runs["text"])).data
    assert (data.license, data.language, data.library_name, data.pipeline_tag) == ("apache-2.0", "en", "transformers",
        "text-classification")
    assert data.tags == ["steelyard", "bert"] and "accuracy" in data.metrics and "f1" in data.metrics
    first = data.eval_results[0]
    assert (first.task_type, first.metric_type, first.metric_value, first.dataset_split) == ("text-classification", "accuracy", 0.874,
        "test")
    assert first.metric_args["n"] == 872 and first.metric_args["how"] == "Wilson 95%"
    assert first.dataset_name and first.dataset_type


def test_a_hub_model_and_data_set_are_named_and_a_folder_is_not(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    recipe = run.recipe_file.read_text(encoding="utf-8")
    write_text(run.recipe_file, recipe.replace("{family: bert, size: small}", "{from: answerdotai/ModernBERT-base}")
               .replace("train: reviews/*.csv", "train: hub:stanfordnlp/imdb"))
    data = ModelCard(made(run)).data
    assert data.base_model == "answerdotai/ModernBERT-base" and data.datasets == ["stanfordnlp/imdb"]
    write_text(run.recipe_file, recipe.replace("{family: bert, size: small}", "{from: /srv/ann/secret/model}")
               .replace("train: reviews/*.csv", "train: /srv/ann/secret/reviews.csv"))
    run.update({"data": {**run.manifest()["data"], "files": [{"file": "/srv/ann/secret/reviews.csv", "mark": "1"}]}})
    text = made(run)
    assert "secret" not in text and "/srv" not in text
    assert "reviews.csv" in text and "base_model" not in text


def test_sections_follow_the_template(runs: dict[str, Run]) -> None:
    for run in runs.values():
        assert [line[3:] for line in made(run).splitlines() if line.startswith("## ")] == SECTIONS


def test_figures_come_from_evidence(runs: dict[str, Run]) -> None:
    text = made(runs["text"])
    for words in ("| accuracy | 87.4% (85.0 to 89.4), n = 872 | 25.0% (22.2 to 28.0) | 82.7% (80.0 to 85.1) |", "| region = north | 24.3%",
                  "| occlusion | published | 0.12 |", "| integrated gradients | refused | −0.07 |", "| `batch_size` | 32 |",
                  "| energy | 1.5 to 4.5 Wh | modelled from 15 to 45 W a core |", "sort customers' messages by topic", "The support team",
                  "with these rows 87.4% (85.0 to 89.4), without 86.1%", "Still open:"):
        assert words in text, words


def test_no_row_and_no_word_of_a_row_is_in_it(runs: dict[str, Run]) -> None:
    for name in ("text", "picture"):
        text = made(runs[name])
        for words in ("parcel", "billed", "refundcase", "jacket", "包裹", "data:image", "reviews-2026.csv:", "test.csv:3",
                      "builtin:digits:0"):
            assert words not in text, words


def test_small_groups_are_left_out(tmp_path: Path, build: Build) -> None:
    run = build["text"](tmp_path / "run")
    bias = run.evidence("test")["bias"]
    few = [{"group": "Ann Smith", "n": 9, "error": {"value": 0.1, "low": 0.0, "high": 0.4, "n": 9}}]
    run.write_evidence(Evidence(evidence="bias", of=bias.of, signature="", details={"columns": {"author": few}}), "test")
    assert "Ann Smith" not in made(run)


def test_stale_figures_are_not_given_to_the_hub(runs: dict[str, Run]) -> None:
    text = made(runs["refused"])
    assert "model-index" not in text and "this was measured on other weights" in text


def test_what_nobody_declared_is_said_so(tmp_path: Path) -> None:
    run = Run(tmp_path / "bare")
    run.folder.mkdir()
    write_json(run.manifest_file, {"format": 1})
    text = made(run)
    assert text.count("not declared") >= 3 and "Nobody declared what this model is for" in text
    assert "license:" not in text.split("---")[1]
    assert ModelCard(text).data.library_name == "transformers"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_words_do_nothing(runs: dict[str, Run], language: str) -> None:
    text = made(runs["hostile"], language)
    _, body = text.split("\n---\n", 1)
    outside = "".join(part for i, part in enumerate(body.split("```")) if i % 2 == 0)
    assert "<script" not in outside and "<img" not in outside
    assert "\u202e" not in text
    assert ModelCard(text).data.tags[0] == "steelyard"


def test_chinese(runs: dict[str, Run]) -> None:
    text = made(runs["text"], "zh")
    assert "# text 的模型卡" in text and "## 训练详情" in text and "| 准确率 | 87.4%（85.0 至 89.4），n = 872 |" in text
    assert ModelCard(text).data.eval_results[0].metric_name == "accuracy"  # the Hub reads English
