"""What every task must hold: names, shapes, and that an answer does not depend on its batch mates."""

import json
from dataclasses import asdict, fields, is_dataclass

import numpy as np
import pytest
import torch

from steelyard import catalog
from steelyard.language import Sentence
from steelyard.parts import Key, Task
from steelyard.recipe.reader import read

TASKS = catalog.names("tasks")
TAKES = {"text", "image", "audio"}
OUTPUTS = {"classes", "token-classes", "spans", "masked", "continuation", "sequence", "boxes", "transcript"}


@pytest.fixture(params=TASKS)
def part(request):
    return catalog.load("tasks", request.param, "test")


def test_it_says_what_it_is(part):
    assert part.name in TASKS and issubclass(part, Task) and is_dataclass(part) and part.__dataclass_params__.frozen
    assert isinstance(part.title, Sentence) and (part.__doc__ or "").strip()
    assert part.takes in TAKES and part.output in OUTPUTS
    assert len(set(part.ways)) == 2
    assert not part.__abstractmethods__


def test_its_columns_can_be_told_apart(part):
    for required in (True, False):  # an optional one is taken only where its values are of its kind
        own = [column for column in part.columns if column.required == required]
        names = [word.casefold() for column in own for word in (column.name, *column.aliases)]
        assert sorted(names) == sorted(set(names)), "two columns answer to one name"
    words = [word for column in part.columns for word in column.aliases]
    assert any(not column.target for column in part.columns)  # texts may be their own targets
    assert {column.kind for column in part.columns} <= set(catalog.names("kinds"))
    assert any(not word.isascii() for word in words), "no Chinese alias"


def test_its_metrics_and_family_exist(part):
    assert part.metrics and set(part.metrics) <= set(catalog.names("metrics"))
    assert part.best in part.metrics
    family = catalog.load("families", part.family, "test")
    assert family.does(part.takes, part.output)


def test_its_tiny_recipe_is_a_recipe(part):
    recipe = read(part.tiny)
    assert recipe.task == part.name
    assert str(recipe.data.train).startswith("builtin:")


def test_what_was_learnt_survives_saving(job):
    state = json.loads(json.dumps(asdict(job.task)))
    assert type(job.task).from_state(state) == job.task
    assert fields(job.task) and set(state) == {field.name for field in fields(job.task)}


def test_a_trained_model_knows_the_task(job):
    job.task.describe(job.prepared.config)
    config = type(job.prepared.config).from_dict(json.loads(job.prepared.config.to_json_string(use_diff=False)))
    assert type(job.task).adopt(config) == job.task


def test_encoding_is_the_same_row_by_row(job):
    together = job.task.encode(job.rows, job.processor)
    assert len(together) == len(job.rows) and all(together)
    for row, own in zip(job.rows, together, strict=True):
        (alone,) = job.task.encode([row], job.processor)
        assert same(own, alone)


def same(a, b):
    return len(a) == len(b) and all(x.keys() == y.keys() and all(np.array_equal(x[k], y[k]) and x[k].dtype == y[k].dtype for k in x)
                                    for x, y in zip(a, b, strict=True))


def test_a_row_without_target_encodes_too(job):
    targets = {column.name for column in job.task.columns if column.target}
    if not targets.intersection(*job.rows):
        pytest.skip("its texts are their own targets")
    bare = [{name: value for name, value in row.items() if name not in targets} for row in job.rows]
    encoded = job.task.encode(bare, job.processor)
    for own, full in zip(encoded, job.examples, strict=True):
        assert all(np.array_equal(own[0][name], full[name]) for name in own[0])
        assert set(own[0]) <= set(full)
    batch = job.batch([own[0] for own in encoded])
    assert batch.targets is None
    assert len(job.respond(batch)) == len(bare)
    assert all(job.task.target(row) is None and job.task.truth(row) is None for row in bare)


def test_collating_counts_and_repeats(job):
    first, second = job.batch(job.examples), job.batch(job.examples)
    assert first.count == second.count >= 0 and len(first.rows) == len(job.examples)
    assert first.rows.dtype == torch.int64
    assert all(torch.equal(first.inputs[name], second.inputs[name]) for name in first.inputs)
    assert all(value.shape[0] == len(job.examples) for value in first.inputs.values())


