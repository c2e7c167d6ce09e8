"""The pages of reference/, written from the code when the documentation is built."""

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from steelyard import catalog, cli
from steelyard.language import in_language
from steelyard.recipe.writer import schema

EXIT_CODES = """# Exit codes

| code | means |
| --- | --- |
| 0 | done |
| 1 | our fault: a traceback, and where to report it |
| 2 | the input is wrong: one sentence with what, where, what was got, what is allowed, and the remedy |
| 3 | a gate does not hold |
| 4 | the disk, the network, a process or the numbers failed: one sentence |
| 130, 143 | interrupted by Ctrl-C or SIGTERM; a checkpoint was written |

With `--json`, standard output holds one JSON object, an error too: `{"error": "...", "code": 2}`.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """mkdocs calls this once it has listed the files."""
    with in_language("en"):
        for name, text in {"verbs": verbs(), "recipe": recipe(), "parts": parts(), "exit-codes": EXIT_CODES}.items():
            files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def verbs() -> str:
    """Each verb's own --help."""
    os.environ["COLUMNS"] = "100"
    pages = ["# Verbs", "```text\n" + printed([]) + "```"]
    pages += [f"## {name}\n\n```text\n{printed([name, '--help'])}```" for name in cli.built()]
    return "\n\n".join(pages)


def printed(words: list[str]) -> str:
    """What the command prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        try:
            cli.main(words)
        except SystemExit:
            return out.getvalue()  # argparse leaves so once it has printed its help
    return out.getvalue()


def recipe() -> str:
    """Every key with its default and meaning."""
    whole = schema()
    lines = ["# Recipe", "", "One YAML file. `steelyard init --schema` prints its JSON Schema, for editors.", "",
             "| key | default | meaning |", "| --- | --- | --- |"]
    return "\n".join([*lines, *rows(whole, whole["$defs"], "")]) + "\n"


def rows(section: Mapping[str, Any], definitions: Mapping[str, Any], above: str) -> Iterator[str]:
    """A table row a key, sections followed by their keys."""
    for key, field in section["properties"].items():
        below = [definitions[name] for name in refs(field) if "properties" in definitions[name]]
        default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if field.get("default") is not None and not below else ""
        yield f"| `{above}{key}` | {default} | {str(field.get('description', '')).replace('|', '&#124;')} |"
        for one in below:
            yield from rows(one, definitions, f"{above}{key}.")


def refs(field: Mapping[str, Any]) -> list[str]:
    """The sections that a field may be."""
    every = [field, *field.get("anyOf", ()), *field.get("allOf", ()), *field.get("oneOf", ())]
    return [one["$ref"].rsplit("/", 1)[1] for one in every if "$ref" in one]


def parts() -> str:
    """All that the catalogue finds, room by room."""
    lines = ["# Parts", "", "What the catalogue finds. A new part is one file: see CONTRIBUTING.md."]
    for room in catalog.ROOMS:
        lines += ["", f"## {room}", "", "| name | |", "| --- | --- |"]
        for part in catalog.every(room):
            about = str(part.title) if room == "tasks" else first_line(part) if room == "kinds" else part.help
            lines.append(f"| `{part.name}` | {str(about).replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


def first_line(part: type) -> str:
    """Of the docstring."""
    return (part.__doc__ or "").strip().splitlines()[0]
