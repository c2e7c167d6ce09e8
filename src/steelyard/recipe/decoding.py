"""Section `decoding`: how answers are made of what the model says. What nobody sets, the task decides."""

from typing import Annotated, Any

from pydantic import Field

from steelyard.language import say
from steelyard.recipe._section import WHOLE, YES_NO, Says, Section, Text

_SHARE = say("a number from 0 to 1")


class Decoding(Section):
    """Names as in Transformers' GenerationConfig where it has them. Each task knows some of these, and refuses the others."""

    max_new_tokens: Annotated[int | None, Field(ge=1, le=2**17), Says(say("tokens of an answer at most"), WHOLE)] = None
    num_beams: Annotated[
        int | None, Field(ge=1, le=64), Says(say("width of the beam search; 1: greedy"), say("a whole number from 1 to 64"))
    ] = None
    length_penalty: Annotated[
        float | None, Field(ge=-10, le=10), Says(say("of the beam search: above 1 prefers longer answers"), say("a number from -10 to 10"))
    ] = None
    no_repeat_ngram_size: Annotated[
        int | None, Field(ge=0, le=64), Says(say("no run of so many tokens comes twice; 0: any may"), say("a whole number from 0 to 64"))
    ] = None
    temperature: Annotated[
        float | None, Field(gt=0, le=100), Says(say("tokens are drawn, the flatter the higher it is"), say("a number above 0, at most 100"))
    ] = None
    top_k: Annotated[int | None, Field(ge=1), Says(say("drawn among so many of the likeliest tokens"), WHOLE)] = None
    top_p: Annotated[
        float | None, Field(gt=0, le=1), Says(say("drawn among the likeliest tokens that have this share together"), _SHARE)
    ] = None
    min_p: Annotated[
        float | None, Field(ge=0, le=1), Says(say("drawn among tokens at least this share as likely as the likeliest"), _SHARE)
    ] = None
    seed: Annotated[
        int | None, Field(ge=0, lt=2**31), Says(say("another number draws other tokens; 0 where it is left out"),
                                                say("a whole number, 0 or more"))
    ] = None
    stop: Annotated[
        tuple[Text, ...], Says(say("an answer ends before any of these texts"), say("a list of texts in square brackets"))
    ] = ()
    threshold: Annotated[
        float | None, Field(ge=0, le=1), Says(say("what scores less is not answered"), _SHARE)
    ] = None
    overlap: Annotated[
        float | None, Field(ge=0, le=1), Says(say("of two boxes that overlap more (IoU), the likelier is kept"), _SHARE)
    ] = None
    null_threshold: Annotated[
        float | None, Field(ge=-1000, le=1000),
        Says(say("nothing is answered where it is so much likelier than any answer, in nats"), say("a number from -1000 to 1000")),
    ] = None
    constrained: Annotated[bool | None, Says(say("only tags that may follow each other are answered"), YES_NO)] = None

    def told(self) -> dict[str, Any]:
        """What somebody set, as JSON values."""
        return {key: value for key, value in self.model_dump(mode="json").items() if value not in (None, [])}
