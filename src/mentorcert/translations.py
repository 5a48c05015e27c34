"""Texts in the reader's language, from the catalogues of every area; English is the texts themselves."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["nb", "en"]

LOCALE = Path(__file__).parent / "locale"


@cache
def translations(language: Language) -> NullTranslations:
    """Merge `locale/<language>/<area>.po` of every area; a text without a translation stays English."""
    if language == "en":
        return NullTranslations()
    merged = Catalog(locale=language)
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language, ignore_obsolete=True, abort_invalid=True):
                if message.id:
                    merged[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return GNUTranslations(compiled)
