"""The job that faults are put into, and the library that puts them there."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import HERE, KILL, RECIPE, WRITE, Job, Nursery, facts


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that fails calls."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc): the layer that fails the k-th call cannot be built")
    made = tmp_path_factory.mktemp("layer") / "layer.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(HERE / "layer.c"), "-ldl"], check=True)
    return made


@pytest.fixture(scope="session")
def job(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("faults")
    nursery = Nursery(layer, folder)
    try:
        recipe = folder / "job.yaml"
        recipe.write_text(RECIPE)
        whole = folder / "undisturbed"
        whole.mkdir()
        nursery.run(folder, "train", str(recipe), "--out", str(folder / "first"))  # fills the cache
        began = time.monotonic()
        ended = nursery.run(folder, "train", str(recipe), "--out", str(whole), fault=(whole, WRITE, 0, KILL))
        assert ended.code == 0, ended.said
        yield Job(nursery, recipe, facts(whole / "job"), ended.counts, whole / "job", time.monotonic() - began)
    finally:
        nursery.close()
