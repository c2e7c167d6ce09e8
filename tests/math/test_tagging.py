"""Tags: seqeval's rule word by word, every scheme, Viterbi against all paths."""

from itertools import pairwise, product

import numpy as np
import pytest

from steelyard.math.tagging import allowed, broken, entities, viterbi

LABELS = ("O", "B-a", "I-a", "B-b", "I-b")


def literal(tags):
    """seqeval 1.2.2, get_entities with its end_of_chunk and start_of_chunk, word for word; ends made exclusive."""
    def parts(chunk):
        return chunk[0], chunk[1:].split("-", maxsplit=1)[-1] or "_"

    def ends(prev, tag, prev_type, kind):
        return (prev == "E" or prev == "S" or (prev == "B" and tag in "BSO") or (prev == "I" and tag in "BSO")
                or (prev not in "O." and prev_type != kind))

    def starts(prev, tag, prev_type, kind):
        return (tag == "B" or tag == "S" or (prev in "ES" and tag in "EI") or (prev == "O" and tag in "EI")
                or (tag not in "O." and prev_type != kind))

    prev, prev_type, begin, chunks = "O", "", 0, []
    for i, chunk in enumerate([*tags, "O"]):
        tag, kind = parts(chunk)
        if ends(prev, tag, prev_type, kind):
            chunks.append((prev_type, begin, i))
        if starts(prev, tag, prev_type, kind):
            begin = i
        prev, prev_type = tag, kind
    return chunks


def test_entities_as_seqeval_has_them():
    signs = ["O", *(f"{sign}-{kind}" for sign in "BIES" for kind in "ab")]
    for tags in product(signs, repeat=4):
        assert entities(tags) == literal(tags), tags


def test_the_package_agrees():
    package = pytest.importorskip("seqeval.metrics.sequence_labeling", reason="seqeval is not installed")
    rng = np.random.default_rng(0)
    for _ in range(200):
        tags = [LABELS[i] for i in rng.integers(0, 5, 12)]
        assert entities(tags) == [(kind, a, b + 1) for kind, a, b in package.get_entities(tags)]


@pytest.mark.parametrize("tags, found", [
    ([], []), (["O"], []), (["I-a", "I-a", "B-a"], [("a", 0, 2), ("a", 2, 3)]), (["S-a", "B-a", "I-a", "E-a"], [("a", 0, 1), ("a", 1, 4)]),
    (["U-a", "B-a", "L-a"], [("a", 0, 1), ("a", 1, 3)]), (["NOUN", "NOUN", "O"], [("NOUN", 0, 1), ("NOUN", 1, 2)]),
    (["B-a-b", "I-a-b"], [("a-b", 0, 2)]),
])
def test_every_scheme(tags, found):
    assert entities(tags) == found


def test_what_breaks_bio_is_counted():
    assert broken(["B-a", "I-a", "I-a", "O"]) == 0
    assert broken(["I-a", "I-a", "O", "B-a", "I-b"]) == 2


def test_viterbi_is_the_best_of_all_valid_paths():
    rng = np.random.default_rng(3)
    first, follows = allowed(LABELS)
    for _ in range(30):
        logs = rng.standard_normal((4, 5))
        paths = [path for path in product(range(5), repeat=4)
                 if first[path[0]] and all(follows[a, b] for a, b in pairwise(path))]
        best = max(paths, key=lambda path: sum(logs[i, tag] for i, tag in enumerate(path)))
        path = viterbi(logs, LABELS)
        assert tuple(path) == best and broken([LABELS[i] for i in path]) == 0
    assert len(viterbi(np.zeros((0, 5)), LABELS)) == 0


def test_io_labels_have_no_bounds():
    assert list(viterbi(np.log([[0.1, 0.9], [0.2, 0.8]]), ("O", "I-a"))) == [1, 1]
