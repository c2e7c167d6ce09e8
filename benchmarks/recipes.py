"""Recipes on real data: python benchmarks/recipes.py [--seeds N] [--quick] NAME..., names of files in recipes/.

A row each: the first metric on the test rows with its interval (and the mean over seeds), the other metrics, the seconds of one
training, and the counterweights on the same rows with the paired interval of the difference of rightness.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _peers import data, encoder, machine

HERE = Path(__file__).parent.parent


def points(quantity: dict[str, Any]) -> str:
    value, low, high = (quantity.get(name) for name in ("value", "low", "high"))
    if value is None:
        return "-"
    return f"{100 * value:.1f}" + (f" ({100 * low:.1f} to {100 * high:.1f})" if low is not None else "")


def row(name: str, run: Path) -> str:
    quality = json.loads((run / "evidence/test/quality.json").read_text())
    cost = json.loads((run / "evidence/cost.json").read_text())
    main = quality["details"]["metric"]
    accuracy = quality["quantities"][main]
    more = ", ".join(f"{name} {points(found)}" for name, found in quality["quantities"].items() if name != main)
    seeds = accuracy.get("seeds") or {}
    mean = f"mean of {seeds['n']} seeds {100 * seeds['mean']:.2f}: {', '.join(f'{100 * v:.1f}' for v in seeds['values'])}" if seeds else ""
    others = "; ".join(f"{other}: {points(found[main])}, ours minus it {points(found['difference'])}"
                       for other, found in quality["counterweights"].items())
    return f"| {name} | {main} {points(accuracy)} {mean} | {more} | {cost['quantities']['time']['value']:.0f} s in all | {others} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seeds", type=int, default=0, help="so many trainings, whatever the recipe says")
    parser.add_argument("--quick", action="store_true", help="ten steps")
    asked = parser.parse_args()
    os.environ["STEELYARD_DATA"] = str(data(".").resolve())
    os.environ["STEELYARD_ENCODER"] = str(encoder())
    os.environ.setdefault("STEELYARD_UNPACKED", str(Path(tempfile.gettempdir()) / "steelyard-unpacked"))
    more = [*(("--set", f"training.seeds={asked.seeds}") if asked.seeds else ()), "--set", "evidence.only=[quality,cost]"]
    if asked.quick:
        more += ["--set", "training.steps=10", "--set", "training.epochs=null", "--set", "training.seeds=1"]
    with tempfile.TemporaryDirectory() as beside:
        for name in asked.names:
            subprocess.run([str(Path(sys.executable).parent / "steelyard"), "train", str(HERE / "recipes" / f"{name}.yaml"), *more],
                           cwd=beside, check=True, stdout=subprocess.DEVNULL)
            print(row(name, Path(beside) / "runs" / name), machine(), flush=True)


if __name__ == "__main__":
    main()
