"""Sentences that can be said in another language, though values are set into them already."""

from collections.abc import Callable
from typing import Any, Self


class LazyText(str):
    """A text with its values set in, which still knows its template: that is what catalogues translate.

    A value may be a sentence itself.
    """

    __slots__ = ("template", "values")

    template: str
    values: tuple[object, ...]

    def __new__(cls, template: str, *values: object) -> Self:
        """Set the values into the template's `{}`, in order."""
        sentence = super().__new__(cls, template.format(*values) if values else template)
        sentence.template, sentence.values = str(template), values
        return sentence

    def __reduce__(self) -> tuple[Any, ...]:
        """Be copied as what it was made of."""
        return type(self), (self.template, *self.values)


def pack(text: str) -> Any:
    """Return a text as JSON can keep it: a sentence as its template and values."""
    if not isinstance(text, LazyText):
        # PostgreSQL's JSON has no such character, but a broken file may.
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    values = [pack(value if isinstance(value, str) else str(value)) for value in text.values]
    return {"template": text.template, "values": values}


def say(packed: Any, translate: Callable[[str], str]) -> str:
    """Return a packed text in the language of `translate`; a value is translated only if it is a sentence."""
    if isinstance(packed, str):
        return translate(packed)
    values = (value if isinstance(value, str) else say(value, translate) for value in packed["values"])
    return translate(packed["template"]).format(*values)
