"""doctor: measure this machine and say what is wrong with it; or whether a run is whole."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.language import Sentence, say
from steelyard.run import Run


@dataclass(frozen=True)
class Machine:
    """facts as in run.json, what was measured, free bytes of memory and disks, versions, and what is wrong."""

    facts: dict[str, Any]
    measured: dict[str, Any]
    free: dict[str, int]
    versions: dict[str, str | None]
    wrong: list[Sentence]


@dataclass(frozen=True)
class Checked:
    """A run that was gone over: what is whole, what is damaged, and how it goes on."""

    whole: list[Sentence]
    damaged: list[Sentence]
    remedy: Sentence | None


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


def check(run: Run | str | Path) -> Checked:
    """Go over a run's manifest, model and checkpoints. Raises InputError where it is no run at all."""
    from steelyard.engine.checkpoint import committed, damage
    from steelyard.engine.hub import model_hash

    opened = run if isinstance(run, Run) else Run.open(Path(run))
    manifest = opened.manifest()
    whole, damaged, good = [], [], []
    want = manifest.get("model", {}).get("sha256")
    if want is not None:
        if not opened.model.is_dir() or model_hash(opened.model) != want:
            damaged.append(say('the weights in "{folder}" are not those that were saved: their sha256 is another', folder=opened.model))
        else:
            whole.append(say("the model is whole: its weights have the sha256 of run.json"))
    for folder in committed(opened.checkpoints):
        bad = damage(folder)
        if bad is None:
            good.append(folder)
        else:
            damaged.append(bad)
    if good:
        whole.append(say("{n} checkpoints are whole, the newest is {name}", n=len(good), name=good[-1].name))
    newest = good[-1].name if good else None
    return Checked(whole, damaged, _remedy(opened, str(manifest.get("state")), want is not None, newest, bool(damaged)))


def _remedy(run: Run, state: str, saved: bool, newest: str | None, damaged: bool) -> Sentence | None:
    if state == "training" and not saved:
        if newest is not None:
            return say("the training was interrupted; `steelyard train --resume {run}` goes on from {name}", run=run.folder, name=newest)
        return say("the training was interrupted before a whole checkpoint; `steelyard train --resume {run}` begins anew",
                   run=run.folder)
    if damaged:
        return say("copy the run again from where it was made, or train its recipe anew: `steelyard train {recipe}`",
                   recipe=run.recipe_file)
    return say("`steelyard weigh {run}` was not finished; run it again", run=run.folder) if state == "trained" else None


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
                "remedy": str(found.remedy) if found.remedy else None}, "\n".join(str(line) for line in lines))
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
