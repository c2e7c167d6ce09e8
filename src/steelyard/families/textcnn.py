"""textcnn: filters over words, or over Chinese characters, beside a bag of words and pairs, from scratch.

Sources: Kim 2014, arXiv:1408.5882 (filters, the largest answer of each); Joulin et al. 2016, arXiv:1607.01759 (the bag, hashed pairs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import SequenceClassifierOutput

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.parts import Family, Processor, Task
from steelyard.rows import Rows

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer

VOCABULARY = 30_000  # words at most; one that occurs once stands for all that are unknown
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ALONE = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"  # Thai... Khmer, kana, Chinese: no spaces
PAUSE = "\u2581"  # a space behind such a character: there it stands for a comma


class TextCnnConfig(PreTrainedConfig):
    """hidden_size: width of a word's vector for the filters. num_filters: of each of kernel_sizes, which count words.

    bag_size              width of a word's vector for the bag, the mean over the text; 0: no bag
    num_pairs             rows of the bag's table of pairs of neighbours, which a hash points into; 0: no pairs
    unpaired_token_ids    tokens that say nothing of their neighbours: padding, unknown, mask
    embedding_dropout     share of the filters' inputs and of the bag's words that training leaves out
    hidden_dropout_prob   share of what the filters found that training leaves out
    """

    model_type = "steelyard-textcnn"

    vocab_size: int = 5
    hidden_size: int = 96
    kernel_sizes: list[int] | tuple[int, ...] = (2, 3)
    num_filters: int = 96
    bag_size: int = 64
    num_pairs: int = 2**14
    unpaired_token_ids: list[int] | tuple[int, ...] = (0, 1, 4)
    embedding_dropout: float = 0.2
    hidden_dropout_prob: float = 0.5
    pad_token_id: int = 0


class Pairs(nn.Embedding):
    """Starts at zero, so that a pair which training never met adds nothing."""


class TextCnnEmbeddings(nn.Module):
    """Side by side: a word's vector for the filters, and that of the word and of the pair it makes with the next for the bag."""

    def __init__(self, config: TextCnnConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocab_size, config.hidden_size + config.bag_size)
        self.pairs = Pairs(config.num_pairs, config.bag_size) if config.num_pairs and config.bag_size else None
        self.unpaired = tuple(config.unpaired_token_ids)

    def forward(self, input_ids: Tensor) -> Tensor:
        """input_ids (batch, tokens) int64 -> (batch, tokens, hidden_size + bag_size)."""
        vectors: Tensor = self.words(input_ids)
        if self.pairs is None:
            return vectors
        alone = torch.zeros_like(input_ids, dtype=torch.bool)
        for token in self.unpaired:
            alone |= input_ids == token
        paired = ~(alone[:, :-1] | alone[:, 1:])
        pairs = self.pairs(pair_numbers(input_ids, self.pairs.num_embeddings)) * paired[:, :, None]
        return vectors + functional.pad(pairs, (vectors.shape[2] - pairs.shape[2], 0, 0, 1))


def pair_numbers(input_ids: Tensor, count: int) -> Tensor:
    """input_ids (batch, tokens) int64 -> (batch, tokens - 1) int64 in [0, count): a hash of each token and the next.

    A linear congruence modulo the prime 2**31 - 1; no product reaches 2**63, whatever the vocabulary.
    """
    return (input_ids[:, :-1] * 36_313 + input_ids[:, 1:]) * 27_191 % (2**31 - 1) % count


