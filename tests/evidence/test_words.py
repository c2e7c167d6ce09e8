"""What documents name in short has words in both languages: no English is left in a Chinese sentence."""

import ast
import re
from pathlib import Path

import pytest

import steelyard
from steelyard import catalog
from steelyard.evidence.deletion import Line
from steelyard.evidence.explanation import beaten_by
from steelyard.evidence.words import how, name
from steelyard.language import Sentence, in_language

ROOT = Path(steelyard.__file__).parent
HAN = re.compile("[\u4e00-\u9fff]")
UNUSUAL = ("unusual", "unusual x spread", "unusual / spread")
SURFACES = ("length", "rarity", "first", "last", "centre", "ink", "edges", *UNUSUAL)
CONTROLS = ("nothing", "permuted", "another-row", "mean-of-others", "random-twin", *(f"surface:{one}" for one in SURFACES),
            *(f"mean x {one}" for one in SURFACES))


def said(what: object, language: str) -> str:
    with in_language(language):
        return str(what)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_refusal_is_wholly_in_its_language(control: str) -> None:
    sentence = Sentence.from_json(beaten_by("occlusion", Line("mask", control, 0.05, -0.07, 0.17, 100)).to_json())
    assert not re.search("[A-Za-z]", said(sentence, "zh").replace("95%", "")), said(sentence, "zh")
    assert not HAN.search(said(sentence, "en"))


def test_the_clumsy_one() -> None:
    sentence = beaten_by("integrated-gradients", Line("remove", "surface:first", 0.05, -0.07, 0.17, 100))
    assert said(sentence, "en") == (
        "integrated gradients is refused: hiding what it points at (taken out) costs the answer 0.05 nats more "
        "(95% -0.07 to 0.17, 100 rows) than hiding as much by nearness to the beginning: that is not surely more")
    assert said(sentence, "zh") == ("积分梯度未予公布：按它所指遮住（删去），比按离开头的远近遮住同样多的内容，回答多损失 0.05 奈特"
                                    "（95% 区间 -0.07 至 0.17，100 行），不能断定确实更多")


def test_every_way_and_surface_of_the_house_has_its_word() -> None:
    for task in (catalog.load("tasks", one, "here") for one in catalog.own("tasks")):
        for way in task.ways:
            assert HAN.search(said(name(way), "zh")), way
    for file in (ROOT / "tasks").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "surface":
                for key in (key for one in ast.walk(node) if isinstance(one, ast.Return) and isinstance(one.value, ast.Dict)
                            for key in one.value.keys):
                    assert isinstance(key, ast.Constant) and HAN.search(said(name(str(key.value)), "zh")), ast.dump(key or node)
    for explainer in catalog.own("explainers"):
        assert HAN.search(said(name(explainer.replace("_", "-")), "zh")), explainer


def test_what_a_guest_names_stays_its_own() -> None:
    assert name("salt-and_pepper") == "salt and pepper" and how("Clopper-Pearson 95%") == "Clopper-Pearson 95%"


@pytest.mark.parametrize(("method", "chinese"), [
    ("Wilson 95%, design effect 1.30", "Wilson 95% 区间，设计效应 1.30"),
    ("logit t and Hall 95% over 30 clusters", "logit t 与 Hall 变换 95% 区间，按 30 个簇"),
    ("delta method and MOVER of DeLong and Newcombe 95% over 9 clusters; 3 of 4 classes occur",
     "delta 法与 MOVER（DeLong 与 Newcombe）95% 区间，按 9 个簇；4 个类别中出现 3 个"),
    ("no interval: a class has fewer than 8 rows, or there is one cluster", "没有区间：有类别不足 8 行，或只有一簇"),
    ("t 95% over rows, against surface:ink", "t 分布 95% 区间，按行，相对于墨迹"),
])
def test_a_method_with_something_about_it(method: str, chinese: str) -> None:
    assert said(how(method), "zh") == chinese


def written() -> set[str]:
    """Every text in the source that is a Quantity's `how`: the argument how=, and what ends as the name of an interval does."""
    found = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [keyword.value for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords
                 if keyword.arg == "how"]
        ends = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
                and re.fullmatch(r"[A-Z\w][^{}.]* 95%( of a norm \(.*\))?", node.value)]
        found |= {node.value for node in (*named, *ends) if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value}
    return found


def test_every_method_of_the_house_has_its_words() -> None:
    assert {"Wilson 95%", "t 95%", "measured", "modelled", "delta method and MOVER of Wilson 95%"} <= written()
    lacking = [method for method in written() if not HAN.search(said(how(method), "zh"))]
    assert not lacking, lacking
    assert all(said(how(method), "en") == method for method in written())
