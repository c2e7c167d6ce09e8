"""YAML in: what is right is read exactly, and every complaint is one sentence with file, line and key."""

import itertools
from pathlib import Path

import pytest

from steelyard.errors import InputError
from steelyard.language import in_language
from steelyard.recipe._complaints import keys, says
from steelyard.recipe._synonyms import SYNONYMS
from steelyard.recipe.data import SplitBy, share
from steelyard.recipe.reader import anchored, read
from steelyard.recipe.recipe import Recipe
from steelyard.recipe.training import FALLBACK, Training

MINIMAL = "task: text-classification\ndata: {train: a.csv}\n"

MIX = "a path (a file, a glob, a folder, builtin:NAME, hub:NAME), a list of them, or pairs of a path and its weight"


def recipe(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    """Read `text` as recipe.yaml, complaining of it by its bare name."""
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file, overrides)


def complaint(tmp_path: Path, text: str, *overrides: str) -> str:
    """What is said of `text`, without the folder."""
    with pytest.raises(InputError) as caught:
        recipe(tmp_path, text, *overrides)
    with in_language("en"):
        return str(caught.value).replace(f"{tmp_path}/", "")


def test_design_example(tmp_path):
    got = recipe(tmp_path, """
task: text-classification
about: {purpose: sort reviews, language: en, license: apache-2.0}
data:
  train: reviews/*.csv
  test: reviews-2026.csv
  columns: {text: review, label: stars}
model: {from: answerdotai/ModernBERT-base}
training: {epochs: 3, batch_size: 32, learning_rate: 5e-5}
evidence:
  bias: {groups: [gender, region], positive: [4, 5]}
gates:
  - quality.accuracy >= 0.85
  - cost.time <= 30 min
""")
    assert got.data.train == "reviews/*.csv" and got.data.columns == {"text": "review", "label": "stars"}
    assert got.model.from_ == "answerdotai/ModernBERT-base" and got.model.family is None
    assert got.training.learning_rate == 5e-5 and got.training.batch_size == 32
    assert got.evidence.bias.positive == ("4", "5")
    assert [gate.number for gate in got.conditions()] == [0.85, 1800.0]
    assert (got.run, got.folder, got.seed) == ("recipe", tmp_path, 0)
    assert got.where("training.epochs").endswith("recipe.yaml:9 training.epochs")
    assert got.where("training.precision").endswith("recipe.yaml:9 training.precision")  # its section's line: the key stands nowhere


def test_minimal_recipe_has_every_default(tmp_path):
    got = recipe(tmp_path, MINIMAL)
    assert got.model.size == "small" and isinstance(got.training, Training) and got.training.epochs is None
    assert got.evidence.explanation.methods == ("integrated-gradients", "occlusion")


def test_texts_are_kept_as_written(tmp_path):
    got = recipe(tmp_path, MINIMAL + 'model: {options: {a: 007, b: True, c: "7", d: [1, 2.5], e: 0x10, f: 1e3}}\n',
                 "data.labels={007: 1.10, yes: True, 2: null}", "data.columns={label: 2024}")
    assert got.data.labels == {"007": "1.10", "yes": "True", "2": "null"}
    assert got.data.columns == {"label": "2024"}
    assert got.model.options == {"a": 7, "b": True, "c": "7", "d": (1, 2.5), "e": 16, "f": 1000.0}


def test_splits(tmp_path):
    got = recipe(tmp_path, "task: t\ndata: {train: [a.csv, b.csv], validation: 12.5%, test: {column: split, value: 2026}}\n")
    assert got.data.train == ("a.csv", "b.csv") and share(got.data.validation) == 0.125
    assert got.data.test == SplitBy(column="split", value="2026")
    assert [share(text) for text in ("10%", " 7 % ", "10", "a%", "", None, 0.1)] == [0.1, 0.07, None, None, None, None, None]


