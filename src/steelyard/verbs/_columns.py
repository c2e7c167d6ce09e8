"""One row from the command line, column by column: --set question="Where?" --set context=@article.txt."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import InputError, did_you_mean, listing
from steelyard.language import say

if TYPE_CHECKING:
    from steelyard.engine.ask import Asked


def arguments(parser: argparse.ArgumentParser) -> None:
    """The option --set."""
    parser.add_argument("--set", action="append", default=[], metavar="COLUMN=VALUE", dest="columns",
                        help=str(say("one column of a row that has several; @FILE: the text of that file")))


def told(asked: "Asked", given: Sequence[str]) -> dict[str, str]:
    """Column -> value of what stands behind --set. Raises InputError for what is none, a column that the task lacks, a missing file."""
    found: dict[str, str] = {}
    for entry in given:
        name, sign, value = entry.partition("=")
        if not sign:
            raise InputError(say("--set {entry}: want COLUMN=VALUE", entry=entry))
        column, known = asked.named(name.strip()), [column.name for column in asked.inputs]
        if column is None:
            raise InputError(say('--set: the task reads no column "{name}"{hint} (it reads: {known})', name=name.strip(),
                                 hint=did_you_mean(name.strip(), known), known=listing(known)))
        if column.name in found:
            raise InputError(say("--set: {name} is given twice", name=column.name))
        found[column.name] = _file(value[1:]) if value.startswith("@") else value
    return found


def _file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(say('"{path}" is no UTF-8 text', path=name)) from error
    except OSError as error:
        raise InputError(say('cannot read "{path}": {reason}', path=name, reason=error.strerror or error)) from error
