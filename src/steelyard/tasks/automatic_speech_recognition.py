"""automatic-speech-recognition: what is said, written down: frame by frame (CTC), or word by word (Whisper)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from steelyard.errors import InputError
from steelyard.facts import Finding
from steelyard.language import Sentence, say
from steelyard.math import ctc, spectra, transcripts
from steelyard.math.draws import uniform
from steelyard.math.lengths import padded_length
from steelyard.math.sound import RATE
from steelyard.parts import PLAIN, Aim, Answer, Augment, BadValue, Batch, Column, Example, Examples, Key, Processor, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._odd import Tally, tallied
from steelyard.tasks._sounds import Sounds, gathered, is_silent, played, summary, told, windows
from steelyard.tasks._transcripts import Heard, counted, inside, labels, needed, shortening, spelled, tidy, timed, written

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

TARGET = "text"
LONGEST = 1 << 40
IMPOSSIBLE = -1e4  # nats: a text that the frames cannot spell; minus infinity would spoil every mean
NEIGHBOURS = 10_000  # training sounds that the nearest one is looked for among


@dataclass(frozen=True)
class SpeechRecognition(Sounds):
    """A row's probability is that of its transcript, in nats: of all paths that spell it (CTC); of its tokens, one after another.

    blank     the number of CTC's blank, or of the token that a model begins to write with
    kernels, strides, paddings   of the layers that shorten time, as the model's configuration has them
    most      tokens that a model which writes word by word can write; 0: it spells frame by frame
    """

    blank: int = 0
    kernels: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    paddings: tuple[int, ...] = ()
    most: int = 0

    name: ClassVar[str] = "automatic-speech-recognition"
    title: ClassVar[Sentence] = say("what is said in a recording, written down")
    output: ClassVar[str] = "transcript"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(name="audio", kind="audio",
               aliases=("sound", "recording", "speech", "wav", "file_name", "file", "path", "音频", "录音", "语音")),
        Column(name=TARGET, kind="text", target=True,
               aliases=("transcript", "transcription", "sentence", "normalized_text", "文本", "转写", "转录", "文字")),
    )
    metrics: ClassVar[tuple[str, ...]] = ("wer", "cer", "normalised-wer", "normalised-cer")
    best: ClassVar[str] = "wer"
    forms: ClassVar[tuple[str, ...]] = ("folder", "recordings", "csv", "jsonl", "parquet", "arrow", "hub")
    family: ClassVar[str] = "speechcnn"
    settings: ClassVar[tuple[str, ...]] = ("batch_tokens", "augment.spec_augment", "augment.speed")
    decoding: ClassVar[tuple[str, ...]] = ("num_beams",)
    tiny: ClassVar[Mapping[str, Any]] = {
        "task": "automatic-speech-recognition",
        "data": {"train": "builtin:tones"},
        "model": {"family": "speechcnn", "size": "tiny"},
        "training": {"epochs": 15},
    }

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """Nothing yet: the alphabet is the processor's. Raises InputError where no training row says anything."""
        if not any(text and text.strip() for text in rows.column(TARGET)):
            raise InputError(say("all {n} training transcripts are empty: there is nothing to learn", n=len(rows)))
        return cls()

    @classmethod
    def adopt(cls, config: PreTrainedConfig) -> Self:
        """How a model shortens time, or that it writes word by word. Raises InputError for an architecture that is not known."""
        known = config.to_dict()
        if known.get("is_encoder_decoder"):
            return cls(blank=int(known["decoder_start_token_id"]), most=int(known.get("max_target_positions") or 448))
        layers, blank = shortening(known), known.get("pad_token_id")
        return cls(0 if blank is None else int(blank), layers.kernels, layers.strides, layers.paddings)

    def describe(self, config: PreTrainedConfig) -> None:
        """An end to masks that are drawn from no key (training.augment.spec_augment is ours)."""
        if config.to_dict().get("apply_spec_augment"):
            config.apply_spec_augment = False

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Self:
        """With the model's layers. Raises InputError where it hears another rate than 16 kHz."""
        if (rate := processor.feature_extractor.sampling_rate) != RATE:
            raise InputError(say("the model hears {got} samples a second; want one that hears {want}", got=rate, want=RATE))
        return self.adopt(config)

    def texts(self, rows: Rows) -> Iterator[str]:
        """The transcripts."""
        return (tidy(text) for text in rows.column(TARGET))

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """heard and sound as `hear` makes them, labels (tokens,) int32. Raises BadValue where the sound is too short for its text.

        A sound without a transcript that is longer than the model hears at once is cut into windows, one behind the other.
        """
        return [[self._example({**row, "audio": own}, processor) for own in windows(row["audio"], processor)]
                if row.get(TARGET) is None else [self._example(row, processor)] for row in rows]

    def _example(self, row: Row, processor: Processor) -> Example:
        example = self.hear(row, processor)
        if row.get(TARGET) is None:
            return example
        tokens = self._tokens(row[TARGET], processor)
        if self.most:
            if len(tokens) > self.most:
                raise BadValue(say("the text has {got} tokens, and the model writes {most} at most; cut the sound and its text",
                                   got=len(tokens), most=self.most))
            return {**example, "labels": np.array(tokens, dtype=np.int32)}
        frames, least = int(self.frames(np.array([len(example["heard"])]))[0]), ctc.needed(tokens)
        if least > frames:
            raise BadValue(say("the text needs {needed} frames and the sound has {frames} ({seconds:.2f} s): it is too short for "
                               '"{text}"; mend or leave out the row', needed=least, frames=frames,
                               seconds=len(row["audio"]) / 2 / RATE, text=tidy(row[TARGET])[:60]))
        return {**example, "labels": np.array(tokens, dtype=np.int32)}

    def _tokens(self, text: str, processor: Processor) -> list[int]:
        """The transcript's, without the one that writing begins with."""
        tokens = labels(text, processor)
        return tokens[1:] if self.most and tokens[:1] == [self.blank] else tokens

    def frames(self, heard: Any) -> Any:
        """(examples,) int64 frames that go in -> frames that the model gives; of numpy or torch."""
        for kernel, stride, padding in zip(self.kernels, self.strides, self.paddings, strict=True):
            heard = (heard + (2 * padding - kernel)) // stride + 1
        return heard

    def collate(self, examples: Examples, processor: Processor, key: Key | None, targets: Sequence[Target] | None = None) -> Batch:
        """What the processor's model reads, (examples, frames[, bands]) float32; targets (examples, tokens) int64, -1 behind each end.

        extra: heard and lengths (examples,) int64, frames in and out; seconds (examples,) of a frame that comes out.
        count: tokens, at least one an example. targets: transcripts, as texts.
        """
        import torch
        from torch.nn.utils.rnn import pad_sequence

        sounds = list(examples.fields["sound"])
        heard = torch.tensor([len(sound) for sound in sounds])
        width = padded_length(int(heard.max()), LONGEST)
        tokens = None
        if targets is not None:
            tokens = [torch.tensor(self._tokens(text, processor), dtype=torch.int64) for text in targets]
        elif "labels" in examples.fields:
            tokens = [own.long() for own in examples.fields["labels"]]
        count = len(sounds) if tokens is None else sum(max(1, len(own)) for own in tokens)
        goals = None if tokens is None else pad_sequence(tokens, batch_first=True, padding_value=-1)
        known = processor.feature_extractor.to_dict()
        name, names = processor.feature_extractor.model_input_names[0], processor.feature_extractor.model_input_names
        if self.most:
            inputs = {name: gathered(sounds, int(heard.max())).transpose(1, 2)}
            if goals is not None:
                begin = goals.new_full((len(goals), 1), self.blank)
                inputs["decoder_input_ids"] = torch.cat([begin, goals[:, :-1].clamp(min=0)], dim=1)
            return Heard(inputs, goals, count, examples.rows, {"heard": heard}, processor)
        inputs = {name: gathered(sounds, width)}
        if "attention_mask" in names or known.get("return_attention_mask"):
            inputs["attention_mask"] = inside(heard, width)
        hop = known.get("hop_length", 160) * known.get("stride", 1) if sounds[0].dim() == 2 else 1
        second = hop * int(np.prod(self.strides, dtype=np.int64)) / RATE
        extra = {"heard": heard, "lengths": self.frames(heard), "seconds": torch.full((len(sounds),), second, dtype=torch.float64)}
        return Heard(inputs, goals, count, examples.rows, extra, processor)

    def augment(self, batch: Batch, numbers: Tensor, how: Augment, key: Key) -> Batch:
        """Faster or slower first, then masked; both drawn anew in each step, by the example's number.

        A text that a faster sound would have no frames for keeps its own pace.
        """
        name = next(iter(batch.inputs))
        sounds, heard, places = batch.inputs[name], batch.extra["heard"], numbers.cpu().numpy()
        sounds = sounds.transpose(1, 2) if self.most else sounds
        at = Key(key.seed, key.epoch, key.step)
        if how.speed:
            import torch

            draws = uniform(at.number("speed"), places, 1)[:, 0]
            factors = torch.from_numpy(1 + how.speed * (2 * draws - 1)).to(heard.device)
            if self.most:  # its window is of one length
                sounds, heard = spectra.faster(sounds, heard, factors.clamp(min=1.0), sounds.shape[1])
            else:
                least = needed(batch.targets) if batch.targets is not None else torch.zeros_like(heard)
                factors = torch.where(self.frames((heard / factors).round().long()) >= least, factors, 1.0)
                longest = int((heard / factors).round().max())
                sounds, heard = spectra.faster(sounds, heard, factors, padded_length(longest, LONGEST))
        if how.spec_augment:
            sounds = spectra.masked(sounds, heard, uniform(at.number("spec_augment"), places, 4 * spectra.MASKS))
        if self.most:
            return replace(batch, inputs={**batch.inputs, name: sounds.transpose(1, 2)})
        inputs = {**batch.inputs, name: sounds}
        if "attention_mask" in inputs:
            inputs["attention_mask"] = inside(heard, sounds.shape[1])
        return replace(batch, inputs=inputs, extra={**batch.extra, "heard": heard, "lengths": self.frames(heard)})

    def loss(self, outputs: Any, batch: Batch, aim: Aim = PLAIN) -> Tensor:
        """() minus the log likelihood of the transcripts, in nats, summed; one that the frames cannot spell adds nothing."""
        if outputs.logits.is_meta:  # arithmetic is counted on shapes, and CTC has none of it that would count
            shapes: Tensor = outputs.logits.sum()
            return shapes
        losses, possible = self._losses(outputs, batch)
        total: Tensor = losses.masked_fill(~possible, 0.0).sum()
        return total

    def log_prob(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples,) log likelihood of batch.targets, in nats: over all paths (CTC; IMPOSSIBLE where the frames cannot spell it), or
        token by token, the end among them."""
        losses, possible = self._losses(outputs, batch)
        logs: Tensor = -losses
        return logs.masked_fill(~possible, IMPOSSIBLE)

    def _losses(self, outputs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """(examples,) nats, and whether each can be spelled."""
        from torch.nn.functional import cross_entropy, ctc_loss

        assert batch.targets is not None
        if self.most:
            each = cross_entropy(outputs.logits.float().transpose(1, 2), batch.targets, ignore_index=-1, reduction="none").sum(dim=1)
            return each, each.isfinite()
        logs = outputs.logits.float().log_softmax(dim=-1).transpose(0, 1)
        lengths = batch.extra["lengths"].clamp(max=len(logs))
        sizes = (batch.targets >= 0).sum(dim=1)
        possible = needed(batch.targets) <= lengths
        return ctc_loss(logs, batch.targets.clamp(min=0), lengths, sizes, self.blank, "none", zero_infinity=True), possible

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the last hidden state of what hears, averaged over its frames."""
        if self.most:
            states: Tensor = outputs.encoder_last_hidden_state.float()
            return states.mean(dim=1)
        last: Tensor = outputs.hidden_states[-1].float()
        own = inside(batch.extra["lengths"], last.shape[1]).to(last)[:, :, None]
        return (last * own).sum(dim=1) / own.sum(dim=1).clamp(min=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """{"text", "chunks"} of the likeliest path."""
        return self._read(outputs.logits, batch, 1)

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`, or by a prefix beam search as wide as decoding.num_beams; word by word with Transformers' `generate`.

        A model whose normalisation looks at the padding (feat_extract_norm: group) hears one sound at a time.
        """
        beams = int(told(model.config).get("num_beams") or 1)
        if self.most:
            assert isinstance(batch, Heard)
            name = next(iter(batch.inputs))
            settings: dict[str, Any] = {"num_beams": beams} if beams > 1 else {}
            found = None
            if model.generation_config is not None and model.generation_config.to_dict().get("alignment_heads"):
                mask = inside(batch.extra["heard"], batch.inputs[name].shape[2])
                found = model.generate(batch.inputs[name], attention_mask=mask, return_token_timestamps=True, **settings)
            written_by = model.generate(batch.inputs[name], **settings) if found is None else found["sequences"]
            texts = batch.processor.tokenizer.batch_decode(written_by, skip_special_tokens=True)
            times = [()] * len(texts) if found is None else found["token_timestamps"].tolist()
            lasts = batch.processor.feature_extractor.n_samples / RATE
            return [{"text": tidy(text), "chunks": timed(tokens, own, batch.processor.tokenizer), "lasts": lasts}
                    for text, tokens, own in zip(texts, written_by.tolist(), times, strict=True)]
        if model.config.to_dict().get("feat_extract_norm") != "group" or len(batch.rows) == 1:
            return self._read(model(**batch.inputs).logits, batch, beams)
        said = []
        for number, heard in enumerate(batch.extra["heard"].tolist()):
            one = slice(number, number + 1)
            alone = replace(batch, inputs={name: value[one, :heard] for name, value in batch.inputs.items()}, targets=None, count=1,
                            rows=batch.rows[one], extra={name: value[one] for name, value in batch.extra.items()})
            said += self._read(model(**alone.inputs).logits, alone, beams)
        return said

    def _read(self, logits: Tensor, batch: Batch, beams: int) -> list[Any]:
        assert isinstance(batch, Heard)
        logs, pieces = logits.float().log_softmax(dim=-1).cpu().numpy(), written(batch.processor.tokenizer)
        said = []
        for own, length, second in zip(logs, batch.extra["lengths"].tolist(), batch.extra["seconds"].tolist(), strict=True):
            own = own[:length]
            if beams > 1:
                numbers, _ = ctc.beam(own.astype(np.float64), self.blank, beams)
                spans = ctc.align(own, numbers, self.blank)
            else:
                numbers, spans = ctc.greedy(own, self.blank)
            said.append(spelled(numbers, spans, pieces, second))
        return said

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """{"text", "chunks": [{"text", "timestamp": [begin, end] in s}]}: AutomaticSpeechRecognitionOutput, of all windows in order.

        Chunks are words; a model of Whisper's kind tells their times where its configuration has alignment_heads.
        """
        chunks = [{"text": chunk["text"], "timestamp": [round(end + number * partial["lasts"], 3) for end in chunk["timestamp"]]}
                  for number, partial in enumerate(partials) for chunk in partial["chunks"]] if len(partials) > 1 else partials[0]["chunks"]
        return {"text": tidy(" ".join(partial["text"] for partial in partials)), "chunks": chunks}

    def line(self, answer: Answer, most: int = 1) -> str:
        """The transcript."""
        return str(answer["text"])

    def target(self, row: Row) -> Target | None:
        """The transcript, one space between words."""
        text = row.get(TARGET)
        return None if text is None else tidy(text)

    def guess(self, answer: Answer) -> Target:
        """What was said, as a text."""
        return str(answer["text"])

    def measure(self, row: Row, answer: Answer) -> Mapping[str, np.ndarray]:
        """words, characters, plain_words, plain_characters: (2,) int64 each, edits and length; plain without case and punctuation."""
        if row.get(TARGET) is None:
            return {}
        truth, said = str(row[TARGET]), str(answer["text"])
        plain = transcripts.normalised(truth), transcripts.normalised(said)
        return {
            "words": counted(transcripts.words(truth), transcripts.words(said)),
            "characters": counted(transcripts.characters(truth), transcripts.characters(said)),
            "plain_words": counted(*map(transcripts.words, plain)),
            "plain_characters": counted(*(list(text.replace(" ", "")) for text in plain)),
        }

    def noticed(self, rows: Mapping[str, Rows]) -> list[Finding]:
        """Silence, and transcripts of nothing."""
        found = tallied(rows, oddities)
        return [
            *found.get("silent", Tally()).finding("data/silent-sounds", "issue", say(
                "{rows} of {all} sounds are silent throughout; they are rows like any other", rows=0, all=0)),
            *found.get("empty", Tally()).finding("data/empty-transcripts", "issue", say(
                "{rows} of {all} transcripts are empty: nothing is the right thing to say", rows=0, all=0)),
        ]

    def right(self, statistics: Statistics) -> np.ndarray:
        """1 minus the row's word error rate, and not below 0."""
        edits, length = statistics["words"].astype(np.float64).T
        return np.asarray(1 - np.minimum(1.0, edits / np.maximum(length, 1)))

    def decision(self, answer: Answer) -> str | None:
        """None: a transcript is no decision for one of few."""
        return None

    def truth(self, row: Row) -> str | None:
        """None, as `decision`."""
        return None

    def counterweights(self) -> Mapping[str, Callable[[Rows, Rows], Iterator[Answer]]]:
        """The commonest transcript, and that of the training sound whose spectrum is nearest."""
        return {"constant": self._constant, "nearest sound": self._nearest}

    def _constant(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        text = Counter(tidy(text) for text in train.column(TARGET)).most_common(1)[0][0]
        return ({"text": text, "chunks": []} for _ in range(len(rows)))

    def _nearest(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """Among at most NEIGHBOURS training sounds, drawn evenly."""
        some = train.select(np.unique(np.linspace(0, len(train) - 1, NEIGHBOURS).astype(np.int64)))
        known, texts = np.stack([summary(row["audio"]) for row in some]), some.column(TARGET)
        for row in rows:
            place = int(np.square(known - summary(row["audio"])).sum(axis=1).argmin())
            yield {"text": tidy(texts[place]), "chunks": []}

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"image": the spectrum, "audio": what is heard, "target"}."""
        return {"image": self.picture(row), "audio": played(row["audio"]), "target": self.target(row)}


def oddities(row: Row) -> dict[str, int]:
    """{"silent", "empty"}: 1 where nothing can be heard, where nothing is said to be."""
    text = row.get(TARGET)
    return {"silent": int(is_silent(row["audio"])), "empty": int(text is not None and not text.strip())}


PART = SpeechRecognition
