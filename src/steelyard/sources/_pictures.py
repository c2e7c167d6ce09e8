"""What a folder and an archive of class folders have in common: which files count, and what a picture's path says of it."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from steelyard.errors import InputError, listing
from steelyard.language import say
from steelyard.math.pictures import MOST_BYTES, SUFFIXES
from steelyard.math.texts import shown
from steelyard.parts import Record

_UNSEEN = ("thumbs.db", "desktop.ini", "__macosx")  # what Windows and macOS leave behind
SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")


def hidden(relative: PurePosixPath) -> bool:
    """Whether the file, or a folder on its way, is one that file managers do not show."""
    return any(part.startswith(".") or part.lower() in _UNSEEN for part in relative.parts)


@dataclass
class Pictures:
    """The pictures of one set, met one after another. The class is the name of the folder that a picture lies in.

    All must lie equally deep: of cat/1.png and cat/old/2.png one cannot tell whether "old" is a class.
    """

    root: Path
    met: bool = False  # whether there was any picture, be it one that cannot be read
    depth: int | None = None
    splits: set[str] = field(default_factory=set)

    def problem(self, relative: PurePosixPath, size: int) -> Record | None:
        """Why the file gives no row, or None where it is to be read. Raises InputError where two splits lie in the set."""
        where = f"{self.root}/{relative}"
        if relative.suffix.lower() not in SUFFIXES:
            return Record({}, where, None, say('"{name}" is no picture; remove it', name=shown(relative.name)))
        self.met = True
        if size > MOST_BYTES:
            return Record({}, where, None, say("the picture has {got} MiB; at most {most} are read",
                                                 got=size >> 20, most=MOST_BYTES >> 20))
        if self.depth is None:
            self.depth = len(relative.parts)
        if len(relative.parts) != self.depth:
            return Record({}, where, None, say("the picture lies deeper or less deep than the others: its class cannot be told"))
        self._refuse_splits(relative)
        return None

    def row(self, relative: PurePosixPath, data: bytes) -> Record:
        """Columns: image, file (the path in the set), and label where the picture lies in a folder."""
        values: dict[str, object] = {"image": data, "file": str(relative)}
        if len(relative.parts) > 1:
            values["label"] = relative.parts[-2]
        return Record(values, f"{self.root}/{relative}", None)

    def _refuse_splits(self, relative: PurePosixPath) -> None:
        if len(relative.parts) >= 3 and relative.parts[-3].lower() in SPLITS:
            self.splits.add(relative.parts[-3])
        if len(self.splits) > 1:
            raise InputError(say("{where}: several splits lie in it ({names}); give each by itself as data.train, "
                                 "data.validation, data.test", where=self.root, names=listing(sorted(self.splits))))

    def finish(self) -> None:
        """Raises InputError where there was no picture at all."""
        if not self.met:
            raise InputError(say("{where}: there is no picture in it; want class folders with pictures ({suffixes})",
                                 where=self.root, suffixes=" ".join(SUFFIXES)))
