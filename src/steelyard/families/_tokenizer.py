"""The tokenizer of text models that are trained from scratch: WordPiece, learnt from the data's own texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedTokenizerFast

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.parts import Processor, Task
from steelyard.rows import Rows

VOCABULARY = 8000  # subwords at most; a small set has fewer
LONGEST = 256  # tokens, where the recipe says nothing
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def wordpiece(task: Task, rows: Rows, options: Mapping[str, Any], typed: bool = False) -> Processor:
    """A tokenizer in lower case, Chinese by characters, trained on the rows' texts; the same for the same texts.

    options   vocab_size: subwords at most; max_length: tokens at which a text is cut
    typed     whether the model tells the two texts of a pair apart by token_type_ids
    Raises InputError where the texts hold nothing to learn from.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    vocabulary = _vocabulary(task, rows, int(options.get("vocab_size") or VOCABULARY))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    names = ["input_ids", *(["token_type_ids"] if typed else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=int(options.get("max_length") or LONGEST),
                                   model_input_names=names, **SPECIAL)


def _vocabulary(task: Task, rows: Rows, size: int) -> dict[str, int]:
    """Subword -> number. Raises InputError where the texts hold nothing to learn from.

    The trainer numbers the single characters within words in the order of a hash map, which differs from run to run and
    decides ties between merges. So they are given to it, in their own order, as if they were special.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk_token"]))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters: set[str] = set()
    for text in task.texts(rows):
        letters.update(text)
    known = trained.normalizer.normalize_str("".join(sorted(letters)))
    inside = sorted({letter for letter in known if letter.isalnum() and not _chinese(letter)})
    given = [*SPECIAL.values(), *(f"##{letter}" for letter in inside)]
    trainer = trainers.WordPieceTrainer(vocab_size=max(size, len(given) + 1), min_frequency=2, special_tokens=given, show_progress=False)
    trained.train_from_iterator(task.texts(rows), trainer)
    found: dict[str, int] = trained.get_vocab(with_added_tokens=False)
    if len(found) <= len(given):
        raise InputError(say("the training texts hold no letter or digit that occurs twice: no tokenizer can be trained on them"))
    return found


def _chinese(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff"
