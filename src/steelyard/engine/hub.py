"""Models from the Hub and to it: which files a model is made of, which commit it was, and what goes up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from steelyard import hub
from steelyard.engine.cache import file_hash
from steelyard.errors import InputError, listing
from steelyard.hub import Listed
from steelyard.language import say
from steelyard.recipe.recipe import Recipe

REVISION = "main"
# What turns rows into numbers, beside config.json and the weights. No code, no pickles, nothing in subfolders.
SMALL = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
         "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "spm.model",
         "preprocessor_config.json", "processor_config.json", "chat_template.jinja")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"model[\w.-]*\.safetensors")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".msgpack")


def model(source: str, recipe: Recipe) -> Path:
    """The folder of a model of the Hub, downloaded where the cache lacks it. Raises InputError and OutsideError."""
    where = recipe.where("model.from")
    name = source.removeprefix(hub.PREFIX)
    if not hub.is_name(name):
        raise InputError(say('{where}: "{name}" can be no Hub id; want OWNER/NAME', where=where, name=name))

    def choose(files: Sequence[Listed]) -> list[str]:
        return parts(name, [file.name for file in files], where)

    return hub.snapshot(name, recipe.model.revision or REVISION, where, choose).folder


def parts(name: str, files: Sequence[str], where: str) -> list[str]:
    """Those files of a repository that a model is made of. Raises InputError where it has no weights that are data."""
    if "config.json" not in files:
        raise InputError(say('{where}: "{name}" is no model of Transformers: it has no config.json', where=where, name=name))
    weights = [WEIGHTS] if WEIGHTS in files else [file for file in files if is_shard(file)] if INDEX in files else []
    if not weights:
        pickles = sorted(file for file in files if file.endswith(_PICKLES))
        but = str(say(", but a pickle ({names}), which can run code when it is read", names=listing(pickles))) if pickles else ""
        raise InputError(say('{where}: "{name}" holds no model.safetensors{pickles}; choose a model or revision with safetensors',
                             where=where, name=name, pickles=but))
    return [*(file for file in files if file in SMALL), *([INDEX] if weights != [WEIGHTS] else []), *weights]


def is_shard(file: str) -> bool:
    """Whether a file of that name holds weights, all or some."""
    return bool(_SHARD.fullmatch(file))


def model_hash(folder: Path) -> str:
    """sha256 over the weight files of a model folder, in the order of their names."""
    whole = sha256()
    for path in sorted(folder.glob("*.safetensors")):
        whole.update(file_hash(path).encode())
    return "sha256:" + whole.hexdigest()


def pinned(recipe: Recipe, folder: Path | None) -> Recipe:
    """The recipe that names the very commit whose files are used: `hub:` and its id, so that no folder can come in between."""
    source = recipe.model.from_
    if source is None or folder is None or folder.parent.name != "snapshots" or not folder.parent.parent.name.startswith("models--"):
        return recipe
    if not source.startswith(hub.PREFIX) and (recipe.folder / Path(source).expanduser()).is_dir():
        return recipe  # somebody's own folder
    known = {"from_": hub.PREFIX + source.removeprefix(hub.PREFIX), "revision": folder.name}
    return recipe.model_copy(update={"model": recipe.model.model_copy(update=known)})
