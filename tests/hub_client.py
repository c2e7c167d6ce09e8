"""A process of its own that fetches models: huggingface_hub reads HF_ENDPOINT and HF_HOME once, when it is imported.

    told = fetched(hub.environment(home), "org/model", ("org/model", "v1"))
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any


def fetched(environment: Mapping[str, str], *models: str | tuple[str, str], language: str = "en") -> list[dict[str, Any]]:
    """What became of each, in order: {"folder", "seconds"} or {"error", "code", "seconds"}; and "noise", all that the process said."""
    asked = [[model, None] if isinstance(model, str) else list(model) for model in models]
    done = subprocess.run([sys.executable, __file__], input=json.dumps(asked), capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment, "STEELYARD_LANG": language})
    assert done.returncode == 0, done.stderr
    return [{**told, "noise": done.stderr} for told in json.loads(done.stdout)]


def _main() -> None:
    from steelyard.engine.hub import model, pinned
    from steelyard.errors import SteelyardError
    from steelyard.recipe.reader import read

    told: list[dict[str, Any]] = []
    for source, revision in json.load(sys.stdin):
        recipe = read({"task": "text-classification", "data": {"train": "rows.csv"},
                       "model": {"from": source, **({"revision": revision} if revision else {})}})
        start = time.perf_counter()
        try:
            folder = model(source, recipe)
            known = pinned(recipe, folder).model
            found: dict[str, Any] = {"folder": str(folder), "from": known.from_, "revision": known.revision}
        except SteelyardError as error:
            found = {"error": str(error), "code": error.code}
        told.append({**found, "seconds": time.perf_counter() - start})
    print(json.dumps(told))


if __name__ == "__main__":
    _main()
