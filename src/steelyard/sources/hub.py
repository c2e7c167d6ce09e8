"""Data sets of the Hugging Face Hub by their id: the files of one split, at one commit, read as files. No code of theirs is run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from steelyard import catalog
from steelyard.errors import InputError, listing
from steelyard.hub import PREFIX, is_name, snapshot
from steelyard.language import say
from steelyard.math.texts import shown
from steelyard.parts import ReadOptions, Record, Source
from steelyard.sources._open import form

_FORMS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}  # best first
_ABOUT = ("dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json")  # of a set, and no rows of it
_SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
           "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation"}
_PLACE = re.compile(r"hub:(?P<name>[\w./-]+)(?:@(?P<revision>[\w./-]+))?(?::(?P<part>[^:]+))?")
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")


@dataclass(frozen=True)
class Place:
    """hub:NAME@REVISION:PART. PART is a split (test), a folder and a split (sst2/test), or a path, in which * stands for anything."""

    name: str
    revision: str
    part: str | None

    def __str__(self) -> str:
        return f"{PREFIX}{self.name}@{self.revision}" + (f":{self.part}" if self.part else "")


@dataclass(frozen=True)
class _Fetched:
    place: Place
    files: Mapping[str, Path]  # in the order of their names


_fetched: dict[str, _Fetched] = {}  # what a process found stays as it is, whatever is pushed to the Hub meanwhile


class Hub(Source):
    """hub:NAME, hub:NAME:SPLIT, hub:NAME@REVISION:SPLIT: Parquet, CSV, JSON Lines and JSON; a revision is pinned to its commit."""

    name = "hub"
    help = say("hub:NAME, hub:NAME:SPLIT or hub:NAME@REVISION:SPLIT, a data set of the Hugging Face Hub")

    def accepts(self, path: Path) -> bool:
        """By the prefix."""
        return str(path).startswith(PREFIX)

    def pinned(self, path: Path, where: str) -> Path:
        """The same with the commit that the revision is now, its files on this disk. Raises InputError, OutsideError."""
        return Path(str(_fetch(path, where).place))

    def facts(self, path: Path) -> Mapping[str, Any]:
        """The commit says it all; `files` are those that the split consists of."""
        found = _fetch(path, "data")
        return {"bytes": sum(file.stat().st_size for file in found.files.values()), "mark": str(found.place), "files": list(found.files)}

    def read(self, path: Path, options: ReadOptions) -> Iterator[Record]:
        """The rows of the files in the order of their names. Raises InputError, OutsideError."""
        found = _fetch(path, "data")
        for name, file in found.files.items():
            source: Source = catalog.load("sources", _FORMS[form(file)], str(path))()
            for record in source.read(file, options):
                yield record._replace(file=record.file.replace(str(file), f"{PREFIX}{found.place.name}/{name}", 1))


def _fetch(path: Path, where: str) -> _Fetched:
    text = str(path)
    if text not in _fetched:
        given = _PLACE.fullmatch(text)
        if given is None or not is_name(given["name"]):
            raise InputError(say('{where}: got "{got}", want hub:NAME, hub:NAME:SPLIT or hub:NAME@REVISION:SPLIT',
                                 where=where, got=shown(text)))
        place = Place(given["name"], given["revision"] or "main", given["part"])
        chosen: list[str] = []

        def choose(files: Sequence[Any]) -> Sequence[str]:
            chosen[:] = files_of(place, [file.name for file in files], where)
            return chosen

        found = snapshot(place.name, place.revision, where, choose, kind="dataset")
        pinned = Place(place.name, found.commit, place.part)
        _fetched[text] = _fetched[str(pinned)] = _Fetched(pinned, {name: found.folder / name for name in chosen})
    return _fetched[text]


def files_of(place: Place, there: Sequence[str], where: str) -> list[str]:
    """Those files of a repository that are the split, in the order of their names: of several forms of it the first of _FORMS.

    Raises InputError where nothing is read here, no split is named among several, there is none of that name, or a file lacks.
    """
    tables = [name for name in sorted(there) if form(Path(name)) in _FORMS and not _is_hidden(name)]
    if not tables:
        scripts = [name for name in there if name.endswith(".py")]
        if scripts:
            raise InputError(say('{where}: "{name}" has only a script that loads it ({script}), and steelyard runs none; choose a set with '
                                 "Parquet, CSV or JSON files, or its branch refs/convert/parquet",
                                 where=where, name=place.name, script=scripts[0]))
        raise InputError(say('{where}: "{name}" has no Parquet, CSV or JSON file (it has: {there})',
                             where=where, name=place.name, there=listing(sorted(there), most=6)))
    if place.part and ("*" in place.part or form(Path(place.part)) in _FORMS):
        found = [name for name in tables if fnmatchcase(name, place.part)]
    else:
        groups: dict[tuple[str, str], list[str]] = {}
        for name in tables:
            groups.setdefault(_group(name), []).append(name)
        found = _wanted(place, groups, where)
    if not found:
        raise InputError(say('{where}: "{name}" has no file "{part}" (it has: {there})',
                             where=where, name=place.name, part=place.part, there=listing(tables, most=6)))
    best = min((form(Path(name)) for name in found), key=list(_FORMS).index)
    found = [name for name in found if form(Path(name)) == best]
    _refuse_gaps(place, found, where)
    return found


def _is_hidden(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name in _ABOUT or any(part.startswith(".") for part in path.parts)


def _group(name: str) -> tuple[str, str]:
    """(folder, split) of a file: data/train-00000-of-00002.parquet is ("", "train"), sst2/dev.csv ("sst2", "validation")."""
    path = PurePosixPath(name)
    stem = _SHARD.sub("", path.name.removesuffix(".gz").rsplit(".", 1)[0])
    words = [word for word in re.split(r"[^a-z]+", stem.lower()) if word in _SPLITS]
    folders = [part for part in path.parts[:-1] if part != "data"]
    if words:
        return "/".join(folders), _SPLITS[words[-1]]
    if folders and folders[-1].lower() in _SPLITS:
        return "/".join(folders[:-1]), _SPLITS[folders[-1].lower()]
    return "/".join(folders), stem


def _wanted(place: Place, groups: Mapping[tuple[str, str], list[str]], where: str) -> list[str]:
    """The files of the split that the place names, or of the only one. Raises InputError where it is not one."""
    part = place.part or ""
    folder, _, split = part.rpartition("/")
    found = [key for key in groups if not part or key == (folder, _SPLITS.get(split, split)) or key[0] == part]
    if not found and not folder:
        found = [key for key in groups if key[1] == _SPLITS.get(split, split)]
    if len(found) == 1:
        return groups[found[0]]
    told = listing(f"{PREFIX}{place.name}:{'/'.join(filter(None, key))}" for key in sorted(found or groups))
    if found:
        raise InputError(say("{where}: {place} holds several splits; name one: {names}",
                             where=where, place=f"{PREFIX}{place.name}", names=told))
    raise InputError(say('{where}: "{name}" has no split "{part}"; there are: {names}',
                         where=where, name=place.name, part=part, names=told))


def _refuse_gaps(place: Place, names: Sequence[str], where: str) -> None:
    """Of files that say how many there are of them, all must be there: a cache may hold some."""
    for name in names:
        if (shard := _SHARD.search(name)) and (lacks := [
                other for number in range(int(shard[2]))
                if (other := f"{name[: shard.start()]}-{number:05d}-of-{shard[2]}{name[shard.end() :]}") not in names]):
            raise InputError(say('{where}: of "{name}" the file {file} is missing; fetch it once online, or name the files',
                                 where=where, name=place.name, file=lacks[0]))


PART = Hub
