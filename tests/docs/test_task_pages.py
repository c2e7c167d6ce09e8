"""Every task has a page, and the commands on it do what they say: two are followed always, all in the long form."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard import catalog

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path for path in sorted((ROOT / "docs/tasks").glob("*.md"))}
ALWAYS = ("fill-mask", "question-answering")
COMMAND = re.compile(r"`(steelyard [^`]+)`")


def commands(page: Path) -> list[str]:
    """What stands behind "At once:" in its paragraph, else in the first console block, but for what wants a file of one's own."""
    text = page.read_text(encoding="utf-8")
    found = [part.split("At once:")[1] for part in text.split("\n\n") if "At once:" in part]
    if found:
        return [one for own in COMMAND.findall(found[0]) for one in own.split(" && ")]
    block = re.search(r"```console\n(.*?)```", text, re.DOTALL)
    assert block is not None, f"{page.name} has no command that runs at once"
    lines = [line.partition("#")[0].strip().removeprefix("$ ") for line in block[1].splitlines()]
    return [line for line in lines if line and "FILE" not in line]


def test_pages_are_of_tasks_and_stand_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert set(PAGES) <= set(catalog.names("tasks"))
    assert all(f"tasks/{name}.md" in menu for name in PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_tells_of_its_metrics_and_settings(name: str) -> None:
    text, task = PAGES[name].read_text(encoding="utf-8"), catalog.load("tasks", name, "test")
    assert [metric for metric in task.metrics if f"`{metric}`" not in text] == []
    assert [key for key in task.decoding if key not in text] == []


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.long) for name in PAGES])
def test_its_commands_run_as_they_stand(name: str, tmp_path: Path) -> None:
    asked = commands(PAGES[name])
    assert any(" train " in command for command in asked)
    for command in asked:
        command, _, file = command.partition(" > ")
        more = ["--set", "evidence.only=[quality]"] if " train " in command else []  # the rest is weighed in other tests
        ran = subprocess.run([sys.executable, "-m", *shlex.split(command), *more], cwd=tmp_path, capture_output=True, text=True,
                             env={**os.environ, "STEELYARD_LANG": "en"}, check=False)
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
        assert ran.stdout
        if file:
            (tmp_path / file).write_text(ran.stdout, encoding="utf-8")
