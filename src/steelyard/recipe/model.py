"""Section `model`: a trained one to start from, or a family to build from scratch."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from steelyard.language import say
from steelyard.recipe._section import Name, Says, Section, complaint

Scalar = bool | int | float | str


class Model(Section):
    """`from` or `family`, or neither: then the task names the family."""

    from_: Annotated[
        Name | None, Field(alias="from"), Says(say("a trained model to start from"), say("a local folder, a run, or a Hub id"))
    ] = None
    family: Annotated[
        Name | None, Says(say("what to build from scratch; `steelyard tasks` lists the families"), say("the name of a family"))
    ] = None
    size: Annotated[Name, Says(say("how big the family's new model is"), say("a size of the family, such as small"))] = "small"
    options: Annotated[
        dict[str, Scalar | tuple[Scalar, ...]],
        Says(say("further keys of the model's configuration"), say("pairs of a name and a number, text, truth value, or a list of them")),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.from_ is not None and self.family is not None:
            raise complaint("family", say("a model comes from `model.from` or is built new by `model.family`; give one of the two"))
        return self