def test_empty_keys_are_not_given(tmp_path):
    assert recipe(tmp_path, MINIMAL + "about:\ntraining:\n  epochs:\ngates: ~\n") == recipe(tmp_path, MINIMAL)


def test_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("REVIEWS", "/data/r")
    monkeypatch.delenv("ABSENT", raising=False)
    assert recipe(tmp_path, "task: t\ndata: {train: '${REVIEWS}/a.csv'}\n").data.train == "/data/r/a.csv"
    assert complaint(tmp_path, "task: t\ndata:\n  train: ${ABSENT}/a.csv\n") == (
        "recipe.yaml:3 data.train: the environment variable ABSENT is not set; set it, or write the value out")


def test_a_dict_is_a_recipe_too(tmp_path):
    got = read({"task": "t", "data": {"train": tmp_path / "a.csv", "labels": {"pos": 1, "neg": True}, "test": None}}, ["seed=3"])
    assert got.data.labels == {"pos": "1", "neg": "true"} and got.data.train == str(tmp_path / "a.csv")
    assert got.seed == 3 and got.run == "t" and got.data.test is None
    with pytest.raises(InputError, match=r'^training\.epochs: got "x", want a number above 0$'):
        read({"task": "t", "data": {"train": "a"}, "training": {"epochs": "x"}})


