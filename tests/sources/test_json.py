"""JSON documents: the forms that people write, what is refused, and memory that stays at one row."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.parts import ReadOptions

ROWS = [{"text": "a \"b\" [c]", "label": 1}, {"text": "杆秤\n", "label": None, "more": {"x": [1, {"y": 2}]}}, {}]
SOURCE = catalog.load("sources", "json", "test")


def read(folder, text, name="a.json", **options):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return list(SOURCE().read(folder / name, ReadOptions(**options)))


def values(records):
    assert not [record.problem for record in records if record.problem]
    return [record.values for record in records]


@pytest.mark.parametrize("text", [
    json.dumps(ROWS), json.dumps(ROWS, indent=1), json.dumps(ROWS, ensure_ascii=False), "\ufeff\n\n " + json.dumps(ROWS) + "\n\n",
    json.dumps({"data": ROWS}), json.dumps({"version": "1.1", "about": {"x": 1}, "names": ["a", "b"], "data": ROWS}, indent=2),
    json.dumps({"data": ROWS, "total": 3}), "\n".join(map(json.dumps, ROWS)), "\n\n" + "\n\n".join(map(json.dumps, ROWS)) + "\n",
])
@pytest.mark.parametrize("name", ["a.json", "A.JSON", "a.json.gz"])
def test_objects(tmp_path, text, name):
    assert values(read(tmp_path, text, name)) == ROWS


@pytest.mark.parametrize("text", [
    '{"text": ["a", "b"], "label": [1, {"x": null}], "from": "x"}', '{"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": {"x": null}}}',
])
def test_columns(tmp_path, text):
    records = read(tmp_path, text)
    assert values(records) == [{"text": "a", "label": 1}, {"text": "b", "label": {"x": None}}]
    assert [record.line for record in records] == [1, 2]


def test_one_object_is_one_row(tmp_path):
    assert values(read(tmp_path, '{"text": "a", "label": 1}\n')) == [{"text": "a", "label": 1}]


def test_the_line_is_where_an_object_starts(tmp_path):
    records = read(tmp_path, '[\n{"a": 1}, {"a":\n2},\n\n  {"a": 3}\n]')
    assert [record.line for record in records] == [2, 2, 5]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_wherever_the_blocks_end(tmp_path, monkeypatch, size):
    monkeypatch.setattr("steelyard.sources.json._BLOCK", size)
    monkeypatch.setattr("steelyard.sources.json._LINE", size)
    rows = [{"number": -12345.678e-2, "true": True, "text": "x\\u00e9\\" * 5, "list": [[], {}, None]}] * 5
    assert values(read(tmp_path, json.dumps(rows, indent=1))) == rows
    assert values(read(tmp_path, json.dumps({"data": rows}))) == rows


@pytest.mark.parametrize("name, encoding", [("a.json", "gb18030"), ("a.json", "utf-16"), ("a.json.gz", "utf-8")])
def test_encodings(tmp_path, name, encoding):
    text = json.dumps(ROWS[:2], ensure_ascii=False)
    assert values(read(tmp_path, text.encode(encoding), name, encoding=encoding)) == ROWS[:2]


def test_what_is_no_row_is_a_problem_of_its_own(tmp_path):
    text = '[{"a": 1},\n 5,\n {"a": 1, "a": 2},\n {"b": [{"c": 1, "c": 2}]},\n {"a": "\\ud800"},\n ["x"],\n {"a": 9}]'
    records = read(tmp_path, text)
    assert [record.line for record in records if record.problem] == [2, 3, 4, 5, 6]
    assert [record.values for record in records if not record.problem] == [{"a": 1}, {"a": 9}]
    for word, record in zip(["the element is 5", 'two values for "a"', 'two values for "c"', "surrogate", "want a JSON object"],
                            [record for record in records if record.problem], strict=True):
        assert word in str(record.problem)


@pytest.mark.parametrize("text, words", [
    ("", "empty"), ("[]", "no rows"), ("{}", "no rows"), ('{"data": []}', "no rows"), ("[{}", "cut short"), ('[{"a": 1}', "cut short"),
    ("[{},]", "1: this is no JSON: Expecting value"), ('[{"a": 1}\n{"a": 2}]', '2: this is no JSON: got "{", want , or ]'),
    ('[{"a": 1},\n\n{"a" 2}]', "3: this is no JSON: Expecting ':'"), ("5", "want a list or"), ("text", "want a list or"),
    ('[{"a": 1}] x', "more follows"), ('[{"a": 1}]\n[{"a": 2}]', "more follows"), ("[" * 100_000, "no JSON"),
    ('[{"a": ' + "9" * 5000 + "}]", "no JSON"), ('{"a": [1, 2], "b": [1]}', "unequal"), ('{"a": [{}], "b": [{}]}', "several lists"),
    ('{"meta": [{}, {}], "text": ["a", "b"]}', "several lists"), ('{"text": ["a", "b"], "meta": [{}, {}]}', "several lists"),
    ('{"a": [1], "a": [2]}', 'two values for "a"'), ('{"a": 1, "a": 2}', 'two values for "a"'), ("{5: 1}", "no JSON"),
    ('{"a" [1]}', "no JSON"),
    ('[{"a": "' + "x" * (17 << 20), "more than 16777216 characters"), ("[" + "\x00" * 99, "binary"), ("[{},{},{},{},\x01]", "no JSON"),
])
def test_documents_that_are_refused(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value) and "\n" not in str(caught.value) and str(caught.value).startswith(str(tmp_path / "a.json"))


def test_a_document_in_another_encoding_names_line_and_remedy(tmp_path):
    text = json.dumps([{"text": "a"}, {"text": "杆秤称重"}], ensure_ascii=False, indent=0)
    with pytest.raises(InputError, match=r"a\.json:6: .*gb18030"):
        read(tmp_path, text.encode("gb18030"))


def test_the_first_rows_come_before_the_rest_is_read(tmp_path):
    (tmp_path / "a.json").write_text("[" + '{"a": 1},\n' * 100_000 + "broken")
    records = SOURCE().read(tmp_path / "a.json", ReadOptions())
    assert next(records).values == {"a": 1}
    with pytest.raises(InputError, match=r"a\.json:100001: "):
        sum(1 for _ in records)


MEMORY = """
import sys
from pathlib import Path
from steelyard import catalog
from steelyard.parts import ReadOptions
def anonymous():
    return int(next(line for line in open("/proc/self/status") if line.startswith("RssAnon")).split()[1])
before, most = None, 0
for number, _ in enumerate(catalog.load("sources", "json", "test")().read(Path(sys.argv[1]), ReadOptions())):
    before = anonymous() if before is None else before
    most = max(most, anonymous()) if number % 1000 == 0 else most
print(number + 1, (most - before) >> 10)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("form", ["list", "columns"])
def test_memory_is_flat(tmp_path, form):
    texts = [f"{n * 7919**9} " * 20 for n in range(60_000)]  # 40 MB as text
    document = [{"text": text} for text in texts] if form == "list" else {"text": texts}
    (tmp_path / "a.json").write_text(json.dumps(document))
    done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path / "a.json")], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == 60_000 and grown < 12, f"{grown} MiB"
    assert Path(tmp_path / "a.json").stat().st_size > 30 << 20
