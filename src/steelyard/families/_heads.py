"""What a task takes and wants -> Transformers' Auto class that has such a head."""

from __future__ import annotations

from typing import Any

from transformers import (
    AutoModelForCausalLM,
    AutoModelForCTC,
    AutoModelForImageClassification,
    AutoModelForMaskedLM,
    AutoModelForObjectDetection,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForSpeechSeq2Seq,
    AutoModelForTokenClassification,
    PreTrainedConfig,
)
from transformers.models.auto import modeling_auto as names

HEADS: dict[tuple[str, str], tuple[Any, Any]] = {
    ("text", "classes"): (AutoModelForSequenceClassification, names.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES),
    ("image", "classes"): (AutoModelForImageClassification, names.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES),
    ("text", "token-classes"): (AutoModelForTokenClassification, names.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES),
    ("text", "spans"): (AutoModelForQuestionAnswering, names.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES),
    ("text", "masked"): (AutoModelForMaskedLM, names.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
    ("text", "continuation"): (AutoModelForCausalLM, names.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    ("text", "sequence"): (AutoModelForSeq2SeqLM, names.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
    ("image", "boxes"): (AutoModelForObjectDetection, names.MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES),
    ("audio", "transcript"): (AutoModelForCTC, names.MODEL_FOR_CTC_MAPPING_NAMES),
}
LISTENERS = names.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES  # of ("audio", "transcript"): those that write word by word, as Whisper does


def head(takes: str, output: str, config: PreTrainedConfig) -> Any:
    """The Auto class. Raises KeyError for a pair that is in no table."""
    if output == "transcript" and config.model_type in LISTENERS:
        return AutoModelForSpeechSeq2Seq
    return HEADS[takes, output][0]


def heads_of(kind: str, text: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `text`, outputs of texts, that the architecture (model_type) has a head for."""
    return tuple(output for output in text if kind in HEADS["text", output][1])