WRONG = [  # what is added to the minimal recipe, and what is said of it
    ("training: {learing_rate: 1e-3}", "recipe.yaml:3 training.learing_rate: no such key; did you mean learning_rate?"),
    ("training:\n  num_train_epochs: 3", "recipe.yaml:4 training.num_train_epochs: no such key; did you mean epochs?"),
    ("training: {per_device_train_batch_size: 8}",
     "recipe.yaml:3 training.per_device_train_batch_size: no such key; did you mean batch_size?"),
    ("training: {warmup_ratio: 0.1}", "recipe.yaml:3 training.warmup_ratio: no such key; did you mean warmup_steps?"),
    ("training: {learningRate: 0.1}", "recipe.yaml:3 training.learningRate: no such key; did you mean learning_rate?"),
    ("learning_rate: 0.1", "recipe.yaml:3 learning_rate: no such key; did you mean training.learning_rate?"),
    ("data_path: x", "recipe.yaml:3 data_path: no such key; did you mean data?"),
    ("zzzzz: x", "recipe.yaml:3 zzzzz: no such key (there are: task, about, data, model, training, decoding, evidence, gates, seed, run)"),
    ("training: {epochs: three}", 'recipe.yaml:3 training.epochs: got "three", want a number above 0'),
    ("training: {epochs: '3'}", 'recipe.yaml:3 training.epochs: got "3", want a number above 0'),
    ("training: {epochs: -1}", "recipe.yaml:3 training.epochs: got -1, want a number above 0"),
    ("training: {epochs: .nan}", "recipe.yaml:3 training.epochs: got nan, want a number above 0"),
    ("training: {learning_rate: .inf}", "recipe.yaml:3 training.learning_rate: got inf, want a number above 0, at most 100"),
    ("training: {batch_size: 2.5}", "recipe.yaml:3 training.batch_size: got 2.5, want a whole number, 1 or more"),
    ("training: {batch_size: true}", "recipe.yaml:3 training.batch_size: got true, want a whole number, 1 or more"),
    ("training: {warmup_steps: 100%}",
     'recipe.yaml:3 training.warmup_steps: got "100%", want a whole number, 0 or more, or a share such as 5%'),
    ("training: {evaluate_every: often}",
     'recipe.yaml:3 training.evaluate_every: got "often", want epoch, or a whole number of steps, 1 or more'),
    ("training: {precision: fp16}", 'recipe.yaml:3 training.precision: got "fp16", want one of auto, fp32, bf16'),
    ("training: {epochs: 3, steps: 10}",
     "recipe.yaml:3 training.steps: training lasts so many `epochs` or so many `steps`; give one of the two"),
    ("training: off", 'recipe.yaml:3 training: got "off", want keys such as {epochs: 3}, or none to judge model.from as it is'),
    ("training: none", "recipe.yaml:3 training: `none` judges a trained model as it is; name it with `model.from`"),
    ("model: bert", 'recipe.yaml:3 model: got "bert", want keys: from, family, size, options'),
    ("model: {from: a, family: b}",
     "recipe.yaml:3 model.family: a model comes from `model.from` or is built new by `model.family`; give one of the two"),
    ("model: {options: {a: {b: 1}}}",
     "recipe.yaml:3 model.options.a: got keys (b), want pairs of a name and a number, text, truth value, or a list of them"),
    ("evidence: {bias: {groups: gender}}", 'recipe.yaml:3 evidence.bias.groups: got "gender", want a list of names in square brackets'),
    ("evidence: {only: [quality, speed]}",
     'recipe.yaml:3 evidence.only: got "speed", want a list of some of quality, cost, explanation, bias, data'),
    ("evidence: {cost: {grid_g_per_kwh: [5, 2]}}",
     "recipe.yaml:3 evidence.cost.grid_g_per_kwh: got a range from 5 down to 2; the smaller number comes first"),
    ("gates:\n- quality.accuracy > 0.5\n- speed.x > 1",
     'recipe.yaml:5 gates: got "speed.x > 1", but there is no evidence "speed" (there are: quality, cost, explanation, bias, data)'),
    ("gates: quality.accuracy > 0.5",
     'recipe.yaml:3 gates: got "quality.accuracy > 0.5", want a list of conditions such as "quality.accuracy >= 0.85"'),
    ("run: ../x", 'recipe.yaml:3 run: got "../x", want the name of a folder, without slashes and no dot in front'),
    ("seed: -1", "recipe.yaml:3 seed: got -1, want a whole number, 0 or more"),
    ("task: image-classification", "recipe.yaml:3 task: stands here a second time, first at {file}:1; keep one"),
    ("about: &x {purpose: a}",
     "recipe.yaml:3: anchors (&) and aliases (*) are not taken; write the value out, in quotes where it begins so"),
    ("about: *x", "recipe.yaml:3: anchors (&) and aliases (*) are not taken; write the value out, in quotes where it begins so"),
    ("about: !!python/object/apply:os.system [ls]",
     "recipe.yaml:3: tags and objects (!) are not taken; write a plain value, in quotes where it begins so"),
    ("---\ntask: t", "recipe.yaml:3: a second document starts here (---); a recipe is one"),
    ("about: {purpose: [a}",
     'recipe.yaml:3: no YAML can be read here, near "about: {purpose: [a}"; look for a missing colon, space, quote or bracket'),
    ("about:\n\tpurpose: x", "recipe.yaml:4: the line begins with a tab; YAML wants spaces"),
    ("? [a, b]\n: c", "recipe.yaml:3: a key is a plain word"),
    ("about: " + "[" * 40 + "]" * 40, "recipe.yaml:3: nested too deeply for a recipe"),
]


@pytest.mark.parametrize(("added", "said"), WRONG, ids=[added[:40] for added, _ in WRONG])
def test_complaints(tmp_path, added, said):
    assert complaint(tmp_path, MINIMAL + added + "\n") == said.replace("{file}", "recipe.yaml")


