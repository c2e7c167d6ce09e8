"""Twelve architectures as somebody else would hand them over: made tiny by Transformers itself, trained by nobody."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    BertConfig,
    BertTokenizer,
    BitImageProcessorPil,
    ConvNextImageProcessorPil,
    ConvNextV2Config,
    DebertaV2Config,
    DebertaV2Tokenizer,
    Dinov2Config,
    DistilBertConfig,
    ElectraConfig,
    MobileNetV2Config,
    MobileNetV2ImageProcessorPil,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    ResNetConfig,
    RobertaConfig,
    RobertaTokenizer,
    SwinConfig,
    ViTConfig,
    ViTImageProcessorPil,
)

from steelyard import catalog
from steelyard.engine.prepare import task_of
from steelyard.engine.split import dataset
from steelyard.recipe.reader import read

TASKS = {"text": "text-classification", "image": "image-classification"}
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
WIDTH = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
LONG = 64  # tokens


def texts() -> list[str]:
    recipe = read(catalog.load("tasks", TASKS["text"], "test").tiny)
    rows = dataset(recipe, task_of(recipe)).rows["train"]
    return [row["text"] for row in rows]


def wordpieces() -> dict[str, int]:
    """A vocabulary as BERT's; the order of equal counts does not matter here."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=list(SPECIAL.values()), show_progress=False)
    tokenizer.train_from_iterator(texts(), trainer)
    found: dict[str, int] = tokenizer.get_vocab()
    return found


def bytepairs(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(texts(), trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def roberta_tokenizer() -> Any:
    state = json.loads(bytepairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]).to_str())["model"]
    merges = [tuple(pair) for pair in state["merges"]]
    return RobertaTokenizer(vocab=state["vocab"], merges=merges, model_max_length=LONG)


def deberta_tokenizer() -> Any:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts(), trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], unk_token="[UNK]", show_progress=False))
    return DebertaV2Tokenizer(vocab=[tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["vocab"]], model_max_length=LONG)


def modernbert_tokenizer() -> Any:
    tokenizer = bytepairs(list(SPECIAL.values()))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LONG, **SPECIAL)


def bert_tokenizer() -> Any:
    return BertTokenizer(vocab=wordpieces(), model_max_length=LONG)


def text_config(name: str, tokenizer: Any) -> Any:
    words = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    return {
        "bert": lambda: BertConfig(**WIDTH, **words, max_position_embeddings=LONG),
        "distilbert": lambda: DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, **words, max_position_embeddings=LONG),
        "roberta": lambda: RobertaConfig(**WIDTH, **words, max_position_embeddings=LONG + 2, type_vocab_size=1),
        "modernbert": lambda: ModernBertConfig(**WIDTH, **words, max_position_embeddings=LONG, bos_token_id=2, cls_token_id=2,
                                               eos_token_id=3, sep_token_id=3, local_attention=8),
        "deberta-v2": lambda: DebertaV2Config(**WIDTH, **words, max_position_embeddings=LONG, relative_attention=True, position_buckets=16,
                                              pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm",
                                              position_biased_input=False, type_vocab_size=0),
        "electra": lambda: ElectraConfig(**WIDTH, **words, embedding_size=16, max_position_embeddings=LONG),
    }[name]()


TOKENIZERS = {"bert": bert_tokenizer, "distilbert": bert_tokenizer, "roberta": roberta_tokenizer, "modernbert": modernbert_tokenizer,
              "deberta-v2": deberta_tokenizer, "electra": bert_tokenizer}
PICTURES = {
    "vit": lambda: (ViTConfig(**WIDTH, image_size=32, patch_size=8), ViTImageProcessorPil(size={"height": 32, "width": 32})),
    "resnet": lambda: (ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"),
                       ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875)),
    "convnextv2": lambda: (ConvNextV2Config(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2),
                           ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875)),
    "swin": lambda: (SwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4),
                     ViTImageProcessorPil(size={"height": 32, "width": 32})),
    "dinov2": lambda: (Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=42, patch_size=14),
                       BitImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28}, do_convert_rgb=True)),
    "mobilenet_v2": lambda: (MobileNetV2Config(depth_multiplier=0.25),
                             MobileNetV2ImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})),
}
TWELVE = {**dict.fromkeys(TOKENIZERS, "text"), **dict.fromkeys(PICTURES, "image")}


def save(name: str, folder: Path) -> None:
    """A base model without a head, as pretraining leaves it, and its processor."""
    if TWELVE[name] == "text":
        processor = TOKENIZERS[name]()
        config = text_config(name, processor)
    else:
        config, processor = PICTURES[name]()
    torch.manual_seed(0)
    options = {"add_pooling_layer": False} if name in ("bert", "roberta", "vit") else {}
    AutoModel.from_config(config, **options).save_pretrained(folder)
    processor.save_pretrained(folder)
