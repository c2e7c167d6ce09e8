"""What people call the things that documents name in short: measures, costs, counterweights, controls, ways of hiding."""

from steelyard.language import Sentence, say

_NAMES = {
    # measures
    "accuracy": say("accuracy"), "macro-f1": say("macro F1"), "f1": say("F1"), "roc-auc": say("ROC AUC"),
    "log-loss": say("log loss"), "calibration-error": say("calibration error"), "recall": say("recall"), "precision": say("precision"),
    # costs
    "time": say("training time"), "train-time": say("training time"), "seconds": say("training time"), "memory": say("peak memory"),
    "flops": say("arithmetic"), "flop": say("arithmetic"), "energy": say("energy"), "money": say("price"), "co2": say("CO₂ equivalent"),
    "examples-per-second": say("examples per second"), "parameters": say("parameters"), "storage": say("storage"), "disk": say("storage"),
    "total-time": say("time in all"), "weigh-time": say("time of weighing"), "answering": say("time of 1,000 answers"),
    "mfu": say("share of the machine's peak"),
    # counterweights
    "constant": say("a constant answer"), "tf-idf + logistic regression": say("TF-IDF + logistic regression"),
    "pixels + logistic regression": say("pixels + logistic regression"),
    # explainers, ways of hiding, controls
    "integrated-gradients": say("integrated gradients"), "occlusion": say("occlusion"),
    "mask": say("masked"), "remove": say("taken out"), "mean": say("replaced by the mean"), "blur": say("blurred"),
    "nothing": say("nothing hidden"), "permuted": say("the same scores, shuffled"), "another-row": say("another row's map"),
    "mean-of-others": say("the mean map of other rows"), "unusual": say("what is out of the ordinary"),
    "unusual x spread": say("what is out of the ordinary, times the spread over the rows"),
    "unusual / spread": say("what is out of the ordinary, over the spread over the rows"),
    "random-twin": say("a model with random weights"), "ink": say("ink"), "edges": say("edges"), "length": say("word length"),
    "rarity": say("rarity of words"), "position": say("position"), "centre": say("position"),
    # sets of rows
    "train": say("train"), "validation": say("validation"), "test": say("test"),
}


def name(short: object) -> Sentence | str:
    """The name for people; what has none keeps its own, with spaces for hyphens and underscores."""
    text = str(short)
    key = text.replace("_", "-").lower()
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("surface:"):
        return say("the input's {surface}", surface=name(text.partition(":")[2]))
    if key.startswith("mean x "):
        return say("the mean map times the input's {surface}", surface=name(text[len("mean x "):].removeprefix("surface:")))
    return text if " " in text else text.replace("_", " ")
