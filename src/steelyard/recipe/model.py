"""Section `model`: a trained one to start from, or a family to build from scratch."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from steelyard.language import say
from steelyard.recipe._section import NAMES, WHOLE, Name, Says, Section, complaint

MOST_LAYERS = 10_000  # each is built before anything can be measured
Scalar = bool | int | float | str


class Lora(Section):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): the model's own weights stay as they are while it trains."""

    rank: Annotated[int, Field(ge=1, le=4096), Says(say("width of the adapters"), WHOLE)] = 8
    alpha: Annotated[float, Field(gt=0, le=1e6), Says(say("how much the adapters count, divided by the rank"),
                                                      say("a number above 0"))] = 16.0
    dropout: Annotated[float, Field(ge=0, lt=1), Says(say("dropout before the adapters"), say("a number from 0, below 1"))] = 0.0
    targets: Annotated[
        tuple[Name, ...] | None, Field(min_length=1),
        Says(say("names of the layers that get one; left out: every linear layer but the head"), NAMES),
    ] = None


class Model(Section):
    """`from` or `family`, or neither: then the task names the family."""

    from_: Annotated[
        Name | None, Field(alias="from"), Says(say("a trained model to start from"), say("a local folder, a run, or a Hub id"))
    ] = None
    revision: Annotated[
        Name | None, Says(say("of a Hub id: a branch, a tag or a commit; what was found is recorded"), say("the name of a revision"))
    ] = None
    family: Annotated[
        Name | None, Says(say("what to build from scratch; `steelyard tasks` lists the families"), say("the name of a family"))
    ] = None
    size: Annotated[Name, Says(say("how big the family's new model is"), say("a size of the family, such as small"))] = "small"
    options: Annotated[
        dict[str, Scalar | tuple[Scalar, ...]],
        Says(say("further keys of the model's configuration"), say("pairs of a name and a number, text, truth value, or a list of them")),
    ] = Field(default_factory=dict)

    freeze: Annotated[
        tuple[Name, ...],
        Says(say("weights that are not trained: embeddings, body, or patterns of their names such as encoder.layer.0.*"), NAMES),
    ] = ()
    lora: Annotated[
        Lora | None, Says(say("trains small adapters in place of all weights"), say("keys: {names}", names="rank, alpha, dropout, targets"))
    ] = None

    @model_validator(mode="after")
    def _few_layers(self) -> Self:
        for name, value in self.options.items():
            if "layers" in name and isinstance(value, int | float) and value > MOST_LAYERS:
                raise complaint("options", say("{name}: got {got}; a model has at most {most} layers", name=name, got=value,
                                               most=MOST_LAYERS))
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.from_ is not None and self.family is not None:
            raise complaint("family", say("a model comes from `model.from` or is built new by `model.family`; give one of the two"))
        if self.revision is not None and self.from_ is None:
            raise complaint("revision", say("a revision is of a model of the Hub; name it with `model.from`"))
        return self
