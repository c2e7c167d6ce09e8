"""builtin:shapes: discs, squares and triangles on uneven grey ground, by a seeded function."""

from collections.abc import Iterator
from random import Random

import numpy as np

from steelyard.math.pictures import pgm

ROWS = 400
SIDE = 64  # pixels
_KINDS = ("disc", "square", "triangle")


def rows(seed: int, count: int = ROWS) -> Iterator[dict[str, object]]:
    """{"image" (PGM), "boxes"}, one to four shapes that do not touch; every tenth picture is empty."""
    rng = Random(seed)
    for number in range(count):
        ground = 80 + 50 * rng.random()
        slope = 40 * rng.random() - 20
        across = np.arange(SIDE) / SIDE
        pixels = np.repeat((ground + slope * across)[None], SIDE, axis=0)
        boxes: list[dict[str, object]] = []
        taken: list[tuple[int, int, int, int]] = []
        for _ in range(0 if number % 10 == 9 else 1 + int(rng.random() * 4)):
            width = 9 + int(rng.random() * 15)
            left, top = int(rng.random() * (SIDE - width)), int(rng.random() * (SIDE - width))
            own = (left, top, left + width, top + width)
            if any(own[0] <= b[2] and b[0] <= own[2] and own[1] <= b[3] and b[1] <= own[3] for b in taken):
                continue
            kind = _KINDS[int(rng.random() * 3)]
            shade = 70 + 40 * rng.random()
            inside = _mask(kind, width)
            pixels[top : top + width, left : left + width] += np.where(inside, shade if rng.random() < 0.5 else -shade, 0)
            taken.append(own)
            boxes.append({"label": kind, "left": left, "top": top, "right": left + width, "bottom": top + width})
        noise = np.array([rng.random() for _ in range(SIDE * SIDE)]).reshape(SIDE, SIDE)
        yield {"image": pgm((pixels + 24 * (noise - 0.5)).clip(0, 255).astype(np.uint8)), "boxes": boxes}


def _mask(kind: str, width: int) -> np.ndarray:
    """(width, width) bool, touching all four sides."""
    y, x = (np.indices((width, width)) + 0.5) / width
    if kind == "disc":
        return np.asarray((x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25)
    return np.asarray(np.abs(x - 0.5) <= y / 2) if kind == "triangle" else np.ones((width, width), dtype=bool)
