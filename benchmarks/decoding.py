"""How fast a run's model writes: our batches of like length, plain `generate` in the file's order, and one row after another.

    python benchmarks/decoding.py RUN [--rows 200] [--rounds 3]

RUN is a run of translation or summarization. All three decode alike, in fp32; how many of the texts are the same is printed too.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from steelyard.engine.answer import BATCH, answers
from steelyard.engine.prepare import encoded, prepare
from steelyard.recipe.reader import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    prepared = prepare(read(told.run / "recipe.yaml"))
    task, split = prepared.task, "test" if "test" in prepared.dataset.rows else "validation"
    rows = prepared.dataset.rows[split]
    rows = rows.select(np.arange(min(told.rows, len(rows))))
    model, tokens = AutoModelForSeq2SeqLM.from_pretrained(told.run / "model").eval(), AutoTokenizer.from_pretrained(told.run / "model")
    own = dict(model.config.to_dict().get("decoding") or {})
    most = own.pop("max_new_tokens", tokens.model_max_length - 1)
    model.config.decoding = {**own, "max_new_tokens": most}
    store = encoded(rows, task, tokens, f"benchmark/{split}/{told.run.resolve()}")
    sources = [task.passage(row) for row in rows]

    def ours() -> list[str]:
        return [answer[task.key] for _, answer in answers(model, task, tokens, store, rows)]

    def plain(size: int) -> list[str]:
        said = []
        for start in range(0, len(sources), size):
            batch = tokens(sources[start : start + size], padding=True, truncation=True, return_tensors="pt")
            found = model.generate(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=most,
                                   do_sample=False, **own)
            said += [text.strip() for text in tokens.batch_decode(found, skip_special_tokens=True)]
        return said

    ways = {"ours, by length": ours, "plain, in the file's order": lambda: plain(BATCH), "plain, one by one": lambda: plain(1)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    texts: dict[str, list[str]] = {}
    with torch.inference_mode():
        for _ in range(told.rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                texts[name] = way()
                seconds[name].append(time.perf_counter() - began)
    first = next(iter(ways))
    for name, each in seconds.items():
        same = sum(a == b for a, b in zip(texts[first], texts[name], strict=True))
        ratio = median(each) / median(seconds[first])
        print(f"{name}: median {median(each):.2f} s of {len(each)}, {ratio:.2f} of ours, {same} of {len(rows)} texts the same", flush=True)


if __name__ == "__main__":
    main()
