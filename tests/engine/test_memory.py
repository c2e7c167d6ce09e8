"""Text of any size in little memory: the benchmark of benchmarks/memory.py on 50 MB."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    write = benchmark("big_text").write
    rows = write(tmp_path / "a.jsonl", 1, most=300)
    write(tmp_path / "b.jsonl", 1, most=300)
    write(tmp_path / "c.jsonl", 1, seed=1, most=300)
    first, second, third = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert rows == 300 == first.count(b"\n") and first == second != third and "。".encode() in first


@pytest.mark.long
def test_fifty_megabytes_take_little_more_than_a_thousand_rows(tmp_path: Path) -> None:
    bench = benchmark("memory")
    bench.write(tmp_path / "small.jsonl", 1, most=1000)
    bench.write(tmp_path / "large.jsonl", 50)
    _, low = bench.measured(tmp_path / "small.jsonl", tmp_path, "10%", 20)
    _, high = bench.measured(tmp_path / "large.jsonl", tmp_path, "0.1%", 20)
    again, _ = bench.measured(tmp_path / "large.jsonl", tmp_path, "0.1%", 0)
    assert high["prepared"] < low["prepared"] + 250, "MiB while it is prepared: of 50 MB of text, and what its words take to be counted"
    assert max(high.values()) < max(low.values()) + 100, "MiB"
    assert again["prepared"] - again["prepare"] < 5, "seconds of a second start"
