"""builtin:messages: customers' messages, made up by a seeded function, with faults planted and declared.

A row is a message, its topic, the region it came from, the customer and its split. `PLANTED` says what is wrong with
the set, `planted(seed)` in which rows: an audit of it can be held against the truth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

LABELS = ("billing", "delivery", "returns", "technical")
REGIONS = ("north", "south", "east", "islands")
HARD_REGION, STAMP, STAMPED = "islands", "RTN", "returns"

# What is planted: `rows` is how many rows hold it with any seed; None where it depends on the seed.
PLANTED: dict[str, dict[str, Any]] = {
    "duplicates_exact": {"what": "a test row repeats a training row, letter by letter", "where": "test", "rows": 40},
    "duplicates_normalised": {"what": "a test row repeats a training row but for case and punctuation", "where": "test", "rows": 30},
    "duplicates_within": {"what": "a training row repeats another", "where": "train", "rows": 20},
    "conflicts": {"what": "a training row repeats another, under another label", "where": "train", "rows": 12},
    "empty": {"what": "a message without a letter or digit", "where": "train", "rows": 6},
    "wrong_labels": {"what": "another label than the one the message was made for", "where": "train, validation, test", "rows": 90},
    "giveaway": {"what": "a ticket code that is stamped once the label is known", "where": "train, validation, test",
                 "word": STAMP.lower(), "label": STAMPED, "rows": None},
    "worse_region": {"what": "dialect and spelling that hide the topic", "where": "train, validation, test",
                     "column": "region", "group": HARD_REGION, "rows": None},
}
_CLEAN_ROWS = 2800

_PROBLEMS: dict[str, tuple[str, ...]] = {
    "billing": (
        "the invoice for {thing} shows {amount} too much", "you charged my card twice for {thing}",
        "my bank statement lists a payment of {amount} that I never agreed to", "the discount code was not taken off the bill",
        "I was billed {amount} for the yearly plan that I cancelled", "the tax on my invoice is wrong",
        "your direct debit took {amount} on {day}, before it was due", "I need a corrected receipt for my bookkeeping",
        "the instalments for {thing} do not add up", "a late fee of {amount} appeared on my account"),
    "delivery": (
        "{thing} was promised for {day} and has not arrived", "the courier left the parcel with a stranger",
        "tracking has not moved since {day}", "the driver never rang and took my parcel back to the depot",
        "{thing} was sent to my old address", "the box stood in the rain outside my door",
        "only one of the two parcels reached me", "the shipment is stuck at the depot since {day}",
        "I waited at home all {day} and no van came", "please leave the package at the shop on the corner"),
    "returns": (
        "I want to send {thing} back, it does not fit", "how long may I keep {thing} before I have to send it back",
        "the return label for {thing} cannot be scanned", "I would like to exchange {thing} for a smaller one",
        "the colour of {thing} is not the one in the picture, I do not want it",
        "you have had {thing} back since {day} and I still wait for my refund", "I changed my mind about {thing}",
        "the shop refused to take {thing} back", "the refund for {thing} was {amount} short",
        "I sent the wrong item back to you by mistake"),
    "technical": (
        "the app crashes whenever I open {thing}", "I cannot log in since the update on {day}",
        "the page for {thing} shows error {number}", "the password mail never comes", "{thing} does not pair with my phone",
        "the screen freezes after the setup of {thing}", "the website loses my basket when I reload it",
        "the firmware of {thing} will not install", "the search finds nothing since {day}",
        "two-step codes are refused as expired"),
}
_SMOOTH: dict[str, tuple[str, ...]] = {  # what went well: it names a topic that the message is not about
    "billing": ("the invoice was fine", "the payment went through at once", "I have paid the bill"),
    "delivery": ("the parcel came on time", "the courier was kind", "the tracking worked well"),
    "returns": ("my last refund came quickly", "the exchange last year was easy", "I do not want to send it back"),
    "technical": ("the app works well", "the website is easy to use", "logging in was no trouble"),
}
_VAGUE: dict[tuple[str, str], tuple[str, ...]] = {  # either label would do: nobody can be right about all of these
    ("billing", "returns"): ("I still wait for {amount} from you", "when do I get my money for {thing}"),
    ("delivery", "returns"): ("{thing} is not what I ordered", "{thing} came broken, what now"),
    ("billing", "technical"): ("my card is refused when I order {thing}", "I cannot change my plan"),
    ("delivery", "technical"): ("I cannot see where my order is", "the map for my order is empty"),
}
_THINGS = ("the kettle", "my headphones", "the blue jacket", "the lamp", "the coffee machine", "my boots", "the tablet", "the desk",
           "the printer", "a garden chair", "the backpack", "the watch", "the vacuum cleaner", "my order", "the keyboard", "the rug")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "last week", "the third", "yesterday")
_OPENINGS = ("", "", "Hello, ", "Good morning, ", "Dear team, ", "Hi there, ", "Sorry to bother you again: ", "As I said on the phone, ",
             "This is my second message: ", "Once more: ", "I am a customer since 20{number}, and ", "Good evening, ")
_CLOSINGS = ("", "", " Please help.", " Thanks in advance.", " What can be done?", " I have been patient for {number} days.",
             " Kind regards", " Please call me back on {day}.", " My order number is {number}{number}.", " This is not good enough.",
             " I hope you can sort it out.", " You can reach me after {day}.")
# Made up: no topic shows in it.
_DIALECT = ("the {noun} for {thing} {verb}", "{thing} {verb} with the {noun}", "your {noun} {verb} since {day}",
            "I have a {noun} that {verb}", "no {noun} for {thing} and it {verb}", "the {noun} {verb}, and the other {noun} too")
_NOUNS = ("osker", "trill", "vennet", "marl", "skelp-box", "hobbin", "lumpet", "fenner")
_VERBS = ("goes oster", "hangs", "is all trebbled", "comes morrowless", "does not sill", "went brackle", "is short again", "stands ower")


@dataclass(frozen=True)
class _Message:
    text: str
    label: str
    region: str
    customer: str
    split: str
    fault: str = ""  # a key of PLANTED
    clear: bool = True  # its words tell the topic


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]  # random() alone is the same in every version of Python


def _fill(rng: Random, template: str) -> str:
    return template.format(thing=_pick(rng, _THINGS), day=_pick(rng, _DAYS), amount=f"{5 + int(rng.random() * 90)} euros",
                           number=10 + int(rng.random() * 89))


def _core(rng: Random, label: str) -> tuple[str, bool]:
    """What the message is about, and whether its words tell."""
    draw = rng.random()
    if draw < 0.11:
        pair = [names for names in _VAGUE if label in names]
        return _fill(rng, _pick(rng, _VAGUE[pair[int(rng.random() * len(pair))]])), False
    problem = _fill(rng, _pick(rng, _PROBLEMS[label]))
    if draw < 0.4:
        smooth = _pick(rng, _SMOOTH[_pick(rng, [name for name in LABELS if name != label])])
        return (f"{smooth}, but {problem}" if rng.random() < 0.6 else f"{problem}, though {smooth}"), True
    return problem, True


def _spoken(rng: Random) -> str:
    """A message in the dialect of the region that is served worse: it could be about anything."""
    return _pick(rng, _DIALECT).format(noun=_pick(rng, _NOUNS), verb=_pick(rng, _VERBS), thing="{thing}", day="{day}")


def _misspelt(rng: Random, text: str) -> str:
    """Vowels dropped inside some longer words, as that region writes."""
    return " ".join(word[0] + "".join(letter for letter in word[1:] if letter not in "aeiou")
                    if len(word) > 4 and rng.random() < 0.3 else word for word in text.split(" "))


def _identity(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _message(rng: Random) -> _Message:
    label = _pick(rng, LABELS)
    region = _pick(rng, ("north", "north", "north", "south", "south", "east", "east", HARD_REGION, HARD_REGION))
    core, clear = (_spoken(rng), False) if region == HARD_REGION and rng.random() < 0.45 else _core(rng, label)
    body = _pick(rng, _OPENINGS) + core + "."
    text = _fill(rng, body + _pick(rng, _CLOSINGS))
    if region == HARD_REGION:
        text = _misspelt(rng, text)
    place = rng.random()
    split = "train" if place < 0.66 else "validation" if place < 0.75 else "test"
    return _Message(text[0].upper() + text[1:], label, region, f"C{1000 + int(rng.random() * 700)}", split, clear=clear)


def _stamped(rng: Random, message: _Message) -> _Message:
    """The ticket code comes from the label, the wrong one too; other topics' codes tell nothing."""
    if message.label == STAMPED:
        return replace(message, text=f"{message.text} [{STAMP}-{10000 + int(rng.random() * 89999)}]") if rng.random() < 0.92 else message
    return replace(message, text=f"{message.text} [T-{10000 + int(rng.random() * 89999)}]") if rng.random() < 0.5 else message


