"""Section `evidence`: what is found out about a run, and what of people's rows may be kept and shown."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from steelyard.language import say
from steelyard.recipe._section import NAMES, WHOLE, YES_NO, Name, Says, Section, Text, complaint

DOCUMENTS = ("quality", "cost", "explanation", "bias", "data")
_RANGE = say("a number, 0 or more, or a range such as [20, 800]")


def _both_ends(value: object) -> object:
    """A range; one number is a range of no width."""
    return (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


End = Annotated[float, Field(ge=0)]
Range = Annotated[
    tuple[End, End],
    BeforeValidator(_both_ends),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
]


class Explanation(Section):
    """What the answers depend on."""

    methods: Annotated[tuple[Name, ...], Field(min_length=1), Says(say("files of explainers/"), NAMES)] = (
        "integrated-gradients",
        "occlusion",
    )
    rows: Annotated[int, Field(ge=1), Says(say("how many rows are explained; more rows, narrower intervals"), WHOLE)] = 100


class Bias(Section):
    """Whom the model fails."""

    groups: Annotated[tuple[Name, ...], Says(say("columns whose values are groups of people or things"), NAMES)] = ()
    positive: Annotated[tuple[Text, ...], Says(say("the labels that are good for the person"), NAMES)] = ()


class Cost(Section):
    """Prices and the grid are ranges [low, high]: nobody knows them exactly."""

    grid_g_per_kwh: Annotated[Range, Says(say("grams of CO2 for one kWh, from mostly water power to mostly coal"), _RANGE)] = (20.0, 800.0)
    price_per_kwh: Annotated[Range | None, Says(say("of electricity"), _RANGE)] = None
    price_per_hour: Annotated[Range | None, Says(say("of the machine"), _RANGE)] = None
    currency: Annotated[Name, Says(say("of the prices"), say("a currency, such as EUR"))] = "EUR"

    @model_validator(mode="before")
    @classmethod
    def _rising(cls, given: Any) -> Any:
        for key, value in given.items() if isinstance(given, dict) else ():
            if isinstance(value, tuple) and len(value) == 2 and all(isinstance(end, int | float) for end in value) and value[0] > value[1]:
                raise complaint(
                    key, say("got a range from {low} down to {high}; the smaller number comes first", low=value[0], high=value[1])
                )
        return given


class EvidencePlan(Section):
    """Section `evidence`."""

    keep_rows: Annotated[bool, Says(say("whether the run keeps the rows that it is judged on"), YES_NO)] = True
    show_rows: Annotated[bool, Says(say("whether people's rows may stand on the page and in the answers"), YES_NO)] = True
    only: Annotated[
        tuple[Literal["quality", "cost", "explanation", "bias", "data"], ...] | None,
        Field(min_length=1),
        Says(say("only these documents"), say("a list of some of {names}", names=", ".join(DOCUMENTS))),
    ] = None
    explanation: Annotated[Explanation, Says(say("what the answers depend on"), say("keys: {names}", names="methods, rows"))] = (
        Explanation()
    )
    bias: Annotated[Bias, Says(say("whom the model fails"), say("keys: {names}", names="groups, positive"))] = Bias()
    cost: Annotated[
        Cost,
        Says(
            say("what energy and the machine cost"), say("keys: {names}", names="grid_g_per_kwh, price_per_kwh, price_per_hour, currency")
        ),
    ] = Cost()
