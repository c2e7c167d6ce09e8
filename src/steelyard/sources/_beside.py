"""Pictures that a file of annotations names, found beside it without a way out of the folder."""

from collections.abc import Sequence
from pathlib import Path

from steelyard.language import Sentence, say
from steelyard.math.pictures import SUFFIXES
from steelyard.math.texts import shown


def picture(name: object, folders: Sequence[Path], root: Path) -> Path | Sentence:
    """The picture `name` in the first of `folders` that has it, or why there is none; a link may not lead out of `root`."""
    if not isinstance(name, str) or not name.strip():
        return say("the picture is missing")
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        return say('the path "{name}" leads out of the folder; want one relative to it', name=shown(name))
    if not name.lower().endswith(SUFFIXES):
        return say('"{name}" is no picture; remove it', name=shown(name))
    try:
        for folder in folders:
            if (file := folder / name).is_file():
                if not file.resolve().is_relative_to(root.resolve()):
                    return say('the link "{name}" leads out of the folder; copy what it points to (cp -L)', name=shown(name))
                return file
    except (OSError, RuntimeError, ValueError):  # too long a name, links in a circle
        return say('there is no picture "{name}" beside the annotations', name=shown(name))
    return say('there is no picture "{name}" beside the annotations', name=shown(name))
