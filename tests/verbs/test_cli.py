"""The command line: what it lists, how it fails, and that its help loads nothing heavy."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from steelyard import cli
from steelyard.errors import InputError, Interrupted, OutsideError
from steelyard.language import say
from steelyard.verbs import _output


def command(*words: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run([sys.executable, "-m", "steelyard", *words], capture_output=True, text=True, encoding="utf-8", timeout=60,
                          env={**os.environ, "STEELYARD_LANG": lang, "PYTHONIOENCODING": "utf-8"}, check=False)


@pytest.fixture
def verb(monkeypatch):
    """Puts a verb of the test's own in the place of `gate`, which raises or prints what the test wants."""
    def put(act):
        module = SimpleNamespace(arguments=lambda parser: parser.add_argument("--number", type=int), main=act)
        monkeypatch.setattr(cli, "import_module", lambda name: module)
    return put


def test_help_is_fast_and_loads_nothing_heavy():
    code = ("import sys, time; t = time.perf_counter(); from steelyard.cli import main\n"
            "code = main(['--help']); took = time.perf_counter() - t\n"
            "heavy = {'torch', 'transformers', 'numpy', 'pydantic', 'ruamel', 'pyarrow', 'rich', 'sklearn', 'scipy'} & set(sys.modules)\n"
            "print(code, took, sorted(heavy), file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    number, took, heavy = done.stderr.split(maxsplit=2)
    assert number == "0" and heavy.strip() == "[]"
    assert float(took) < 0.3
    assert "train" in done.stdout


def test_help_lists_what_is_built_in_order(monkeypatch, capsys):
    assert cli.main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert listed == list(cli.built()) == [name for name in cli.VERBS if name in listed]
    monkeypatch.setitem(cli.VERBS, "fly", say("not built"))
    assert "fly" not in cli.built()


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["help"], ["--json", "--help"]])
def test_overview(words, capsys):
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "gate" in (json.loads(out)["verbs"] if "--json" in words else out)


