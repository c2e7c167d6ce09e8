"""What turns sounds and transcripts into numbers where no trained model brings it: log-mel spectra, and the characters of the rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.language import say
from steelyard.parts import Processor, Task
from steelyard.rows import Rows

BLANK, UNKNOWN, SPACE = "<pad>", "<unk>", "|"  # as Wav2Vec2's tokenizers call them; the padding's number is CTC's blank
MOST = 8000  # characters; more are no alphabet


def characters(task: Task, rows: Rows) -> Any:
    """A Wav2Vec2CTCTokenizer of every character in the rows' texts, in the order of their code points. Raises InputError."""
    from transformers import Wav2Vec2CTCTokenizer

    found = sorted({letter for text in task.texts(rows) for letter in text if not letter.isspace() and letter != SPACE})
    if not found:
        raise InputError(say("the training rows' transcripts hold no character: there is nothing to learn"))
    if len(found) > MOST:
        raise InputError(say("the training rows' transcripts hold {n} different characters; at most {most} are an alphabet",
                             n=len(found), most=MOST))
    vocabulary = {token: number for number, token in enumerate((BLANK, UNKNOWN, SPACE, *found))}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vocab.json"
        file.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        return Wav2Vec2CTCTokenizer(str(file), unk_token=UNKNOWN, pad_token=BLANK, word_delimiter_token=SPACE, bos_token=None,
                                    eos_token=None)


def listening(task: Task, rows: Rows, options: Mapping[str, Any]) -> Processor:
    """A Wav2Vec2Processor: log-mel spectra, one a 10 ms; characters. Raises InputError.

    options   num_mel_bins; normalize_bands: each band has mean 0 and spread 1 over its sound (Parakeet's spectra). Where not, spectra
              are as they are (Speech2Text's): what one short word differs by may be just its bands' means (docs/log.md)
    """
    from transformers import ParakeetFeatureExtractor, Speech2TextFeatureExtractor, Wav2Vec2Processor

    bands = int(options.get("num_mel_bins") or 64)
    if options.get("normalize_bands", True):
        spectra: Any = ParakeetFeatureExtractor(feature_size=bands, sampling_rate=16_000)
    else:
        spectra = Speech2TextFeatureExtractor(feature_size=bands, num_mel_bins=bands, sampling_rate=16_000, do_ceptral_normalize=False)
    return Wav2Vec2Processor(feature_extractor=spectra, tokenizer=characters(task, rows))


def has_alphabet(folder: Path) -> bool:
    """Whether a trained model's folder has a tokenizer; a model that was only pretrained (wav2vec2-base) has none."""
    return any((folder / name).is_file() for name in ("tokenizer_config.json", "tokenizer.json", "vocab.json"))


def lettered(folder: Path, task: Task, rows: Rows) -> tuple[Processor, dict[str, int]]:
    """The folder's feature extractor with the rows' characters, and the keys of the configuration that follow from them.

    Raises InputError, and what Transformers raises where the folder has no feature extractor.
    """
    from transformers import AutoFeatureExtractor, Wav2Vec2Processor

    extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer = characters(task, rows)
    return Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer), {"vocab_size": len(tokenizer),
                                                                                "pad_token_id": tokenizer.pad_token_id}
