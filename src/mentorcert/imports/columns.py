"""The columns of a mentor file, and how its heading row names them."""

import unicodedata
from collections.abc import Collection
from enum import StrEnum

from mentorcert.imports.cells import Language


class Column(StrEnum):
    """The columns of a mentor file."""

    EXTERNAL_ID = "external_id"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    CHAPTERS = "chapters"
    CONSENT = "consent"
    TYPE = "certification_type"
    ISSUED = "issued"
    EXPIRES = "expires"
    PAST_RENEWALS = "past_renewals"
    PROBLEM = "problem"


HEADINGS: dict[Column, dict[Language, str]] = {
    Column.EXTERNAL_ID: {"nb": "Ekstern ID", "en": "External ID"},
    Column.NAME: {"nb": "Navn", "en": "Name"},
    Column.EMAIL: {"nb": "E-post", "en": "E-mail"},
    Column.PHONE: {"nb": "Telefon", "en": "Phone"},
    Column.CHAPTERS: {"nb": "Lag", "en": "Chapters"},
    Column.CONSENT: {"nb": "Samtykke til visning", "en": "Consent to listing"},
    Column.TYPE: {"nb": "Sertifisering", "en": "Certification type"},
    Column.ISSUED: {"nb": "Utstedt", "en": "Issued"},
    Column.EXPIRES: {"nb": "Gyldig til og med", "en": "Valid through"},
    Column.PAST_RENEWALS: {"nb": "Tidligere fornyelser", "en": "Past renewals"},
}
PERSON_COLUMNS = (
    Column.EXTERNAL_ID,
    Column.NAME,
    Column.EMAIL,
    Column.PHONE,
    Column.CHAPTERS,
    Column.CONSENT,
)
# Of a column that a file lacks, the registry keeps what it has.
REQUIRED_COLUMNS = (Column.EXTERNAL_ID, Column.NAME)
# Days say nothing without their type, and a type nothing without its day of issue.
_WITH_CERTIFICATION = (Column.TYPE, Column.ISSUED)
CERTIFICATION_COLUMNS = (*_WITH_CERTIFICATION, Column.EXPIRES, Column.PAST_RENEWALS)
_OTHER_HEADINGS = {
    "medlemsnummer": Column.EXTERNAL_ID,
    "membernumber": Column.EXTERNAL_ID,
    "fulltnavn": Column.NAME,
    "fullname": Column.NAME,
    "mobil": Column.PHONE,
    "lokallag": Column.CHAPTERS,
    "chapter": Column.CHAPTERS,
    "samtykke": Column.CONSENT,
    "listingconsent": Column.CONSENT,
    "sertifiseringstype": Column.TYPE,
    "certification": Column.TYPE,
    "utløper": Column.EXPIRES,
    "lastvalidday": Column.EXPIRES,
}


def column_of(heading: str) -> Column | None:
    """Return the column that a heading names in either language, whatever its case, spaces and hyphens."""
    return _COLUMN_OF_HEADING.get(_letters(heading))


def missing_columns(found: Collection[Column]) -> list[Column]:
    """Return the columns without which the ones that were found can't be imported."""
    needed = {*REQUIRED_COLUMNS}
    if not set(CERTIFICATION_COLUMNS).isdisjoint(found):
        needed.update(_WITH_CERTIFICATION)
    return [column for column in HEADINGS if column in needed and column not in found]


def _letters(heading: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", heading).casefold()))


_COLUMN_OF_HEADING: dict[str, Column] = {
    **{_letters(column): column for column in Column},
    **{_letters(heading): column for column, headings in HEADINGS.items() for heading in headings.values()},
    **_OTHER_HEADINGS,
}
