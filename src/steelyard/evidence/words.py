"""What evidence calls in short, said to people: explainers, ways of hiding, controls, and how an interval was made."""

import re

from steelyard.language import Sentence, say

_NAMES = {
    # explainers
    "integrated-gradients": say("integrated gradients"), "occlusion": say("occlusion"),
    # ways of hiding
    "mask": say("masked"), "remove": say("taken out"), "mean": say("replaced by the mean"), "blur": say("blurred"),
    "unknown": say("replaced by the unknown word"), "silence": say("replaced by silence"), "noise": say("replaced by steady noise"),
    # controls
    "nothing": say("nothing hidden"), "permuted": say("the same scores, shuffled"), "another-row": say("another row's map"),
    "mean-of-others": say("the mean map of other rows"), "random-twin": say("the map of a model with random weights"),
    "ink": say("ink"), "edges": say("edges"), "length": say("word length"), "rarity": say("rarity of words"),
    "first": say("nearness to the beginning"), "last": say("nearness to the end"), "centre": say("nearness to the middle"),
    "position": say("position"), "loudness": say("loudness"), "change": say("change from moment to moment"),
    "unusual": say("what is out of the ordinary"),
    "unusual x spread": say("what is out of the ordinary, times the spread over the rows"),
    "unusual / spread": say("what is out of the ordinary, over the spread over the rows"),
}

_HOW = {
    "measured": say("measured"), "counted": say("counted"), "modelled": say("modelled"),
    "measured on the longest batch": say("measured on the longest batch"),
    "t, logarithms of step times": say("t, logarithms of step times"),
    "Wilson 95%": say("Wilson 95%"), "Newcombe 95%": say("Newcombe 95%"), "DeLong 95%": say("DeLong 95%"),
    "Miettinen-Nurminen score 95%": say("Miettinen-Nurminen score 95%"),
    "Bonett-Price paired 95%": say("Bonett-Price paired 95%"), "paired 95%": say("paired 95%"),
    "t 95%": say("t 95%"), "paired t 95%": say("paired t 95%"), "bootstrap 95%": say("bootstrap 95%"),
    "logit t and Hall 95%": say("logit t and Hall 95%"),
    "Hall's skewness-corrected t 95%": say("Hall's skewness-corrected t 95%"),
    "DeLong and Newcombe 95%": say("DeLong and Newcombe 95%"),
    "delta method and MOVER of Wilson 95%": say("delta method and MOVER of Wilson 95%"),
    "delta method and MOVER of DeLong and Newcombe 95%": say("delta method and MOVER of DeLong and Newcombe 95%"),
    "conservative 95% of a norm (Fang-Santos)": say("conservative 95% of a norm (Fang-Santos)"),
    "Hall's skewness-corrected t 95%, its root": say("Hall's skewness-corrected t 95%, its root"),
    "too few rows for the measure": say("too few rows for the measure"),
    "one row or cluster, or too few rows for the measure": say("one row or cluster, or too few rows for the measure"),
    "one cluster": say("one cluster"), "one row": say("one row"), "one row or cluster": say("one row or cluster"),
    "rows come in clusters": say("rows come in clusters"), "as counted, noise included": say("as counted, noise included"),
    "largest minus smallest group's error rate, sampling noise taken out":
        say("largest minus smallest group's error rate, sampling noise taken out"),
}
_PARTS = tuple((re.compile(pattern), sentence) for pattern, sentence in (  # a method with something about it, the outermost first
    (r"no interval: (?P<how>.+)", say("no interval: {how}")),
    (r"BCa bootstrap 95%, (?P<n>\d+) draws", say("BCa bootstrap 95%, {n} draws")),
    (r"paired BCa bootstrap 95%, (?P<n>\d+) draws", say("paired BCa bootstrap 95%, {n} draws")),
    (r"(?P<how>.+); (?P<some>\d+) of (?P<all>\d+) classes occur", say("{how}; {some} of {all} classes occur")),
    (r"a class has fewer than (?P<n>\d+) rows, or there is one cluster", say("a class has fewer than {n} rows, or there is one cluster")),
    (r"(?P<how>.+), design effect (?P<effect>[\d.]+)", say("{how}, design effect {effect}")),
    (r"(?P<how>.+), against (?P<control>.+)", say("{how}, against {control}")),
    (r"(?P<how>.+) over (?P<n>\d+) clusters", say("{how} over {n} clusters")),
    (r"(?P<how>.+) over rows", say("{how} over rows")),
))


def name(short: str) -> Sentence | str:
    """The name for people of an explainer, a way or a control; what has none (a guest's) keeps its own, with spaces."""
    if (found := _NAMES.get(short)) is not None:
        return found
    if short.startswith("surface:"):
        return name(short.removeprefix("surface:"))
    if short.startswith("mean x "):
        return say("the mean map of other rows times {surface}", surface=name(short.removeprefix("mean x ")))
    return short if " " in short else short.replace("-", " ").replace("_", " ")


def how(method: str) -> Sentence | str:
    """A Quantity's `how` for people; what no part of the house writes (a guest's) stays as it is."""
    if (found := _HOW.get(method)) is not None:
        return found
    for pattern, sentence in _PARTS:
        if (match := pattern.fullmatch(method)) is not None:
            values: dict[str, object] = {**match.groupdict()}
            for field, said in (("how", how), ("control", name)):
                if field in values:
                    values[field] = said(match[field])
            return Sentence(sentence.template, values)
    return method
