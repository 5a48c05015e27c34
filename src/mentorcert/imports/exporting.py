"""Exports an organisation's mentors and certifications in the columns that the import reads."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.imports import cells, tabular
from mentorcert.imports.cells import Cell, Language
from mentorcert.imports.columns import HEADINGS
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.organisations import organisations
from mentorcert.progress import Progress, silent

_QUERIES = rows.beside(__file__)

Format = Literal["csv", "xlsx"]

DIALECTS: Final = {"nb": tabular.NORWEGIAN_EXCEL, "en": tabular.RFC_4180}


def export(
    conn: Connection,
    organisation: str,
    *,
    format_: Format = "csv",
    language: Language = "nb",
    progress: Progress = silent,
) -> bytes:
    """Return the organisation with this slug as a file, ordered by external id and certification type.

    Norwegian CSV is as Norwegian Excel writes it, English CSV is RFC 4180 with ISO dates. What a spreadsheet
    would take for a formula begins with an apostrophe, which the import takes off again.
    So does a number that it would take for another one, or for a day: what Excel opens and saves comes back.
    Raises UnknownOrganisationError.
    """
    written = _rows(
        conn, organisations.by_slug(conn, organisation).id, language, progress, number_writer(format_)
    )
    if format_ == "xlsx":
        content = io.BytesIO()
        write_xlsx([Sheet("mentorcert", written)], content)
        return content.getvalue()
    return tabular.write_csv((cells.as_texts(row, language) for row in written), DIALECTS[language])


def number_writer(format_: Format) -> Callable[[str], str]:
    """Return what writes a number: a cell of a workbook says itself that it is text."""
    return cells.escape_formula if format_ == "xlsx" else cells.escape_number


def _rows(
    conn: Connection,
    organisation_id: object,
    language: Language,
    progress: Progress,
    write_number: Callable[[str], str],
) -> Iterator[Sequence[Cell]]:
    # Only where a number is escaped a telephone number need be: a cell of a workbook is text.
    write_phone = cells.escape_phone if write_number is cells.escape_number else cells.escape_formula
    yield [names[language] for names in HEADINGS.values()]
    found = rows.fetch_all(conn, tuple[Any, ...], _QUERIES.rows, organisation_id=organisation_id)
    for done, (
        external_id, name, email, phone, chapters, consent, certification_type, issued, expires, starts, ends,
    ) in enumerate(found, start=1):  # fmt: skip
        progress("exporting", done, len(found))
        yield [
            write_number(external_id),
            cells.escape_formula(name),
            cells.escape_formula(email or ""),
            write_phone(phone or ""),
            write_number(chapters[0])
            if len(chapters) == 1
            else cells.escape_formula(cells.LIST_SEPARATOR.join(chapters)),
            cells.write_consent(consent, language),
            write_number(certification_type) if certification_type else "",
            issued or "",
            "" if certification_type is None else expires or cells.UNLIMITED[language],
            cells.write_periods(zip(starts, ends, strict=True), language),
        ]
