"""Which of the two languages a reader gets."""

from collections.abc import Iterable
from typing import Final

from babel import Locale, negotiate_locale
from fastapi import Request

from mentorcert.translations import Language
from mentorcert.web.security.cookies import Cookies

LANGUAGES: Final[tuple[Language, ...]] = ("nb", "en")
# Nynorsk and “Norwegian” are nearer to bokmål than to English.
_ALIASES: Final = {"no": "nb", "nn": "nb"}


def language_of(request: Request, cookies: Cookies) -> Language:
    """Return what the address asks for; else the reader's choice; what the browser prefers; bokmål."""
    chosen = request.query_params.get("language") or cookies["language"]
    for language in LANGUAGES:
        if language == chosen:
            return language
    wanted = list(_preferred(request.headers.get("accept-language", "")))
    found = negotiate_locale(wanted, ["nb_NO", "en_GB"], sep="_", aliases={"nb": "nb_NO", "en": "en_GB"})
    return "en" if found == "en_GB" else "nb"


def locale_of(language: Language) -> Locale:
    """Return how days and numbers are written."""
    return Locale.parse("en_GB" if language == "en" else "nb_NO")


def _preferred(header: str) -> Iterable[str]:
    """Yield the languages of an Accept-Language header, most wanted first; leave out what is none."""
    weighted: list[tuple[float, int, str]] = []
    for part in header.split(",")[:20]:
        tag, _, weight = part.replace(" ", "").partition(";q=")
        try:
            weighted.append((-float(weight or 1), len(weighted), tag))
        except ValueError:
            continue
    for _, _, tag in sorted(weighted):
        language = tag.partition("-")[0].lower()
        yield _ALIASES.get(language, language)