def test_version(capsys):
    from importlib.metadata import version

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"steelyard {version('steelyard')}\n"
    assert cli.main(["--json", "--version"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": version("steelyard")}


@pytest.mark.parametrize("name", list(cli.built()))
def test_every_verb_has_help_in_both_languages(name, monkeypatch, capsys):
    for lang, usage in (("en", "usage: "), ("zh", "用法：")):
        monkeypatch.setenv("STEELYARD_LANG", lang)
        with pytest.raises(SystemExit) as caught:
            cli.main([name, "--help"])
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(f"{usage}steelyard {name}")


@pytest.mark.parametrize(("name", "hint"), [("evaluate", "weigh"), ("test", "weigh"), ("audit", "check"), ("report", "weigh"),
                                            ("gaet", "gate"), ("fit", "train")])
def test_unknown_verbs(name, hint, monkeypatch, capsys):
    monkeypatch.setattr(cli, "built", lambda: cli.VERBS)
    assert cli.main([name]) == 2
    assert f'no verb "{name}"; did you mean {hint}?' in capsys.readouterr().err
    monkeypatch.setattr(cli, "built", dict)
    assert cli.main([name]) == 2
    assert "did you mean" not in capsys.readouterr().err  # what is not built is not offered


def test_unknown_option_before_the_verb(capsys):
    assert cli.main(["--frobnicate"]) == 2
    assert capsys.readouterr().err == "steelyard: there is no option --frobnicate before the verb; `steelyard --help` shows the verbs\n"


def test_arguments_that_a_verb_cannot_take_are_one_sentence(verb, monkeypatch, capsys):
    verb(lambda args: 0)
    monkeypatch.setenv("STEELYARD_LANG", "en")
    for words, said in (
        (["--number", "x"], 'steelyard gate: --number: got "x", which it cannot take; `steelyard gate --help` shows what it takes\n'),
        (["--number"], "steelyard gate: --number wants a value; `steelyard gate --help` shows which\n"),
        (["a", "--b"], "steelyard gate: cannot take a --b; `steelyard gate --help` shows what it takes\n"),
        (["--num", "3"], "steelyard gate: cannot take --num 3; `steelyard gate --help` shows what it takes\n"),
    ):
        assert cli.main(["gate", *words]) == 2
        assert capsys.readouterr() == ("", said)


def test_what_argparse_says_in_this_python_is_known(monkeypatch, capsys):
    """All other complaints of argparse that a verb can cause: none may reach people in argparse's own words."""
    parser = cli._Parser("steelyard x", "")
    parser.add_argument("needed")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--a", action="store_true")
    either.add_argument("--b", choices=("one", "two"))
    for words, said in (([], "steelyard x: needed is missing"), (["y", "--b", "three"], 'steelyard x: --b: got "three", want one of'),
                        (["y", "--a", "--b", "one"], "steelyard x: give --b or --a, not both")):
        with pytest.raises(InputError) as caught:
            parser.parse_args(words)
        assert str(caught.value).startswith(said)


def raising(error):
    """A verb that fails."""
    def act(args):
        raise error
    return act


@pytest.mark.parametrize(("error", "code", "said"), [
    (InputError(say("{n} rows", n=3)), 2, "3 rows"),
    (OutsideError(say("{n} rows", n=4)), 4, "4 rows"),
    (Interrupted(say("interrupted"), 143), 143, "interrupted"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (OSError(28, "No space left on device", "/x/y"), 4, 'the disk or system refused "/x/y": No space left on device'),
    (MemoryError(), 4, "the machine's memory is not enough; a smaller training.micro_batch or model.size needs less"),
])
def test_failures_are_one_sentence_without_traceback(error, code, said, verb, monkeypatch, capsys):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    verb(raising(error))
    assert cli.main(["gate"]) == code
    assert capsys.readouterr() == ("", said + "\n")
    assert cli.main(["gate", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": said, "code": code} and not err


@pytest.mark.parametrize("error", [ValueError("boom"), FileNotFoundError(2, "gone", "/x")])
def test_our_own_fault_has_a_traceback_and_code_1(error, verb, capsys):
    verb(raising(error))
    assert cli.main(["gate"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and type(error).__name__ in err and "report it" in err
    assert cli.main(["gate", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == 1 and "Traceback" in err


def test_json_is_alone_on_standard_output(verb, capsys):
    def act(args):
        print("chatter")
        _output.result({"a": 1, "名": "权"}, "for people")
        return 3
    verb(act)
    assert cli.main(["gate", "--json"]) == 3
    assert capsys.readouterr() == ('{"a": 1, "名": "权"}\n', "chatter\n")
    assert cli.main(["--json", "gate"]) == 3
    assert capsys.readouterr() == ('{"a": 1, "名": "权"}\n', "chatter\n")
    assert cli.main(["gate"]) == 3
    assert capsys.readouterr() == ("chatter\nfor people\n", "")


def test_nan_is_no_json(verb, capsys):
    verb(lambda args: _output.result({"a": float("nan")}, ""))
    assert cli.main(["gate", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == 1


@pytest.mark.parametrize("words", ["tasks text-classification --tiny", "tasks --json", "--help", "train --help"])
def test_a_reader_that_leaves_is_no_error(words):
    line = f"{sys.executable} -m steelyard {words} | true; exit ${{PIPESTATUS[0]}}"
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # as people have it
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, timeout=60, check=False, env=quiet)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_real_command_speaks_both_languages():
    english, chinese = command("evaluate"), command("evaluate", lang="zh")
    assert english.returncode == chinese.returncode == 2
    assert english.stderr.startswith("steelyard: there is no verb") and chinese.stderr.startswith("steelyard：没有命令")
    assert english.stdout == chinese.stdout == ""


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("权衡", 4), ("a权", 3), ("", 0)])
def test_width(text, columns):
    assert _output.width(text) == columns


def test_table():
    assert _output.table([("a", "x"), ("权", "yy"), ("abc", "")]) == "  a    x\n  权   yy\n  abc"
    assert _output.table([]) == ""