@pytest.mark.parametrize(("data", "said"), [
    ("{test: 100%, train: a}", "data.test: got 100%, want a share above 0% and below 100%: the rest is what the model learns from"),
    ("{test: 60%, validation: 40%, train: a}",
     "data.test: validation and test take 100% together, which leaves nothing to learn from; want less than 100%"),
    ("{test: 0.1, train: a}", "data.test: got 0.1, want a path, a share such as 10%, or {column: split, value: dev}"),
    ("{test: {column: split}, train: a}", "data.test.value: missing; want a text"),
    ("{test: {colum: split, value: x}, train: a}", "data.test.colum: no such key; did you mean column?"),
    ("{train: []}",
     f"data.train: got [], want {MIX}"),
    ("{train: {a: b}}",
     f'data.train.a: got "b", want {MIX}'),
    ("{train: a, encoding: utf-9}", 'data.encoding: no encoding is called "utf-9" (there are: utf-8, gb18030, latin-1 and more)'),
    ("{train: a, max_bad_rows: -1}", "data.max_bad_rows: got -1, want a whole number, 0 or more"),
    ("{train: a, columns: [text]}", 'data.columns: got ["text"], want pairs such as {text: review, label: stars}'),
    ("{test: a}", "data.train: missing; name the rows that the model learns from, or judge a model as it is with `training: none`"),
])
def test_complaints_about_data(tmp_path, data, said):
    got = complaint(tmp_path, f"task: t\ndata: {data}\n")
    assert said in got.splitlines()[-1] and got.splitlines()[0].startswith("recipe.yaml:2 data.")


def test_what_is_missing(tmp_path):
    assert complaint(tmp_path, "seed: 1\n").splitlines() == [
        "recipe.yaml task: missing; want the name of a task, such as text-classification",
        "recipe.yaml data: missing; want keys: train, validation, test, columns, labels...",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "just words\n", "- a\n- b\n", "42\n", "--- \n...\n"])
def test_no_mapping(tmp_path, text):
    assert complaint(tmp_path, text) == "recipe.yaml: a recipe is made of keys such as `task: text-classification`, and this file has none"


