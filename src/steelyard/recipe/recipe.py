"""The recipe: what is asked, one YAML file, with every default that a specialist would defend."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, model_validator

from steelyard.language import say
from steelyard.recipe._section import Name, Says, Section, complaint
from steelyard.recipe.about import About
from steelyard.recipe.data import Data
from steelyard.recipe.decoding import Decoding
from steelyard.recipe.evidence import EvidencePlan
from steelyard.recipe.gates import Condition, Gate, parse
from steelyard.recipe.model import Model
from steelyard.recipe.training import Training, Trainings


class Recipe(Section):
    """Task, data, model and the rest. Made by `recipe.reader.read`, which gives complaints their file and line."""

    task: Annotated[
        Name, Says(say("a Hugging Face task's name; `steelyard tasks` lists them"), say("the name of a task, such as text-classification"))
    ]
    about: Annotated[About, Says(say("what the card needs to know"), say("keys: {names}", names="purpose, language, license, authors"))] = (
        About()
    )
    data: Annotated[Data, Says(say("where the rows are"), say("keys: {names}", names="train, validation, test, columns, labels..."))]
    model: Annotated[Model, Says(say("what is trained or judged"), say("keys: {names}", names="from, family, size, options"))] = Model()
    training: Annotated[
        Trainings, Says(say("how the weights are found"), say("keys such as {{epochs: 3}}, or none to judge model.from as it is"))
    ] = Training()
    decoding: Annotated[
        Decoding, Says(say("how answers are made of what the model says"), say("keys such as {{num_beams: 4}}"))
    ] = Decoding()
    evidence: Annotated[
        EvidencePlan,
        Says(say("what is found out about the run"), say("keys: {names}", names="keep_rows, show_rows, only, explanation, bias, cost")),
    ] = EvidencePlan()
    gates: Annotated[
        tuple[Condition, ...],
        Says(say("conditions that `steelyard gate` holds the run to"), say('a list of conditions such as "quality.accuracy >= 0.85"')),
    ] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63), Says(say("all that is random comes from it"), say("a whole number, 0 or more"))] = 0
    run: Annotated[
        str | None,
        Field(pattern=r"^[^/\\\x00-\x1f:*?\"<>|.][^/\\\x00-\x1f:*?\"<>|]{0,199}$"),
        Says(say("the name of the run's folder in runs/"), say("the name of a folder, without slashes and no dot in front")),
    ] = None

    _folder: Path = PrivateAttr(default_factory=Path)
    _places: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def folder(self) -> Path:
        """What the paths in the recipe are relative to."""
        return self._folder

    def where(self, key: str) -> str:
        """ "recipe.yaml:7 training.epochs", for complaints about that key; its section's line where it has none."""
        above = key
        while above and above not in self._places:
            above = above.rpartition(".")[0]
        return f"{self._places.get(above, '')} {key}".strip()

    def filled(self, defaults: Mapping[str, Any]) -> Self:
        """The recipe with what the person left open in `training` filled in from a family's defaults."""
        return self.model_copy(update={"training": self.training.filled(defaults)}) if isinstance(self.training, Training) else self

    def conditions(self) -> list[Gate]:
        """The gates, parsed."""
        return [parse(text, self.where(f"gates.{number}")) for number, text in enumerate(self.gates)]

    def __eq__(self, other: object) -> bool:
        """Two recipes that ask the same are equal, wherever they lie."""
        return isinstance(other, Recipe) and self.__dict__ == other.__dict__

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.training == "none":
            if self.model.from_ is None:
                raise complaint("training", say("`none` judges a trained model as it is; name it with `model.from`"))
            if self.data.test is None and self.data.train is None:
                raise complaint("data.test", say("missing; name the rows that the model is judged on"))
        elif self.data.train is None:
            raise complaint(
                "data.train", say("missing; name the rows that the model learns from, or judge a model as it is with `training: none`")
            )
        return self
