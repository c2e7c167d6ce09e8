"""What a model's folder may hold: data that stays within it. Whatever would run code, is a pickle, or leads out is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import InputError, listing
from steelyard.families._patterns import endless
from steelyard.language import say

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Underscored keys that Transformers and others left in millions of files, and that nothing runs.
_HARMLESS = ("_name_or_path", "_commit_hash", "_num_labels", "_attn_implementation_autoset")
_ASKS = ("auto_map", "custom_pipelines", "trust_remote_code")  # for code of the folder's own, or of another
_IMPLEMENTATIONS = ("attn_implementation", "experts_implementation", "kernel_config")  # "owner/name" there means: fetch code of that name
_NAMES = ("id2label", "label2id", "task_specific_params")  # their keys are people's own words
# What is read beside config.json: of these, what asks to run code is refused, whichever version of Transformers would do so.
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "preprocessor_config.json", "processor_config.json",
           "generation_config.json")
_LARGEST, _LARGEST_TOKENIZER = 16 << 20, 256 << 20  # bytes of a JSON document
_DEEPEST = 32  # levels of a JSON document; each is a call for those who read on
_SIDES = ("hidden_size", "intermediate_size", "vocab_size", "d_model", "n_embd", "embedding_size", "d_ff")  # of tensors
_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "encoder_layers", "decoder_layers")  # of layers
_ABOVE_ZERO = (*_SIDES, *_COUNTS, "num_attention_heads", "n_head", "max_position_embeddings", "n_positions")


def checked(folder: Path) -> dict[str, Any]:
    """config.json as data. Raises InputError for whatever would run code, is a pickle, is damaged, or leaves the folder."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_symlink() and not _stays(path, folder):
            raise InputError(say('model.from: "{file}" is a link that leaves its folder; put the file itself there', file=path))
        if not path.is_file() and not path.is_dir():  # a pipe would be waited for without end
            raise InputError(say('model.from: "{file}" is neither a file nor a folder; remove it', file=path))
    raw = _json(folder / "config.json", folder)
    _refuse_code(folder / "config.json", sorted(_code(raw)))
    if "quantization_config" in raw:
        raise InputError(say('model.from: "{folder}" holds quantised weights (quantization_config), which cannot be trained; choose the '
                             "model in full precision", folder=folder))
    if (folder / "adapter_config.json").exists():
        raise InputError(say('model.from: "{folder}" holds an adapter of another model (adapter_config.json); merge the two '
                             "(merge_and_unload) and save the whole with save_pretrained", folder=folder))
    told = raw.get("transformers_weights")
    if told is not None and (not isinstance(told, str) or not _plain(told.removesuffix(".index.json"))):
        raise InputError(say('model.from: "{index}" names a file outside its folder: "{name}"', index=folder / "config.json", name=told))
    _positive(raw, folder)
    _texts(folder)
    sides, count = 0, 0
    for name in _weights(folder):
        largest, tensors = _readable(folder / name)
        sides, count = max(sides, largest), count + tensors
    _fits(raw, sides, count, folder)
    _understood(raw, folder)
    return raw


