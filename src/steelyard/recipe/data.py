"""Section `data`: where the rows are, what their columns mean, how they are split."""

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from steelyard.language import say
from steelyard.recipe._section import WHOLE, WORDS, YES_NO, Name, Says, Section, Text, complaint, form

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*[%％]")
_SPLIT = say("a path, a share such as 10%, or {{column: split, value: dev}}")
_MIX = say("a path (a file, a glob, a folder, builtin:NAME, hub:NAME), a list of them, or pairs of a path and its weight")
_PAIRS = say("pairs such as {{text: review, label: stars}}")


def share(text: object) -> float | None:
    """ "10%" -> 0.1; None where `text` is no share."""
    found = _SHARE.fullmatch(text.strip()) if isinstance(text, str) else None
    return float(found[1]) / 100 if found else None


class SplitBy(Section):
    """The rows whose `column` says `value`."""

    column: Annotated[Name, Says(say("the column that names the split"), WORDS)]
    value: Annotated[Text, Says(say("what it says in the rows of this split"), WORDS)]


Paths = Annotated[Annotated[Name, Tag("~scalar")] | Annotated[tuple[Name, ...], Field(min_length=1), Tag("~list")], Discriminator(form)]
Mix = Annotated[
    Annotated[Name, Tag("~scalar")]
    | Annotated[tuple[Name, ...], Field(min_length=1), Tag("~list")]
    | Annotated[dict[str, Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=1), Tag("~mapping")],
    Discriminator(form),
]
Split = Annotated[
    Annotated[str, Field(min_length=1), Tag("~scalar")]
    | Annotated[tuple[Name, ...], Field(min_length=1), Tag("~list")]
    | Annotated[SplitBy, Tag("~mapping")],
    Discriminator(form),
]


class Data(Section):
    """Neither test nor validation given: 80/10/10 by the seed; validation alone missing: 10% of train."""

    train: Annotated[Mix | None, Says(say("what the model learns from"), _MIX)] = None
    validation: Annotated[Split | None, Says(say("what picks the best weights"), _SPLIT)] = None
    test: Annotated[Split | None, Says(say("what the model is judged on"), _SPLIT)] = None
    columns: Annotated[dict[str, Name], Says(say("the task's column: the data's column"), _PAIRS)] = Field(default_factory=dict)
    labels: Annotated[dict[str, Text], Says(say("joins two spellings of a label, such as {{pos: 1, neg: 0}}"), _PAIRS)
    ] = Field(default_factory=dict)
    label_names: Annotated[
        Name | None,
        Says(say("a file with the names of labels that the data gives as numbers"),
             say("the path of a file with a name a line, or of JSON")),
    ] = None
    exclude: Annotated[
        Paths | None,
        Says(say("rows that are never trained on, wherever they come from"), say("a run or a file of rows, or a list of them")),
    ] = None
    encoding: Annotated[Name, Says(say("the encoding of text files (utf-8, gb18030...)"), say("the name of an encoding"))] = "utf-8"
    header: Annotated[bool, Says(say("whether the first line of a table names its columns"), YES_NO)] = True
    group_by: Annotated[Name | None, Says(say("rows with one value of this column stay in one split"), say("the name of a column"))] = None
    max_bad_rows: Annotated[
        int, Field(ge=0), Says(say("how many broken rows are left out before reading stops"), say("a whole number, 0 or more"))
    ] = 0
    max_length: Annotated[int | None, Field(ge=1), Says(say("tokens of a text; what is longer is cut"), WHOLE)] = None
    image_size: Annotated[
        int | None,
        Field(ge=1, le=4096),
        Says(say("pictures are scaled to a square of so many pixels"), say("a whole number from 1 to 4096")),
    ] = None
    image_mode: Annotated[Literal["L", "RGB"] | None, Says(say("L: grey, RGB: colours"), say("one of {names}", names="L, RGB"))] = None

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except (LookupError, ValueError) as error:  # ValueError: a null character in the name
            raise complaint(
                "encoding", say('no encoding is called "{name}" (there are: utf-8, gb18030, latin-1 and more)', name=name)
            ) from error
        return name

    @property
    def sets(self) -> tuple[str, ...]:
        """The paths of `train`."""
        return (self.train,) if isinstance(self.train, str) else tuple(self.train or ())

    @model_validator(mode="after")
    def _shares(self) -> Self:
        total = 0.0
        for key, value in (("validation", self.validation), ("test", self.test)):
            part = share(value)
            if part is not None and not 0 < part < 1:
                raise complaint(
                    key, say("got {got}, want a share above 0% and below 100%: the rest is what the model learns from", got=value)
                )
            total += part or 0.0
        if total >= 1:
            raise complaint(
                "test",
                say(
                    "validation and test take {percent:.0f}% together, which leaves nothing to learn from; want less than 100%",
                    percent=100 * total,
                ),
            )
        return self