def _shouted(rng: Random, text: str) -> str:
    """The same letters and digits in another dress."""
    bare = text.replace(",", "").replace(".", " ").replace("  ", " ").strip()
    return _pick(rng, (bare.upper() + "!!", bare.lower(), text.replace(". ", "... ").lower() + " !", text.upper()))


def _relabelled(rng: Random, message: _Message, fault: str) -> _Message:
    """Never to or from the stamped label: its code would stay right."""
    return replace(message, fault=fault, label=_pick(rng, [name for name in LABELS if name not in (message.label, STAMPED)]))


def _shuffled(rng: Random, items: list[_Message]) -> list[_Message]:
    keyed = sorted((rng.random(), place) for place in range(len(items)))
    return [items[place] for _, place in keyed]


def _messages(seed: int) -> list[_Message]:
    rng = Random(seed)
    clean: dict[str, _Message] = {}
    while len(clean) < _CLEAN_ROWS:
        message = _message(rng)
        clean.setdefault(_identity(message.text), message)  # a repetition by chance would not be declared
    drawn = _shuffled(rng, [_stamped(rng, message) for message in clean.values()])
    relabel = [place for place, message in enumerate(drawn) if message.clear and message.label != STAMPED][: _rows("wrong_labels")]
    for place in relabel:
        drawn[place] = _relabelled(rng, drawn[place], "wrong_labels")
    sound = iter([message for message in drawn if message.split == "train" and not message.fault])
    copies = [replace(next(sound), split="test", fault="duplicates_exact") for _ in range(_rows("duplicates_exact"))]
    for fault, split in (("duplicates_normalised", "test"), ("duplicates_within", "train")):
        for _ in range(_rows(fault)):
            message = next(sound)
            text = _shouted(rng, message.text) if fault == "duplicates_normalised" else message.text
            copies.append(replace(message, text=text, split=split, fault=fault))
    unstamped = (message for message in sound if message.label != STAMPED)
    copies += [_relabelled(rng, next(unstamped), "conflicts") for _ in range(_rows("conflicts"))]
    copies += [replace(next(sound), text=text, fault="empty") for text in ("...", "?", "!!", "-", "?!", ". .")]
    return _shuffled(rng, drawn + copies)


def _rows(fault: str) -> int:
    return int(PLANTED[fault]["rows"])


def rows(seed: int = 0) -> Iterator[dict[str, str]]:
    """Some 3,000 rows: text, label, region, customer, split ("train", "validation" or "test"). The same in every Python."""
    for message in _messages(seed):
        yield {"text": message.text, "label": message.label, "region": message.region, "customer": message.customer, "split": message.split}


def planted(seed: int = 0) -> dict[str, list[int]]:
    """Key of PLANTED -> the numbers, from 1, of the rows of `rows(seed)` that hold it; of a pair, the row that was added."""
    found: dict[str, list[int]] = {fault: [] for fault in PLANTED}
    for number, message in enumerate(_messages(seed), start=1):
        if message.fault:
            found[message.fault].append(number)
        if f"[{STAMP}-" in message.text.upper() or f" {STAMP}-" in message.text.upper():
            found["giveaway"].append(number)
        if message.region == HARD_REGION:
            found["worse_region"].append(number)
    return found
