"""Every recipe of the how-to about one's own data is checked as it stands, on small files of that form."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import Hub
from PIL import Image

from steelyard.cli import main
from steelyard.rows import Rows

TEXT = (Path(__file__).resolve().parents[2] / "docs/how-to/own-data.md").read_text(encoding="utf-8")
WORDS = ["kind staff and a clean room", "the soup was cold", "we will come again", "never again in this house", "又干净又安静的房间"]
SECTIONS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
RECIPES = [(heading.strip(), bool(hub), recipe) for heading, section in SECTIONS
           for hub, recipe in re.findall(r"(<!-- at the Hub -->\n)?```yaml\n(.*?)```", section, re.DOTALL)]


def rows(count: int = 40, labels: tuple[str, str] = ("pos", "neg")) -> list[dict[str, str]]:
    return [{"text": f"{WORDS[n % 5]}, visit {n}", "label": labels[n % 2]} for n in range(count)]


def csv(path: str, *columns: str, mark: str = ",", encoding: str = "utf-8", header: bool = True, labels: tuple[str, str] = ("pos", "neg"),
        more: str = "") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lines = [mark.join(f'"{value}"' if mark in value else value for value in row.values()) for row in rows(labels=labels)]
    Path(path).write_text("\n".join([mark.join(columns)] * header + lines) + "\n" + more, encoding=encoding)


def jsonl(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows()))


def saved(folder: str) -> None:
    Path(folder).mkdir(parents=True)
    table = pa.table({"text": [row["text"] for row in rows()], "label": [n % 2 for n in range(40)]})
    with pa.ipc.new_stream(f"{folder}/data-00000-of-00001.arrow", table.schema) as stream:
        stream.write_table(table)
    Path(folder, "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
    Path(folder, "dataset_info.json").write_text('{"features": {"label": {"_type": "ClassLabel", "names": ["neg", "pos"]}}}')


def pictures(folder: str, *names: str, mode: str = "RGB") -> None:
    for number, name in enumerate(names):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (8, 8), number % 250).save(path)


def in_class_folders() -> None:
    for split in ("train", "test"):
        pictures(f"set/{split}", *(f"{'cat' if n % 2 else 'dog'}/{n}.{('jpg', 'png', 'webp', 'bmp', 'gif')[n % 5]}" for n in range(20)))


def with_metadata() -> None:
    for split in ("train", "test"):
        pictures(f"photos/{split}", *(f"{n}.png" for n in range(20)))
        lines = [f"{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(20)]
        Path(f"photos/{split}/metadata.csv").write_text("file_name,label\n" + "".join(lines))


def with_paths() -> None:
    pictures("survey", *(f"2026/{n}.jpg" for n in range(30)))
    lines = [f"2026/{n}.jpg,{'oak' if n % 2 else 'elm'}\n" for n in range(30)]
    Path("survey/pictures.csv").write_text("photo,species\n" + "".join(lines))


def several_files() -> None:
    for path in ("2024/a.csv", "2024/b.csv", "judged/x.csv"):
        csv(path, "text", "label")
    jsonl("more/deep/c.jsonl")
    pq.write_table(pa.Table.from_pylist(rows()), "old.parquet")


def by_year() -> None:
    lines = [f"{row['text']};{row['label']};{2024 + n % 3}\n" for n, row in enumerate(rows(60))]
    Path("reviews.csv").write_text("text;label;year\n" + "".join(lines).replace(",", " "))


def never_to_train_on() -> None:
    csv("reviews.csv", "text", "label")
    Path("benchmark.csv").write_text(f"sentence\n\"{rows()[7]['text'].upper()}!\"\n")
    Path("runs/reviews-2025/data").mkdir(parents=True)
    Path("runs/reviews-2025/run.json").write_text('{"format": 1}')
    Rows(pa.Table.from_pylist([{**row, "_file": "old.csv", "_line": n} for n, row in enumerate(rows(3))])).save(
        Path("runs/reviews-2025/data/test.arrow"))


MAKE: dict[str, list[Callable[[], object]]] = {  # heading -> what makes the files of its recipes, in their order
    "Tables": [lambda: [csv("reviews.csv", "review", "stars"), csv("reviews-2026.csv", "review", "stars", labels=("good", "bad"))]],
    "JSON": [lambda: Path("reviews.json").write_text(json.dumps({"data": rows()}))],
    "Several files": [several_files, lambda: [csv("reviews.csv", "text", "label"), jsonl("letters.jsonl")]],
    "No header, labels as numbers": [lambda: [
        Path("titles.tsv").write_text("".join(f"{n % 2}\t{row['text']}\n" for n, row in enumerate(rows()))),
        Path("names.txt").write_text("sport\nworld\n")]],
    "Encodings": [lambda: csv("标题.csv", "text", "label", encoding="gb18030")],
    "Pictures in class folders": [in_class_folders],
    "Pictures that a table names": [with_metadata, with_paths],
    "Hugging Face data sets": [lambda: [saved("saved/train"), saved("saved/test")], lambda: None],
    "Splits": [by_year],
    "Rows never to train on": [never_to_train_on],
    "Bad rows": [lambda: csv("ragged.csv", "text", "label", more="one\none,two,three\n")],
}


def place(recipe: str) -> int:
    """How many recipes of the same heading stand before this one."""
    (heading,) = [heading for heading, _, other in RECIPES if other is recipe]
    return [other for name, _, other in RECIPES if name == heading].index(recipe)


def test_every_recipe_has_its_files() -> None:
    assert {name: len(made) for name, made in MAKE.items()} == Counter(heading for heading, _, _ in RECIPES)


@pytest.mark.parametrize(("heading", "recipe"), [(heading, recipe) for heading, at_hub, recipe in RECIPES if not at_hub])
def test_recipes(heading: str, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    MAKE[heading][place(recipe)]()
    Path("recipe.yaml").write_text(recipe, encoding="utf-8")
    code = main(["check", "recipe.yaml"])
    told = capsys.readouterr()
    assert code == 0, told.err
    if heading == "Rows never to train on":
        assert "4 rows are not trained on, for they are in benchmark.csv, runs/reviews-2025: 4 as a whole, 0 with one of them" in told.out
    if heading == "Bad rows":
        assert "ragged.csv:42" in told.out


def test_the_recipe_at_the_hub(hub: Hub, tmp_path: Path) -> None:
    (recipe,) = [recipe for _, at_hub, recipe in RECIPES if at_hub]
    lines = "".join(json.dumps(row) + "\n" for row in rows()).encode()
    hub.commit("org/reviews", {f"data/{split}.jsonl": lines for split in ("train", "test")}, "datasets")
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "steelyard", "check", "recipe.yaml"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=120, env={**os.environ, **hub.environment(tmp_path / "home")})
    assert done.returncode == 0, done.stderr
