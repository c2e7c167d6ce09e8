"""predict: a run's answers to texts, to a file's rows, or to standard input."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.run import Run
from steelyard.verbs import _columns
from steelyard.verbs._output import result

if TYPE_CHECKING:
    from steelyard.parts import Answer, Row

BLOCK = 256  # rows answered together


def predict(run: Run | str | Path, inputs: Iterable[str | Path | Mapping[str, Any]]) -> "Iterator[Answer]":
    """An answer for each input, in order: a text, the path of a picture, or a mapping of the task's columns.

    Answers have the form of huggingface_hub's inference types. Raises InputError.
    """
    from itertools import islice

    from steelyard.engine.ask import Asked

    asked = Asked(run if isinstance(run, Run) else Run.open(Path(run)))
    stream = iter(inputs)
    while block := list(islice(stream, BLOCK)):
        yield from asked.answers([asked.row(given) for given in block])


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard predict`."""
    parser.add_argument("run", metavar="RUN", help=str(say("a run's folder")))
    parser.add_argument("inputs", nargs="*", metavar="TEXT|FILE|-",
                        help=str(say("texts, pictures, sounds, tables (csv, jsonl...), rows as JSON objects, or - for one text or object "
                                     "a line on standard input (blank lines are skipped)")))
    _columns.arguments(parser)
    parser.add_argument("--top", type=int, default=1, metavar="N", help=str(say("how many labels are printed of each answer (1)")))


def main(args: argparse.Namespace) -> int:
    """One line an answer; with --json one object with all of them."""
    from steelyard.engine.ask import Asked

    if args.top < 1:
        raise InputError(say("--top: got {got}, want 1 or more", got=args.top))
    if not args.inputs and not args.columns:
        raise InputError(say("nothing to answer: give a text, a file, or columns with --set"))
    asked = Asked(Run.open(Path(args.run)))
    told: list[dict[str, Any]] = []
    for block in _blocks(asked, args.inputs, args.columns):
        for (name, _), answer in zip(block, asked.answers([row for _, row in block]), strict=True):
            if args.json:
                told.append({"input": name, "answer": answer})
            else:
                print(f"{name}\t{asked.task.line(answer, args.top)}", flush=True)
    result({"answers": told})  # people have had their lines as they came
    return 0


def _blocks(asked: Any, inputs: Sequence[str], columns: Sequence[str]) -> "Iterator[list[tuple[str, Row]]]":
    block: list[tuple[str, Any]] = []
    for pair in _rows(asked, inputs, columns):
        block.append(pair)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _rows(asked: Any, inputs: Sequence[str], columns: Sequence[str]) -> "Iterator[tuple[str, Row]]":
    """(what the person calls it, the row) of each input; first of the one that is given by columns."""
    if columns:
        values = _columns.told(asked, columns)
        yield next(iter(values.values())), asked.row(values)
    for given in inputs:
        if given == "-":
            for line in sys.stdin:
                if line.strip():  # a blank line is no row, as in a table
                    yield line.rstrip("\n"), asked.row(line.rstrip("\n"))
        elif asked.is_table(given):
            yield from asked.table(Path(given))
        else:
            yield given, asked.row(given)

