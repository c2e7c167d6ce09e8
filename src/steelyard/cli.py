"""argv -> one verb's file, imported only then: `--help` never loads torch."""

import argparse
import errno
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from importlib.resources import files
from typing import NoReturn

from steelyard.errors import InputError, SteelyardError, did_you_mean, listing, refused
from steelyard.language import Sentence, say
from steelyard.verbs._output import only_results, result, table

# In the order in which a person meets them. A verb is listed once its file stands in verbs/.
VERBS = {
    "tasks": say("what can be learnt, from which columns, with which models"),
    "init": say("look at data and write a recipe for it"),
    "doctor": say("measure this machine, or say what is wrong with it"),
    "check": say("check a recipe and audit its data, without training"),
    "forecast": say("what training will cost, before it is paid"),
    "train": say("train a recipe's model, then weigh it"),
    "weigh": say("judge a run or a recipe: quality, cost, explanation, bias, and the page"),
    "explain": say("what one answer depends on"),
    "inspect": say("the network layer by layer, with one real batch's values and gradients"),
    "gate": say("hold a run to its conditions; exit code 3 where one does not hold"),
    "predict": say("answer a text, a file, or standard input"),
    "push": say("send a run's model and card to the Hugging Face Hub, or to your own"),
}
_OTHERS = {  # ours -> other people's
    "weigh": "evaluate eval test report score measure bias judge",
    "check": "audit validate lint data",
    "train": "fit run finetune fine-tune",
    "predict": "infer inference pipeline ask",
    "init": "new create start",
    "forecast": "estimate plan cost",
    "doctor": "env info benchmark",
    "tasks": "list",
    "inspect": "show summary",
    "explain": "interpret attribute",
    "gate": "assert verify",
    "push": "upload publish share",
}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, errno.ELOOP)
# argparse's complaints, which are English only, as our sentences.
_COMPLAINTS = tuple(
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (r"unrecognized arguments: (?P<got>.*)", say("{where}: cannot take {got}; `{where} --help` shows what it takes")),
        (r"the following arguments are required: (?P<got>.*)", say("{where}: {got} is missing; `{where} --help` shows how it is given")),
        (r"argument (?P<name>.*?): expected .*", say("{where}: {name} wants a value; `{where} --help` shows which")),
        (
            r"argument (?P<name>.*?): invalid \w+ value: '(?P<got>.*)'",
            say('{where}: {name}: got "{got}", which it cannot take; `{where} --help` shows what it takes'),
        ),
        (
            r"argument (?P<name>.*?): invalid choice: '?(?P<got>.*?)'? \(choose from (?P<known>.*)\)",
            say('{where}: {name}: got "{got}", want one of {known}'),
        ),
        (r"argument (?P<name>.*?): not allowed with argument (?P<got>.*)", say("{where}: give {name} or {got}, not both")),
    )
)


def built() -> dict[str, Sentence]:
    """The verbs whose files exist, in order; nothing is imported."""
    stems = {entry.name.removesuffix(".py") for entry in files("steelyard.verbs").iterdir() if entry.name.endswith(".py")}
    return {name: line for name, line in VERBS.items() if name in stems}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 our fault, 2 input, 3 a gate, 4 the world, 130 and 143 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no reason to crash
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        try:
            with only_results() if as_json else nullcontext():
                return _run(words)
        finally:
            sys.stdout.flush()  # here and not at exit, where it would be too late to notice that the reader has left
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read has left; the flush at exit must not complain
        return 0
    except SteelyardError as error:
        return _failed(error.sentence, error.code, as_json)
    except KeyboardInterrupt:
        return _failed(say("interrupted"), 130, as_json)
    except MemoryError:
        return _failed(say("the machine's memory is not enough; a smaller training.micro_batch or model.size needs less"), 4, as_json)
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # as torch says it
            return _our_fault(as_json)
        return _failed(say("the machine's memory is not enough; a smaller training.micro_batch or model.size needs less"), 4, as_json)
    except OSError as error:
        if error.errno in _DISK:
            sentence = say('the disk or system refused "{path}": {reason}', path=error.filename or "?", reason=error.strerror)
            return _failed(sentence, refused(error, sentence).code, as_json)
        return _our_fault(as_json)
    except Exception:  # noqa: BLE001 - the last door: whatever is left is our fault, and the person is told so
        return _our_fault(as_json)


