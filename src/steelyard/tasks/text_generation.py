"""text-generation: how a text goes on; plain texts teach it, or prompts with what is to be said to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.parts import PLAIN, Aim, Answer, BadValue, Batch, Column, Example, Examples, Key, Processor, Row, Statistics, Target, Units
from steelyard.rows import Rows
from steelyard.tasks._decoder import continued
from steelyard.tasks._ngrams import Ngrams
from steelyard.tasks._windows import Windows, present
from steelyard.tasks._words import padded

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

NOT_SCORED = -100
MOST = 64  # tokens of an answer, where decoding.max_new_tokens says nothing
BLOCK = 256  # rows that are read at a time


@dataclass
class Spoken(Batch):
    """A batch of texts that go on, with the tokenizer that writes the answers down."""

    processor: Any = None

    def to(self, device: torch.device) -> Spoken:
        """The same on another device."""
        there = super().to(device)
        return Spoken(there.inputs, there.targets, there.count, there.rows, there.extra, self.processor)


@dataclass(frozen=True)
class TextGeneration(Windows):
    """A row's probability is that of its text's tokens after its prompt, one after another, the end among them, in nats.

    begin   the token that stands before every text: the model's sign for the beginning, else the one for the end
    end     the one that a text ends with
    """

    begin: int = 0
    end: int = 0

    name: ClassVar[str] = "text-generation"
    title: ClassVar[Sentence] = say("how a text goes on; what is said to a prompt")
    output: ClassVar[str] = "continuation"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="prompt", kind="text", required=False, aliases=("instruction", "question", "提示", "指令", "问题")),
        Column(name="context", kind="text", required=False, aliases=("input", "背景", "输入")),
        Column(name="text", kind="text", target=True, aliases=("completion", "output", "response", "content", "文本", "回答", "输出",
                                                         "内容")),
    )
    forms: ClassVar[tuple[str, ...]] = ("jsonl", "json", "csv", "parquet", "arrow", "hub")
    metrics: ClassVar[tuple[str, ...]] = ("bits-per-byte", "token-loss", "perplexity")
    best: ClassVar[str] = "bits-per-byte"
    family: ClassVar[str] = "llama"
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens", "label_smoothing")
    decoding: ClassVar[tuple[str, ...]] = ("max_new_tokens", "temperature", "top_k", "top_p", "min_p", "stop", "no_repeat_ngram_size")
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "text-generation",
        "data": {"train": "builtin:answers"},
        "model": {"family": "llama", "size": "tiny"},
        "training": {"epochs": 4},
    }

    @classmethod
    def fit(cls, rows: Rows) -> TextGeneration:
        """Nothing yet: the signs are the model's. Raises InputError where every text is empty."""
        if not any(text.strip() for text in rows.column("text")):
            raise InputError(say("all {n} training texts are empty: there is nothing to learn", n=len(rows)))
        return cls()

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> TextGeneration:
        """The signs of a trained decoder. Raises InputError for a model that does not say them."""
        known = config.to_dict()
        end = known.get("eos_token_id")
        end = end[0] if isinstance(end, list) and end else end
        if not isinstance(end, int):
            raise InputError(say("the model's configuration does not say what a text ends with (eos_token_id); choose a decoder"))
        begin = known.get("bos_token_id")
        return cls(begin if isinstance(begin, int) else end, end)

    def describe(self, config: PreTrainedConfig) -> None:
        """No labels: two is Transformers' own number, which it does not write down."""
        config.num_labels = 2

    def settle(self, config: PreTrainedConfig, processor: Processor) -> TextGeneration:
        """With the model's signs."""
        return self.adopt(config)

    def passage(self, row: Row) -> str:
        """The prompt, and on a line of its own its context; nothing in a row of plain text."""
        return "\n".join(str(row[name]) for name in ("prompt", "context") if present(row, name) and str(row[name]))

    def texts(self, rows: Rows) -> Iterator[str]:
        """Prompts and texts: one vocabulary divides both."""
        for block in rows.blocks(BLOCK):
            for row in block:
                yield self.passage(row)
                yield str(row["text"])

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids (tokens,) int32: the prompt behind the beginning; labels (tokens,) int32: what follows, and the end; bytes () int64.

        A plain text that is longer than the model is divided into windows that do not overlap: each of its tokens is learnt, and
        judged, once, the last token of a window standing before the next. Of a prompt that is too long the beginning is left out,
        of what follows the end. bytes: of the text that the labels spell. Raises BadValue for an empty text.
        """
        return [self._examples(row, processor) for row in rows]

    def _examples(self, row: Row, processor: Processor) -> list[Example]:
        text, longest = self.target(row), processor.model_max_length
        shown = [self.begin, *processor(self.passage(row), add_special_tokens=False, verbose=False)["input_ids"]]
        if text is None:
            return [{"input_ids": _ids([shown[0], *shown[1:][-(longest - 1) :]])}]
        if not text.strip():
            raise BadValue(say("the text is empty: there is nothing to say; mend or leave out the row"))
        tokens, ends = self._spelled(text, processor)
        if len(shown) == 1:
            starts = range(0, len(tokens), longest)
            return [_example([tokens[at - 1] if at else self.begin], tokens[at : at + longest], ends[at : at + longest + 1])
                    for at in starts]
        kept = tokens[: max(longest - len(shown) + 1, longest // 2)]
        room = longest - len(kept)  # tokens of the prompt, the beginning aside
        return [_example([shown[0], *shown[max(1, len(shown) - room) :]], kept, ends[: len(kept) + 1])]

    def _spelled(self, text: str, processor: Processor) -> tuple[list[int], list[int]]:
        """(tokens with the end, (tokens + 1,) how many bytes of the text lie before each)."""
        cut = processor(text, add_special_tokens=False, verbose=False, return_offsets_mapping=True)
        starts = [start for start, _ in cut["offset_mapping"]] or [0]
        starts[0] = 0
        places = np.append(starts, [len(text)] * (len(cut["input_ids"]) + 2 - len(starts)))
        lengths = np.append(0, np.cumsum([len(letter.encode()) for letter in text]))
        return [*cut["input_ids"], self.end], lengths[places].tolist()

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids and attention_mask (examples, tokens); targets (examples, tokens) int64, what follows each, NOT_SCORED in the prompt.

        targets   texts. count: tokens that are to be said, each end among them
        """
        import torch

        longest = processor.model_max_length
        shown = list(examples.fields["input_ids"])
        extra = {"shown": torch.tensor([len(ids) for ids in shown])}
        said: list[Tensor] | None = None
        if targets is not None:
            said = [torch.tensor(self._spelled(text, processor)[0])[: max(1, longest - len(ids) + 1)]
                    for text, ids in zip(targets, shown, strict=True)]
        elif "labels" in examples.fields:
            said = list(examples.fields["labels"])
            extra["bytes"] = torch.as_tensor(examples.fields["bytes"])
        if said is None:
            ids, mask = padded(shown, processor.pad_token_id, longest)
            return Spoken({"input_ids": ids, "attention_mask": mask}, None, len(shown), examples.rows, extra, processor)
        ids, mask = padded([torch.cat([own, tokens[:-1].to(own)]) for own, tokens in zip(shown, said, strict=True)],
                           processor.pad_token_id, longest)
        goals = torch.full_like(ids, NOT_SCORED)
        for number, (own, tokens) in enumerate(zip(shown, said, strict=True)):
            goals[number, len(own) - 1 : len(own) - 1 + len(tokens)] = tokens
        return Spoken({"input_ids": ids, "attention_mask": mask}, goals, sum(map(len, said)), examples.rows, extra, processor)

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() minus the log probability of every token in nats, summed."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        return cross_entropy(outputs.logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=NOT_SCORED, reduction="sum",
                             label_smoothing=aim.smoothing)

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of the text given its prompt, in nats: of every token after those before it, and of the end."""
        from torch.nn.functional import cross_entropy

        assert batch.targets is not None
        goals = batch.targets[:, : outputs.logits.shape[1]]  # gradients are asked for without padding
        each = cross_entropy(outputs.logits.float().transpose(1, 2), goals, ignore_index=NOT_SCORED, reduction="none")
        return -each.sum(dim=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """("", (nats, tokens, bytes) of the text) an example; nothing is written by one pass."""
        assert batch.targets is not None
        tokens = (batch.targets != NOT_SCORED).sum(dim=1)
        lengths = batch.extra.get("bytes", tokens)
        return [("", own) for own in zip((-self.log_prob(outputs, batch)).tolist(), tokens.tolist(), lengths.tolist(), strict=True)]

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`, with what the model says to each prompt; a plain text, whose prompt is empty, is judged only.

        Where the text is known, no more than twice its tokens and 16 are said; always at most decoding.max_new_tokens.
        """
        assert isinstance(batch, Spoken)
        told = dict(model.config.to_dict().get("decoding") or {})
        shown, most = batch.extra["shown"], int(told.pop("max_new_tokens", MOST))
        judged: list[Any] = [("", None)] * len(shown)
        limits = (batch.processor.model_max_length + 1 - shown).clamp(min=1, max=most)
        asked = shown > 0
        if batch.targets is not None:
            judged = self.answer(model(**batch.inputs), batch)
            limits = limits.minimum(2 * (batch.targets != NOT_SCORED).sum(dim=1) + 16)
            asked = shown > 1
        prompts = [batch.inputs["input_ids"][i, : shown[i]] for i in asked.nonzero()[:, 0].tolist()]
        said = iter(continued(model, batch.processor, prompts, limits[asked].tolist(), told))
        return [(next(said) if own else "", counts) for own, (_, counts) in zip(asked.tolist(), judged, strict=True)]

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """{"generated_text"} as TextGenerationOutput; of a text that is known its log_prob in nats, and its tokens and bytes, too."""
        answer: dict[str, Any] = {"generated_text": "".join(text for text, _ in partials)}
        counts = [own for _, own in partials if own is not None]
        if counts:
            nats, tokens, size = (sum(column) for column in zip(*counts, strict=True))
            answer |= {"log_prob": -nats, "tokens": tokens, "bytes": size}
        return answer

    def line(self, answer: Answer, most: int = 1) -> str:
        """What was said."""
        return str(answer["generated_text"]) or "–"

    def target(self, row: Row) -> Target | None:
        """The text that follows the prompt."""
        return str(row["text"]) if present(row, "text") else None

    def guess(self, answer: Answer) -> Target:
        """What was said."""
        return str(answer["generated_text"])

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """nats, tokens (none, of what is no model), bytes, each () float64."""
        text = self.target(row)
        if text is None:
            return {}
        if "each_byte" in answer:
            data = np.frombuffer(text.encode(), dtype=np.uint8)
            found = (-float(np.array(answer["each_byte"])[data].sum()), 0, len(data))
        else:
            found = (-answer["log_prob"], answer["tokens"], answer["bytes"])
        return {name: np.array(value, dtype=np.float64) for name, value in zip(("nats", "tokens", "bytes"), found, strict=True)}

    def right(self, statistics: Statistics) -> np.ndarray:
        """The probability of a byte of the text, the geometric mean."""
        return np.exp(-np.maximum(0.0, statistics["nats"]) / np.maximum(1.0, statistics["bytes"]))

    def decision(self, answer: Answer) -> str | None:
        """None: a text is no decision for one of few."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """How often each byte stands anywhere; and a byte's chances after the five before it. Neither writes: they judge."""
        return {"constant": self._constant, "five bytes before": self._ngrams}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        known = Ngrams(0)
        known.learn((b"", str(row["text"]).encode()) for row in train)
        answer = {"generated_text": "", "each_byte": [math.log(share) for share in known.shares(b"")]}
        return (answer for _ in range(len(rows)))

    def _ngrams(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        known = Ngrams(5)
        known.learn((self.passage(row).encode(), str(row["text"]).encode()) for row in train)
        for row in rows:
            text = str(row["text"]).encode()
            yield {"generated_text": "", "log_prob": -known.nats(self.passage(row).encode(), text), "tokens": 0, "bytes": len(text)}

    def units(self, row: Row, example: Example, processor: Processor) -> Units:
        """The words of the prompt, as the tokenizer divides it; of one that is too long, those that are left."""
        count = len(example["input_ids"]) - 1
        whole = processor(self.passage(row), add_special_tokens=False, verbose=False, return_offsets_mapping=True)
        first = len(whole["input_ids"]) - count if self.passage(row) else 0
        of, places, last = np.full(count + 1, -1, dtype=np.int64), list[tuple[int, int]](), None
        owners = list(zip(whole.word_ids(), whole["offset_mapping"], strict=True))[first:] if self.passage(row) else []
        for position, (word, (start, end)) in enumerate(owners, start=1):
            if word is None or not self.passage(row)[start:end].strip():
                continue
            if word == last:
                places[-1] = (places[-1][0], end)
            else:
                places.append((start, end))
            last, of[position] = word, len(places) - 1
        return Units(of, tuple(places))

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}: the prompt, and what follows; a plain text by itself."""
        prompt, text = self.passage(row), self.target(row)
        return {"text": prompt, "target": text} if prompt else {"text": text or "", "target": None}


def _ids(tokens: Sequence[int]) -> np.ndarray:
    return np.array(tokens, dtype=np.int32)


def _example(shown: Sequence[int], tokens: Sequence[int], ends: Sequence[int]) -> dict[str, np.ndarray]:
    return {"input_ids": _ids(shown), "labels": _ids(tokens), "bytes": np.array(ends[-1] - ends[0], dtype=np.int64)}


PART = TextGeneration
