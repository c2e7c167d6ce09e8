"""token-classification: which words of a text are names of what, or marked for what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError, listing
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math.tagging import OUTSIDE, Entity, broken, entities, is_shaped, split_tag, viterbi
from steelyard.parts import (
    PLAIN,
    Aim,
    Answer,
    BadValue,
    Batch,
    Column,
    Detail,
    Example,
    Examples,
    Key,
    Processor,
    Row,
    Statistics,
    Target,
)
from steelyard.rows import Rows
from steelyard.tasks._gazetteer import Finder, Tagged, gazetteer, word_list
from steelyard.tasks._odd import Tally, tallied
from steelyard.tasks._windows import Windows, field, joined, present, stride_of
from steelyard.tasks._words import WORD, padded

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

TAGS, SPANS = "tags", "spans"
NOT_SCORED = -100  # of a token that begins no word
UNSEEN = -1e4  # nats: any tag but O, of a word that has no token of its own


@dataclass(frozen=True)
class TokenClassification(Windows):
    """A window's probability is that of the tags of all words that are judged in it, each by itself, in nats."""

    labels: tuple[str, ...]

    name: ClassVar[str] = "token-classification"
    title: ClassVar[Sentence] = say("which words of a text are names, and of what; which are marked; what each word is")
    output: ClassVar[str] = "token-classes"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="text", kind="text", required=False, aliases=("sentence", "content", "文本", "句子", "内容")),
        Column(name="words", kind="words", required=False, aliases=("tokens", "词", "词语", "字")),
        Column(name=TAGS, kind="tags", required=False, target=True, aliases=("ner_tags", "pos_tags", "labels", "标签", "标注")),
        Column(name=SPANS, kind="spans", required=False, target=True, aliases=("entities", "片段", "实体")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("entity-f1", "token-f1", "token-accuracy")
    detailed: ClassVar[Mapping[str, str]] = {"f1": "entity-f1", "token-f1": "token-f1"}
    best: ClassVar[str] = "entity-f1"
    forms: ClassVar[tuple[str, ...]] = ("conll", "jsonl", "json", "csv", "parquet", "arrow", "hub")
    family: ClassVar[str] = "bert"
    settings: ClassVar[tuple[str, ...]] = ("label_smoothing", "batch_tokens")
    decoding: ClassVar[tuple[str, ...]] = ("constrained",)
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "token-classification",
        "data": {"train": "builtin:entities"},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 8},
    }

    @classmethod
    def fit(cls, rows: Rows) -> TokenClassification:
        """O, and B and I of each type that the rows have; tags without such signs (NOUN) as they are. Raises InputError."""
        if TAGS not in rows.names and SPANS not in rows.names:
            raise InputError(say("no column tells the answers; the task reads one of {names}", names=listing((TAGS, SPANS))))
        tags = {tag for own in rows.column(TAGS) for tag in own} if TAGS in rows.names else set()
        spans = {span["label"] for own in rows.column(SPANS) for span in own} if TAGS not in rows.names else set()
        shaped = bool(spans) or any(map(is_shaped, tags))
        types = sorted(spans | {kind for tag in tags for kind, _, _ in entities([tag])})
        if not types:
            raise InputError(say("no word of the {n} training rows is tagged: there is nothing to tell apart", n=len(rows)))
        return cls(labels=(OUTSIDE, *(f"{sign}-{kind}" for kind in types for sign in "BI")) if shaped else (OUTSIDE, *types))

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> TokenClassification:
        """The labels of a trained model, in the order of its outputs."""
        return cls(labels=tuple(str(config.id2label[i]) for i in range(config.num_labels)))

    def describe(self, config: PreTrainedConfig) -> None:
        """id2label and label2id, so that nobody meets LABEL_0."""
        config.id2label = dict(enumerate(self.labels))
        config.label2id = {label: i for i, label in enumerate(self.labels)}

    @property
    def types(self) -> tuple[str, ...]:
        """Of entities, in the labels' order."""
        return tuple(dict.fromkeys(kind for label in self.labels for kind, _, _ in entities([label])))

    def passage(self, row: Row) -> str:
        """The text; of words that are given, those with spaces between them (none between Chinese characters)."""
        return self._words(row)[0]

    def _words(self, row: Row) -> tuple[str, list[tuple[int, int]]]:
        """The text, and where each word stands in it. Raises BadValue."""
        if present(row, "words"):
            return joined(row["words"])
        if not present(row, "text"):
            raise BadValue(say("the row has neither words nor a text"))
        return str(row["text"]), [found.span() for found in WORD.finditer(row["text"])]

    def _wanted(self, row: Row) -> list[Entity] | None:
        """The row's entities, by its words; None where nobody told. Raises BadValue."""
        if present(row, TAGS):
            count = len(self._words(row)[1])
            if len(row[TAGS]) != count:
                raise BadValue(say("the row has {words} words and {tags} tags; want one tag a word", words=count, tags=len(row[TAGS])))
            return entities(row[TAGS])
        if not present(row, SPANS):
            return None
        text, places = self._words(row)
        if row[SPANS] and row[SPANS][-1]["end"] > len(text):
            raise BadValue(say("a span ends at character {end}, and the text has {n}", end=row[SPANS][-1]["end"], n=len(text)))
        found, free = [], 0
        for span in row[SPANS]:
            own = [i for i, (a, b) in enumerate(places) if i >= free and 2 * (min(b, span["end"]) - max(a, span["start"])) >= b - a]
            if own:
                found.append((str(span["label"]), own[0], own[-1] + 1))
                free = own[-1] + 1
        return found

    def numbers(self, found: Sequence[Entity], count: int) -> np.ndarray:
        """(count,) int64, the number of each word's label. Raises BadValue for a type that training lacks."""
        tags = np.full(count, self.labels.index(OUTSIDE) if OUTSIDE in self.labels else 0, dtype=np.int64)
        for kind, start, stop in found:
            for place in range(start, min(stop, count)):
                names = (f"B-{kind}", f"I-{kind}", kind) if place == start else (f"I-{kind}", f"B-{kind}", kind)
                own = next((name for name in names if name in self.labels), None)
                if own is None:
                    raise BadValue(say('type "{kind}" is not among those that the model knows ({types})', kind=kind,
                                       types=listing(self.types)))
                tags[place] = self.labels.index(own)
        return tags

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids, word (tokens,) int32, of the first token of a word its number, else -1; target (tokens,) int16. All in windows.

        Windows overlap; a word is judged in the one that shows most around it. A word without a token is not judged.
        """
        return [self._windows(row, processor) for row in rows]

    def _windows(self, row: Row, processor: Processor) -> list[Example]:
        text, places = self._words(row)
        wanted = self._wanted(row)
        tags = None if wanted is None else self.numbers(wanted, len(places))
        cut = processor(text, truncation=True, stride=stride_of(processor), return_overflowing_tokens=True, return_offsets_mapping=True,
                        return_attention_mask=False, return_token_type_ids=False)
        offsets = [np.array(own, dtype=np.int64).reshape(-1, 2) for own in cut["offset_mapping"]]
        windows: list[Example] = []
        for ids, word in zip(cut["input_ids"], _owners(offsets, places), strict=True):
            example = {"input_ids": np.array(ids, dtype=np.int32), "word": word}
            if tags is not None:
                target = np.full(len(word), NOT_SCORED, dtype=np.int16)
                target[word >= 0] = tags[word[word >= 0]]
                example["target"] = target
            windows.append(example)
        return windows

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids and attention_mask (examples, tokens); targets (examples, tokens) int64, NOT_SCORED where no word begins.

        targets   of the whole row, as entities by its words. count: words that are judged
        """
        import torch

        longest = processor.model_max_length
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, longest)
        word = field(examples, "word", -1, longest)
        goals = None
        if targets is not None:
            goals = torch.full_like(word, NOT_SCORED)
            for place, found in enumerate(targets):
                tags = torch.from_numpy(self.numbers(found, int(word[place].max()) + 1))
                goals[place, word[place] >= 0] = tags[word[place][word[place] >= 0]]
        elif "target" in examples.fields:
            goals = field(examples, "target", NOT_SCORED, longest)
        return Batch({"input_ids": ids, "attention_mask": mask}, goals, int((word >= 0).sum()), examples.rows, {"word": word})

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() cross entropy in nats, summed over the words."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        return cross_entropy(outputs.logits.float().flatten(0, 1), batch.targets.flatten(), ignore_index=NOT_SCORED, reduction="sum",
                             label_smoothing=aim.smoothing)

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of the tags of all words that the window judges, each by itself, in nats; 0 where there are none."""
        assert batch.targets is not None
        logs: Tensor = outputs.logits.float().log_softmax(dim=-1)
        targets = batch.targets[:, : logs.shape[1]]  # gradients are asked for without padding
        own = logs.gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0]
        return own.masked_fill(targets < 0, 0.0).sum(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """(words' numbers, their log probabilities (words, labels) float32, False) an example."""
        logs = outputs.logits.float().log_softmax(dim=-1).cpu().numpy()
        words = batch.extra["word"].cpu().numpy()
        return [(word[word >= 0], own[word >= 0], False) for word, own in zip(words, logs, strict=True)]

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`; the last is decoding.constrained."""
        constrained = bool((model.config.to_dict().get("decoding") or {}).get("constrained"))
        return [(word, logs, constrained) for word, logs, _ in self.answer(model(**batch.inputs), batch)]

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """[{"entity_group", "score", "word", "start", "end"}...] as TokenClassificationOutputElement; "words": [first, behind the last].

        score: the mean probability of its words' tags. Each word's likeliest tag; constrained: the likeliest path that keeps to BIO.
        """
        text, places = self._words(row)
        logs = np.full((len(places), len(self.labels)), UNSEEN, dtype=np.float32)
        logs[:, self.labels.index(OUTSIDE) if OUTSIDE in self.labels else 0] = 0.0
        for word, own, _ in partials:
            logs[word] = own
        constrained = any(partial[2] for partial in partials)
        tags = viterbi(logs, self.labels) if constrained else logs.argmax(axis=1)
        sure = np.exp(np.take_along_axis(logs, tags[:, None], axis=1)[:, 0].astype(np.float64))
        return [self._element(text, places, one, float(sure[one[1] : one[2]].mean())) for one in entities([self.labels[i] for i in tags])]

    def _element(self, text: str, places: Sequence[tuple[int, int]], found: Entity, score: float) -> dict[str, Any]:
        kind, first, stop = found
        start, end = places[first][0], places[stop - 1][1]
        return {"entity_group": kind, "score": score, "word": text[start:end], "start": start, "end": end, "words": [first, stop]}

    def line(self, answer: Answer, most: int = 1) -> str:
        """Each one's words and type."""
        return "; ".join(f"{one['word']} ({one['entity_group']})" for one in answer) or "–"

    def target(self, row: Row) -> Target | None:
        """The row's entities: (type, first word, the one behind the last)."""
        return self._wanted(row)

    def guess(self, answer: Answer) -> Target:
        """What was answered, as entities."""
        return [(one["entity_group"], *one["words"]) for one in answer]

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """entities and marked (types, 3) int64: right, answered, true; of words each by itself. words (2,): right tags, all."""
        wanted = self._wanted(row)
        if wanted is None:
            return {}
        said, count = [(kind, int(a), int(b)) for kind, a, b in self.guess(answer)], len(self._words(row)[1])
        known = {kind: i for i, kind in enumerate(self.types)}
        counts = np.zeros((2, len(known), 3), dtype=np.int64)
        for column, group in ((0, set(said) & set(wanted)), (1, said), (2, wanted)):
            for kind, _, _ in group:
                counts[0, known[kind], column] += 1
        words = [{(kind, place) for kind, a, b in group for place in range(a, b)} for group in (said, wanted)]
        for column, inside in ((0, words[0] & words[1]), (1, words[0]), (2, words[1])):
            for kind, _ in inside:
                counts[1, known[kind], column] += 1
        right = int((self.numbers(said, count) == self.numbers(wanted, count)).sum())
        return {"entities": counts[0], "marked": counts[1], "words": np.array([right, count], dtype=np.int64)}

    def details(self, statistics: Statistics) -> Mapping[str, Detail]:
        """Each type by itself."""
        counts = {name: statistics[name] for name in ("entities", "marked")}
        return {kind: Detail(int(counts["entities"][:, place, 2].sum()), {name: own[:, place : place + 1] for name, own in counts.items()})
                for place, kind in enumerate(self.types)}

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """Tags that break BIO, where others keep to it; spans that no word lies in."""
        found = tallied(rows, self._oddities)
        torn, begun = found.get("torn", Tally()), found.get("begun", Tally())
        lost = found.get("lost", Tally()).finding("data/spans-without-words", "issue", say(
            "{n} spans in {rows} of {all} rows hold no word, or not half of one; they are left out", n=0, rows=0, all=0))
        if torn.things > begun.things:  # IOB1 and IO begin entities with I
            return [*torn.finding("data/tags-begin-with-i", "passed", say(
                "entities begin with I, as IOB1 and IO write it ({n} in {rows} of {all} rows); the model learns to begin them with B",
                n=0, rows=0, all=0)), *lost]
        return [*torn.finding("data/tags-that-break-bio", "issue", say(
            "{n} tags in {rows} of {all} rows break BIO: they go on with an entity that has not begun; each is taken to begin one",
            n=0, rows=0, all=0)), *lost]

    def _oddities(self, row: Row) -> dict[str, int]:
        if present(row, TAGS):
            return {"torn": broken(row[TAGS]), "begun": sum(split_tag(tag)[0] in "BS" for tag in row[TAGS] if is_shaped(tag))}
        return {"lost": len(row[SPANS]) - len(self._wanted(row) or ())} if present(row, SPANS) else {}

    def right(self, statistics: Statistics) -> np.ndarray:
        """F1 of the row's entities; 1 where there are none and none was answered."""
        both, said, true = np.moveaxis(statistics["entities"].sum(axis=1).astype(np.float64), -1, 0)
        return np.asarray(np.where(said + true == 0, 1.0, 2 * both / np.maximum(said + true, 1)))

    def decision(self, answer: Answer) -> str | None:
        """None: a row has many answers."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """No entity at all; names seen in training, the longest match; words mostly seen inside entities."""
        return {"constant": self._constant, "gazetteer": self._by(gazetteer), "word list": self._by(word_list)}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        return ([] for _ in range(len(rows)))

    def _by(self, learn: Callable[[Iterator[Tagged]], Finder]) -> Callable[[Rows, Rows], Iterator[Answer]]:
        def answers(train: Rows, rows: Rows) -> Iterator[Answer]:
            find = learn((self._spelled(row), self._wanted(row) or []) for row in train)
            for row in rows:
                text, places = self._words(row)
                yield [self._element(text, places, found, 1.0) for found in find(self._spelled(row))]

        return answers

    def _spelled(self, row: Row) -> list[str]:
        text, places = self._words(row)
        return [text[start:end] for start, end in places]

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        text, places = self._words(row)
        wanted = self._wanted(row)
        return {"text": text, "target": None if wanted is None else self.line([self._element(text, places, one, 1.0) for one in wanted])}


def _owners(offsets: Sequence[np.ndarray], places: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """A window -> (tokens,) int32: of the first token of a word its number, in the one window that shows most around it; else -1.

    offsets   a window: (tokens, 2), the characters of each token; signs that the tokenizer adds have none
    """
    owners = [np.full(len(own), -1, dtype=np.int32) for own in offsets]
    ends = np.array([end for _, end in places], dtype=np.int64)
    begins: dict[int, int] = {}  # word -> where its first token begins
    seen: dict[int, tuple[int, int, int]] = {}  # word -> (tokens around it at least, window, position)
    for number, own in enumerate(offsets):
        for position, (start, end) in enumerate(own.tolist()):
            word = int(np.searchsorted(ends, start, side="right"))
            if end <= start or word == len(places) or end <= places[word][0] or start > begins.get(word, start):
                continue
            around = (min(position, len(own) - 1 - position), -number, position)
            if start < begins.get(word, start + 1) or around[0] > seen[word][0]:
                begins[word], seen[word] = start, around
    for word, (_, number, position) in seen.items():
        owners[-number][position] = word
    return owners


PART = TokenClassification
