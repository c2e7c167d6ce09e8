"""Hostile and broken files, made here: each ends in one sentence that names the file, and costs neither time nor memory."""

import gzip
import io
import os
import pickle
import stat
import subprocess
import sys
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.language import in_language
from steelyard.parts import ReadOptions

GOOD = b"text,label\n" + b"some words,1\n" * 2000


def records(path, **options):
    """What the first source that accepts the path gives."""
    return next(part() for part in catalog.every("sources") if part().accepts(path)).read(path, ReadOptions(**options))


def read(path, **options):
    """How many rows that is."""
    return sum(1 for _ in records(path, **options))


def gz_bomb(unpacked_mib):
    """Zeros, some 1,000 times smaller than what they unpack to."""
    return gzip.compress(bytes(16 << 20), 9) * (unpacked_mib // 16)


def tar(*members, size=0, end=True, form=tarfile.GNU_FORMAT):
    """A tar of members as (name, type, where a link points to), each with `size` bytes."""
    blocks = []
    for name, kind, target in members:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, target, size if kind == tarfile.REGTYPE else 0
        blocks.append(member.tobuf(form) + bytes(-(-member.size // 512) * 512))
    return b"".join(blocks) + bytes(1024) * end


def parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def twins():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), file)
    return file.getvalue()


REG, SYM, HARD, CHR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
FINE = ("cat/1.png", REG, "")
LONG_HEADER = tarfile.TarInfo("x")
LONG_HEADER.type, LONG_HEADER.size = tarfile.XHDTYPE, 2**33
BROKEN_HEADER = bytearray(tar(FINE, FINE, size=512))
BROKEN_HEADER[1024 + 5] ^= 1

HOSTILE = [
    # name, content, words of the sentence
    ("missing.csv", None, "missing"), ("missing.tar.gz", None, "missing"), ("missing-images-idx3-ubyte", None, "missing"),
    ("empty.csv", b"", "empty"), ("empty.jsonl", b"", "empty"), ("empty.parquet", b"", "empty"), ("empty.tar", b"", "empty"),
    ("empty.csv.gz", b"", "empty"),
    ("nothing-inside.csv.gz", gzip.compress(b""), "empty"), ("blank.csv", b"\n\n \n", "no rows"), ("mark.csv", b"\xef\xbb\xbf", "no rows"),
    ("header.csv", b"text,label\n", "no rows"), ("blank.jsonl", b"\n\n", "no rows"),
    ("none.parquet", parquet(a=pa.array([], pa.string())), "no rows"),
    ("cut.csv.gz", gzip.compress(GOOD)[:-20], "cut short or broken"),
    ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99)[:-5], "cut short or broken"),
    ("plain.csv.gz", GOOD, "cut short or broken"), ("flipped.csv.gz", gzip.compress(GOOD)[:-8] + bytes(8), "cut short or broken"),
    ("bomb.csv.gz", gz_bomb(96), "binary"), ("bomb.tar.gz", gzip.compress(tar(FINE, size=500 << 20)), "MiB"),
    ("padding.tar.gz", gzip.compress(tar(FINE, size=512)) + gz_bomb(96), "bomb"), ("padding.parquet.gz", gz_bomb(96), "bomb"),
    ("lines.csv.gz", gzip.compress(b"text,label\na,1\n") + gzip.compress(b"\n" * (16 << 20)) * 20, "blank lines"),
    ("one-line.csv", b"text,label\n" + b"x" * (17 << 20), "more than"), ("one-line.jsonl", b'{"a": "' + b"x" * (17 << 20), "more than"),
    ("pickle.csv", pickle.dumps({"a": [1, 2]}), "pickle"), ("pickle.jsonl", pickle.dumps(["a"], 2), "pickle"),
    ("zip.csv", b"PK\x03\x04" + bytes(99), "zip"),
    ("gz.csv", gzip.compress(GOOD), "gzip"), ("tar.txt", tar(FINE, size=512), "tar"),
    ("twice.csv.gz", gzip.compress(gzip.compress(GOOD)), "gzip"),
    ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "PNG"), ("table.csv", parquet(a=[1]), "Parquet"),
    ("binary.tsv", bytes(range(256)) * 9, "binary"),
    ("noise.csv", b"a\x01\x02\x03\x04\x05" * 99, "binary"), ("utf16.csv", "text,label\na,1\n".encode("utf-16"), "utf-16"),
    ("gb.csv", GOOD + "杆秤称重,权\n".encode("gb18030"), r"gb\.csv:2002: .*gb18030"),
    ("gb.jsonl", '{"a": "杆秤"}\n'.encode("gb18030"), r"gb\.jsonl:1: .*gb18030"),
    ("western.csv", GOOD + "un café très fort,1\n".encode("cp1252"), r"western\.csv:2002: .*cp1252"),
    ("twins.csv", b"text,text\na,b\n", r"several columns are called text"),
    ("twins.tsv", b"a\tb\ta\n1\t2\t3\n", "several columns are called a"),
    ("twins.parquet", twins(), "several columns are called a"), ("no-header.tsv", b"a fine film\t1\nnot mine\t0\n", "looks like a row"),
    ("list.jsonl", b'[{"a": 1},\n {"a": 2}]', "not JSON Lines.*suffix .json"), ("pretty.jsonl", b'{\n "a": 1\n}', "not JSON Lines"),
    ("cut.parquet", parquet(a=list(range(9999)))[:-100], "cut short or broken"),
    ("head.parquet", parquet(a=list(range(9999)))[:50], "cut short or broken"),
    ("text.parquet", GOOD, "cut short or broken"),
    ("middle.parquet", (lambda p: p[:100] + bytes(2000) + p[2100:])(parquet(a=list(range(9999)))), "broken"),
    ("up.tar", tar(("../../etc/x.png", REG, "")), r"leads out"),
    ("up.tar.gz", gzip.compress(tar(FINE, ("cat/../../x.png", REG, ""))), "leads out"),
    ("root.tar", tar(("/etc/x.png", REG, "")), "leads out"), ("windows.tar", tar(("..\\x.png", REG, "")), "leads out"),
    ("up-folder.tar", tar(("../x", tarfile.DIRTYPE, "")), "leads out"), ("hidden-up.tar", tar((".x/../../y", REG, "")), "leads out"),
    ("link.tar", tar(("cat/1.png", SYM, "/etc/passwd")), "link"),
    ("link.tgz", gzip.compress(tar(FINE, ("cat/2.png", HARD, "cat/1.png"))), "link"),
    ("device.tar", tar(("cat/1.png", CHR, "")), "device"), ("pipe.tar", tar(("cat/1.png", tarfile.FIFOTYPE, "")), "device"),
    ("cut.tar", tar(FINE, size=5000)[:2000], "cut short or broken"), ("no-end.tar", tar(FINE, size=512, end=False), "no end mark"),
    ("cut.tar.gz", gzip.compress(tar(FINE, size=5000))[:-12], "cut short or broken"),
    ("sum.tar.gz", gzip.compress(tar(FINE, size=512))[:-8] + bytes(8), "broken"),
    ("text.tar", GOOD, "cut short or broken"), ("damaged.tar", bytes(BROKEN_HEADER), "broken"),
    ("long-header.tar", LONG_HEADER.tobuf(tarfile.GNU_FORMAT), "header of 8589934592 bytes"),
    ("no-idx-images-idx3-ubyte", GOOD, "labels"),
]


