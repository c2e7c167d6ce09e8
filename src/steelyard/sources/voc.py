"""Pascal VOC's folder of boxes: Annotations/*.xml and JPEGImages; or one of the lists in its ImageSets/Main."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math.pictures import SUFFIXES
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._beside import picture
from steelyard.sources._open import text_lines

_LISTS = ("train", "val", "test")  # of ImageSets/Main, which become the column `split`; trainval is the first two
_MOST = 4 << 20  # bytes of one picture's annotations


class Voc(Source):
    """The folder gives every annotated picture, with a column `split` where ImageSets/Main says one; train.txt there gives its own."""

    name = "voc"
    help = say("a Pascal VOC folder (Annotations, JPEGImages), or a list of its pictures (ImageSets/Main/train.txt)")
    first = True  # asked before the folder of class folders, and before plain text

    def accepts(self, path: Path) -> bool:
        """By the folders in it, or around it."""
        return _root(path) is not None

    def beside(self, path: Path) -> list[Path]:
        """Of a list, what it names: the annotations and the pictures."""
        root = _root(path)
        if root is None or root == path:
            return []
        files = (_files(root, name) for name in _names(path))
        return [file for annotation, found in files for file in (annotation, found) if isinstance(file, Path) and file.is_file()]

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """{"image", "boxes", "file"[, "split"]}, by name or in the list's order. Raises InputError where there is no annotation."""
        root = _root(path)
        if root is None:
            raise InputError(say("{where}: this is no Pascal VOC folder; want Annotations and JPEGImages in it", where=path))
        splits: dict[str, str] = {}
        if root == path:
            names = sorted(file.stem for file in (root / "Annotations").glob("*.xml"))
            for split in _LISTS:
                if (listed := root / "ImageSets" / "Main" / f"{split}.txt").is_file():
                    splits |= dict.fromkeys(_names(listed), split)
        else:
            names = _names(path)
        if not names:
            raise InputError(say("{where}: the file has no rows", where=path))
        for name in names:
            annotation, found = _files(root, name)
            boxes = _boxes(annotation)
            if isinstance(found, Sentence) or isinstance(boxes, Sentence):
                yield Record({}, str(annotation), None, boxes if isinstance(boxes, Sentence) else found)  # type: ignore[arg-type]
                continue
            values: dict[str, object] = {"image": found, "boxes": boxes, "file": found.name}
            yield Record({**values, "split": splits.get(name)} if splits else values, str(annotation), None)


def _root(path: Path) -> Path | None:
    """The folder that has Annotations and JPEGImages: `path`, or the one whose list it is."""
    if path.is_dir():
        root = path
    elif path.suffix == ".txt" and path.parent.name == "Main" and path.parent.parent.name == "ImageSets":
        root = path.parent.parent.parent
    else:
        return None
    return root if (root / "Annotations").is_dir() and (root / "JPEGImages").is_dir() else None


def _names(listed: Path) -> list[str]:
    """The first word of each line: lists of one class have 1 or -1 behind it."""
    return [words[0] for line in text_lines(listed, "utf-8") if (words := line.split())]


def _files(root: Path, name: str) -> tuple[Path, Path | Sentence]:
    """The annotations of a picture, and the picture or why there is none."""
    folder = root / "JPEGImages"
    tried = [picture(name + suffix, [folder], root) for suffix in (".jpg", *SUFFIXES)]
    found = next((file for file in tried if isinstance(file, Path)), tried[0])
    plain = Path(name).name == name and name not in ("..", ".")
    return root / "Annotations" / (f"{name}.xml" if plain else "-.xml"), found


def _boxes(file: Path) -> list[dict[str, Any]] | Sentence:
    """The boxes of one picture, or why they cannot be read. An entity could unfold to anything: no document type is read."""
    try:
        if not file.is_file():
            return say("there is no file of annotations for this picture")
        if file.stat().st_size > _MOST:
            return say("the annotations have {got} MiB; at most {most} are read", got=file.stat().st_size >> 20, most=_MOST >> 20)
        content = file.read_bytes()
        if b"<!" in content.replace(b"<!--", b""):
            return say("the annotations declare a document type, which is not read; remove it")
        root = ET.fromstring(content)
    except OSError as error:
        return say("the file cannot be read: {reason}", reason=error.strerror)
    except (ET.ParseError, ValueError, LookupError) as error:
        return say("the annotations are no XML: {reason}", reason=str(error))
    found = []
    for thing in root.iter("object"):
        box: dict[str, Any] = {"label": (thing.findtext("name") or "").strip()}
        for ours, theirs in (("left", "xmin"), ("top", "ymin"), ("right", "xmax"), ("bottom", "ymax")):
            text = (thing.findtext(f"bndbox/{theirs}") or "").strip()
            try:
                box[ours] = float(text)
            except ValueError:
                return say("the box of {label} has no number {name}: {got}", label=shown(box["label"]), name=theirs, got=shown(text))
        found.append(box)
    return found


PART = Voc
