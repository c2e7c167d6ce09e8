"""question-answering: the stretch of a text that answers a question, or that nothing in it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steelyard.errors import InputError
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math import answers as alike
from steelyard.parts import PLAIN, Aim, Answer, Batch, Column, Example, Examples, Key, Processor, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._answers import NOWHERE, Span, oddities, sliding_window, wanted
from steelyard.tasks._odd import Tally, tallied
from steelyard.tasks._windows import Windows, field, present, stride_of
from steelyard.tasks._words import padded

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

ANSWERS = "answers"
LONGEST = 40  # tokens of an answer
BEST = 20  # candidates of a window
SHOWN = 5  # candidates of an answer
NOT_SCORED = -1  # of a window whose answer stands nowhere


@dataclass(frozen=True)
class QuestionAnswering(Windows):
    """A window's probability is that of one span: where it starts times where it ends, in nats; a window without it says "nothing".

    unanswerable   whether some training question has no answer, so that "nothing" may be answered
    """

    unanswerable: bool = False

    name: ClassVar[str] = "question-answering"
    title: ClassVar[Sentence] = say("where in a text the answer to a question stands, or that it does not")
    output: ClassVar[str] = "spans"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="question", kind="text", aliases=("query", "问题", "提问")),
        Column(name="context", kind="text", aliases=("paragraph", "passage", "text", "上下文", "文章", "段落", "文本")),
        Column(name=ANSWERS, kind="answers", target=True, aliases=("answer", "答案", "回答")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("answer-f1", "exact-match")
    best: ClassVar[str] = "answer-f1"
    forms: ClassVar[tuple[str, ...]] = ("squad", "jsonl", "json", "csv", "parquet", "arrow", "hub")
    family: ClassVar[str] = "bert"
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens",)
    decoding: ClassVar[tuple[str, ...]] = ("null_threshold",)
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "question-answering",
        "data": {"train": "builtin:questions"},
        "model": {"family": "bert", "size": "tiny"},
        "training": {"epochs": 8},
    }

    @classmethod
    def fit(cls, rows: Rows) -> QuestionAnswering:
        """Whether some question has no answer. Raises InputError where none has one, or the column is missing."""
        if ANSWERS not in rows.names:
            raise InputError(say('no column tells the answers; the task reads "{name}"', name=ANSWERS))
        answers = rows.column(ANSWERS)
        if not any(answers):
            raise InputError(say("none of the {n} training questions has an answer: there is nothing to learn", n=len(rows)))
        return cls(unanswerable=not all(answers))

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> QuestionAnswering:
        """What our own training wrote down; a model of others may answer "nothing"."""
        return cls(unanswerable=bool(config.to_dict().get("unanswerable", True)))

    def describe(self, config: PreTrainedConfig) -> None:
        """Two outputs a token, start and end; whether "nothing" may be answered."""
        config.id2label = {0: "start", 1: "end"}
        config.label2id = {"start": 0, "end": 1}
        config.unanswerable = self.unanswerable

    def passage(self, row: Row) -> str:
        """The question, and the context below it."""
        return f"{row['question']}\n{row['context']}"

    def starts(self, row: Row) -> tuple[int, ...]:
        """Where each of the two begins in the passage."""
        return (0, len(row["question"]) + 1)

    def cut(self, row: Row, processor: Processor) -> Any:
        """Question and context; of a long context what the first window holds."""
        return processor(self._question(row, processor), row["context"], truncation="only_second", return_offsets_mapping=True)

    def _question(self, row: Row, processor: Processor) -> str:
        """The question, cut where it would take more than half of a window."""
        question, most = str(row["question"]), processor.model_max_length // 2
        cut = processor(question, truncation=False, return_offsets_mapping=True, add_special_tokens=False, verbose=False)["offset_mapping"]
        return question if len(cut) <= most else question[: cut[most - 1][1]]

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """input_ids, begin, end (tokens,) int32, the characters of the context's tokens, else -1; token_type_ids; target (2,) int64.

        A long context lies in windows that overlap; the target is the first and the last token of the answer, (0, 0) in a window
        that lacks it, NOT_SCORED where no answer stands in the context.
        """
        return [self._windows(row, processor) for row in rows]

    def _windows(self, row: Row, processor: Processor) -> list[Example]:
        question = self._question(row, processor)
        taken = len(processor(question)["input_ids"]) + 2
        cut = processor(question, row["context"], truncation="only_second", stride=stride_of(processor, taken),
                        return_overflowing_tokens=True, return_offsets_mapping=True, return_attention_mask=False)
        span = wanted(row["context"], row[ANSWERS]) if present(row, ANSWERS) else None
        windows: list[Example] = []
        for number, ids in enumerate(cut["input_ids"]):
            inside = np.array([sequence == 1 for sequence in cut.sequence_ids(number)])
            offsets = np.where(inside[:, None], np.array(cut["offset_mapping"][number]).reshape(-1, 2), -1).astype(np.int32)
            example: dict[str, np.ndarray] = {"input_ids": np.array(ids, dtype=np.int32), "begin": offsets[:, 0], "end": offsets[:, 1]}
            if "token_type_ids" in processor.model_input_names:
                example["token_type_ids"] = np.array(cut["token_type_ids"][number], dtype=np.int8)
            if present(row, ANSWERS):
                example["target"] = _tokens(example["begin"], example["end"], span)
            windows.append(example)
        return windows

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """input_ids, attention_mask and token_type_ids (examples, tokens); targets (examples, 2) int64 as in `encode`.

        targets   spans of characters, NOWHERE for none. count: windows that have a target
        """
        import torch

        longest = processor.model_max_length
        ids, mask = padded(list(examples.fields["input_ids"]), processor.pad_token_id, longest)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in examples.fields:
            inputs["token_type_ids"] = field(examples, "token_type_ids", 0, longest)
        begin, end = (field(examples, name, -1, longest) for name in ("begin", "end"))
        goals = None
        if targets is not None:
            places = zip(begin.numpy(), end.numpy(), targets, strict=True)
            goals = torch.from_numpy(np.stack([_tokens(first, last, span) for first, last, span in places]))
        elif "target" in examples.fields:
            goals = torch.as_tensor(examples.fields["target"])
        count = len(examples) if goals is None else int((goals[:, 0] >= 0).sum())
        return Batch(inputs, goals, count, examples.rows, {"begin": begin, "end": end})

    def _logs(self, outputs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """(examples, tokens) log probability of each place as the start, as the end: among the context's tokens and the first one."""
        width = outputs.start_logits.shape[1]  # gradients are asked for without padding
        outside = batch.extra["end"][:, :width] < 0
        outside[:, 0] = False
        low = float("-inf")
        start, end = (logits.float().masked_fill(outside, low).log_softmax(dim=-1) for logits in (outputs.start_logits, outputs.end_logits))
        return start, end

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() minus the log probability of the targets' spans in nats, summed; windows without a target add nothing."""
        assert batch.targets is not None
        total: Tensor = -self.log_prob(outputs, batch).sum()
        return total

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log probability of the span in this window, in nats: that it starts there, and that it ends there; of "nothing"
        where the window lacks it. 0 where there is no target."""
        assert batch.targets is not None
        start, end = self._logs(outputs, batch)
        places = batch.targets.clamp(min=0)
        both = start.gather(1, places[:, :1])[:, 0] + end.gather(1, places[:, 1:])[:, 0]
        return both.masked_fill(batch.targets[:, 0] < 0, 0.0)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """{"spans": [(start, end, nats)] the likeliest first, "null": nats of "nothing", "threshold": None} an example."""
        starts, ends = (logs.cpu().numpy() for logs in self._logs(outputs, batch))
        begin, end = batch.extra["begin"].cpu().numpy(), batch.extra["end"].cpu().numpy()
        return [{"spans": _likeliest(*each), "null": float(each[0][0] + each[1][0]), "threshold": None}
                for each in zip(starts, ends, begin, end, strict=True)]

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`; the threshold is decoding.null_threshold."""
        threshold = (model.config.to_dict().get("decoding") or {}).get("null_threshold")
        return [{**partial, "threshold": threshold} for partial in self.answer(model(**batch.inputs), batch)]

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """{"answer", "score", "start", "end"} as QuestionAnsweringOutputElement, and "others", the next best.

        The likeliest span of all windows. "" where "nothing" is likelier in every window by more than the threshold (0 nats unless
        decoding.null_threshold says otherwise; never for a task whose questions are all answered, unless it says so).
        """
        best: dict[Span, float] = {}
        for partial in partials:
            for start, end, score in partial["spans"]:
                best[start, end] = max(score, best.get((start, end), score))
        ranked = sorted(best.items(), key=lambda entry: (-entry[1], entry[0]))[:SHOWN]
        spans = [{"answer": row["context"][start:end], "score": float(np.exp(score)), "start": start, "end": end}
                 for (start, end), score in ranked]
        null, threshold = min((partial["null"] for partial in partials), default=0.0), partials[0]["threshold"] if partials else None
        nothing = _nothing(float(np.exp(null)))
        allowed = self.unanswerable or threshold is not None
        if not spans or (allowed and null - ranked[0][1] > (threshold or 0.0)):
            return {**nothing, "others": spans}
        return {**spans[0], "others": spans[1:] + ([nothing] if allowed else [])}

    def line(self, answer: Answer, most: int = 1) -> str:
        """The answer with its score."""
        return f"{answer['answer'] or '–'}  {answer['score']:.3f}"

    def target(self, row: Row) -> Target | None:
        """Where the answer stands in the context, NOWHERE for none; None where there is no such place."""
        return wanted(row["context"], row[ANSWERS]) if present(row, ANSWERS) else None

    def guess(self, answer: Answer) -> Target:
        """Where it was found."""
        return (answer["start"], answer["end"]) if answer["answer"] else NOWHERE

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """exact and f1 () float64: as SQuAD's script; as CMRC 2018's where the context is Chinese."""
        if not present(row, ANSWERS):
            return {}
        truths = [one["text"] for one in row[ANSWERS]]
        pair = (alike.chinese_exact, alike.chinese_f1) if alike.is_chinese(row["context"]) else (alike.exact, alike.f1)
        exact, f1 = (np.array(score(answer["answer"], truths), dtype=np.float64) for score in pair)
        return {"exact": exact, "f1": f1}

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """Answers that do not stand where they say, or nowhere; questions without one."""
        found = tallied(rows, oddities) if all(ANSWERS in own.names for own in rows.values()) else {}
        return [
            *found.get("elsewhere", Tally()).finding("data/answers-elsewhere", "issue", say(
                "{n} answers in {rows} of {all} rows do not stand in their context as they say; the nearest place with their text is taken",
                n=0, rows=0, all=0)),
            *found.get("nowhere", Tally()).finding("data/answers-nowhere", "issue", say(
                "{n} answers in {rows} of {all} rows stand nowhere in their context; they are not trained on, but judged by their text",
                n=0, rows=0, all=0)),
            *found.get("none", Tally()).finding("data/questions-without-answer", "passed", say(
                "{rows} of {all} questions have no answer: nothing is the right thing to say", rows=0, all=0)),
        ]

    def right(self, statistics: Statistics) -> np.ndarray:
        """F1 of the answer."""
        return np.asarray(statistics["f1"])

    def decision(self, answer: Answer) -> str | None:
        """None: an answer is a text."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """Nothing, always; and the words around which the question's words lie."""
        return {"constant": self._constant, "sliding window": self._sliding}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        return ({**_nothing(1.0), "others": []} for _ in range(len(rows)))

    def _sliding(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        ask = sliding_window(train)
        for row in rows:
            start, end = ask(row["question"], row["context"])
            said = _nothing(1.0) if start < 0 else {"answer": row["context"][start:end], "score": 1.0, "start": start, "end": end}
            yield {**said, "others": []}

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"text", "target"}."""
        told = " / ".join(dict.fromkeys(one["text"] for one in row[ANSWERS])) or "–" if present(row, ANSWERS) else None
        return {"text": self.passage(row), "target": told}


def _nothing(score: float) -> dict[str, Any]:
    return {"answer": "", "score": score, "start": 0, "end": 0}


def _tokens(begin: np.ndarray, end: np.ndarray, span: Span | None) -> np.ndarray:
    """(2,) int64: the first and last token of a span, (0, 0) where the window lacks it or it is NOWHERE; NOT_SCORED for None."""
    if span is None:
        return np.array([NOT_SCORED, NOT_SCORED], dtype=np.int64)
    inside = np.flatnonzero((end > span[0]) & (begin < span[1]) & (end > begin))
    known = np.flatnonzero(end > begin)
    # A tokenizer leaves out some signs at an answer's ends; but what reaches beyond the window's ends is in another.
    if not len(inside) or (begin[inside[0]] > span[0] and inside[0] == known[0]) or (end[inside[-1]] < span[1] and inside[-1] == known[-1]):
        return np.zeros(2, dtype=np.int64)
    return np.array([inside[0], inside[-1]], dtype=np.int64)


def _likeliest(start: np.ndarray, stop: np.ndarray, begin: np.ndarray, end: np.ndarray) -> list[tuple[int, int, float]]:
    """The BEST spans of a window, of at most LONGEST tokens: (start, end) in characters, nats; fewer where it has fewer."""
    inside = np.flatnonzero(end > begin)
    if not len(inside):
        return []
    a, b = start[inside].astype(np.float64), stop[inside].astype(np.float64)
    scores = np.add.outer(a, b)
    apart = np.arange(len(inside))[None, :] - np.arange(len(inside))[:, None]
    scores[(apart < 0) | (apart >= LONGEST)] = -np.inf
    flat = scores.ravel()
    top = np.argpartition(-flat, min(BEST, len(flat)) - 1)[:BEST]
    top = top[np.argsort(-flat[top], kind="stable")]
    return [(int(begin[inside[i // len(inside)]]), int(end[inside[i % len(inside)]]), float(flat[i])) for i in top if np.isfinite(flat[i])]


PART = QuestionAnswering
