"""Sizes of Transformers' architectures from scratch, and what a small set wants of them beside its size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

# The four generic keys that most configurations know, by name or through their attribute_map.
PLAIN: Mapping[str, Mapping[str, int]] = {
    "tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512},
    "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
# Where the width of the feed-forward layers goes by another name, and what a decoder's half is called.
INNER = ("intermediate_size", "hidden_dim", "d_ff", "d_inner", "ffn_dim", "encoder_ffn_dim", "n_inner", "ffn_hidden_size")
# What hangs on the others, and is not derived by every configuration: name -> from the plain size.
FOLLOWS: Mapping[str, Callable[[Mapping[str, int]], int]] = {
    "num_key_value_heads": lambda size: size["num_attention_heads"],
    "head_dim": lambda size: size["hidden_size"] // size["num_attention_heads"],
    "d_kv": lambda size: size["hidden_size"] // size["num_attention_heads"],
    "embedding_size": lambda size: min(128, size["hidden_size"]),
    "decoder_layers": lambda size: size["num_hidden_layers"],
    "num_decoder_layers": lambda size: size["num_hidden_layers"],
    "decoder_attention_heads": lambda size: size["num_attention_heads"],
    "decoder_ffn_dim": lambda size: size["intermediate_size"],
}

# Pictures in stages: widths and depths are lists, and no two configurations name them alike.
STAGES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "resnet": {
        "tiny": {"embedding_size": 32, "hidden_sizes": [32, 64, 128], "depths": [1, 1, 1], "layer_type": "basic"},
        "small": {"embedding_size": 64, "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2], "layer_type": "basic"},
        "base": {"embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3], "layer_type": "bottleneck"},
        "large": {"embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 23, 3], "layer_type": "bottleneck"},
    },
    "convnextv2": {
        "tiny": {"hidden_sizes": [24, 48, 96, 192], "depths": [1, 1, 3, 1]},
        "small": {"hidden_sizes": [40, 80, 160, 320], "depths": [2, 2, 6, 2]},
        "base": {"hidden_sizes": [96, 192, 384, 768], "depths": [3, 3, 9, 3]},
        "large": {"hidden_sizes": [128, 256, 512, 1024], "depths": [3, 3, 27, 3]},
    },
    "swin": {
        "tiny": {"embed_dim": 32, "depths": [1, 1, 2], "num_heads": [1, 2, 4]},
        "small": {"embed_dim": 64, "depths": [2, 2, 4], "num_heads": [2, 4, 8]},
        "base": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24]},
        "large": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32]},
    },
    "mobilenet_v2": {
        "tiny": {"depth_multiplier": 0.35},
        "small": {"depth_multiplier": 0.5},
        "base": {"depth_multiplier": 1.0},
        "large": {"depth_multiplier": 1.4},
    },
}
STAGES = {**STAGES, "convnext": STAGES["convnextv2"], "swinv2": STAGES["swin"]}

# What the configuration's own defaults leave out: DeBERTa is its attention to relative places; 0.8 of MobileNet's features
# dropped is for a million pictures.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 128, "share_att_key": True,
                   "norm_rel_ebd": "layer_norm", "position_biased_input": False},
    "mobilenet_v2": {"classifier_dropout_prob": 0.2},
}


def sizes(kind: str, keys: Mapping[str, Any], mapped: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """Size -> keys of the configuration of `kind`; where it has no width of its own there is "small" alone, its defaults.

    keys     of the configuration, with their defaults
    mapped   its attribute_map: generic name -> its own
    """
    if kind in STAGES:
        return STAGES[kind]
    own = [mapped.get(name, name) for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")]
    if not all(name in keys and not isinstance(keys[name], list | tuple) for name in own):  # a list: one number a stage
        return {"small": {}}
    return {name: _plain(size, keys, mapped) for name, size in PLAIN.items()}


def _plain(size: Mapping[str, int], keys: Collection[str], mapped: Mapping[str, str]) -> dict[str, int]:
    found = {mapped.get(name, name): value for name, value in size.items() if mapped.get(name, name) in keys}
    inner = next((name for name in INNER if name in keys), None)
    if inner is not None:
        found[inner] = size["intermediate_size"]
    return found | {name: follow(size) for name, follow in FOLLOWS.items() if name in keys and name not in found}
