"""What tasks share that turn one text into another: teacher forcing, decoding, counts of n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.math import ngrams
from steelyard.parts import PLAIN, Aim, Answer, BadValue, Batch, Example, Examples, Key, Processor, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._words import Words, padded

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

NOT_SCORED = -1
KNOWN = 20_000  # training texts that the likest one is looked for among


@dataclass
class Written(Batch):
    """A batch of texts, with the tokenizer that writes the answers down."""

    processor: Any = None

    def to(self, device: torch.device) -> Written:
        """The same on another device."""
        there = super().to(device)
        return Written(there.inputs, there.targets, there.count, there.rows, there.extra, self.processor)


@dataclass(frozen=True)
class Sequences(Words):
    """Abstract: a row's probability is that of its target's tokens, one after another, the end among them, in nats.

    start   the token that a model begins to write with
    end     the one that it ends with
    """

    start: int = 0
    end: int = 0

    output: ClassVar[str] = "sequence"
    source_column: ClassVar[str]
    target_column: ClassVar[str]
    key: ClassVar[str]  # of an answer, as huggingface_hub has it
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens", "label_smoothing")
    decoding: ClassVar[tuple[str, ...]] = ("num_beams", "max_new_tokens", "length_penalty", "no_repeat_ngram_size", "temperature",
                                           "top_k", "top_p", "min_p", "seed")

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """Nothing yet: the signs are the model's. Raises InputError where every target is empty."""
        if not any(text.strip() for value in rows.column(cls.target_column) for text in every(value)):
            raise InputError(say("all {n} training targets are empty: there is nothing to learn", n=len(rows)))
        return cls()

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> Self:
        """The signs of a model that has a decoder. Raises InputError for one that does not say them."""
        known = config.to_dict()
        start, end = known.get("decoder_start_token_id"), known.get("eos_token_id")
        end = end[0] if isinstance(end, list) and end else end
        if not isinstance(start, int) or not isinstance(end, int):
            raise InputError(say("the model's configuration does not say what a text begins and ends with (decoder_start_token_id, "
                                 "eos_token_id); choose an encoder-decoder"))
        return cls(start, end)

    def describe(self, config: PreTrainedConfig) -> None:
        """No labels: two is Transformers' own number, which it does not write down."""
        config.num_labels = 2

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Self:
        """With the model's signs. Raises InputError for a beam search that is to draw."""
        told = config.to_dict().get("decoding") or {}
        if told.get("num_beams", 1) > 1 and (drawn := [key for key in ("temperature", "top_k", "top_p", "min_p") if key in told]):
            raise InputError(say("decoding.{key}: a beam search (num_beams: {beams}) draws nothing; leave one of the two out", key=drawn[0],
                                 beams=told["num_beams"]))
        return self.adopt(config)

    def passage(self, row: Row) -> str:
        """The source."""
        return str(row[self.source_column])

    def texts(self, rows: Rows) -> Iterator[str]:
        """Sources and targets: one vocabulary divides both."""
        for block in rows.blocks(1024):
            for row in block:
                yield self.passage(row)
                yield from every(row[self.target_column])

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids and labels (tokens,) int32, both cut at model_max_length. Raises BadValue for a target without a word."""
        encoded = processor([self.passage(row) for row in rows], truncation=True, return_attention_mask=False)["input_ids"] if rows else []
        examples: list[list[Example]] = []
        for row, ids in zip(rows, encoded, strict=True):
            example = {"input_ids": np.array(ids, dtype=np.int32)}
            text = self.target(row)
            if text is not None:
                if not text.strip():
                    raise BadValue(say("the target is empty: there is nothing to write; mend or leave out the row"))
                example["labels"] = np.array(self._tokens(text, processor), dtype=np.int32)
            examples.append([example])
        return examples

    def _tokens(self, text: str, processor: Processor) -> list[int]:
        """The target's, with one end, and without the token that writing begins with anyway."""
        tokens = list(processor(text_target=text, truncation=True)["input_ids"])
        if len(tokens) > 1 and tokens[0] == self.start:
            tokens = tokens[1:]
        if tokens[-1:] != [self.end]:
            tokens = [*tokens[: processor.model_max_length - 1], self.end]
        return tokens

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids, attention_mask and decoder_input_ids (examples, tokens); targets (examples, tokens) int64, -1 behind each end.

        targets   texts. count: tokens that are to be written, each end among them
        """
        import torch

        longest = processor.model_max_length
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, longest)
        inputs = {"input_ids": ids, "attention_mask": mask}
        tokens = None
        if targets is not None:
            tokens = [torch.tensor(self._tokens(text, processor)) for text in targets]
        elif "labels" in examples.fields:
            tokens = list(examples.fields["labels"])
        first = torch.full((len(ids), 1), self.start)
        if tokens is None:
            inputs["decoder_input_ids"] = first
            return Written(inputs, None, len(ids), examples.rows, processor=processor)
        goals, _ = padded(tokens, NOT_SCORED, longest)
        before = goals[:, :-1]
        inputs["decoder_input_ids"] = torch.cat([first, before.masked_fill(before < 0, processor.pad_token_id)], dim=1)
        return Written(inputs, goals, sum(len(own) for own in tokens), examples.rows, processor=processor)

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() minus the log probability of every token in nats, summed."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        return cross_entropy(outputs.logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=NOT_SCORED, reduction="sum",
                             label_smoothing=aim.smoothing)

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of the target given its source, in nats: of every token after those before it, and of the end."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        each = cross_entropy(outputs.logits.float().transpose(1, 2), batch.targets, ignore_index=NOT_SCORED, reduction="none")
        return -each.sum(dim=1)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the encoder's last states, averaged over the source's tokens."""
        states: Tensor = outputs.encoder_last_hidden_state.float()
        mask = batch.inputs["attention_mask"][:, : states.shape[1], None]
        return (states * mask).sum(dim=1) / mask.sum(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """The likeliest token at each place, those before it given."""
        assert isinstance(batch, Written)
        return list(batch.processor.batch_decode(outputs.logits.argmax(dim=-1), skip_special_tokens=True))

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """A text an example by Transformers' `generate`: greedy, drawn, or a beam search as wide as decoding.num_beams.

        Greedy and drawn answers are at most twice as long as their source and 16 tokens more, whoever their batch mates are.
        """
        from steelyard.tasks._drawn import DRAWS, drawing

        assert isinstance(batch, Written)
        told = dict(model.config.to_dict().get("decoding") or {})
        most = told.pop("max_new_tokens", None)
        beams = told.pop("num_beams", 1)
        mask, longest = batch.inputs["attention_mask"], batch.processor.model_max_length - 1
        own = (2 * mask.sum(dim=1) + 16).clamp(max=longest)
        if most is not None or beams > 1:
            own = own.new_full((len(own),), min(most or longest, longest))
        ids = batch.inputs["input_ids"]
        drawn = drawing({key: told.pop(key) for key in DRAWS if key in told}, [text[text_mask].tolist() for text, text_mask in zip(
            ids, mask.bool(), strict=True)])
        found = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=int(own.max()), num_beams=beams, do_sample=False,
                               logits_processor=drawn, **told)
        kept = [tokens[1 : 1 + limit] for tokens, limit in zip(found.tolist(), own.tolist(), strict=True)]
        return [text.strip() for text in batch.processor.batch_decode(kept, skip_special_tokens=True)]

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """One key with the text, as huggingface_hub's type has it."""
        return {self.key: partials[0]}

    def line(self, answer: Answer, most: int = 1) -> str:
        """The text."""
        return str(answer[self.key]) or "–"

    def target(self, row: Row) -> Target | None:
        """The target as it is written; the first of several."""
        return next(iter(every(row.get(self.target_column))), None)

    def guess(self, answer: Answer) -> Target:
        """What was written."""
        return str(answer[self.key])

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """bleu (10,) and chrf (18,) int64, as math.ngrams counts them."""
        truth, said = self.target(row), str(answer[self.key])
        return {} if truth is None else {"bleu": ngrams.bleu_counts(truth, said), "chrf": ngrams.chrf_counts(truth, said)}

    def right(self, statistics: Statistics) -> np.ndarray:
        """chrF of each row by itself."""
        return np.array([0.0 if np.isnan(own := ngrams.chrf(counts)) else min(1.0, own) for counts in statistics["chrf"]])

    def decision(self, answer: Answer) -> str | None:
        """None: a text is no decision for one of few."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """The commonest target, always; the source as it stands; the target of the training source that is likest (TF-IDF)."""
        return {"constant": self._constant, "copy of the source": self._copy, "likest source": self._likest}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        text = Counter(every(value)[0] for value in train.column(self.target_column)).most_common(1)[0][0]
        return ({self.key: text} for _ in range(len(rows)))

    def _copy(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        return ({self.key: self.passage(row)} for row in rows)

    def _likest(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """Among at most KNOWN training texts, drawn evenly."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        some = list(train.select(np.unique(np.linspace(0, len(train) - 1, KNOWN).astype(np.int64))))
        vectorizer = TfidfVectorizer(analyzer=_lower, sublinear_tf=True, dtype=np.float32)
        known = vectorizer.fit_transform([self.passage(row) for row in some])
        for block in rows.blocks(256):
            likeness = (vectorizer.transform([self.passage(row) for row in block]) @ known.T).toarray()
            for place in likeness.argmax(axis=1).tolist():
                yield {self.key: self.target(some[place])}

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}; several targets stand below each other."""
        return {"text": self.passage(row), "target": "\n".join(every(row.get(self.target_column))) or None}


def every(value: str | Sequence[str] | None) -> Sequence[str]:
    """Every target of a row."""
    return [] if value is None else [value] if isinstance(value, str) else value


def _lower(text: str) -> list[str]:
    return ngrams.words(text.lower())