def _run(words: list[str]) -> int:
    if words[:1] == ["--json"]:
        words = [*words[1:2], "--json", *words[2:]]  # the verb's own parser reads it
    if words[:1] == ["--version"]:
        from importlib.metadata import version

        number = version("steelyard")
        result({"version": number}, f"steelyard {number}")
        return 0
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help"):
        result({"verbs": {name: str(line) for name, line in built().items()}}, _overview())
        return 0
    name, verbs = words[0], built()
    if name not in verbs:
        raise _unknown(name, verbs)
    verb = import_module(f"steelyard.verbs.{name}")
    parser = _Parser(prog=f"steelyard {name}", description=str(VERBS[name]))
    verb.arguments(parser)
    parser.add_argument("--json", action="store_true", help=str(say("one JSON object on standard output, all else on standard error")))
    parser.add_argument("-h", "--help", action="help", help=str(say("show this text")))
    return int(verb.main(parser.read(words[1:])))


def _overview() -> str:
    lines = table([(name, str(line)) for name, line in built().items()])
    return "\n".join(
        (
            str(say("usage: steelyard VERB ... [--json]    steelyard VERB --help    steelyard --version")),
            "",
            str(say("Train a neural network or transformer on your own data, and weigh what came out.")),
            "",
            lines,
            "",
            str(say("STEELYARD_LANG=zh or en picks the language; without it the locale does.")),
        )
    )


def _unknown(name: str, verbs: dict[str, Sentence]) -> InputError:
    others = {other: ours for ours, names in _OTHERS.items() if ours in verbs for other in names.split()}
    if name.startswith("-"):
        return InputError(say("steelyard: there is no option {name} before the verb; `steelyard --help` shows the verbs", name=name))
    return InputError(
        say(
            'steelyard: there is no verb "{name}"{hint} (there are: {known})',
            name=name,
            hint=did_you_mean(name, verbs, others),
            known=listing(verbs, most=30),
        )
    )


class _Formatter(argparse.HelpFormatter):
    def add_usage(self, usage: str | None, actions: object, groups: object, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, str(say("usage: ")))  # type: ignore[arg-type]


class _Parser(argparse.ArgumentParser):
    """argparse, speaking our languages, whose complaints are InputErrors."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, formatter_class=_Formatter, add_help=False, allow_abbrev=False)
        self._positionals.title, self._optionals.title = str(say("what it takes")), str(say("options"))

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """As parse_args; what may be left out is not missed where it stands behind an option."""
        own = words[: words.index("--")] if "--" in words else words
        if {"-h", "--help"}.intersection(own):  # its text lacks what it takes, where words may be mixed
            return self.parse_args(words)
        return self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        for pattern, sentence in _COMPLAINTS:
            if found := pattern.fullmatch(message):
                raise InputError(Sentence(sentence.template, {"where": self.prog, **found.groupdict()}))
        raise InputError(say("{where}: {message}", where=self.prog, message=message))


def _failed(sentence: Sentence, code: int, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": str(sentence), "code": code}, ensure_ascii=False))
    else:
        print(sentence, file=sys.stderr)
    return code


def _our_fault(as_json: bool) -> int:
    traceback.print_exc()
    sentence = say("This is a fault of steelyard, not of your data; please report it with the lines above on the project's list of issues.")
    print(sentence, file=sys.stderr)
    return _failed(sentence, 1, as_json) if as_json else 1
