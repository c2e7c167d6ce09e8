"""How decoders go on: Transformers' `generate` on prompts of any lengths, each as if it were alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from steelyard.parts import Processor

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

DRAWN = ("temperature", "top_k", "top_p", "min_p")  # keys of `decoding` that mean: tokens are drawn


def continued(model: PreTrainedModel, processor: Processor, prompts: Sequence[Tensor], limits: Sequence[int],
              told: Mapping[str, Any]) -> list[str]:
    """What follows each prompt: the likeliest token each time, or drawn ones where `told` has one of DRAWN.

    prompts   (tokens,) int64 each; limits: tokens that may follow it
    What is drawn hangs on the prompt alone, so an answer is the same again, whoever its batch mates are.
    """
    drawn = any(key in told for key in DRAWN)
    groups: list[list[int]] = [[i] for i in range(len(prompts))]
    if not drawn:
        groups = [[i for i, own in enumerate(limits) if own == limit] for limit in sorted(set(limits))]
    texts = [""] * len(prompts)
    for group in groups:
        found = _generated(model, processor, [prompts[i] for i in group], limits[group[0]], told, drawn)
        for place, text in zip(group, found, strict=True):
            texts[place] = text
    return texts


def _generated(model: PreTrainedModel, processor: Processor, prompts: Sequence[Tensor], limit: int, told: Mapping[str, Any],
               drawn: bool) -> list[str]:
    import torch

    width = max(map(len, prompts))
    ids = prompts[0].new_full((len(prompts), width), processor.pad_token_id)
    mask = torch.zeros_like(ids)
    for number, own in enumerate(prompts):
        ids[number, width - len(own) :] = own
        mask[number, width - len(own) :] = 1
    stop = list(told.get("stop") or ())
    settings = {key: value for key, value in told.items() if key != "stop"}
    if stop:
        settings |= {"stop_strings": stop, "tokenizer": processor}
    if drawn:  # Transformers draws among 50 tokens where nobody says how many
        settings.setdefault("top_k", 0)
    with torch.random.fork_rng():
        torch.manual_seed(int.from_bytes(blake2b(prompts[0].cpu().numpy().tobytes(), digest_size=7).digest(), "big"))
        found = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=limit, do_sample=drawn, use_cache=True,
                               pad_token_id=processor.pad_token_id, **settings)
    texts = processor.batch_decode(found[:, width:], skip_special_tokens=True)
    return [min((text.split(sign)[0] for sign in stop), key=len, default=text) for text in texts]
