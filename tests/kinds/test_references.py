"""references: a text or several, as lists and as JSON."""

import pytest

from steelyard.kinds.references import References
from steelyard.parts import BadValue

KIND = References()


@pytest.mark.parametrize(("raw", "parsed"), [
    ("Ann rang Bo.", ["Ann rang Bo."]),
    ("", [""]),
    (["Ann rang Bo.", "A call."], ["Ann rang Bo.", "A call."]),
    (("a", "b"), ["a", "b"]),
    ('["Ann rang Bo.", "A call."]', ["Ann rang Bo.", "A call."]),
    ('["Ann" rang Bo.', ['["Ann" rang Bo.']),
    ('["Ann", 3]', ['["Ann", 3]']),
    ("[laughs] Bo left.", ["[laughs] Bo left."]),
])
def test_a_text_or_several(raw, parsed):
    assert KIND.parse(raw) == parsed


@pytest.mark.parametrize("raw", [None, float("nan"), [], ["a", None], {"a": 1}, [["a"]]])
def test_what_is_no_text(raw):
    with pytest.raises(BadValue):
        KIND.parse(raw)


def test_what_fits_and_what_is_the_same():
    assert KIND.fits(["Ann rang Bo.", ["It rained all day.", "Rain."], None])
    assert not KIND.fits([3, 4]) and not KIND.fits([[1, 2]]) and not KIND.fits([])
    assert KIND.identity(["Ann rang Bo.", "A call"]) == KIND.identity(["ann rang bo", "a call!"])