@pytest.mark.parametrize("name, content, words", HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_refused_in_one_sentence(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path)) and "\n" not in sentence and sentence.isprintable() and caught.value.code == 2
    with in_language("zh"):
        assert name in str(caught.value.sentence)
    assert sorted(tmp_path.iterdir()) == before  # nothing was unpacked beside it


def test_a_bomb_that_is_a_table(tmp_path):
    """What fits under the cap is read row by row; then the file is refused."""
    block = gzip.compress((b"some words " * 1000 + b",1\n") * 1500, 9)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\n") + block * 20)
    with pytest.raises(InputError, match="bomb"):
        read(tmp_path / "a.csv.gz")


def test_a_file_too_large_in_an_archive_is_a_problem_of_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr("steelyard.sources._pictures.MOST_BYTES", 1 << 20)
    (tmp_path / "a.tar").write_bytes(tar(FINE, size=3 << 20))
    (record,) = records(tmp_path / "a.tar")
    assert "3 MiB" in str(record.problem) and record.file == f"{tmp_path}/a.tar/cat/1.png"


def test_a_sparse_member_is_a_problem_of_its_row(tmp_path):
    with (tmp_path / "1.png").open("wb") as file:
        file.truncate(1 << 20)
    subprocess.run(["tar", "--sparse", "-cf", "a.tar", "--transform", "s,^,cat/,", "1.png"], cwd=tmp_path, check=True)
    (record,) = records(tmp_path / "a.tar")
    assert "holes" in str(record.problem)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "", "rot13", "a\0b"])
def test_an_encoding_that_is_none(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(GOOD)
    with pytest.raises(InputError, match=r"data\.encoding"):
        read(tmp_path / "a.csv", encoding=encoding)


@pytest.mark.parametrize("encoding, words", [("ascii", "utf-8"), ("utf-16", "set data.encoding"), ("gb18030", "utf-8")])
def test_the_wrong_encoding_was_asked_for(tmp_path, encoding, words):
    (tmp_path / "a.csv").write_bytes("text,label\n秤,1\n".encode())
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.csv", encoding=encoding)


def test_what_is_no_file(tmp_path):
    csv = catalog.load("sources", "csv", "test")()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, words in (("pipe.csv", "neither a file"), ("folder.csv", "this is a folder")):
        with pytest.raises(InputError, match=words):
            next(csv.read(tmp_path / name, ReadOptions()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_may_not_be_read(tmp_path):
    (tmp_path / "a.csv").write_bytes(GOOD)
    (tmp_path / "a.csv").chmod(stat.S_IWUSR)
    with pytest.raises(InputError, match="permissions"):
        read(tmp_path / "a.csv")


MEMORY = """
import sys
from pathlib import Path
from steelyard import catalog
from steelyard.parts import ReadOptions
path = Path(sys.argv[1])
source = next(part() for part in catalog.every("sources") if part().accepts(path))
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
sizes = [resident() for number, _ in enumerate(source.read(path, ReadOptions())) if number % 1000 == 0]
print((max(sizes) - sizes[len(sizes) // 3]) >> 20)  # allocators keep some of what they had: the first third fills them
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("form, most", [("csv.gz", 8), ("jsonl.gz", 8), ("parquet", 24), ("tar.gz", 3)])
def test_memory_is_flat(tmp_path, form, most):
    path = tmp_path / f"a.{form}"
    words = [f"{n * 7919**9} " * 10 for n in range(60_000)]
    if form == "parquet":
        pq.write_table(pa.table({"text": words}), path, row_group_size=2_000)
    elif form == "tar.gz":
        path.write_bytes(gzip.compress(tar(*[(f"cat/{n}.pgm", REG, "") for n in range(16_000)], size=512), 1))
    else:
        start, line = ("", '{"text": "%s"}\n') if "json" in form else ("text\n", "%s\n")
        path.write_bytes(gzip.compress((start + "".join(line % text for text in words)).encode(), 1))
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < most