@pytest.mark.parametrize(("raw", "said"), [
    (b"task: \xff\xfe\n", "recipe.yaml:1: a recipe is text in UTF-8, this file is not; save it as UTF-8"),
    (b"a: b\ntask: \xb5\xc4\n", "recipe.yaml:2: a recipe is text in UTF-8, this file is not; save it as UTF-8"),
    (b"task: \x00\x01\n", "recipe.yaml: not a text file; a recipe is YAML in UTF-8"),
    (b"# " + b"x" * 1_000_001, "recipe.yaml: a recipe has at most 1000000 bytes, this file has 1000003; is it one?"),
])
def test_no_text(tmp_path, raw, said):
    (tmp_path / "recipe.yaml").write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "recipe.yaml")
    assert str(caught.value).replace(f"{tmp_path}/", "") == said


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="it is a folder"):
        read(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    assert recipe(tmp_path, "\ufeff" + MINIMAL) == recipe(tmp_path, MINIMAL)


def test_several_complaints_are_told_at_once_in_the_order_of_the_file(tmp_path):
    said = complaint(tmp_path, MINIMAL + "training: {lr: 1}\nmodel: 3\nseed: x\nrun: a/b\nabout: 1\ngates: 5\n").splitlines()
    assert [line.split(" ")[0] for line in said[:5]] == [f"recipe.yaml:{n}" for n in range(3, 8)]
    assert said[5] == "and 1 more complaints"


def test_overrides(tmp_path):
    got = recipe(tmp_path, MINIMAL, "training.epochs=5", "data.test=10%", "evidence.bias.groups=[a, b]",
                 "about.purpose=x=y")
    assert got.training.epochs == 5 and got.data.test == "10%" and got.evidence.bias.groups == ("a", "b") and got.about.purpose == "x=y"
    assert got.where("training.epochs") == "--set training.epochs"
    assert recipe(tmp_path, MINIMAL + "training: {epochs: 3}\n", "training.epochs=").training.epochs is None
    assert recipe(tmp_path, MINIMAL + "training: none\nmodel: {from: m}\n", "training.epochs=2").training.epochs == 2


@pytest.mark.parametrize(("override", "said"), [
    ("training.learing_rate=3", "--set training.learing_rate: no such key; did you mean learning_rate?"),
    ("training.epochs=many", '--set training.epochs: got "many", want a number above 0'),
    ("training.epochs", '--set: got "training.epochs", want a key and its value, such as training.epochs=5'),
    ("=5", '--set: got "=5", want a key and its value, such as training.epochs=5'),
    ("training.epochs=[1",
     '--set training.epochs:1: no YAML can be read here, near "[1"; look for a missing colon, space, quote or bracket'),
    ("training.epochs=!!int 3",
     "--set training.epochs:1: tags and objects (!) are not taken; write a plain value, in quotes where it begins so"),
    ("training={lr: 3}", "--set training.lr: no such key; did you mean learning_rate?"),
])
def test_wrong_overrides(tmp_path, override, said):
    assert complaint(tmp_path, MINIMAL, override) == said


def test_run_name_comes_from_the_file(tmp_path):
    file = tmp_path / "my.reviews v2.yaml"
    file.write_text(MINIMAL)
    assert read(file).run == "my-reviews v2"


def test_every_key_says_what_it_is_and_wants_in_both_languages():
    for key, field in keys(Recipe).items():
        words = says(field)
        for language in ("en", "zh"):
            with in_language(language):
                assert str(words.help) and str(words.want), key


def test_synonyms_lead_to_keys_that_exist_and_are_none_themselves():
    known = keys(Recipe)
    assert {ours for ours in SYNONYMS.values() if ours not in known} == set()
    assert {(other, ours) for other, ours in SYNONYMS.items() if f"{ours.rpartition('.')[0]}.{other}".lstrip(".") in known} == set()


def test_only_our_own_sentences_come_out(tmp_path):
    """Every key with every kind of wrong value: only our own sentences come out."""
    for key, value in itertools.product(keys(Recipe), ("3.5", "-7", "[[]]", "{a: {b: c}}", ".inf", "''", "[.nan]")):
        try:
            recipe(tmp_path, MINIMAL, f"{key}={value}")
        except InputError as error:
            for line in str(error).splitlines():
                assert line.startswith("--set ") or "recipe.yaml" in line
                assert not any(word in line for word in ("Input should", "pydantic", "validation error", "type=", "~")), line


def test_filling_keeps_what_the_person_set(tmp_path):
    asked = recipe(tmp_path, MINIMAL + "training: {learning_rate: 0.1, max_grad_norm: 2}\n")
    got = asked.filled({"learning_rate": 9.0, "optimizer": "sgd", "max_grad_norm": 5.0, "epochs": 7})
    training = got.training
    assert (training.learning_rate, training.optimizer, training.max_grad_norm, training.epochs) == (0.1, "sgd", 2.0, 7)
    assert got.training.batch_size == FALLBACK["batch_size"]
    assert got.where("training.learning_rate") == asked.where("training.learning_rate")


@pytest.mark.parametrize(("mine", "theirs", "epochs", "steps"), [
    ({"steps": 10}, {"epochs": 7}, None, 10), ({}, {"steps": 5}, None, 5), ({"epochs": 2.5}, {"steps": 5}, 2.5, None), ({}, {}, 3, None)])
def test_filling_has_one_length(mine, theirs, epochs, steps):
    got = read({"task": "t", "data": {"train": "a"}, "training": mine}).filled(theirs).training
    assert (got.epochs, got.steps) == (epochs, steps)


def test_filling_leaves_training_none_alone():
    asked = read({"task": "t", "data": {"test": "a"}, "model": {"from": "m"}, "training": "none"})
    assert asked.filled({"epochs": 3}) == asked


def test_anchored_paths(tmp_path):
    (tmp_path / "local").mkdir()
    got = anchored(recipe(tmp_path, "task: t\ndata: {train: [a.csv, 'builtin:digits'], test: 10%}\nmodel: {from: local}\n"))
    assert got.data.train == (str(tmp_path / "a.csv"), "builtin:digits")
    assert got.data.test == "10%" and got.model.from_ == str(tmp_path / "local")
    assert anchored(recipe(tmp_path, MINIMAL + "model: {from: org/name}\n")).model.from_ == "org/name"
