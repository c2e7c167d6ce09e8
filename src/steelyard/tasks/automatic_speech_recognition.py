"""automatic-speech-recognition: what is said, written down. Models that spell frame by frame (CTC)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from steelyard.errors import InputError
from steelyard.language import Sentence, say
from steelyard.math import ctc, spectra, transcripts
from steelyard.math.draws import uniform
from steelyard.math.lengths import padded_length
from steelyard.math.sound import RATE
from steelyard.parts import PLAIN, Aim, Answer, Augment, BadValue, Batch, Column, Example, Examples, Key, Processor, Row, Statistics, Target
from steelyard.rows import Rows
from steelyard.tasks._sounds import Sounds, gathered, summary, told

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

TARGET = "text"
LONGEST = 1 << 40
IMPOSSIBLE = -1e4  # nats: a text that the frames cannot spell; minus infinity would spoil every mean
NEIGHBOURS = 10_000  # training sounds that the nearest one is looked for among
_UNKNOWN = "\u2047"  # what stands for a character outside the alphabet


@dataclass(frozen=True)
class SpeechRecognition(Sounds):
    """A row's probability is that of its transcript: the sum over all paths that spell it, in nats.

    tokens    what each of the model's tokens writes; "" for the blank and other signs
    blank     the number of CTC's blank
    kernels, strides, paddings   of the layers that shorten time, as the model's configuration has them
    """

    tokens: tuple[str, ...] = ()
    blank: int = 0
    kernels: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    paddings: tuple[int, ...] = ()

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
        """How a model shortens time, and what its tokens write where steelyard trained it. Raises InputError."""
        known = config.to_dict()
        if known.get("is_encoder_decoder"):
            raise InputError(say('a model of type "{kind}" writes word by word; automatic-speech-recognition reads models that spell '
                                 "frame by frame (CTC): Wav2Vec2, HuBERT, WavLM, Parakeet CTC", kind=config.model_type))
        kernels, strides, paddings = _shortening(known)
        blank = known.get("pad_token_id")
        return cls(tokens=tuple(known.get("transcript_tokens") or ()), blank=0 if blank is None else int(blank), kernels=kernels,
                   strides=strides, paddings=paddings)

    def describe(self, config: PreTrainedConfig) -> None:
        """transcript_tokens, and an end to masks that are drawn from no key (use training.augment.spec_augment)."""
        if self.tokens:
            config.transcript_tokens = list(self.tokens)
        if config.to_dict().get("apply_spec_augment"):
            config.apply_spec_augment = False

    def settle(self, config: PreTrainedConfig, processor: Processor) -> Self:
        """With the model's tokens and layers. Raises InputError where it hears another rate than 16 kHz."""
        if (rate := processor.feature_extractor.sampling_rate) != RATE:
            raise InputError(say("the model hears {got} samples a second; want one that hears {want}", got=rate, want=RATE))
        settled = replace(self.adopt(config), tokens=_written(processor.tokenizer))
        settled.describe(config)
        return settled

    def texts(self, rows: Rows) -> Iterator[str]:
        """The transcripts."""
        return (_tidy(text) for text in rows.column(TARGET))

    def encode(self, rows: Sequence[Row], processor: Processor) -> list[list[Example]]:
        """heard and sound as `hear` makes them, labels (tokens,) int32. Raises BadValue where the sound is too short for its text."""
        return [[self._example(row, processor)] for row in rows]

    def _example(self, row: Row, processor: Processor) -> Example:
        example = self.hear(row, processor)
        if row.get(TARGET) is None:
            return example
        labels = _labels(row[TARGET], processor)
        frames, needed = int(self.frames(np.array([len(example["heard"])]))[0]), ctc.needed(labels)
        if needed > frames:
            raise BadValue(say("the text needs {needed} frames and the sound has {frames} ({seconds:.2f} s): it is too short for "
                               '"{text}"; mend or leave out the row', needed=needed, frames=frames,
                               seconds=len(row["audio"]) / 2 / RATE, text=_tidy(row[TARGET])[:60]))
        return {**example, "labels": np.array(labels, dtype=np.int32)}

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

        sounds = list(examples.fields["sound"])
        heard = torch.tensor([len(sound) for sound in sounds])
        width = padded_length(int(heard.max()), LONGEST)
        extractor = processor.feature_extractor
        inputs = {extractor.model_input_names[0]: gathered(sounds, width)}
        if "attention_mask" in extractor.model_input_names or extractor.to_dict().get("return_attention_mask"):
            inputs["attention_mask"] = _inside(heard, width)
        known = extractor.to_dict()
        hop = known.get("hop_length", 160) * known.get("stride", 1) if sounds[0].dim() == 2 else 1
        second = hop * int(np.prod(self.strides, dtype=np.int64)) / RATE
        extra = {"heard": heard, "lengths": self.frames(heard), "seconds": torch.full((len(sounds),), second, dtype=torch.float64)}
        labels = None
        if targets is not None:
            labels = [torch.tensor(_labels(text, processor), dtype=torch.int64) for text in targets]
        elif "labels" in examples.fields:
            labels = [own.long() for own in examples.fields["labels"]]
        count = len(sounds) if labels is None else sum(max(1, len(own)) for own in labels)
        return Batch(inputs, None if labels is None else torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-1), count,
                     examples.rows, extra)

    def augment(self, batch: Batch, numbers: Tensor, how: Augment, key: Key) -> Batch:
        """Faster or slower first, then masked; both drawn anew in each step, by the example's number.

        A text that a faster sound would have no frames for keeps its own pace.
        """
        name = next(iter(batch.inputs))
        sounds, heard, places = batch.inputs[name], batch.extra["heard"], numbers.cpu().numpy()
        at = Key(key.seed, key.epoch, key.step)
        if how.speed:
            import torch

            draws = uniform(at.number("speed"), places, 1)[:, 0]
            factors = torch.from_numpy(1 + how.speed * (2 * draws - 1))
            least = _needed(batch.targets) if batch.targets is not None else torch.zeros_like(heard)
            factors = torch.where(self.frames((heard / factors).round().long()) >= least, factors, 1.0)
            longest = int((heard / factors).round().max())
            sounds, heard = spectra.faster(sounds, heard, factors, padded_length(longest, LONGEST))
        if how.spec_augment:
            sounds = spectra.masked(sounds, heard, uniform(at.number("spec_augment"), places, 4 * spectra.MASKS))
        inputs = {**batch.inputs, name: sounds}
        if "attention_mask" in inputs:
            inputs["attention_mask"] = _inside(heard, sounds.shape[1])
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
        """(examples,) log likelihood of batch.targets over all paths, in nats; IMPOSSIBLE where the frames cannot spell it."""
        losses, possible = self._losses(outputs, batch)
        logs: Tensor = -losses
        return logs.masked_fill(~possible, IMPOSSIBLE)

    def _losses(self, outputs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        from torch.nn.functional import ctc_loss

        assert batch.targets is not None
        logs = outputs.logits.float().log_softmax(dim=-1).transpose(0, 1)
        lengths = batch.extra["lengths"].clamp(max=len(logs))
        sizes = (batch.targets >= 0).sum(dim=1)
        possible = _needed(batch.targets) <= lengths
        return ctc_loss(logs, batch.targets.clamp(min=0), lengths, sizes, self.blank, "none", zero_infinity=True), possible

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """(examples, width) the last hidden state, averaged over the frames that are heard."""
        last: Tensor = outputs.hidden_states[-1].float()
        inside = _inside(batch.extra["lengths"], last.shape[1]).to(last)[:, :, None]
        return (last * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)

    def answer(self, outputs: Any, batch: Batch) -> list[Any]:
        """{"text", "chunks"} of the likeliest path."""
        return self._read(outputs.logits, batch, 1)

    def respond(self, model: PreTrainedModel, batch: Batch) -> list[Any]:
        """As `answer`, or by a prefix beam search as wide as decoding.num_beams.

        A model whose normalisation looks at the padding (feat_extract_norm: group) hears one sound at a time.
        """
        beams = int(told(model.config).get("num_beams") or 1)
        if model.config.to_dict().get("feat_extract_norm") != "group" or len(batch.rows) == 1:
            return self._read(model(**batch.inputs).logits, batch, beams)
        said = []
        for number, heard in enumerate(batch.extra["heard"].tolist()):
            one = slice(number, number + 1)
            alone = Batch({name: value[one, :heard] for name, value in batch.inputs.items()}, None, 1, batch.rows[one],
                          {name: value[one] for name, value in batch.extra.items()})
            said += self._read(model(**alone.inputs).logits, alone, beams)
        return said

    def _read(self, logits: Tensor, batch: Batch, beams: int) -> list[Any]:
        logs = logits.float().log_softmax(dim=-1).cpu().numpy()
        said = []
        for own, length, second in zip(logs, batch.extra["lengths"].tolist(), batch.extra["seconds"].tolist(), strict=True):
            own = own[:length]
            if beams > 1:
                numbers, _ = ctc.beam(own.astype(np.float64), self.blank, beams)
                spans = ctc.align(own, numbers, self.blank)
            else:
                numbers, spans = ctc.greedy(own, self.blank)
            said.append(self._spelled(numbers, spans, second))
        return said

    def _spelled(self, numbers: Sequence[int], spans: Sequence[tuple[int, int]], second: float) -> dict[str, Any]:
        """The words, and when each begins and ends: with its first character's first frame, and its last one's last."""
        chunks: list[dict[str, Any]] = []
        apart = True  # whether the next character begins a word
        for number, (start, end) in zip(numbers, spans, strict=True):
            piece = self.tokens[number]
            if apart or piece[:1].isspace():
                apart = True
            if letters := piece.strip():
                if apart:
                    chunks.append({"text": "", "timestamp": [round(start * second, 3), 0.0]})
                chunks[-1]["text"] += letters
                chunks[-1]["timestamp"][1] = round(end * second, 3)
                apart = piece[-1].isspace()
        return {"text": " ".join(chunk["text"] for chunk in chunks), "chunks": chunks}

    def merge(self, row: Row, partials: Sequence[Any]) -> Answer:
        """{"text", "chunks": [{"text", "timestamp": [begin, end] in seconds}]}: AutomaticSpeechRecognitionOutput."""
        return {"text": partials[0]["text"], "chunks": partials[0]["chunks"]}

    def line(self, answer: Answer, most: int = 1) -> str:
        """The transcript."""
        return str(answer["text"])

    def target(self, row: Row) -> Target | None:
        """The transcript, one space between words."""
        text = row.get(TARGET)
        return None if text is None else _tidy(text)

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
            "words": _counted(transcripts.words(truth), transcripts.words(said)),
            "characters": _counted(transcripts.characters(truth), transcripts.characters(said)),
            "plain_words": _counted(*map(transcripts.words, plain)),
            "plain_characters": _counted(*(list(text.replace(" ", "")) for text in plain)),
        }

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
        text = Counter(_tidy(text) for text in train.column(TARGET)).most_common(1)[0][0]
        return ({"text": text, "chunks": []} for _ in range(len(rows)))

    def _nearest(self, train: Rows, rows: Rows) -> Iterator[Answer]:
        """Among at most NEIGHBOURS training sounds, drawn evenly."""
        some = train.select(np.unique(np.linspace(0, len(train) - 1, NEIGHBOURS).astype(np.int64)))
        known, texts = np.stack([summary(row["audio"]) for row in some]), some.column(TARGET)
        for row in rows:
            place = int(np.square(known - summary(row["audio"])).sum(axis=1).argmin())
            yield {"text": _tidy(texts[place]), "chunks": []}

    def show(self, row: Row) -> Mapping[str, Any]:
        """{"image": the spectrum, "target"}."""
        return {"image": self.picture(row), "target": self.target(row)}


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _labels(text: str, processor: Processor) -> list[int]:
    """The transcript's tokens; characters that the alphabet lacks are its unknown one."""
    return list(processor.tokenizer(_tidy(text)).input_ids)


