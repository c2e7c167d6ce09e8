"""What every file of a room must hold, whatever its room: its name, its socket, its place."""

import numpy as np
import pytest

from steelyard import catalog
from steelyard.errors import InputError
from steelyard.parts import Audit, Explainer, Family, Kind, Metric, Source, Splits, Task

SOCKETS = {"tasks": Task, "families": Family, "sources": Source, "kinds": Kind, "metrics": Metric, "explainers": Explainer, "audits": Audit}
EVERY = [(room, name) for room in catalog.ROOMS for name in catalog.names(room)]
OUTCOMES = ("issue", "passed", "not applicable", "inconclusive")


@pytest.mark.parametrize("room, name", EVERY)
def test_a_part_bears_the_name_of_its_file(room, name):
    part = catalog.load(room, name, "test")
    assert issubclass(part, SOCKETS[room]) and part.name == name
    assert not part.__abstractmethods__
    assert (part.__doc__ or "").strip()


@pytest.mark.parametrize("room", catalog.ROOMS)
def test_an_unknown_name_is_told_with_the_nearest(room):
    name = catalog.names(room)[0]
    with pytest.raises(InputError, match=f'recipe.yaml:1.*did you mean {name}') as caught:
        catalog.load(room, name + "x", "recipe.yaml:1")
    assert caught.value.code == 2


@pytest.mark.parametrize("name", catalog.names("audits"))
def test_audits(job, name):
    audit = catalog.load("audits", name, "test")()
    data = job.prepared.dataset
    some = {split: rows.select(np.arange(min(300, len(rows)))) for split, rows in data.rows.items()}
    for rows in (some, {"test": some["test"]}, {split: own.select([]) for split, own in some.items()}):
        findings = audit.ask(Splits(rows, data.columns))
        assert findings, "a question that does not apply says so"
        for finding in findings:
            assert finding.code.startswith("data/") and finding.outcome in OUTCOMES and str(finding.why)
            finding.to_json()
            assert len(finding.rows) <= 20


@pytest.mark.parametrize("name", catalog.names("sources"))
def test_a_source_accepts_no_stranger(name, tmp_path):
    source = catalog.load("sources", name, "test")()
    (tmp_path / "note.docx").write_bytes(b"PK\x03\x04 nothing of ours")
    assert not source.accepts(tmp_path / "note.docx")
    assert not source.accepts(tmp_path / "absent.docx")
