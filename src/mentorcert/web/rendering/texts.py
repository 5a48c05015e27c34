"""Texts of the catalogues in templates, as `jinja2.ext.i18n` writes them, which looks each up again wherever it stands."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from markupsafe import Markup

from mentorcert.translations import Language, translations


def texts_of(language: Language) -> Mapping[str, Callable[..., Markup]]:
    """Return what templates call, with values as keywords, which are escaped."""
    texts = translations(language)

    # A page has a hundred, nearly all without a value.
    @lru_cache(maxsize=10_000)
    def text_of(text: str) -> Markup:
        return Markup(texts.gettext(text))  # noqa: S704 - our own text; values are filled in escaped

    @lru_cache(maxsize=10_000)
    def plain_text_of(text: str) -> Markup:
        return text_of(text) % {}

    def write(text: str, /, **values: object) -> Markup:
        return text_of(text) % values if values else plain_text_of(text)

    def write_number(singular: str, plural: str, num: int, /, **values: object) -> Markup:
        text = Markup(texts.ngettext(singular, plural, num))  # noqa: S704 - as above
        return text % {"num": num, **values}

    return {"_": write, "gettext": write, "ngettext": write_number}
