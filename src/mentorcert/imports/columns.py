"""The columns of a mentor file, and how its heading row names them."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum

from mentorcert.imports.cells import YES, Language
from mentorcert.translatable import LazyText


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
    Column.EXTERNAL_ID: {"nb": "Likepersonnummer", "en": "Peer mentor number"},
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
DAY_COLUMNS = (Column.ISSUED, Column.EXPIRES)
PURPOSES: dict[Column, LazyText] = {
    Column.EXTERNAL_ID: LazyText("Your own number of the person. The same number is the same person."),
    Column.NAME: LazyText("The person's full name."),
    Column.EMAIL: LazyText("One e-mail address, for reminders."),
    Column.PHONE: LazyText("A telephone number."),
    Column.CHAPTERS: LazyText("Codes or names of chapters, with | between two."),
    Column.CONSENT: LazyText("Whether the person agreed to stand on the public list: yes or no."),
    Column.TYPE: LazyText(
        "Code or name of the certification type. A person with several has a row for each;"
        " a row without brings the person alone."
    ),
    Column.ISSUED: LazyText("The day of issue, or of the latest renewal. Needed with a certification."),
    Column.EXPIRES: LazyText(
        "The last valid day, or unlimited. If it is empty, the type's rule says which it is."
    ),
    Column.PAST_RENEWALS: LazyText(
        "Earlier periods, if you have them: first day..last valid day, with | between two."
    ),
}
EXAMPLES: dict[Column, Mapping[Language, str | date]] = {
    Column.EXTERNAL_ID: {"nb": "00123", "en": "00123"},
    Column.NAME: {"nb": "Kari Nordmann", "en": "Kari Nordmann"},
    Column.EMAIL: {"nb": "kari@example.org", "en": "kari@example.org"},
    Column.PHONE: {"nb": "22 00 00 00", "en": "22 00 00 00"},
    Column.CHAPTERS: {"nb": "midtvik | nordvik", "en": "midtvik | nordvik"},
    Column.CONSENT: YES,
    Column.TYPE: {"nb": "grunnkurs", "en": "grunnkurs"},
    Column.ISSUED: {"nb": date(2026, 1, 15), "en": date(2026, 1, 15)},
    Column.EXPIRES: {"nb": date(2027, 1, 14), "en": date(2027, 1, 14)},
    Column.PAST_RENEWALS: {"nb": "15.01.2024..14.01.2025", "en": "2024-01-15..2025-01-14"},
}
_OTHER_HEADINGS = {
    # What exports and templates of 0.1.0 say; in English it is the name of the column itself.
    "eksternid": Column.EXTERNAL_ID,
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


def names_people(found: Collection[Column]) -> bool:
    """Return whether rows say who each is: by the number, or by name and e-mail address."""
    return Column.EXTERNAL_ID in found or {Column.NAME, Column.EMAIL} <= set(found)


def _letters(heading: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", heading).casefold()))


_COLUMN_OF_HEADING: dict[str, Column] = {
    **{_letters(column): column for column in Column},
    **{_letters(heading): column for column, headings in HEADINGS.items() for heading in headings.values()},
    **_OTHER_HEADINGS,
}