def test_collating_for_training_follows_the_key(job):
    from steelyard.engine.store import stack

    examples = stack(job.examples)
    once, again = (job.task.collate(examples, job.processor, Key(seed=1, epoch=2, step=3)) for _ in range(2))
    assert all(torch.equal(once.inputs[name], again.inputs[name]) for name in once.inputs)
    assert once.count == again.count


def test_targets_of_the_row_are_those_of_the_example(job):
    own = job.batch(job.examples)
    given = job.batch(job.examples, [job.task.target(row) for row in job.rows])
    assert torch.equal(own.targets, given.targets)
    assert own.count == given.count


def test_loss_is_a_sum(job):
    batch = job.batch(job.examples)
    whole = job.task.loss(job.outputs(batch), batch)
    assert whole.shape == () and torch.isfinite(whole)
    parts = [job.batch([example]) for example in job.examples]
    total = sum(float(job.task.loss(job.outputs(part), part)) for part in parts)
    assert float(whole) == pytest.approx(total, rel=1e-4)
    assert batch.count == sum(part.count for part in parts)


def test_log_prob_of_a_row_does_not_depend_on_its_mates(job):
    targets = [job.task.target(row) for row in job.rows]
    together = job.door.log_prob(job.examples, targets)
    alone = np.concatenate([job.door.log_prob([example], [target]) for example, target in zip(job.examples, targets, strict=True)])
    backward = job.door.log_prob(job.examples[::-1], targets[::-1])[::-1]
    assert together.shape == (len(job.examples),) and np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, backward, atol=1e-4)


def test_an_answer_does_not_depend_on_its_mates(job):
    for example, row, answer in zip(job.examples, job.rows, job.answers, strict=True):
        batch = job.batch([example])
        alone = job.task.merge(row, job.respond(batch))
        assert close(json.loads(json.dumps(alone)), json.loads(json.dumps(answer)))


def close(a, b):
    """JSON values alike, numbers to 1e-4."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return a == pytest.approx(b, abs=1e-4) if isinstance(a, float) else a == b


def test_answers_decide_and_measure(job):
    measured = [job.task.measure(row, answer) for row, answer in zip(job.rows, job.answers, strict=True)]
    assert all(own.keys() == measured[0].keys() for own in measured)
    statistics = {name: np.stack([own[name] for own in measured]) for name in measured[0]}
    right = job.task.right(statistics)
    assert right.shape == (len(job.rows),) and ((right >= 0) & (right <= 1)).all()
    for row, answer, score in zip(job.rows, job.answers, right, strict=True):
        decision, truth = job.task.decision(answer), job.task.truth(row)
        assert (decision is None) == (truth is None)
        if decision is not None:
            assert (decision == truth) == (score == 1)
    for name in job.task.metrics:
        metric = catalog.load("metrics", name, "test")()
        value = metric.quantity(statistics).value
        assert value is None or np.isfinite(value)


def test_what_was_answered_can_be_asked_about(job):
    guesses = [job.task.guess(answer) for answer in job.answers]
    assert np.isfinite(job.door.log_prob(job.examples, guesses)).all()


def test_features_are_one_vector_each(job):
    batch = job.batch(job.examples)
    with torch.inference_mode():
        outputs = job.model(**batch.inputs, output_hidden_states=True)
    features = job.task.features(outputs, batch)
    assert features.ndim == 2 and len(features) == len(job.examples) and torch.isfinite(features).all()


def test_counterweights_answer_like_a_model(job):
    data = job.prepared.dataset.rows
    train = data["train"].select(np.arange(min(300, len(data["train"]))))
    test = data["test"].select(np.arange(len(job.rows)))
    simple = job.task.counterweights()
    assert next(iter(simple)) == "constant" and len(simple) >= 2
    for name, weight in simple.items():
        answers = list(weight(train, test))
        assert len(answers) == len(test)
        measured = [job.task.measure(row, answer) for row, answer in zip(test, answers, strict=True)]
        assert all(own.keys() == measured[0].keys() for own in measured)
        if name == "constant":
            assert all(answer == answers[0] for answer in answers)


def test_rows_can_be_shown(job):
    for row in job.rows:
        shown = job.task.show(row)
        json.dumps(shown, allow_nan=False)
        forms = (("image", "data:image/png;base64,"), ("audio", "data:audio/mpeg;base64,"), ("audio", "data:audio/wav;base64,"))
        assert isinstance(shown.get("text"), str) or any(str(shown.get(name)).startswith(start) for name, start in forms)
        assert "target" in shown
