"""fill-mask: which word stands at a gap of a text; it pretrains an encoder that other tasks start from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math.draws import uniform
from steelyard.parts import PLAIN, Aim, Answer, Batch, Column, Example, Examples, Key, Processor, Row, Statistics, Target, Units
from steelyard.rows import Rows
from steelyard.tasks._cloze import LEARNT, TOP, Neighbours, Place, drawn_words, element, hidden_words, words_of
from steelyard.tasks._odd import Tally, tallied
from steelyard.tasks._windows import Windows, field, stride_of
from steelyard.tasks._words import padded

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedConfig

MASKS = ("[MASK]", "<mask>")  # what people write for a gap; each is taken for the model's own sign
NOT_SCORED = -100
SEEN, ELSEWHERE = -1, -2  # a token that is shown; one that is hidden here and judged in another window
MASKED, OTHER = 0.8, 0.9  # of hidden words 80% are masked, 10% another one, 10% as they are: Devlin et al. 2019


@dataclass
class Gapped(Batch):
    """A batch of texts with gaps, with the tokenizer that spells the candidates."""

    processor: Any = None

    def to(self, device: torch.device) -> Gapped:
        """The same on another device."""
        there = super().to(device)
        return Gapped(there.inputs, there.targets, there.count, there.rows, there.extra, self.processor)


@dataclass(frozen=True)
class FillMask(Windows):
    """A window's probability is the pseudo-likelihood of the tokens that are hidden and judged in it, each by itself, in nats.

    mask   the model's sign for a gap
    """

    mask: str = MASKS[0]

    name: ClassVar[str] = "fill-mask"
    title: ClassVar[Sentence] = say("which word stands at a gap of a text; trains an encoder that other tasks start from")
    output: ClassVar[str] = "masked"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", aliases=("sentence", "review", "content", "comment", "message", "文本", "内容", "评论", "句子")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("masked-accuracy", "masked-top5", "masked-loss", "unknown-words")
    best: ClassVar[str] = "masked-loss"
    forms: ClassVar[tuple[str, ...]] = ("lines", "jsonl", "csv", "json", "parquet", "arrow", "hub")
    family: ClassVar[str] = "bert"
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens",)
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "fill-mask",
        "data": {"train": "builtin:creatures"},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 12, "learning_rate": 2e-3},
    }

    @classmethod
    def fit(cls, rows: Rows) -> FillMask:
        """Nothing yet: the sign is the tokenizer's. Raises InputError where no text has a word."""
        if not any(words_of(row["text"]) for row in rows):
            raise InputError(say("none of the {n} training texts has a word: there is nothing to hide", n=len(rows)))
        return cls()

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> FillMask:
        """What our own training wrote down; `settle` asks the tokenizer of others."""
        return cls(mask=str(config.to_dict().get("mask_sign", MASKS[0])))

    def describe(self, config: PreTrainedConfig) -> None:
        """No labels: two is Transformers' own number, which it does not write down."""
        config.num_labels = 2
        config.mask_sign = self.mask

    def settle(self, config: PreTrainedConfig, processor: Processor) -> FillMask:
        """With the tokenizer's sign. Raises InputError where it has none."""
        if processor.mask_token is None:
            raise InputError(say("the model's tokenizer has no sign for a gap (mask token); choose an encoder of BERT's kind"))
        return replace(self, mask=str(processor.mask_token))

    def passage(self, row: Row) -> str:
        """The text, its gaps in the model's own spelling."""
        text = str(row["text"])
        for sign in MASKS:
            text = text.replace(sign, self.mask) if sign != self.mask else text
        return text

    def _asked(self, text: str) -> list[Place]:
        """The words that are hidden, whose truth is known; none in a text that has gaps of its own."""
        return [] if self.mask in text else hidden_words(text)

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """All (tokens,) int32, a window each: input_ids, as the text has them; word, -1: never hidden; begin and end, in characters.

        place    of a hidden token its number in the row, else SEEN or ELSEWHERE; each is judged in the window that shows most around it
        target   what stands there, NOT_SCORED where that is not asked or not known. A word that the tokenizer does not know is not hidden
        """
        return [self._windows(self.passage(row), processor) for row in rows]

    def _windows(self, text: str, processor: Processor) -> list[Example]:
        cut = processor(text, truncation=True, stride=stride_of(processor), return_overflowing_tokens=True, return_offsets_mapping=True,
                        return_attention_mask=False, return_token_type_ids=False)
        asked, windows = self._asked(text), []
        for number, found in enumerate(cut["input_ids"]):
            ids = np.array(found, dtype=np.int32)
            offsets = np.array(cut["offset_mapping"][number], dtype=np.int32).reshape(-1, 2)
            word = np.array([-1 if own is None else own for own in cut.word_ids(number)], dtype=np.int32)
            gap = ids == processor.mask_token_id
            word[gap | (ids == processor.unk_token_id) | (offsets[:, 0] == offsets[:, 1])] = -1
            place = np.where(gap, ELSEWHERE, SEEN).astype(np.int32)
            for start, end in asked:
                place[(word >= 0) & (offsets[:, 0] < end) & (offsets[:, 1] > start)] = ELSEWHERE
            windows.append({"input_ids": ids, "word": word, "begin": offsets[:, 0].copy(), "end": offsets[:, 1].copy(), "place": place})
        _judged_once(windows)
        return [{**own, "target": np.where((own["place"] >= 0) & (own["word"] >= 0), own["input_ids"], NOT_SCORED).astype(np.int32)}
                for own in windows]

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids with gaps, attention_mask (examples, tokens); targets (examples, tokens) int64, NOT_SCORED where nothing is asked.

        In training whole words are drawn anew each epoch, by the example's number; else they are those of `encode`.
        targets   the numbers of the tokens at the row's gaps, in order; none, or too few: what stands there
        count     tokens that are asked for
        """
        longest = processor.model_max_length
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, longest)
        if key is not None:
            shown, goals = self._drawn(ids, field(examples, "word", -1, longest), examples.numbers, processor, key)
            spots = _spots(goals)
            return Gapped({"input_ids": shown, "attention_mask": mask}, goals, len(spots), examples.rows, {"spots": spots}, processor)
        place, goals = field(examples, "place", SEEN, longest), field(examples, "target", NOT_SCORED, longest)
        for number, given in enumerate(targets or ()):
            for gap, token in enumerate(given or ()):
                goals[number, place[number] == gap] = token
        shown = ids.masked_fill(place != SEEN, processor.mask_token_id)
        extra = {"place": place, "spots": _spots(goals), **{name: field(examples, name, 0, longest) for name in ("begin", "end")}}
        return Gapped({"input_ids": shown, "attention_mask": mask}, goals, len(extra["spots"]), examples.rows, extra, processor)

    def _drawn(self, ids: Tensor, word: Tensor, numbers: Tensor, processor: Processor, key: Key) -> tuple[Tensor, Tensor]:
        """(ids with gaps, targets). What is drawn hangs on the epoch and the example's number alone."""
        import torch

        at, own, words = Key(key.seed, key.epoch), numbers.numpy(), word.numpy()
        most = int(words.max(initial=0)) + 1
        shares, draws, ways = (uniform(at.number(name), own, count) for name, count in (("share", 1), ("mask", most), ("way", most)))
        others = np.setdiff1d(np.arange(len(processor)), processor.all_special_ids)
        tokens = others[(uniform(at.number("token"), own, words.shape[1]) * len(others)).astype(np.int64)]
        shown, goals = ids.numpy().copy(), np.full(words.shape, NOT_SCORED, dtype=np.int64)
        for number, line in enumerate(words):
            hidden = np.isin(line, drawn_words(line, shares[number, 0], draws[number])) & (line >= 0)
            goals[number, hidden] = shown[number, hidden]
            way = ways[number][np.maximum(line, 0)]
            shown[number, hidden & (way < MASKED)] = processor.mask_token_id
            other = hidden & (way >= MASKED) & (way < OTHER)
            shown[number, other] = tokens[number, other]
        return torch.from_numpy(shown), torch.from_numpy(goals)

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() minus the log probability of each hidden token in nats, summed."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        spots = batch.extra["spots"]  # their number is known before the forward pass: costs are counted without values
        return cross_entropy(outputs.logits.flatten(0, 1).index_select(0, spots).float(), batch.targets.flatten().index_select(0, spots),
                             reduction="sum")

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) pseudo-likelihood: the log probability of each hidden token by itself, summed, in nats; 0 where none is asked for."""
        assert batch.targets is not None
        goals = batch.targets[:, : outputs.logits.shape[1]]  # gradients are asked for without padding
        inside = goals >= 0
        own = outputs.logits[inside].float().log_softmax(dim=-1).gather(1, goals[inside][:, None])[:, 0]
        total: Tensor = own.new_zeros(len(goals)).index_add(0, inside.nonzero()[:, 0], own)
        return total

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """A list an example, of each gap: (number, begin, end, candidates (token, text, probability), (nats, rank) of the truth)."""
        assert isinstance(batch, Gapped) and batch.targets is not None
        place = batch.extra["place"]
        inside = place >= 0
        logs = outputs.logits[inside].float().log_softmax(dim=-1)
        goals = batch.targets[inside]
        truth = logs.gather(1, goals.clamp(min=0)[:, None])
        ranks = (logs > truth).sum(dim=1)
        best, tokens = logs.topk(min(TOP, logs.shape[1]))
        texts = batch.processor.batch_decode(tokens.reshape(-1, 1).tolist())
        columns = (place[inside], batch.extra["begin"][inside], batch.extra["end"][inside], goals, truth[:, 0], ranks)
        found: list[list[Any]] = [[] for _ in range(len(place))]
        for number, (owner, own) in enumerate(zip(inside.nonzero()[:, 0].tolist(), zip(*(c.tolist() for c in columns), strict=True),
                                                  strict=True)):
            spelled = texts[number * tokens.shape[1] : (number + 1) * tokens.shape[1]]
            candidates = list(zip(tokens[number].tolist(), spelled, best[number].exp().tolist(), strict=True))
            gap, begin, end, goal, log, rank = own
            found[owner].append((gap, begin, end, candidates, (log, rank) if goal >= 0 else (None, None)))
        return found

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """TOP candidates of each gap in turn, as FillMaskOutputElement; mask: the gap's number, start and end: its characters.

        log_prob and rank are those of what stands there, where that is known.
        """
        text = self.passage(row)
        gaps = sorted((gap for partial in partials for gap in partial), key=lambda gap: gap[0])
        return [element(spelled, score, text, (begin, end), token) | {"mask": number, "log_prob": log, "rank": rank}
                for number, begin, end, candidates, (log, rank) in gaps for token, spelled, score in candidates]

    def line(self, answer: Answer, most: int = 1) -> str:
        """The likeliest candidates of each gap with their scores."""
        gaps: dict[int, list[str]] = {}
        for one in answer:
            gaps.setdefault(one.get("mask", 0), []).append(f"{one['token_str'].strip()} {one['score']:.3f}")
        return "; ".join("  ".join(said[:most]) for said in gaps.values()) or "–"

    def target(self, row: Row) -> Target | None:
        """Nothing of its own: `collate` knows what stands at a hidden place. None for a text that has gaps of its own."""
        return None if self.mask in self.passage(row) else ()

    def guess(self, answer: Answer) -> Target:
        """The likeliest token of each gap."""
        return tuple({one["mask"]: int(one["token"]) for one in reversed(answer)}[number]
                     for number in range(len({one["mask"] for one in answer})))

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """masked (4,) float64, of hidden words: those judged, those right, those among TOP, all; nats () float64 of those judged.

        A word is right where each of its tokens is the likeliest of all, and among TOP where each is; its loss is the tokens' sum.
        """
        text = self.passage(row)
        asked, counts, nats = self._asked(text), np.zeros(4), 0.0
        first = {one["mask"]: one for one in reversed(answer) if "mask" in one}
        always = {one["token_str"]: (math.log(one["score"]), rank) for rank, one in enumerate(answer) if "rest" in one}
        for start, end in asked:
            if always:
                own = [always.get(text[start:end].lower(), (answer[0]["rest"], len(always)))]
            else:
                own = [(one["log_prob"], one["rank"]) for one in first.values() if one["start"] < end and one["end"] > start]
            if own:
                worst = max(rank for _, rank in own)
                counts += (1, worst < 1, worst < TOP, 0)
                nats -= sum(log for log, _ in own)
        counts[3] = len(asked)
        return {"masked": counts, "nats": np.array(nats)}

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """Texts with gaps of their own: nobody knows what stood there."""
        found = tallied(rows, lambda row: {"gaps": self.passage(row).count(self.mask)})
        return found.get("gaps", Tally()).finding("data/texts-with-gaps", "issue", say(
            "{rows} of {all} texts have gaps of their own ({n} in all): what stood there is not known, so they are not judged",
            n=0, rows=0, all=0))

    def right(self, statistics: Statistics) -> np.ndarray:
        """The share of the hidden words that are right; 1 where none is judged."""
        judged, right = statistics["masked"][:, 0], statistics["masked"][:, 1]
        return np.asarray(np.where(judged == 0, 1.0, right / np.maximum(judged, 1)))

    def decision(self, answer: Answer) -> str | None:
        """None: a text has many gaps."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """The commonest words, wherever; and what stood between such neighbours in training."""
        return {"constant": self._constant, "neighbours": self._neighbours}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        answer = Neighbours(self._some(train)).constant()
        return (answer for _ in range(len(rows)))

    def _neighbours(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        known = Neighbours(self._some(train))
        for row in rows:
            text = self.passage(row)
            yield known.guesses(text, self._asked(text))

    def _some(self, train: Rows) -> Iterator[str]:
        """At most LEARNT texts, drawn evenly."""
        return self.texts(train.select(np.unique(np.linspace(0, len(train) - 1, LEARNT).astype(np.int64))))

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """The words that are shown."""
        found = super().units(row, example, processor)
        of = np.where(example["place"] == SEEN, found.of, -1)
        kept = np.unique(of[of >= 0])
        numbers = np.full(len(found) + 1, -1, dtype=np.int64)
        numbers[kept] = np.arange(len(kept))
        return Units(numbers[of], tuple(found.places[i] for i in kept))

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}: the words that are hidden."""
        text = self.passage(row)
        return {"text": text, "target": " / ".join(text[a:b] for a, b in self._asked(text)) or None}


def _spots(goals: Tensor) -> Tensor:
    """(asked,) int64, where in the flat batch something is asked for."""
    return (goals >= 0).flatten().nonzero()[:, 0]


def _judged_once(windows: Sequence[dict[str, np.ndarray]]) -> None:
    """Number the hidden tokens of a row, in place: each in the one window that shows most around it, ELSEWHERE in others."""
    seen: dict[tuple[int, int, int], tuple[int, int, int]] = {}  # characters, how many tokens have them before -> around, window, position
    for number, own in enumerate(windows):
        last: tuple[int, int, int] = (-1, -1, -1)
        for position in np.flatnonzero(own["place"] == ELSEWHERE).tolist():
            spot = (int(own["begin"][position]), int(own["end"][position]), 0)
            last = (*spot[:2], last[2] + 1) if spot[:2] == last[:2] else spot
            around = min(position, len(own["place"]) - 1 - position)
            if last not in seen or around > seen[last][0]:
                seen[last] = (around, number, position)
    for gap, spot in enumerate(sorted(seen)):
        _, number, position = seen[spot]
        windows[number]["place"][position] = gap


PART = FillMask
