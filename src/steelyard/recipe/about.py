"""Section `about`: what the card and the documents need to know of the purpose."""

from typing import Annotated

from steelyard.language import say
from steelyard.recipe._section import WORDS, Says, Section, Text


class About(Section):
    """All optional; a card says of each that is missing that nobody said it."""

    purpose: Annotated[Text | None, Says(say("what the model is for, in a few words"), WORDS)] = None
    language: Annotated[Text | None, Says(say("the language of the data (en, zh...)"), WORDS)] = None
    license: Annotated[Text | None, Says(say("the license of the model (apache-2.0...)"), WORDS)] = None
    authors: Annotated[Text | None, Says(say("who answers for it"), WORDS)] = None
