"""A third party's package: installed for real, its parts stand in the catalogue, pass the contract, train and are weighed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "guest_package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that pip installed the guest into; nothing is downloaded and the environment stays as it is."""
    pytest.importorskip("hatchling", reason="hatchling builds the guest: pip install -e .[dev]")
    folder = tmp_path_factory.mktemp("guest")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index",
                    "--no-build-isolation", "--target", str(folder), str(PACKAGE)], check=True)
    return folder


def run(installed, *words, cwd=None):
    environment = {**os.environ, "PYTHONPATH": str(installed), "STEELYARD_LANG": "en", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, cwd=cwd, check=False)


def test_its_parts_are_listed(installed):
    done = run(installed, "-m", "steelyard", "tasks", "--json")
    assert done.returncode == 0, done.stderr
    tasks = {task["task"]: task for task in json.loads(done.stdout)["tasks"]}
    assert tasks["text-tagging"]["metrics"] == ["jaccard"]
    assert set(tasks["text-tagging"]["families"]) >= {"word-mean", "bert"}
    assert "word-mean" in tasks["text-classification"]["families"]


def test_it_is_trained_and_weighed(installed, tmp_path):
    recipe = run(installed, "-m", "steelyard", "tasks", "text-tagging", "--tiny").stdout
    (tmp_path / "tags.yaml").write_text(recipe, encoding="utf-8")
    small = ["model.family=word-mean", "model.size=small", "evidence.explanation.rows=20", "training.epochs=3"]
    done = run(installed, "-m", "steelyard", "train", "tags.yaml", "--json", *(word for key in small for word in ("--set", key)),
               cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["quantities"]["quality"]["jaccard"]["value"] > 0.6
    page = Path(tmp_path / told["page"]).read_text(encoding="utf-8")
    assert "jaccard" in page.lower()
    found = json.loads((tmp_path / told["run"] / "evidence/data.json").read_text(encoding="utf-8"))["findings"]
    assert next(one for one in found if one["code"] == "data/shouting")["outcome"] == "issue"
    answered = run(installed, "-m", "steelyard", "predict", told["run"], "my parcel never came", cwd=tmp_path)
    assert answered.returncode == 0, answered.stderr


def test_its_parts_pass_the_contract(installed):
    done = run(installed, "-m", "pytest", "tests/contract", "-k", "tagging or word-mean or jaccard or only-one or shouting",
               cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_taken_name_is_refused(tmp_path):
    package = tmp_path / "rude-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1.0\n", encoding="utf-8")
    (package / "entry_points.txt").write_text("[steelyard.metrics]\naccuracy = rude:Accuracy\n", encoding="utf-8")
    code = "from steelyard import catalog; catalog.names('metrics')"
    done = run(tmp_path, "-c", code)
    assert done.returncode == 1 and 'package "rude" offers metrics "accuracy"' in done.stderr


def test_a_part_that_cannot_be_imported_is_the_guests_fault(tmp_path):
    package = tmp_path / "broken-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    (package / "entry_points.txt").write_text("[steelyard.tasks]\nlost = nowhere_at_all:Lost\n", encoding="utf-8")
    done = run(tmp_path, "-m", "steelyard", "tasks")
    assert done.returncode == 2 and 'package "broken" offers tasks "lost"' in done.stderr