def _written(tokenizer: Any) -> tuple[str, ...]:
    """What each token of a tokenizer of characters (Wav2Vec2) or pieces (SentencePiece) writes; signs write nothing."""
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    between = tokenizer.convert_ids_to_tokens(_labels("a a", _Only(tokenizer)))[1:2]
    silent = {tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token}
    return tuple("" if name in silent else _UNKNOWN if name == tokenizer.unk_token else " " if [name] == between and len(name) == 1
                 else name.replace("\u2581", " ") for name in names)


@dataclass(frozen=True)
class _Only:
    tokenizer: Any


def _counted(truth: Sequence[str], said: Sequence[str]) -> np.ndarray:
    return np.array([transcripts.edits(truth, said), len(truth)], dtype=np.int64)


def _inside(lengths: Tensor, width: int) -> Tensor:
    """(examples, width) int64, 1 before each one's end."""
    import torch

    return (torch.arange(width, device=lengths.device)[None] < lengths[:, None]).long()


def _needed(targets: Tensor) -> Tensor:
    """(examples,) int64 frames that each one's tokens take at least, as math.ctc.needed."""
    equal = (targets[:, 1:] == targets[:, :-1]) & (targets[:, 1:] >= 0)
    return (targets >= 0).sum(dim=1) + equal.sum(dim=1)


