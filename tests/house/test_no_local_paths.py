"""Nothing that is committed names a folder of the machine that it was written on, or is too large to belong here."""

import re

LOCAL = re.compile("|".join((
    r"(?<![\w.])/" + r"work/(?:main|shared|\.)",
    r"(?<![\w.])/" + r"(?:root|home)/\w",
    r"(?<![\w.])/" + r"opt/\w",
    r"(?<![\w.])/" + r"tmp/\w",
)))
LARGEST = 300_000  # bytes


def test_no_local_paths(committed, root):
    found = []
    for path in committed:
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{path.relative_to(root)}:{number} {line.strip()[:100]}" for number, line in enumerate(text.splitlines(), start=1)
                  if LOCAL.search(line)]
    assert not found, "\n".join(found)


def test_nothing_large(committed, root):
    found = {str(path.relative_to(root)): size for path in committed if (size := path.stat().st_size) > LARGEST}
    assert not found


def test_the_pattern_itself():
    assert LOCAL.search("see /" + "tmp/x") and LOCAL.search('"/' + 'home/someone"')
    assert not LOCAL.search("framework/main") and not LOCAL.search("https://example.org/home/page") and not LOCAL.search("a/tmp/b")
