"""Word embeddings in the tokens' place, as Transformers' models take them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor
from transformers import PreTrainedModel

SCALED = ("marian", "pegasus", "mvp", "blenderbot-small")  # their encoders scale what they look up, and not what they are given


def embedded(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """See Family.embed; pixels and sounds are real-valued as they are.

    Padding that all rows share is cut off: a decoder judges a text by its last token, and finds the padding by its number,
    which embeddings no longer have. Rows of one length (what gradients are asked of) thus give a decoder's output too.
    """
    if "input_ids" not in inputs:
        return dict(inputs), next((name for name in ("input_features", "input_values") if name in inputs), "pixel_values")
    longest = int(inputs["attention_mask"].sum(dim=1).max()) if "attention_mask" in inputs else inputs["input_ids"].shape[1]
    kept = {name: value if name.startswith("decoder_") else value[:, :longest] for name, value in inputs.items()}
    words = model.get_input_embeddings()(kept.pop("input_ids"))
    if model.config.model_type in SCALED and model.config.scale_embedding:
        words = words * math.sqrt(model.config.d_model)
    return {**kept, "inputs_embeds": words}, "inputs_embeds"
