"""COCO's JSON of boxes: a row a picture."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._beside import picture
from steelyard.sources._open import form, open_text

_PARTS = ("images", "annotations", "categories")
_LOOK = 1 << 16  # characters at either end of the file in which it names its parts


class Coco(Source):
    """{"images": [{"id", "file_name"}], "annotations": [{"image_id", "category_id", "bbox"}], "categories": [{"id", "name"}]}.

    A picture lies beside the file, in `images` there, in a folder of the file's own name (instances_train2017.json: train2017), or in
    one of those beside the file's folder. Crowds (iscrowd: 1) are no single thing, and are left out.
    """

    name = "coco"
    help = say("COCO's JSON of boxes (.json, plain or .gz): images, annotations, categories; the pictures beside it")
    first = True

    def accepts(self, path: Path) -> bool:
        """By suffix, and by two of the parts named near the beginning, or anywhere in a small file."""
        if form(path) != ".json" or not path.is_file():
            return False
        try:
            with open_text(path, "utf-8") as stream:
                head = stream.read(_LOOK)
        except InputError:  # another source says what is wrong with it
            return False
        if not head.lstrip("\ufeff \r\n\t").startswith("{"):
            return False
        ours = '"images"' in head and ('"file_name"' in head or '"annotations"' in head)
        return ours or ('"annotations"' in head and '"image_id"' in head)

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """{"image", "boxes", "file"}; the line is the picture's number, from 1. The document is held whole.

        Raises InputError where the document is broken or lacks one of its three parts.
        """
        with open_text(path, options.encoding) as stream:
            try:
                document = json.loads(stream.read().removeprefix("\ufeff"))
            except (ValueError, RecursionError) as error:
                raise InputError(say("{where}: this is no JSON: {reason}", where=path, reason=error)) from error
        for part in _PARTS:
            if not isinstance(document, Mapping) or not isinstance(document.get(part), list):
                raise InputError(say('{where}: want a list "{part}", as COCO\'s files of boxes have it', where=path, part=part))
        if not document["images"]:
            raise InputError(say("{where}: the file has no rows", where=path))
        names = {_id(entry, "id"): entry.get("name") for entry in document["categories"] if isinstance(entry, Mapping)}
        boxes: dict[object, list[dict[str, Any]]] = {}
        wrong: dict[object, Sentence] = {}
        for entry in document["annotations"]:
            owner = _id(entry, "image_id")
            if isinstance(entry, Mapping) and _id(entry, "category_id") in names:
                if entry.get("iscrowd") != 1:
                    boxes.setdefault(owner, []).append({"label": names[_id(entry, "category_id")], "bbox": entry.get("bbox")})
            else:
                wrong[owner] = say("the annotation {got} is of no category that the file names", got=shown(entry))
        known = {_id(entry, "id") for entry in document["images"]}
        if strays := [owner for owner in (*boxes, *wrong) if owner not in known]:
            yield Record({}, str(path), None, say("{n} pictures have annotations and are not among the images; the first is {first}",
                                                  n=len(strays), first=shown(strays[0])))
        folders = _folders(path)
        for number, entry in enumerate(document["images"], start=1):
            owner, name = _id(entry, "id"), entry.get("file_name") if isinstance(entry, Mapping) else None
            found = picture(name, folders, path.parent.parent)
            if isinstance(found, Sentence) or owner in wrong:
                yield Record({}, str(path), number, found if isinstance(found, Sentence) else wrong[owner])
                continue
            yield Record({"image": found, "boxes": boxes.get(owner, []), "file": name}, str(path), number)


def _id(entry: object, name: str) -> object:
    """A number or text that something is called by; None for what is none."""
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return value if isinstance(value, int | str) else None


def _folders(path: Path) -> list[Path]:
    """Where the pictures may lie, the nearest first."""
    stem = path.name.split(".")[0]
    own = stem.removeprefix("instances_")
    return [root / inner for root in (path.parent, path.parent.parent) for inner in ("", "images", own, f"images/{own}")]


PART = Coco
