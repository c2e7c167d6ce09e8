"""Text of any size in little memory: python benchmarks/memory.py [MEGABYTES] [FOLDER].

Prepares and trains 200 steps on 1,000 rows, then on so many MB of JSON Lines (2,000), each in a process of its own, and
samples RssAnon of /proc/PID/status: memory that no file stands behind. Starts the large one again, from the cache, and
prints the peaks, phase by phase, their difference, and the seconds of the first and the second start. FOLDER keeps text
and cache for the next time.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).parent))
from big_text import write

STEPS, SAMPLED = 200, 0.02  # steps; seconds between two samples

CHILD = """
import sys, time
from pathlib import Path
began = time.perf_counter()
def phase(name):
    print(f"PHASE {name} {time.perf_counter() - began:.3f}", flush=True)
from steelyard.recipe.reader import read
from steelyard.engine import job
from steelyard.engine.prepare import prepare
from steelyard.verbs.weigh import weigh
phase("prepare")
recipe = read({"task": "text-classification", "run": "memory",
               "data": {"train": sys.argv[1], "validation": sys.argv[3], "test": sys.argv[3], "max_length": 128},
               "model": {"family": "bert", "size": "tiny"},
               "training": {"steps": max(1, int(sys.argv[4])), "batch_size": 32, "precision": "fp32"}})
prepared = prepare(recipe)
phase("prepared")
if int(sys.argv[4]):
    del prepared
    run = job.begin(recipe, Path(sys.argv[2]), quiet=True)
    phase("trained")
    if len(sys.argv) > 5:
        weigh(run, quiet=True)
        phase("weighed")
"""


def measured(text: Path, folder: Path, share: str, steps: int, *more: str) -> tuple[dict[str, float], dict[str, float]]:
    """(phase -> seconds since the start, phase -> peak RssAnon in MiB before its end) of one process."""
    command = [sys.executable, "-c", CHILD, str(text), str(folder / "runs"), share, str(steps), *more]
    seconds, memory, peaks = {}, {}, [0.0]
    environment = {**os.environ, "STEELYARD_CACHE": str(folder / "cache")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        sampler = Thread(target=_sample, args=(child, peaks), daemon=True)
        sampler.start()
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("PHASE"):
                _, name, at = line.split()
                seconds[name], memory[name] = float(at), peaks[-1]
                peaks.append(0.0)
        code = child.wait()
        sampler.join()
    if code:
        raise SystemExit(f"the process ended with {code}")
    return seconds, memory


def _sample(child: "subprocess.Popen[str]", peaks: list[float]) -> None:
    """Keep the last of `peaks` at the highest RssAnon seen, in MiB."""
    status = Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        try:
            found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text())
        except OSError:  # it ended since it was asked
            return
        if found:
            peaks[-1] = max(peaks[-1], int(found[1]) / 1024)
        time.sleep(SAMPLED)


def main(megabytes: float, folder: Path, weighed: bool) -> None:
    """Both runs and the second start, as a table."""
    small, large = folder / "small.jsonl", folder / f"large-{megabytes:g}.jsonl"
    write(small, 1, most=1000)
    if not large.is_file():
        write(large, megabytes)
    more = ["weigh"] if weighed else []
    print(f"load {os.getloadavg()[0]:.1f}; {large.stat().st_size / 1e6:,.0f} MB, steps {STEPS}", flush=True)
    _, low = measured(small, folder, "10%", STEPS, *more)
    seconds, high = measured(large, folder, "0.1%", STEPS, *more)
    for name in [name for name in high if name != "prepare"]:
        print(f"{name:10} peak RssAnon {low[name]:6.0f} MiB on 1,000 rows, {high[name]:6.0f} MiB on the file, "
              f"+{high[name] - low[name]:.0f} MiB; {seconds[name]:8.1f} s since the start", flush=True)
    again, _ = measured(large, folder, "0.1%", 0)
    first, second = seconds["prepared"] - seconds["prepare"], again["prepared"] - again["prepare"]
    print(f"more memory: {max(high.values()) - max(low.values()):.0f} MiB; first start {first:.1f} s, second {second:.1f} s "
          f"(imports {again['prepare']:.1f} s not counted)")


if __name__ == "__main__":
    asked = [one for one in sys.argv[1:] if one != "--weigh"]
    size = float(asked[0]) if asked else 2000.0
    if len(asked) > 1:
        Path(asked[1]).mkdir(parents=True, exist_ok=True)
        main(size, Path(asked[1]), "--weigh" in sys.argv)
    else:
        with tempfile.TemporaryDirectory() as made:
            main(size, Path(made), "--weigh" in sys.argv)
