"""Sounds with what is said in them: a folder, a tar with a table beside it, JSON Lines with paths."""

import io
import json
import tarfile

import numpy as np
import pytest

from steelyard.engine.read import source_of, table
from steelyard.errors import InputError
from steelyard.math.sound import quantised, wav
from steelyard.recipe.data import Data
from steelyard.tasks.automatic_speech_recognition import SpeechRecognition

pytest.importorskip("soundfile", reason="soundfile is an extra: pip install 'steelyard[audio]'")
TEXTS = ["one two", "three", "四"]
TABLE = "file,text,voice\n" + "".join(f"rec/{n}.wav,{t},v{n}\n" for n, t in enumerate(TEXTS))


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))


def clip(number):
    return wav(quantised(np.sin(np.arange(800 + 80 * number) / (4 + number)).astype(np.float32) * 0.3), 8000)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "clips"
    (place / "deep").mkdir(parents=True)
    for number in range(3):
        (place / "deep" / f"{number}.wav").write_bytes(clip(number))
    (place / "metadata.csv").write_text("file_name,transcription,voice\n" + "".join(
        f"deep/{number}.wav,{text},v{number}\n" for number, text in enumerate(TEXTS)), encoding="utf-8")
    return place


def packed(tmp_path, names, metadata=TABLE):
    place = tmp_path / "set"
    place.mkdir()
    with tarfile.open(place / "set.tar.gz", "w:gz") as tar:
        for name in names:
            data = clip(int(name[4])) if name.endswith(".wav") else b"a note"
            (entry := tarfile.TarInfo(name)).size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    if metadata:
        (place / "metadata.csv").write_text(metadata, encoding="utf-8")
    return place / "set.tar.gz"


def read(path):
    return table([path], SpeechRecognition.columns, Data(train=str(path)), "data.train")


def sizes(rows):
    return [len(sound) for sound in rows.column("audio")]


def test_a_folder_with_metadata(folder):
    got = read(folder)
    assert got.rows.column("text") == TEXTS and got.rows.column("voice") == ["v0", "v1", "v2"] and not got.bad
    assert sizes(got.rows) == [2 * 2 * (800 + 80 * number) for number in range(3)], "8 kHz became 16 kHz of two bytes"


def test_a_sound_that_the_table_does_not_name_is_told(folder):
    (folder / "more.wav").write_bytes(clip(0))
    bad = read(folder).bad
    assert [one.origin for one in bad] == ["clips/more.wav"] and "not named" in str(bad[0].why)


def test_json_lines_with_paths(folder):
    file = folder / "rows.jsonl"
    lines = [json.dumps({"audio": f"deep/{n}.wav", "sentence": text}) + "\r\n" for n, text in enumerate(TEXTS)]
    file.write_text("".join(lines), encoding="utf-8")
    got = read(file)
    assert got.rows.column("text") == TEXTS and got.found == {"audio": "audio", "text": "sentence"}
    before = got.mark
    (folder / "deep" / "0.wav").write_bytes(clip(5))
    assert read(file).mark != before, "another sound under the same name is other data"


def test_a_tar_with_a_table_beside_it(tmp_path):
    path = packed(tmp_path, ["rec/2.wav", "rec/0.wav", "rec/1.wav", "rec/README"])
    assert source_of(path, "data.train").name == "recordings"
    got = read(path)
    assert got.rows.column("text") == [TEXTS[2], TEXTS[0], TEXTS[1]] and got.rows.column("voice") == ["v2", "v0", "v1"]
    before = got.mark
    (path.parent / "metadata.csv").write_text("file,text\nrec/0.wav,other\nrec/1.wav,b c\nrec/2.wav,d\n")
    assert read(path).rows.column("text") == ["d", "other", "b c"] and read(path).mark != before


def test_what_lacks_its_other_half_is_told(tmp_path):
    path = packed(tmp_path, ["rec/0.wav", "rec/1.wav", "rec/5.wav"])
    told = {one.origin: str(one.why) for one in read(path).bad}
    assert "no row for this sound" in told["set.tar.gz/rec/5.wav"] and any('no sound "rec/2.wav"' in why for why in told.values())


def test_an_archive_without_a_table_is_not_taken(tmp_path):
    assert source_of(packed(tmp_path, ["rec/0.wav"], metadata=""), "data.train").name == "archive"


def test_a_table_of_pictures_leaves_the_archive_to_others(tmp_path):
    assert source_of(packed(tmp_path, ["rec/0.wav"], metadata="file,label\na.png,cat\n"), "data.train").name == "archive"


@pytest.mark.parametrize("name, kind, why", [("../0.wav", tarfile.REGTYPE, "leads out"), ("rec/0.wav", tarfile.SYMTYPE, "a link")])
def test_hostile_archives(tmp_path, name, kind, why):
    path = packed(tmp_path, ["rec/0.wav"])
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/hosts"
        tar.addfile(entry, io.BytesIO(b""))
    with pytest.raises(InputError, match=why):
        read(path)
