"""Section `training`: how the weights are found. None: the family says it, or it is measured on this machine."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from steelyard.language import say
from steelyard.recipe._section import NUMBER, WHOLE, YES_NO, Name, Says, Section, complaint, form

Count = Annotated[int, Field(ge=1)]
_EVERY = say("auto, or a whole number of steps, 1 or more")
_AUTO = say("auto, or a whole number, 1 or more")

_FRACTION = say("a number from 0, below 1")

# Where neither the recipe nor the family says anything: AdamW with a short warm-up, as transformers are usually tuned.
FALLBACK: Mapping[str, Any] = {
    "epochs": 3,
    "batch_size": 32,
    "learning_rate": 5e-4,
    "weight_decay": 0.01,
    "optimizer": "adamw",
    "momentum": 0.9,
    "schedule": "cosine",
    "warmup_steps": "5%",
}


class Augment(Section):
    """How training pictures and sounds are varied, each anew in every epoch. What nobody sets is not done."""

    flip: Annotated[bool, Says(say("half of the pictures are mirrored, left to right"), YES_NO)] = False
    shift: Annotated[int, Field(ge=0, le=64), Says(say("moved by up to so many pixels each way"), say("a whole number from 0 to 64"))] = 0
    cutout: Annotated[
        int, Field(ge=0, le=512), Says(say("a square of so many pixels a side is covered"), say("a whole number from 0 to 512"))
    ] = 0
    early_size: Annotated[
        int, Field(ge=0, le=4096),
        Says(say("pictures are reduced to so many pixels a side in the first 60% of the steps, which then take less time"),
             say("a whole number from 0 to 4096")),
    ] = 0
    mixup: Annotated[
        float, Field(ge=0, le=10), Says(say("two pictures and their labels are mixed, by shares drawn from Beta(mixup, mixup)"),
                                        say("a number from 0 to 10"))
    ] = 0.0
    spec_augment: Annotated[
        bool, Says(say("of sounds, spans of time and bands of frequency are left out (SpecAugment)"), YES_NO)
    ] = False
    speed: Annotated[
        float, Field(ge=0, le=0.5), Says(say("sounds are up to this share faster or slower"), say("a number from 0 to 0.5"))
    ] = 0.0


class Training(Section):
    """Names as in TrainingArguments where theirs are plain. `batch_size` counts the examples of one optimiser step."""

    epochs: Annotated[float | None, Field(gt=0, le=1e6), Says(say("passes over the training rows"), NUMBER)] = None
    steps: Annotated[int | None, Field(ge=1), Says(say("optimiser steps, instead of epochs"), WHOLE)] = None
    batch_size: Annotated[int | None, Field(ge=1, le=2**24), Says(say("examples that one optimiser step sees"), WHOLE)] = None
    batch_tokens: Annotated[
        int | None, Field(ge=1, le=2**28),
        Says(say("tokens, padding included, that one optimiser step sees at most, instead of batch_size"), WHOLE),
    ] = None
    learning_rate: Annotated[float | None, Field(gt=0, le=100), Says(say("at its peak"), say("a number above 0, at most 100"))] = None
    weight_decay: Annotated[float | None, Field(ge=0, le=10), Says(say("decoupled, on matrices only"), say("a number from 0 to 10"))] = None
    optimizer: Annotated[
        Literal["adamw", "sgd", "muon"] | None,
        Says(say("adamw, sgd, or muon (adamw for all that is no matrix)"), say("one of {names}", names="adamw, sgd, muon")),
    ] = None
    momentum: Annotated[float | None, Field(ge=0, lt=1), Says(say("of sgd and muon"), _FRACTION)] = None
    schedule: Annotated[
        Literal["cosine", "linear", "constant"] | None,
        Says(say("how the learning rate falls after the warm-up"), say("one of {names}", names="cosine, linear, constant")),
    ] = None
    warmup_steps: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\s*\d{1,2}(\.\d+)?\s*%\s*$")] | None,
        Says(say("steps in which the learning rate rises from 0 to its peak"), say("a whole number, 0 or more, or a share such as 5%")),
    ] = None
    max_grad_norm: Annotated[
        float, Field(ge=0), Says(say("longer gradients are clipped to this length; 0: never"), say("a number, 0 or more"))
    ] = 1.0
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1), Says(say("share of the target that is spread over all labels"), _FRACTION)
    ] = 0.0
    class_weights: Annotated[
        Annotated[Literal["balanced"], Tag("~scalar")]
        | Annotated[dict[str, Annotated[float, Field(ge=0, le=1e6)]], Field(min_length=1), Tag("~mapping")]
        | None,
        Says(say("how much each label counts in the loss; balanced: rare ones as much as frequent ones"),
             say("balanced, or pairs of a label and a number, 0 or more")),
    ] = None
    augment: Annotated[
        Augment, Says(say("how training pictures and sounds are varied"),
                      say("keys: {names}", names="flip, shift, cutout, early_size, mixup, spec_augment, speed"))
    ] = Augment()
    ema: Annotated[
        float | None, Field(gt=0, lt=1),
        Says(say("a moving average of the weights with this decay is what is judged and saved"), say("a number above 0, below 1")),
    ] = None
    early_stopping: Annotated[
        int | None, Field(ge=1), Says(say("training ends after so many validations without a gain"), WHOLE)
    ] = None
    best: Annotated[Name | None, Says(say("the metric on validation that picks the weights"), say("the name of a metric of the task"))] = (
        None
    )
    evaluate_every: Annotated[
        Literal["epoch"] | Count, Says(say("when validation is answered"), say("epoch, or a whole number of steps, 1 or more"))
    ] = "epoch"
    checkpoint_every: Annotated[Literal["auto"] | Count, Says(say("when a checkpoint is written"), _EVERY)] = "auto"
    keep_checkpoints: Annotated[int, Field(ge=1), Says(say("how many checkpoints stay on the disk"), WHOLE)] = 2
    log_every: Annotated[int, Field(ge=1), Says(say("steps between two lines of the log"), say("a whole number of steps, 1 or more"))] = 10
    precision: Annotated[Literal["auto", "fp32", "bf16"], Says(say("auto: measured"), say("one of {names}", names="auto, fp32, bf16"))] = (
        "auto"
    )
    layout: Annotated[
        Literal["auto", "channels_last", "contiguous"],
        Says(say("how pictures lie in memory; auto: measured"), say("one of {names}", names="auto, channels_last, contiguous")),
    ] = "auto"
    micro_batch: Annotated[Literal["auto"] | Count, Says(say("examples that the machine holds at once; auto: measured"), _AUTO)] = "auto"
    threads: Annotated[Literal["auto"] | Count, Says(say("of the processor; auto: measured"), _AUTO)] = "auto"
    gradient_checkpointing: Annotated[
        bool, Says(say("layers are computed twice, so that less memory is needed"), YES_NO)
    ] = False
    compile: Annotated[
        Literal["auto"] | bool, Says(say("torch.compile; auto: where a measurement says that it pays"), say("auto, true or false"))
    ] = "auto"
    seeds: Annotated[
        int, Field(ge=1, le=100), Says(say("how many trainings, each with a seed of its own; figures then carry their spread"),
                                       say("a whole number from 1 to 100"))
    ] = 1

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.steps is not None:
            raise complaint("steps", say("training lasts so many `epochs` or so many `steps`; give one of the two"))
        if self.batch_size is not None and self.batch_tokens is not None:
            raise complaint("batch_tokens", say("a step sees so many examples (`batch_size`) or so many tokens (`batch_tokens`); "
                                                "give one of the two"))
        return self

    def filled(self, defaults: Mapping[str, Any]) -> "Training":
        """What the person left open filled in from `defaults`, then from FALLBACK; what was set stays.

        Raises pydantic's ValidationError where `defaults` are wrong: that is the family's fault, not the person's.
        """
        mine = {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}
        theirs = {**FALLBACK, **({"epochs": None} if "steps" in defaults else {}), **defaults}
        for either in ({"epochs", "steps"}, {"batch_size", "batch_tokens"}):
            if either & set(mine):
                theirs = {name: value for name, value in theirs.items() if name not in either}
        return Training.model_validate({**theirs, **mine})


NoTraining = Literal["none"]
Trainings = Annotated[Annotated[NoTraining, Tag("~scalar")] | Annotated[Training, Tag("~mapping")], Discriminator(form)]
