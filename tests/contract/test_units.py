"""What can be hidden in an example, and the explainers that ask what the answer loses by it."""

import numpy as np
import pytest

from steelyard import catalog


@pytest.fixture
def units(job):
    return [job.task.units(row, example, job.processor) for row, example in zip(job.rows, job.examples, strict=True)]


def test_units_lie_on_the_example(job, units):
    for row, own in zip(job.rows, units, strict=True):
        assert len(own) > 0 and set(np.unique(own.of)) - {-1} == set(range(len(own)))
        shown = job.task.show(row)
        for place in own.places:
            assert len(place) in (2, 4)
            if len(place) == 2:
                assert 0 <= place[0] < place[1] <= len(shown["text"])
                assert shown["text"][place[0] : place[1]].strip()


@pytest.mark.parametrize("number", [0, 1])
def test_hiding(job, units, number):
    way = job.task.ways[number]
    for example, own in zip(job.examples, units, strict=True):
        before = {name: np.array(array) for name, array in example.items()}
        nothing = job.task.hide(example, own, np.zeros(len(own), dtype=bool), way, job.processor)
        everything = job.task.hide(example, own, np.ones(len(own), dtype=bool), way, job.processor)
        assert all(np.array_equal(nothing[name], example[name]) for name in example), "hiding nothing changes nothing"
        assert any(not np.array_equal(everything[name], example[name]) for name in example), "hiding all changes something"
        assert all(np.array_equal(before[name], example[name]) for name in example), "the example itself is not touched"
        if number == 0:
            assert all(everything[name].shape == example[name].shape for name in example), "the first way keeps every shape"
        assert np.isfinite(job.door.log_prob([everything], [job.task.guess(job.answers[0])])).all()


def test_surface_maps_know_the_input_only(job, units):
    maps = job.task.surface(job.rows, job.examples, units, job.prepared.dataset.rows["train"])
    assert len(maps) >= 2
    for name, values in maps.items():
        assert len(values) == len(job.rows), name
        assert all(value.shape == (len(own),) and np.isfinite(value).all() for value, own in zip(values, units, strict=True)), name


@pytest.mark.parametrize("name", catalog.names("explainers"))
def test_explainers(job, units, name):
    explainer = catalog.load("explainers", name, "test")()
    assert explainer.name == name and explainer.help and explainer.way in (None, 0, 1)
    for example, own, answer in list(zip(job.examples, units, job.answers, strict=True))[:3]:
        target = job.task.guess(answer)
        scores = explainer.explain(job.door, example, own, target)
        assert scores.shape == (len(own),) and np.isfinite(scores).all()
        np.testing.assert_allclose(explainer.explain(job.door, example, own, target), scores, atol=1e-5)
