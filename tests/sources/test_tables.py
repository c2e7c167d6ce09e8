"""Tables as text, JSON Lines and Parquet: every row with its line, quotes and encodings as they come."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.parts import ReadOptions


def read(path, **options):
    """The records, from the first source of the catalogue that accepts the path."""
    source = next(part() for part in catalog.every("sources") if part().accepts(path))
    return list(source.read(path, ReadOptions(**options)))


def written(folder, name, content):
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def rows(records):
    return [(record.line, *record.values.values()) for record in records if record.problem is None]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.csv.gz"])
def test_csv(tmp_path, name):
    records = read(written(tmp_path, name, 'text,label\na,1\n"b, ""c""\nd",2\n\ne,\n'))
    assert rows(records) == [(2, "a", "1"), (3, 'b, "c"\nd', "2"), (6, "e", "")]
    assert records[0].values == {"text": "a", "label": "1"}
    assert {record.file for record in records} == {str(tmp_path / name)}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(tmp_path, end, last):
    text = end.join(["text,label", '"a', 'b",1', "c,2"]) + end * last
    assert rows(read(written(tmp_path, "a.csv", text))) == [(2, f"a{end}b", "1"), (4, "c", "2")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_and_byte_order_marks(tmp_path, encoding):
    for name in ("a.csv", "a.csv.gz"):
        path = written(tmp_path, name, "文本,标签\n杆秤𠀀,权\n".encode(encoding))
        assert read(path, encoding=encoding)[0].values == {"文本": "杆秤𠀀", "标签": "权"}
    with_mark = written(tmp_path, "b.csv", "\ufefftext,label\na,1\n")
    assert read(with_mark)[0].values == {"text": "a", "label": "1"}


@pytest.mark.parametrize("text, delimiter", [("a;b\n1;2\n", ";"), ("a\tb\n1\t2\n", "\t"), ("a,b;c\n1,2\n", ",")])
def test_csv_with_another_delimiter(tmp_path, text, delimiter):
    header = text.split("\n")[0].split(delimiter)
    assert read(written(tmp_path, "a.csv", text))[0].values == dict(zip(header, ["1", "2"], strict=True))


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.txt"])
@pytest.mark.parametrize("body, want", [
    ('"stray\t1\nb\t2\n', [(2, '"stray', "1"), (3, "b", "2")]),  # read as quoted, it would swallow the next row
    ('"he said" so\t1\nb\t2\n', [(2, '"he said" so', "1"), (3, "b", "2")]),
    ('a "b" c\t1\n', [(2, 'a "b" c', "1")]),
    ('"a ""b"" c"\t1\nd\t2\n', [(2, 'a "b" c', "1"), (3, "d", "2")]),  # quoted throughout
    ('"two\nlines"\t1\n"a\tb"\t2\n', [(2, "two\nlines", "1"), (4, "a\tb", "2")]),
    ('"oh\t1\nno"\t0\n', [(2, '"oh', "1"), (3, 'no"', "0")]),  # could be one quoted row of the right width: lines win
])
def test_tsv_quotes(tmp_path, name, body, want):
    assert rows(read(written(tmp_path, name, "text\tlabel\n" + body))) == want


def test_a_stray_quote_late_in_a_long_tsv(tmp_path):
    body = "some words here\t1\n" * 2000 + '"open\t0\n' + "some words here\t1\n" * 100
    records = read(written(tmp_path, "a.tsv", "text\tlabel\n" + body))
    assert len(records) == 2101 and not any(record.problem for record in records)
    assert rows(records)[2000] == (2002, '"open', "0")


def test_without_header(tmp_path):
    path = written(tmp_path, "a.txt", "体验2D巅峰\t8\n同步A股首秀\t2\n")
    assert [record.values for record in read(path, header=False)] == [{"1": "体验2D巅峰", "2": "8"}, {"1": "同步A股首秀", "2": "2"}]
    with pytest.raises(InputError, match=r'a\.txt:1: .*"8" is no column.*data\.header: false'):
        read(path)


@pytest.mark.parametrize("header, names", [
    (",a", ["column 1", "a"]), (" a , b", ["a", "b"]), ("0,1,2", ["0", "1", "2"]), ("name,2019,2020", ["name", "2019", "2020"]),
])
def test_headers_that_exist(tmp_path, header, names):
    path = written(tmp_path, "a.csv", f"{header}\n{','.join('xyz'[:len(names)])}\n")
    assert list(read(path)[0].values) == names


@pytest.mark.parametrize("body, line, words", [
    ("a,1\nb\nc,3\n", 3, "has 1 fields, the first line has 2"), ("a,1\nb,2,x\nc,3\n", 3, "has 3 fields"),
    ('a,1\n"b" x,2\nc,3\n', 3, "lines 3 to 3"), ('a,1\nc,3\n"b,2\nd,4\n', 4, "lines 4 to 5"),
])
def test_ragged_and_broken_rows_are_problems_of_their_own(tmp_path, body, line, words):
    records = read(written(tmp_path, "a.csv", "text,label\n" + body))
    (bad,) = [record for record in records if record.problem]
    assert bad.line == line and words in str(bad.problem) and bad.values == {}
    assert [row[1:] for row in rows(records)] == [("a", "1"), ("c", "3")]


def test_a_long_document(tmp_path):
    path = written(tmp_path, "a.csv", f"text,label\n{'x' * 1_000_000},1\n")
    assert len(read(path)[0].values["text"]) == 1_000_000


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.jsonl.gz"])
def test_jsonl(tmp_path, name):
    lines = ['{"text": "a", "label": 1, "more": {"x": [1, null]}}', "", '{"text": "杆秤\\u2028"}', " {} "]
    records = read(written(tmp_path, name, "\ufeff" + "\n".join(lines)))
    assert [(record.line, record.values) for record in records] == [
        (1, {"text": "a", "label": 1, "more": {"x": [1, None]}}), (3, {"text": "杆秤\u2028"}), (4, {})]


@pytest.mark.parametrize("line, words", [
    ('{"text": "a', "no JSON"), ("5", "want a JSON object"), ('["a"]', "want a JSON object"), ("null", "want a JSON object"),
    ("text", "no JSON"),
    ('{"a": 1, "a": 2}', 'two values for "a"'), ('{"a": "\\ud800"}', "half a character"), ('{"a": ' + "9" * 5000 + "}", "no JSON"),
    ('{"a": ' + "[" * 100_000 + "}", "no JSON"), ('{"a": "\x00"}', "no JSON"),
])
def test_broken_lines_are_problems_of_their_own(tmp_path, line, words):
    records = read(written(tmp_path, "a.jsonl", '{"a": 0}\n' * 5000 + line + '\n{"a": 3}\n'))
    assert len(records) == 5002 and records[-1].values == {"a": 3}
    assert [record.line for record in records if record.problem] == [5001] and words in str(records[5000].problem)


def test_parquet(tmp_path):
    table = pa.table({"text": ["a", None, "b"] * 300, "label": [1, 2, 3] * 300, "image": [{"bytes": b"x", "path": "y"}] * 900})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    for name in ("a.parquet", "b.parquet.gz"):
        records = read(tmp_path / name)
        assert [record.line for record in records] == list(range(1, 901))
        assert [record.values for record in records] == table.to_pylist()


def test_a_value_that_python_cannot_hold_is_a_problem_of_its_row(tmp_path):
    text = pa.array([b"fine", b"\xff\xfe", b"fine too"]).view(pa.string())
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    records = read(tmp_path / "a.parquet")
    assert [record.problem is None for record in records] == [True, False, True]
    assert records[2].values == {"text": "fine too"}


def test_rows_stream(tmp_path):
    """The first row comes before the rest of the file is read: a break at its end does not matter yet."""
    data = gzip.compress(b"text,label\n" + b"".join(b"%d,%d\n" % (n * 7919 % 99991, n) for n in range(150_000)), 1)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[:-9])
    records = catalog.load("sources", "csv", "test")().read(path, ReadOptions())
    assert next(records).values == {"text": "0", "label": "0"}
    with pytest.raises(InputError, match="cut short"):
        sum(1 for _ in records)


@pytest.mark.parametrize("name, source", [
    ("a.csv", "csv"), ("a.tsv.gz", "csv"), ("A.TXT", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson.gz", "jsonl"), ("a.json.gz", "json"),
    ("a.pq", "parquet"), ("a.arrow", "arrow"), ("hub:name@main:train", "hub"),
    ("a.tar", "archive"),
    ("a.tar.gz", "archive"), ("a.tgz", "archive"), ("train-images-idx3-ubyte.gz", "idx"), ("t10k-images.idx3-ubyte", "idx"),
    ("builtin:digits", "builtin"),
    ("a.xlsx", None), ("a", None), ("a.gz", None), ("a.csv.zip", None),
])
def test_one_source_at_most_accepts_a_name(tmp_path, name, source):
    path = type(tmp_path)(name)
    assert [part.name for part in catalog.every("sources") if part().accepts(path)] == ([source] if source else [])
    folder = tmp_path / name
    folder.mkdir()
    assert [part.name for part in catalog.every("sources") if part().accepts(folder)] == ["folder"]


def test_a_row_survives_json(tmp_path):
    values = {"text": 'a "quoted", text\n', "n": 1.5, "null": None}
    assert read(written(tmp_path, "a.jsonl", json.dumps(values)))[0].values == values
