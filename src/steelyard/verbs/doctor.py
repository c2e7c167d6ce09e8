"""doctor: measure this machine and say what is wrong with it; or whether a run is whole."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.language import Sentence, say
from steelyard.run import Run

if TYPE_CHECKING:
    from steelyard.engine.examine import Examined


@dataclass(frozen=True)
class Machine:
    """facts as in run.json, what was measured, free bytes of memory and disks, versions, and what is wrong."""

    facts: dict[str, Any]
    measured: dict[str, Any]
    free: dict[str, int]
    versions: dict[str, str | None]
    wrong: list[Sentence]


def doctor(out: str | Path = "runs") -> Machine:
    """Measure this machine in some three seconds, and keep it for later runs."""
    from steelyard.engine import cache, machine
    from steelyard.engine import doctor as engine
    from steelyard.errors import InputError, OutsideError

    measured = engine.measure(engine.SECONDS)
    wrong = engine.wrong(Path(out))
    try:
        engine.keep(measured)
    except (InputError, OutsideError) as error:
        wrong.append(error.sentence)
    free = {"memory": machine.free_memory(), "cache": engine.disk(cache.root()), "runs": engine.disk(Path(out))}
    return Machine(machine.facts(), measured, free, engine.versions(), wrong)


def check(run: Run | str | Path) -> "Examined":
    """Go over a run's manifest, model and checkpoints. Raises InputError where it is no run at all."""
    from steelyard.engine.examine import examine

    return examine(run if isinstance(run, Run) else Run.open(Path(run)))


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `steelyard doctor`."""
    parser.add_argument("run", nargs="?", help=str(say("a run's folder; without it this machine is measured")))
    parser.add_argument("--out", default="runs", metavar="FOLDER", help=str(say("where the run's folder is made (runs)")))


def main(args: argparse.Namespace) -> int:
    """Print what was found; 2 where a run is damaged."""
    from steelyard.verbs._output import result

    if args.run is not None:
        found = check(args.run)
        lines = [*found.whole, *found.damaged, *([found.remedy] if found.remedy else [])]
        result({"run": args.run, "whole": [str(s) for s in found.whole], "damaged": [str(s) for s in found.damaged],
                "remedy": str(found.remedy) if found.remedy else None, "goes_on_from": found.goes_on_from,
                "checkpoints": {name: str(bad) if bad else None for name, bad in found.checkpoints.items()}},
               "\n".join(str(line) for line in lines))
        return 2 if found.damaged else 0
    machine = doctor(args.out)
    result({"machine": machine.facts, "measured": machine.measured, "free": machine.free, "versions": machine.versions,
            "wrong": [str(sentence) for sentence in machine.wrong]}, _told(machine))
    return 0


def _told(machine: Machine) -> str:
    from steelyard.report import digits
    from steelyard.verbs._output import table

    facts, measured = machine.facts, machine.measured
    rates = measured["matmul_flops"]
    rows = [
        (say("processor"), say("{name}, {n} cores for this process", name=facts["processor"], n=facts["cores"])),
        (say("accelerator"), facts["accelerator"] or say("none")),
        (say("memory"), say("{all} in all, {free} free", all=digits.amount(facts["memory_mib"], "MiB"),
                            free=_size(machine.free["memory"]))),
        (say("disk"), say("{cache} free for the cache, {runs} for runs", cache=_size(machine.free["cache"]),
                          runs=_size(machine.free["runs"]))),
        (say("matrix product"), say("{fp32:.0f} GFLOP/s in fp32, {bf16:.0f} in bf16, {n} threads", fp32=rates["fp32"] / 1e9,
                                    bf16=rates["bf16"] / 1e9, n=measured["threads"])),
        (say("memory copy"), say("{rate:.1f} GB/s", rate=measured["copy_bytes"] / 1e9)),
        (say("load"), say("{load} before measuring: what else runs here makes the figures smaller", load=facts["load"])),
        (say("versions"), ", ".join(f"{name} {number}" for name, number in machine.versions.items() if number)),
    ]
    wrong = [say("wrong: {what}", what=sentence) for sentence in machine.wrong] or [say("nothing is wrong with this machine")]
    return "\n".join([table([(str(a), str(b)) for a, b in rows], indent=""), "", *(str(sentence) for sentence in wrong)])


def _size(count: int) -> str:
    from steelyard.report import digits

    return digits.amount(count / 2**20, "MiB")
