"""gate: a run folder made by hand, judged by the real command's main."""

import json

import pytest

from steelyard import cli
from steelyard.facts import Evidence, Quantity, unmeasured
from steelyard.language import say
from steelyard.run import Run, write_text

RECIPE = "task: text-classification\ndata: {train: a.csv}\ngates:\n- quality.accuracy >= 0.8\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A weighed run of accuracy 0.87 (0.85 to 0.89) and 100 s."""
    monkeypatch.setenv("STEELYARD_LANG", "en")
    made = Run.create(tmp_path / "run")
    write_text(made.recipe_file, RECIPE)
    made.update({"state": "finished", "model": {"sha256": "sha256:a"}, "data": {"sha256": "sha256:b"}})
    of = {"run": "run", "model": "sha256:a", "data": "sha256:b"}
    accuracy = Quantity(value=0.87, low=0.85, high=0.89, n=900, how="Wilson 95%")
    made.write_evidence(Evidence(evidence="quality", of=of, signature="", quantities={
        "accuracy": accuracy, "rarely": unmeasured(say("only one class"))}), "test")
    time = Quantity(value=100.0, unit="s", how="measured")
    energy = Quantity(value=100.0, unit="J", how="modelled")
    made.write_evidence(Evidence(evidence="cost", of=of, signature="", quantities={"time": time, "energy": energy}))
    return made


def test_all_hold(run, capsys):
    assert cli.main(["gate", str(run.folder), "--gate", "cost.time <= 2 min"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "holds: quality.accuracy >= 0.8: the interval's worse end is 0.85, the value 0.87; asked is >= 0.8",
        "holds: cost.time <= 2 min: the value is 100 s, without an interval (measured); asked is <= 120 s"]


def test_one_does_not_hold(run, capsys):
    assert cli.main(["gate", str(run.folder), "--gate", "cost.time <= 1 min", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is False and [gate["holds"] for gate in told["gates"]] == [True, False] and told["gates"][1]["got"] == 100.0


def test_weights_that_changed_make_evidence_stale(run, capsys):
    run.update({"model": {"sha256": "sha256:other"}})
    assert cli.main(["gate", str(run.folder)]) == 3
    assert "other weights" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "said"), [
    (["--gate", "cost.energy <= 1 kWh"], "is modelled, not measured, and cannot be gated"),
    (["--gate", "energy <= 1 kWh"], '--gate: got "energy <= 1 kWh", want a condition such as'),
    (["--gate", "quality.acuracy >= 0.8"], "has no acuracy; did you mean accuracy? (it has: accuracy, rarely)"),
    (["--on", "other"], 'was not weighed on "other" (there are: test)'),
])
def test_wrong_input(run, words, said, capsys):
    assert cli.main(["gate", str(run.folder), *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_a_misspelt_quantity_of_the_recipe_is_wrong_input(run, capsys):
    write_text(run.recipe_file, RECIPE.replace("accuracy", "acuracy"))
    assert cli.main(["gate", str(run.folder)]) == 2
    assert 'gate "quality.acuracy >= 0.8": the evidence quality has no acuracy; did you mean accuracy?' in capsys.readouterr().err


def test_what_could_not_be_measured_does_not_hold(run, capsys):
    assert cli.main(["gate", str(run.folder), "--gate", "quality.rarely >= 0.1"]) == 3
    assert "quality.rarely was not measured: only one class" in capsys.readouterr().out


def test_no_run_and_no_gates(run, tmp_path, capsys):
    assert cli.main(["gate", str(tmp_path)]) == 2
    assert "is no run: it has no run.json" in capsys.readouterr().err
    write_text(run.recipe_file, RECIPE.partition("gates")[0])
    assert cli.main(["gate", str(run.folder)]) == 2
    assert "has no gates; give one, such as --gate" in capsys.readouterr().err
