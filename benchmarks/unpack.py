"""Unpack pictures and dialogues of STEELYARD_DATA: python benchmarks/unpack.py FOLDER -> FOLDER/flowers5, att-faces, bccd, dialogsum.

Point STEELYARD_UNPACKED at FOLDER for the recipes of these names.
"""

import argparse
import csv
import gzip
import json
import shutil
import tarfile
from pathlib import Path

from _peers import data


def flowers(to: Path) -> None:
    """Five class folders, and the table path,label,split as it is given."""
    with tarfile.open(data("flowers5") / "flowers5_128.tar.gz") as archive:
        archive.extractall(to, filter="data")
    shutil.copy(data("flowers5") / "split.csv", to / "split.csv")


def faces(to: Path) -> None:
    """s1/1.pgm to s40/10.pgm; of each person the pictures 1 to 5 teach, 6 to 10 test."""
    with tarfile.open(data("att-faces") / "att-faces.tar.gz") as archive:
        archive.extractall(to, filter="data")
    with (to / "people.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "split"])
        for path in sorted(to.glob("s*/*.pgm")):
            table.writerow([path.relative_to(to), path.parent.name, "train" if int(path.stem) <= 5 else "test"])


def cells(to: Path) -> None:
    """Pascal VOC's folders: Annotations, JPEGImages, ImageSets."""
    with tarfile.open(data("bccd") / "bccd.tar.gz") as archive:
        archive.extractall(to, filter="data")


def dialogues(to: Path) -> None:
    """A dialogue a row; the test set's three summaries as a list."""
    for name, packed in (("train.csv", "dialogsum_train.csv.gz"), ("dev.jsonl", "dialogsum.dev.jsonl.gz")):
        (to / name).write_bytes(gzip.decompress((data("dialogsum") / packed).read_bytes()))
    with gzip.open(data("dialogsum") / "dialogsum.test.jsonl.gz", "rt", encoding="utf-8") as rows, \
            (to / "test.jsonl").open("w", encoding="utf-8") as file:
        for row in map(json.loads, rows):
            kept = {"dialogue": row["dialogue"], "summary": [row[f"summary{number}"] for number in (1, 2, 3)]}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, unpack in (("flowers5", flowers), ("att-faces", faces), ("bccd", cells), ("dialogsum", dialogues)):
        if not (folder / name).is_dir():
            (folder / name).mkdir(parents=True)
            unpack(folder / name)
        print(folder / name)


if __name__ == "__main__":
    main()
