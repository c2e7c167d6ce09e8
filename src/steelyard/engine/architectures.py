"""The names of Transformers' architectures, before it is loaded: a slip in `model.family` is said at once."""

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from steelyard import catalog
from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say

LISTS = ("auto_mappings.py", "configuration_auto.py")  # Transformers' own files of names; more names than have a head for a task


def named() -> set[str]:
    """Whatever may be a model_type: the quoted names in Transformers' lists."""
    spec = find_spec("transformers")  # finds the package without running it
    if spec is None or spec.origin is None:
        return set()
    folder = Path(spec.origin).parent / "models" / "auto"
    texts = [path.read_text(encoding="utf-8") for path in map(folder.joinpath, LISTS) if path.is_file()]
    return {name for text in texts for name in re.findall(r'"([a-z0-9][a-z0-9_.-]*)"', text)}


def unknown(name: str, where: str, variants: Iterable[str]) -> InputError:
    """The complaint about a family that is none; `variants` are the architectures that can be had beside our own families."""
    own = catalog.names("families")
    known = [*own, *variants]
    return InputError(say('{where}: no family is called "{name}"{hint} (there are: {known}; and the architectures of Transformers, '
                          "such as electra)", where=where, name=name, hint=did_you_mean(name.rpartition(":")[2] or name, known),
                          known=listing(own)))