class TextCnnForSequenceClassification(PreTrainedModel):
    """The largest answer of each filter over the whole text, beside the mean of the bag's vectors; Linear."""

    config_class = TextCnnConfig
    base_model_prefix = "filters"
    main_input_name = "input_ids"

    def __init__(self, config: TextCnnConfig) -> None:
        super().__init__(config)
        self.embeddings = TextCnnEmbeddings(config)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.filters = nn.ModuleList(nn.Conv1d(config.hidden_size, config.num_filters, size) for size in config.kernel_sizes)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.num_filters * len(config.kernel_sizes) + config.bag_size, config.num_labels)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """What makes `inputs_embeds` of `input_ids`: pairs are in it."""
        return self.embeddings

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, Pairs):  # Transformers asks for the innermost modules first, and lets none be set twice
            nn.init.zeros_(module.weight)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.Conv1d | nn.Linear):
            module.reset_parameters()

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, inputs_embeds: Tensor | None = None,
                output_hidden_states: bool = False) -> SequenceClassifierOutput:
        """input_ids (batch, tokens), or inputs_embeds (batch, tokens, hidden_size + bag_size) in their place -> logits (batch, labels).

        attention_mask (batch, tokens): 0 where there is padding, on which the answer does not depend; None: all is text.
        hidden_states: the vectors (batch, tokens, hidden_size + bag_size), the filters' answers (batch, tokens, all filters).
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        vectors = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        mask = vectors.new_ones(vectors.shape[:2]) if attention_mask is None else attention_mask.to(vectors)
        vectors = vectors * mask[:, :, None]  # beyond a text lie zeros, whether padded or not
        words, bag = vectors.split([self.config.hidden_size, self.config.bag_size], dim=2)
        across = self.embedding_dropout(words).transpose(1, 2)
        found = torch.cat([functional.relu(conv(functional.pad(across, ((size - 1) // 2, size // 2))))
                           for conv, size in zip(self.filters, self.config.kernel_sizes, strict=True)], dim=1)
        found = found * mask[:, None, :].to(found)  # 0 is the least that a ReLU says: the same as leaving padding out
        mean = (bag * self.embedding_dropout(mask)[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        logits = self.classifier(torch.cat([self.dropout(found.amax(dim=2)), mean.to(found)], dim=1))
        return SequenceClassifierOutput(logits=logits, hidden_states=(vectors, found.transpose(1, 2)) if output_hidden_states else None)


class TextCnn(Family):
    """Learns from few texts, in seconds; knows the words of its own data only."""

    name: ClassVar[str] = "textcnn"
    help: ClassVar[str] = "filters and a bag over words or Chinese characters, from scratch: small and fast"
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"hidden_size": 64, "num_filters": 64, "bag_size": 32, "num_pairs": 2**12},
        "small": {"hidden_size": 96, "num_filters": 96, "bag_size": 64, "num_pairs": 2**14},
        "base": {"hidden_size": 192, "num_filters": 192, "kernel_sizes": [2, 3, 4], "bag_size": 64, "num_pairs": 2**17},
    }
    options: ClassVar[tuple[str, ...]] = ("hidden_size", "num_filters", "kernel_sizes", "bag_size", "num_pairs", "embedding_dropout",
                                          "hidden_dropout_prob", "vocab_size")
    training: ClassVar[Mapping[str, Any]] = {"optimizer": "adamw", "learning_rate": 4e-3, "weight_decay": 0.01, "batch_size": 64,
                                             "epochs": 8, "label_smoothing": 0.1}

    def processor(self, task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
        """A tokenizer in lower case: words and signs; Chinese, kana and Thai by characters. The same for the same texts."""
        from tokenizers import Regex, Tokenizer, models, normalizers, processors, trainers

        counter = Tokenizer(models.WordLevel(unk_token=SPECIAL["unk_token"]))
        plain = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=False)
        counter.normalizer = plain
        counter.pre_tokenizer = _divided(ALONE)
        given = list(SPECIAL.values())
        trainer = trainers.WordLevelTrainer(vocab_size=int(options.get("vocab_size") or VOCABULARY), min_frequency=2,
                                            special_tokens=given, show_progress=False)
        counter.train_from_iterator(task.texts(rows), trainer)
        known = counter.get_vocab()
        if len(known) <= len(given):
            raise InputError(say("the training texts hold no word that occurs twice: no tokenizer can be trained on them"))
        # WordPiece with one ending only: a character and the pause behind it are two tokens of one word, which a person sees as one
        tokenizer = Tokenizer(models.WordPiece({**known, f"##{PAUSE}": len(known)}, unk_token=SPECIAL["unk_token"]))
        tokenizer.normalizer = normalizers.Sequence([plain, normalizers.Replace(Regex(rf"(?<={ALONE})\s+(?=\S)"), PAUSE)])
        tokenizer.pre_tokenizer = _divided(f"{ALONE}{PAUSE}?")
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", known["[SEP]"]), ("[CLS]", known["[CLS]"]))
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=int(options.get("max_length") or 256), **SPECIAL)

    def config(self, task: Task, processor: Processor, options: Mapping[str, Any]) -> PreTrainedConfig:
        """As many words as the tokenizer knows."""
        config = TextCnnConfig()
        config.update({**options, "vocab_size": len(processor), "pad_token_id": processor.pad_token_id, "unpaired_token_ids":
                       [processor.pad_token_id, processor.unk_token_id, processor.mask_token_id]})
        task.describe(config)
        return config

    def build(self, task: Task, config: PreTrainedConfig) -> PreTrainedModel:
        """Random weights."""
        return TextCnnForSequenceClassification(config)

    def embed(self, model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
        """The vectors of words and pairs in the tokens' place."""
        vectors = model.get_input_embeddings()(inputs["input_ids"])
        return {**{k: v for k, v in inputs.items() if k != "input_ids"}, "inputs_embeds": vectors}, "inputs_embeds"


def _divided(alone: str) -> PreTokenizer:
    """At spaces, around signs, and around what the expression `alone` finds."""
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(alone), "isolated"), pre_tokenizers.BertPreTokenizer()])


AutoConfig.register(TextCnnConfig.model_type, TextCnnConfig)
AutoModelForSequenceClassification.register(TextCnnConfig, TextCnnForSequenceClassification)

PART = TextCnn
