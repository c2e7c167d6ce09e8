"""Documents show files as they are, name commands and files that exist, and link to nothing that is gone."""

import re
import sys

import pytest

DOCUMENTS = ("CONTRIBUTING.md", "README.md", "README.zh.md")


@pytest.fixture(params=DOCUMENTS)
def document(request, root):
    return root / request.param


def test_listings_are_the_files(document, root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "scripts"))
    from listings import filled

    text = document.read_text(encoding="utf-8")
    assert filled(text) == text, f"run: .venv/bin/python scripts/listings.py {document.name}"
    del sys.modules["listings"]


def test_commands_exist(document, root):
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code(text)))) <= targets
    verbs = {path.stem for path in (root / "src/steelyard/verbs").glob("[a-z]*.py")}
    assert set(re.findall(r"\bsteelyard ([a-z]+)\b", "\n".join(code(text)))) <= verbs


def code(text):
    """What stands between backticks or in console blocks."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"```console\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", prose)


def test_links_lead_somewhere(document, root):
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (root / target).exists(), target
