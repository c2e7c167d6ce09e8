"""One step of BERT 768 x 12 on 16 x 128 tokens in bf16, as a share of this machine's matmul peak: python benchmarks/bert_step.py [--quick].

peak   2,048 x 2,048 matrices in bf16, the best of several rounds, measured before and after
ours   the engine's step: forward, loss, backward, AdamW; settings of the recipe, bf16
stock  the same model, a plain loop with torch.autocast and torch.optim.AdamW as tutorials have it
FLOPs: 2 a multiply-add, forward and backward, counted on meta tensors; attention included.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from _peers import machine, told

from steelyard.engine import flops, optim
from steelyard.engine.chosen import Chosen
from steelyard.engine.job import first_model
from steelyard.engine.machine import cores
from steelyard.engine.prepare import prepare
from steelyard.engine.step import Stepper
from steelyard.engine.train import clipped
from steelyard.parts import Key
from steelyard.recipe.reader import read

BATCH, TOKENS = 16, 128


def peak(seconds: float) -> float:
    a, b = (torch.randn(2048, 2048).bfloat16() for _ in range(2))
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        a @ b
        best = max(best, 2 * 2048**3 / (time.perf_counter() - start))
    return best


def timed(step: Callable[[], object], rounds: int) -> list[float]:
    step()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two layers, one round")
    quick = parser.parse_args().quick
    options = {"num_hidden_layers": 2} if quick else {}
    prepared = prepare(read({
        "task": "text-classification", "data": {"train": "builtin:messages", "max_length": TOKENS},
        "model": {"family": "bert", "size": "base", "options": options},
        "training": {"steps": 1, "batch_size": BATCH, "precision": "bf16", "micro_batch": BATCH}}))
    torch.set_num_threads(cores())
    model = first_model(prepared).train()
    store = prepared.stores["train"]
    batch = prepared.task.collate(store.take(torch.arange(BATCH)), prepared.processor, None)
    ids = torch.randint(5, len(prepared.processor), (BATCH, TOKENS))
    batch.inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    work = flops.step_flops(flops.on_meta(prepared.family, prepared.task, prepared.config), prepared.task, batch)
    stepper, optimizer = Stepper(prepared, model, Chosen(cores(), "bf16", "contiguous", BATCH)), optim.optimizer(model, prepared.training)
    stepper.collated = lambda indices, key, *rest: batch  # type: ignore[method-assign]  # texts of exactly that length
    weights = list(model.parameters())

    def ours() -> None:
        float(stepper.gradients(np.arange(BATCH), Key(0)))
        clipped(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    twin = first_model(prepared).train()
    plain = torch.optim.AdamW(twin.parameters(), lr=5e-5)

    def stock() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = twin(**batch.inputs, labels=batch.targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        plain.step()
        plain.zero_grad()

    best = peak(1.0 if quick else 5.0)
    rounds: dict[str, list[float]] = {"ours": [], "stock": []}
    for _ in range(1 if quick else 3):
        rounds["ours"] += timed(ours, 1 if quick else 4)
        rounds["stock"] += timed(stock, 1 if quick else 4)
    best = max(best, peak(1.0 if quick else 5.0))
    print(f"bf16 matmul peak {best / 1e9:,.0f} GFLOP/s; one step {work / 1e9:,.0f} GFLOP")
    for name, values in rounds.items():
        middle = told(name, values, "s a step")
        print(f"{name}: {work / middle / best:.2f} of the peak, {BATCH * TOKENS / middle:,.0f} tokens/s")
    print(machine())


if __name__ == "__main__":
    main()
