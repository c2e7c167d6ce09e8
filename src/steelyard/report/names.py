"""What people call the things that documents name in short: measures, costs, counterweights, controls, ways of hiding."""

from steelyard.evidence import words
from steelyard.language import Sentence, say

_NAMES = {
    # measures
    "accuracy": say("accuracy"), "macro-f1": say("macro F1"), "f1": say("F1"), "roc-auc": say("ROC AUC"),
    "log-loss": say("log loss"), "calibration-error": say("calibration error"), "recall": say("recall"), "precision": say("precision"),
    "wer": say("word error rate"), "cer": say("character error rate"), "normalised-wer": say("word error rate, normalised"),
    "normalised-cer": say("character error rate, normalised"),
    "label-macro-f1": say("macro F1 over labels"), "label-micro-f1": say("micro F1 over labels"), "exact-labels": say("all labels right"),
    "mean-average-precision": say("mean average precision"), "pearson": say("Pearson's correlation"),
    "spearman": say("Spearman's rank correlation"), "rmse": say("root mean squared error"),
    "average-precision": say("average precision"), "ap": say("AP"), "ap50": say("AP at IoU 0.5"), "ap75": say("AP at IoU 0.75"),
    "ap-small": say("AP of small boxes"), "ap-medium": say("AP of medium boxes"), "ap-large": say("AP of large boxes"),
    "entity-f1": say("F1 of entities"), "token-f1": say("F1 of tagged words"), "token-accuracy": say("share of words tagged right"),
    "answer-f1": say("F1 of answers"), "exact-match": say("exact match"),
    "bleu": say("BLEU"), "chrf": say("chrF"), "rouge1": say("ROUGE-1"), "rouge2": say("ROUGE-2"), "rougel": say("ROUGE-L"),
    "bits-per-byte": say("bits per byte of text"), "token-loss": say("loss of a token"), "perplexity": say("perplexity"),
    # costs
    "time": say("training time"), "train-time": say("training time"), "seconds": say("training time"), "memory": say("peak memory"),
    "flops": say("arithmetic"), "flop": say("arithmetic"), "energy": say("energy"), "money": say("price"), "co2": say("CO₂ equivalent"),
    "examples-per-second": say("examples per second"), "parameters": say("parameters"), "storage": say("storage"), "disk": say("storage"),
    "total-time": say("time in all"), "weigh-time": say("time of weighing"), "answering": say("time of 1,000 answers"),
    "mfu": say("share of the machine's peak"),
    "tokens-per-second": say("tokens per second"), "waiting": say("share of the time that waits for data"),
    # counterweights
    "constant": say("a constant answer"), "tf-idf + logistic regression": say("TF-IDF + logistic regression"),
    "tf-idf + ridge regression": say("TF-IDF + ridge regression"), "pixels + ridge regression": say("pixels + ridge regression"),
    "pixels + logistic regression": say("pixels + logistic regression"),
    "nearest sound": say("the nearest training sound"), "gazetteer": say("a gazetteer of the training names"),
    "word list": say("a list of words"), "sliding window": say("a sliding window"),
    "copy of the source": say("a copy of the source"), "likest source": say("the target of the likest training source"),
    "lead-3": say("the first three sentences"),
    "five bytes before": say("each byte after the five before it"),
    "blobs + nearest boxes": say("what stands out by its colour"),
    # sets of rows
    "train": say("train"), "validation": say("validation"), "test": say("test"),
}


def name(short: object) -> Sentence | str:
    """The name for people; what has none keeps its own, as `words.name` has it."""
    text = str(short)
    key = text.replace("_", "-").lower()
    if key in _NAMES:
        return _NAMES[key]
    return words.name(text)
