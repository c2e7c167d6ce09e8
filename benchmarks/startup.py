"""What a person waits for before anything is learnt: python benchmarks/startup.py [--quick]. Medians of whole processes, in seconds.

steelyard --help; `check` of recipes/sst2.yaml, from nothing and again; the page of a run (`weigh --only data` of a weighed
run writes it anew, and `report.page` alone in one process).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _peers import data, machine, told

HERE = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    rounds = 1 if parser.parse_args().quick else 5
    data("sst2")
    command = str(Path(sys.executable).parent / "steelyard")
    with tempfile.TemporaryDirectory() as beside:
        def seconds(*words: str, cache: str = "cache") -> float:
            start = time.perf_counter()
            subprocess.run([command, *words], cwd=beside, check=True, capture_output=True,
                           env={**os.environ, "STEELYARD_CACHE": f"{beside}/{cache}"})
            return time.perf_counter() - start

        told("steelyard --help", [seconds("--help") for _ in range(rounds)], "s")
        sst2 = str(HERE / "recipes" / "sst2.yaml")
        told("check, SST-2, first time", [seconds("check", sst2, cache=f"cache{i}") for i in range(rounds)], "s")
        told("check, SST-2, again", [seconds("check", sst2, cache="cache0") for _ in range(rounds)], "s")
        seconds("train", str(HERE / "recipes" / "digits.yaml"))
        told("weigh --only data, with page", [seconds("weigh", "runs/digits", "--only", "data") for _ in range(rounds)], "s")
        program = ("import time; start = time.perf_counter(); from pathlib import Path; from steelyard.run import Run; "
                   "from steelyard.report.page import write; write(Run(Path('runs/digits'))); print(time.perf_counter() - start)")
        pages = [float(subprocess.run([sys.executable, "-c", program], cwd=beside, check=True, capture_output=True, text=True).stdout)
                 for _ in range(rounds)]
        told("the page alone", pages, "s")
    print(machine())


if __name__ == "__main__":
    main()