def _json(path: Path, folder: Path, most: int = _LARGEST) -> dict[str, Any]:
    try:
        if path.stat().st_size > most:
            raise ValueError(say("it has {got} MiB; at most {most} are read", got=path.stat().st_size >> 20, most=most >> 20))
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(say('model.from: "{folder}" is no model folder: it has no config.json', folder=folder)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(raw, dict):
        raise _damaged(path, "no JSON object")
    if _depth(raw) > _DEEPEST:
        raise _damaged(path, say("nested more than {most} levels deep", most=_DEEPEST))
    return raw


def _damaged(path: Path, reason: object) -> InputError:
    return InputError(say('model.from: "{folder}/{file}" is damaged: {reason}', folder=path.parent, file=path.name,
                          reason=" ".join(str(reason).split())[:300] or type(reason).__name__))


def _depth(value: object) -> int:
    """Levels of lists and objects, counted level by level: no call within a call."""
    depth, level = 0, [value]
    while level := [below for entry in level if isinstance(entry, dict | list)
                    for below in (entry.values() if isinstance(entry, dict) else entry)]:
        depth += 1
        if depth > _DEEPEST:
            break
    return depth


def _refuse_code(path: Path, keys: list[str]) -> None:
    if keys:
        raise InputError(say('model.from: "{file}" asks to run code of its own ({keys}); steelyard never does; '
                             "remove the key, or choose a model that Transformers has built in", file=path, keys=listing(keys)))


def _code(raw: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """The keys that ask to run code, in the configurations within it too."""
    for key, value in raw.items():
        fetched = key in _IMPLEMENTATIONS and "/" in json.dumps(value)
        if key in _ASKS or fetched or (key.startswith("_") and key not in _HARMLESS):
            yield inside + key
        elif key not in _NAMES:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from _code(part, f"{inside}{key}.")


def _positive(raw: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError where a size is no whole number above 0."""
    for key in _ABOVE_ZERO:
        value = raw.get(key)
        if value is None or isinstance(value, list):  # a list: one number a stage
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**48:
            raise _damaged(folder / "config.json", say("{key}: got {got}, want a whole number above 0", key=key, got=repr(value)[:40]))


def _fits(raw: Mapping[str, Any], largest: int, tensors: int, folder: Path) -> None:
    """Raises InputError where the sizes are beyond anything that the weights hold: what is built by them would fill the memory."""
    for keys, most in ((_SIDES, largest), (_COUNTS, tensors)):
        for key in keys:
            if isinstance(raw.get(key), int) and raw[key] > most:
                raise _damaged(folder / "config.json", say("{key}: {got} is more than the weights beside it hold ({most})", key=key,
                                                           got=raw[key], most=most))


def _texts(folder: Path) -> None:
    """The documents that a tokenizer and an image processor are made from. Raises InputError."""
    for name in _BESIDE:
        if (folder / name).is_file():
            raw = _json(folder / name, folder)
            _refuse_code(folder / name, [key for key in _ASKS if key in raw])
            longest = raw.get("model_max_length", 1)
            if name == "tokenizer_config.json" and not _is_length(longest):
                raise _damaged(folder / name, say("{key}: got {got}, want a whole number above 0", key="model_max_length",
                                                  got=repr(longest)[:40]))
    path = folder / "tokenizer.json"
    if path.is_file():
        for pattern in _patterns(_json(path, folder, _LARGEST_TOKENIZER)):
            if endless(pattern):
                raise InputError(say('model.from: "{file}" holds a regular expression that a text could keep busy without end ({pattern}); '
                                     "choose another model", file=path, pattern=repr(pattern[:60])))


def _is_length(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 1)


def _patterns(raw: object) -> Iterator[str]:
    """Every regular expression of a tokenizer.json, wherever it stands but in the vocabulary."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if key == "Regex" and isinstance(value, str):
                yield value
            elif key not in ("vocab", "merges", "added_tokens"):
                yield from _patterns(value)
    elif isinstance(raw, list):
        for part in raw:
            yield from _patterns(part)


def _stays(link: Path, folder: Path) -> bool:
    """Whether a link's end lies in the folder; or, in a snapshot of the Hub's cache, among that cache's blobs."""
    home = folder.resolve()
    allowed = [home]
    if home.parent.name == "snapshots" and home.parent.parent.name.startswith("models--"):
        allowed += [home.parent.parent / "blobs", home.parent.parent.parent / "blobs"]  # the model's own; those that models share
    try:
        end = link.resolve()
        return end.is_file() and any(end.is_relative_to(place) for place in allowed)
    except (OSError, RuntimeError):  # links in a circle
        return False


def _weights(folder: Path) -> list[str]:
    """The names of the files of weights. Raises InputError where there is none, or the index names one outside or absent."""
    index = folder / INDEX
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not index.is_file():
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        but = str(say(", but a pickle ({names}), which can run code when it is read", names=listing(pickles))) if pickles else ""
        raise InputError(say('model.from: "{folder}" holds no model.safetensors{pickles}; load it where you trust it and save it anew '
                             "with save_pretrained", folder=folder, pickles=but))
    try:
        names = sorted({str(name) for name in _json(index, folder)["weight_map"].values()})
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(index, error) from error
    for name in names:
        if not _plain(name):
            raise InputError(say('model.from: "{index}" names a file outside its folder: "{name}"', index=index, name=name))
        if not (folder / name).is_file():
            raise InputError(say('model.from: "{index}" names "{name}", which is not there; fetch the model anew', index=index, name=name))
    return names


def _plain(name: str) -> bool:
    """Whether it is the name of a safetensors file, and no path."""
    return Path(name).name == name and "\\" not in name and "\0" not in name and name.endswith(".safetensors")


def _readable(path: Path) -> tuple[int, int]:
    """(the longest side of a tensor, how many tensors) by the head of a safetensors file, in which every tensor has its place.

    Raises InputError.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error
    return max((side for shape in shapes for side in shape), default=0), len(shapes)


def _understood(raw: Mapping[str, Any], folder: Path) -> None:
    """Let Transformers read it once, whatever it raises: its checks of types grow by the release. Raises InputError."""
    import transformers

    if not isinstance(raw.get("model_type", ""), str):
        raise _damaged(folder / "config.json", say("{key}: got {got}, want {want}", key="model_type", got=repr(raw["model_type"])[:40],
                                                   want='"bert"'))
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever it is, it is the folder's
        raise InputError(say('model.from: Transformers {version} cannot read "{folder}/config.json": {reason}',
                             version=transformers.__version__, folder=folder, reason=" ".join(str(error).split())[:200])) from error
    finally:
        transformers.logging.set_verbosity(level)
