"""Strings of spoken digits: python benchmarks/digit_strings.py strings FOLDER | speakers FOLDER, with STEELYARD_DATA.

strings    strings of 3 to 7 digits of one speaker, joined from recordings of fsdd with pauses between: train from training recordings,
           test from test recordings; writes FOLDER/{train,test}.tar and metadata, and recipes/digit-strings.yaml reads it
speakers   six sets for one word, each with one speaker left out of training and tested on: FOLDER/SPEAKER.csv beside the recordings
"""

import argparse
import csv
import io
import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import soundfile

TRAIN, TEST = 4000, 400  # strings
PAUSES = (0.05, 0.25)  # seconds between two digits


def recordings(data: Path) -> list[dict[str, object]]:
    """Rows of metadata.csv with their samples, 8 kHz."""
    rows = list(csv.DictReader((data / "fsdd/metadata.csv").open(encoding="utf-8", newline="")))
    with tarfile.open(data / "fsdd/fsdd.tar.gz") as tar:
        sounds = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    return [{**row, "samples": soundfile.read(io.BytesIO(sounds[row["file"]]), dtype="int16")[0]} for row in rows]


def strings(rows: list[dict[str, object]], count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, str, str]]:
    """(samples, text, speaker): each recording as often as any other, give or take."""
    speakers = sorted({str(row["speaker"]) for row in rows})
    own = {speaker: [row for row in rows if row["speaker"] == speaker] for speaker in speakers}
    made = []
    for number in range(count):
        speaker = speakers[number % len(speakers)]
        chosen = [own[speaker][int(i)] for i in rng.integers(0, len(own[speaker]), int(rng.integers(3, 8)))]
        parts = []
        for row in chosen:
            level = max(1.0, float(np.abs(row["samples"]).max()))
            hiss = rng.normal(0, 0.002 * level, int(8000 * rng.uniform(*PAUSES)))
            parts += [row["samples"], np.rint(hiss).astype(np.int16)]
        made.append((np.concatenate(parts[:-1]), " ".join(str(row["text"]) for row in chosen), speaker))
    return made


def write(folder: Path, made: list[tuple[np.ndarray, str, str]]) -> None:
    """A tar of FLAC with its metadata.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as table, tarfile.open(folder / "strings.tar", "w") as tar:
        rows = csv.writer(table)
        rows.writerow(["file_name", "text", "speaker"])
        for number, (samples, text, speaker) in enumerate(made):
            name = f"{number:05d}.flac"
            stream = io.BytesIO()
            soundfile.write(stream, samples, 8000, format="FLAC")
            entry = tarfile.TarInfo(name)
            entry.size = len(stream.getbuffer())
            stream.seek(0)
            tar.addfile(entry, stream)
            rows.writerow([name, text, speaker])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("strings", "speakers"))
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    if "STEELYARD_DATA" not in os.environ:
        sys.exit("set STEELYARD_DATA, the folder that holds fsdd")
    rows = recordings(Path(os.environ["STEELYARD_DATA"]))
    if asked.what == "strings":
        for part, count in (("train", TRAIN), ("test", TEST)):
            write(asked.folder / part, strings([row for row in rows if row["split"] == part], count, np.random.default_rng(count)))
        return
    for speaker in sorted({str(row["speaker"]) for row in rows}):
        for part in ("train", "test"):
            some = [row for row in rows if (row["speaker"] == speaker) == (part == "test")]
            write(asked.folder / speaker / part, [(row["samples"], str(row["text"]), str(row["speaker"])) for row in some])


if __name__ == "__main__":
    main()
