"""The run folder: every file name, spelled once; and how a document gets into it whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from steelyard.errors import InputError, SteelyardError, refused
from steelyard.facts import Evidence
from steelyard.language import say

LARGEST = 256 << 20  # bytes of a JSON document of a run
_SECTIONS = ("model", "data", "versions", "task_state", "forecast")  # objects within run.json
FORMAT = 1  # of run.json: a run of another format is refused with a sentence


@dataclass(frozen=True)
class Run:
    """What happened, one folder. It can be copied and moved: nothing in it names a path outside, but for the data's."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> "Run":
        """An existing run. Raises InputError where the folder is none, or of another format."""
        run = Run(Path(folder))
        if not run.manifest_file.is_file():
            raise InputError(say('"{folder}" is no run: it has no run.json; give the folder that `steelyard train` printed', folder=folder))
        if (version := run.manifest().get("format")) != FORMAT:
            raise InputError(say('"{folder}" was made by another version of steelyard (format {got}, this one reads {want})',
                                 folder=folder, got=version, want=FORMAT))
        return run

    @staticmethod
    def create(wanted: Path) -> "Run":
        """A new, empty run folder: `wanted`, or `wanted`-2, -3... where that is taken. Raises InputError, OutsideError."""
        number = 1
        while True:
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                number += 1
            except OSError as error:
                raise _no_folder(folder, error) from error
            else:
                return Run(folder)

    @staticmethod
    def room(root: Path) -> None:
        """Hold that runs can be made in `root`, before anything is paid; leaves nothing. Raises InputError, OutsideError."""
        try:
            there = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
            with TemporaryFile(dir=there):
                pass
        except OSError as error:
            raise _no_folder(root, error) from error

    @property
    def name(self) -> str:
        """What people call it: the folder's name."""
        return self.folder.resolve().name

    @property
    def recipe_file(self) -> Path:
        """The recipe as resolved, every default filled in."""
        return self.folder / "recipe.yaml"

    @property
    def manifest_file(self) -> Path:
        """What happened: state, versions, machine, measured and chosen, hashes, times."""
        return self.folder / "run.json"

    @property
    def model(self) -> Path:
        """A Hugging Face model folder."""
        return self.folder / "model"

    @property
    def card_file(self) -> Path:
        """The model card."""
        return self.model / "README.md"

    @property
    def checkpoints(self) -> Path:
        """step-00000400/ and so on."""
        return self.folder / "checkpoints"

    @property
    def logs(self) -> Path:
        """metrics.jsonl, TensorBoard's events, train.log."""
        return self.folder / "logs"

    @property
    def metrics_file(self) -> Path:
        """The truth about training: one JSON object a line."""
        return self.logs / "metrics.jsonl"

    @property
    def data(self) -> Path:
        """The rows that the run is judged on: <set>.arrow."""
        return self.folder / "data"

    @property
    def trained_file(self) -> Path:
        """Hashes of the rows that it was trained on: a run that starts from its model can tell which rows are no test."""
        return self.data / "trained.safetensors"

    def ancestor_file(self, number: int) -> Path:
        """The same of the runs that its model comes from; 1 is the nearest."""
        return self.data / "ancestors" / f"{number}.safetensors"

    @property
    def page_file(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    def page_about(self, about: str) -> Path:
        """The page about a set of rows: report.html for the test rows, report-new.html for those of new.csv."""
        return self.page_file if about == "test" else self.folder / f"report-{about}.html"

    def evidence_file(self, name: str, about: str = "") -> Path:
        """evidence/cost.json, or evidence/test/quality.json where it is about a set of rows."""
        return self.folder / "evidence" / about / f"{name}.json"

    def answers_file(self, about: str) -> Path:
        """One line a row of that set: origin, answer, truth, how right."""
        return self.folder / "evidence" / about / "answers.parquet"

    def manifest(self) -> dict[str, Any]:
        """run.json. Raises InputError where it is damaged, and where a key is asked for that it lacks."""
        told = read_json(self.manifest_file)
        for name in _SECTIONS:
            if not isinstance(told.get(name, {}), dict):
                raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=self.manifest_file, reason=name))
        return _told(told, self.manifest_file)

    def update(self, news: Mapping[str, Any]) -> None:
        """Merge `news` into run.json, written whole or not at all."""
        old = self.manifest() if self.manifest_file.is_file() else {"format": FORMAT}
        write_json(self.manifest_file, {**old, **news})

    def write_evidence(self, evidence: Evidence, about: str = "") -> None:
        """Put one document into its place."""
        write_json(self.evidence_file(evidence.evidence, about), evidence.to_json())

    def sets(self) -> list[str]:
        """The sets of rows that the run was weighed on; "test" first."""
        root = self.folder / "evidence"
        found = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
        return sorted(found, key=lambda name: name != "test")

    def evidence(self, about: str = "") -> dict[str, Evidence]:
        """Name -> document, of that set ("" for those about no set: data, cost)."""
        found = {}
        for path in self._documents(about):
            try:
                found[path.stem] = Evidence.from_json(read_json(path))
            except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
                reason = f"{type(error).__name__}: {error}"
                raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=path, reason=reason)) from error
        return found

    def _documents(self, about: str) -> Iterator[Path]:
        root = self.folder / "evidence" / about
        return iter(sorted(root.glob("*.json"))) if root.is_dir() else iter(())


class _Told(dict[str, Any]):
    """What a file says: a key that it lacks is the file's fault."""

    def __init__(self, values: Mapping[str, Any], path: Path) -> None:
        super().__init__(values)
        self.path = path

    def __missing__(self, key: str) -> Any:
        raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=self.path, reason=key))


def _told(values: Mapping[str, Any], path: Path) -> _Told:
    return _Told({name: _told(value, path) if isinstance(value, dict) and name in _SECTIONS else value
                  for name, value in values.items()}, path)


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object. Raises InputError where it is missing or damaged."""
    try:
        if path.exists() and not (path.is_file() and path.stat().st_size <= LARGEST):  # a pipe would be waited for without end
            raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=path, reason="no file of such a size"))
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(say('"{path}" is missing', path=path)) from error
    except (OSError, ValueError, RecursionError, RuntimeError) as error:  # the last for links in a circle
        raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=path, reason=error)) from error
    if not isinstance(data, dict):
        raise InputError(say('"{path}" is damaged or no JSON: {reason}', path=path, reason="no object"))
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all: to a file beside it, flushed to the disk, renamed. NaN is refused. Raises OutsideError."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Whole or not at all. Raises OutsideError where the disk says no, InputError where the folder may not be written."""
    beside = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):  # where the folder itself cannot be made there is nothing to remove
            beside.unlink()
        raise refused(error, say('cannot write "{path}": {reason}', path=path, reason=error.strerror)) from error


def _no_folder(folder: Path, error: OSError) -> SteelyardError:
    return refused(error, say('cannot make a run in "{folder}": {reason}; name another folder with --out', folder=folder,
                              reason=error.strerror))
