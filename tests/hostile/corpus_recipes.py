"""Hostile recipes, and words on the command line."""

from __future__ import annotations

from pathlib import Path

from hostile.corpus import CHECK, SMALL, TRAIN, Artefact, rows

HEAD = "task: text-classification\ndata: {train: rows.csv}\nmodel: {family: bert, size: tiny}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


def text(name: str, says: str, content: str | bytes, words: tuple[str, ...] = CHECK, codes: tuple[int, ...] = (2,)) -> Artefact:
    def make(here: Path, base: Path) -> None:
        rows(here)
        (here / "recipe.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return Artefact(name, make, words, says, codes)


def link(here: Path, base: Path) -> None:
    (here / "recipe.yaml").symlink_to("/dev/zero")


RECIPES = [
    text("a Python object", "tags and objects", "task: !!python/object/apply:os.system ['touch canary-was-here']\n"),
    text("a Python name", "tags and objects", HEAD + "seed: !!python/name:os.system canary\n"),
    text("a new object", "tags and objects", "!!python/object/new:subprocess.Popen [[touch, canary-was-here]]\n"),
    text("a tag of its own", "tags and objects", HEAD + "seed: !canary 3\n"),
    text("a tag by a directive", "tags and objects", "%TAG !p! tag:yaml.org,2002:python/\n---\ntask: !p!object/apply:os.system [canary]\n"),
    text("a billion laughs", "anchors", LAUGHS),
    text("a merge of keys", "anchors", "x: &x {seed: 1}\ntraining:\n  <<: *x\n"),
    text("a merge without an anchor", "", HEAD + "<<: {seed: 3}\n"),
    text("an anchor within itself", "anchors", "a: &a\n  b: *a\n"),
    text("lists of 100,000 levels", "nested too deeply", "task: " + "[" * 100_000),
    text("blocks of 5,000 levels", "nested too deeply", "".join(" " * i + "a:\n" for i in range(1400))),
    text("a scalar of 900 KB", "", HEAD + "run: " + "x" * 900_000 + "\n"),
    text("a scalar of 2 MB", "at most", HEAD + "run: " + "x" * 2_000_000 + "\n"),
    text("100,000 keys", "", HEAD + "".join(f"k{i}: 1\n" for i in range(90_000))),
    text("a number of 400,000 digits", "", HEAD + "seed: " + "9" * 400_000 + "\n"),
    text("a number of base 60", "", HEAD + "seed: " + "59:" * 100_000 + "59\n"),
    text("NUL bytes in it", "not a text file", b"task: text-classification\0\n"),
    text("a run called ../x", "run", HEAD + "run: ../../canary\n", TRAIN),
    text("a run called by a path", "run", HEAD + "run: /canary\n", TRAIN),
    text("a run with a NUL", "", HEAD + 'run: "a\\0b"\n', TRAIN),
    text("a run called ..", "run", HEAD + 'run: ".."\n', TRAIN),
    text("a run of 10,000 signs", "run", HEAD + "run: " + "x" * 10_000 + "\n", TRAIN),
    text("a gate that is code", "", HEAD + "gates: [\"__import__('os').system('touch canary-was-here') >= 0\"]\n"),
    text("a gate that never ends", "", HEAD + 'gates: ["' + "quality.accuracy >= " * 20_000 + '"]\n'),
    text("a model called by code", "", HEAD.replace("family: bert", "family: __import__('os')")),
    text("a family by a path", "", HEAD.replace("family: bert", "family: ../../canary")),
    text("a task by a path", "", HEAD.replace("text-classification", "../sources/_open")),
    text("a task of a private file", "", HEAD.replace("text-classification", "_classification")),
    text("a variable that is a secret", "", HEAD + "run: ${HF_TOKEN}\n"),
    text("freezing by a pattern without end", "", HEAD.replace("tiny}", "tiny, freeze: ['" + "*a" * 40 + "']}") + SMALL, TRAIN, (0, 2)),
    text("layers without end", "", HEAD.replace("tiny}", "tiny, options: {num_hidden_layers: 100000000}}") + SMALL, TRAIN, (2, 4)),
    text("a model as wide as memory", "", HEAD.replace("tiny}", "tiny, options: {hidden_size: 1000000000}}") + SMALL, TRAIN, (2, 4)),
    text("a batch of 10**15", "", HEAD + SMALL.replace("batch_size: 8, micro_batch: 8", "batch_size: 1000000000000000"), TRAIN, (0, 2, 4)),
    text("columns that are code", "", HEAD.replace("rows.csv", "rows.csv, columns: {text: \"__import__('os')\"}")),
    text("an encoding that is none", "encoding", HEAD.replace("rows.csv", "rows.csv, encoding: ../../canary")),
    text("an encoding that unpacks", "", HEAD.replace("rows.csv", "rows.csv, encoding: zlib_codec")),
    text("names of labels in /dev/zero", "", HEAD.replace("rows.csv", "rows.csv, label_names: /dev/zero")),
    Artefact("a recipe that is /dev/zero", link, CHECK, "cannot read the recipe"),
    text("a value that is an object", "tags and objects", HEAD, (*CHECK, "--set", "seed=!!python/object/apply:os.system [canary]")),
    text("a value of 100,000 levels", "nested", HEAD, (*CHECK, "--set", "seed=" + "[" * 100_000)),
    text("a key of 20,000 levels", "", HEAD, (*CHECK, "--set", "a." * 20_000 + "a=1")),
]
