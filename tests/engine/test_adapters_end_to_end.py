"""A trained encoder tuned with adapters, or in part: what is saved is a plain model, the adapter beside, and it can be moved."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import steelyard
from steelyard.engine.job import resume
from steelyard.errors import InputError
from steelyard.run import Run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that was trained on the same words."""
    folder = tmp_path_factory.mktemp("base")
    recipe = {"task": "text-classification", "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                                                      "test": {"column": "split", "value": "test"}},
              "model": {"family": "bert", "size": "tiny"}, "training": {"steps": 40, "precision": "fp32"}, "run": "base",
              "evidence": {"only": ["quality"]}}
    return steelyard.train(recipe, out=folder).folder


def tuned(base: Path, folder: Path, **model: Any) -> Run:
    return steelyard.train({
        "task": "text-classification", "data": {"train": "builtin:messages", "validation": {"column": "split", "value": "validation"},
                                                "test": {"column": "split", "value": "test"}},
        "model": {"from": str(base), **model}, "training": {"steps": 30, "precision": "fp32", "learning_rate": 1e-3}, "run": "tuned",
        "evidence": {"only": ["quality", "cost"]}}, out=folder)


@pytest.mark.skipif(find_spec("peft") is None, reason="peft is not installed")
def test_adapters_are_merged_and_lie_beside(base: Path, tmp_path: Path) -> None:
    run = tuned(base, tmp_path, lora={"rank": 4})
    facts = run.manifest()["model"]
    assert facts["trained"] < facts["parameters"] / 10
    before, after = load_file(base / "model" / "model.safetensors"), load_file(run.model / "model.safetensors")
    assert before.keys() == after.keys()
    assert torch.equal(before["bert.embeddings.word_embeddings.weight"], after["bert.embeddings.word_embeddings.weight"])
    query = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(before[query], after[query])
    adapter = json.loads((run.model / "adapter" / "adapter_config.json").read_text())
    assert adapter["r"] == 4 and adapter["base_model_name_or_path"] is None and str(base) not in json.dumps(adapter)
    there = tmp_path / "elsewhere" / "moved"
    there.parent.mkdir()
    answers = list(steelyard.predict(run, ["you charged my card twice"]))
    shutil.move(run.folder, there)
    assert list(steelyard.predict(Run.open(there), ["you charged my card twice"])) == answers


@pytest.mark.skipif(find_spec("peft") is None, reason="peft is not installed")
def test_a_checkpoint_of_adapters_is_small_and_goes_on_from_the_same_model(base: Path, tmp_path: Path) -> None:
    run = tuned(base, tmp_path, lora={"rank": 4})
    (found,) = run.checkpoints.glob("step-*")
    whole = (base / "model" / "model.safetensors").stat().st_size
    assert sum(path.stat().st_size for path in found.iterdir()) < whole / 2
    run.update({"state": "training"})
    manifest = run.manifest()
    del manifest["steps"]
    run.manifest_file.write_text(json.dumps(manifest))
    before = load_file(run.model / "model.safetensors")
    resume(run, quiet=True)
    after = load_file(run.model / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    run.manifest_file.write_text(json.dumps(manifest))
    weights = load_file(base / "model" / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"] += 1
    saved = (base / "model" / "model.safetensors").read_bytes()
    save_file(weights, base / "model" / "model.safetensors", metadata={"format": "pt"})
    try:
        with pytest.raises(InputError, match="not as it was saved"):
            resume(run, quiet=True)
    finally:
        (base / "model" / "model.safetensors").write_bytes(saved)


def test_what_is_frozen_stays(base: Path, tmp_path: Path) -> None:
    run = tuned(base, tmp_path, freeze=["embeddings"])
    before, after = load_file(base / "model" / "model.safetensors"), load_file(run.model / "model.safetensors")
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) == ("embeddings" in name), name