def _shortening(config: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """(kernels, strides, paddings) of the layers that shorten time. Raises InputError for an architecture that says nothing of them."""
    encoder = config.get("encoder_config") or {}
    if "subsampling_factor" in encoder:  # Parakeet
        count = int(encoder["subsampling_factor"]).bit_length() - 1
        kernel, stride = int(encoder["subsampling_conv_kernel_size"]), int(encoder["subsampling_conv_stride"])
        return (kernel,) * count, (stride,) * count, ((kernel - 1) // 2,) * count
    if "conv_stride" in config:  # Wav2Vec2 and its kin; ours
        kernels, strides = list(config["conv_kernel"]), list(config["conv_stride"])
        paddings = list(config.get("conv_padding") or [0] * len(strides))
    elif "add_adapter" in config:  # Wav2Vec2-BERT reads frames as they are
        kernels, strides, paddings = [], [], []
    else:
        raise InputError(say('steelyard does not know how a model of type "{kind}" shortens time; it knows Wav2Vec2 and its kin, '
                             "Parakeet CTC and its own", kind=config.get("model_type", "")))
    if config.get("add_adapter"):
        count = int(config["num_adapter_layers"])
        kernels, strides, paddings = kernels + [1] * count, strides + [int(config["adapter_stride"])] * count, paddings + [0] * count
    return tuple(kernels), tuple(strides), tuple(paddings)


PART = SpeechRecognition
