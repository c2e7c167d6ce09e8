"""Synthetic reviews as JSON Lines, of any size: python benchmarks/big_text.py FILE MEGABYTES [SEED].

Rows of two to ten sentences, drawn by the seed, some 600 bytes each; one in fifty is Chinese. The label is what most of
the sentences say, so that there is something to learn. The same arguments write the same bytes.
"""

import json
import sys
from pathlib import Path

import numpy as np

SENTENCES, WORDS, CHINESE = 100_000, 30_000, 0.02
GOOD, BAD = ("good", "fine", "lovely", "moving", "bright"), ("bad", "dull", "poor", "tired", "bleak")
HAN = "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年"


def sentences(rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """(the sentences, as they stand inside a JSON text; (sentences,) +1 or -1, what each says)."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(letters[rng.integers(0, 26, size)]) for size in rng.integers(2, 11, WORDS)]
    common = np.minimum(rng.zipf(1.3, SENTENCES * 12) - 1, WORDS - 1).reshape(SENTENCES, 12)
    sizes, says = rng.integers(5, 13, SENTENCES), rng.choice([-1, 1], SENTENCES)
    found = []
    for row, size, sign in zip(common, sizes, says, strict=True):
        if rng.random() < CHINESE:
            text = "".join(HAN[i % len(HAN)] for i in row[:size]) + ("好" if sign > 0 else "坏") + "。"
        else:
            text = " ".join([words[i] for i in row[:size]] + [(GOOD if sign > 0 else BAD)[int(row[0]) % 5]]) + "."
        found.append(json.dumps(text, ensure_ascii=False)[1:-1])
    return found, says


def write(path: Path, megabytes: float, seed: int = 0, most: int | None = None) -> int:
    """Write at least so many MB (1e6 bytes) to `path`, at most so many rows; how many there are."""
    rng = np.random.default_rng(seed)
    known, says = sentences(rng)
    written = rows = 0
    with path.open("w", encoding="utf-8") as file:
        while written < megabytes * 1e6 and rows != most:
            sizes = rng.integers(2, 11, 4096 if most is None else min(4096, most - rows))
            drawn = rng.integers(0, SENTENCES, int(sizes.sum()))
            block, start = [], 0
            for size in sizes:
                own = drawn[start : start + size]
                start += int(size)
                label = "good" if says[own].sum() > 0 else "bad"
                block.append(f'{{"text": "{rows} {" ".join([known[i] for i in own])}", "label": "{label}"}}\n')
                rows += 1
            text = "".join(block)
            file.write(text)
            written += len(text.encode())
    return rows


if __name__ == "__main__":
    place, size = Path(sys.argv[1]), float(sys.argv[2])
    print(f"{write(place, size, int(sys.argv[3]) if len(sys.argv) > 3 else 0):,} rows, {place.stat().st_size:,} bytes")
