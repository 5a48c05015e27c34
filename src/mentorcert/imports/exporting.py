"""Exports an organisation's mentors and certifications in the columns that the import reads."""

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import aiosql

from mentorcert.db.connection import Connection
from mentorcert.imports import cells, tabular
from mentorcert.imports.cells import Language
from mentorcert.imports.columns import HEADINGS
from mentorcert.imports.workbook import Cell, write_xlsx
from mentorcert.organisations import organisations
from mentorcert.progress import Progress, silent

_queries = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

Format = Literal["csv", "xlsx"]

_DIALECTS = {"nb": tabular.NORWEGIAN_EXCEL, "en": tabular.RFC_4180}


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
    Raises UnknownOrganisationError, psycopg.Error.
    """
    # A cell of a workbook says itself that it is text.
    write_number = cells.escape_formula if format_ == "xlsx" else cells.escape_number
    rows = _rows(conn, organisations.by_slug(conn, organisation).id, language, progress, write_number)
    if format_ == "xlsx":
        content = io.BytesIO()
        write_xlsx(rows, content)
        return content.getvalue()
    return tabular.write_csv(
        (
            [cells.write_day(cell, language) if isinstance(cell, date) else cell for cell in row]
            for row in rows
        ),
        _DIALECTS[language],
    )


def _rows(
    conn: Connection,
    organisation_id: object,
    language: Language,
    progress: Progress,
    write_number: Callable[[str], str],
) -> Iterator[Sequence[Cell]]:
    yield [names[language] for names in HEADINGS.values()]
    found = list(_queries.rows(conn, organisation_id=organisation_id))
    for done, (
        external_id, name, email, phone, chapters, consent, certification_type, issued, expires, starts, ends,
    ) in enumerate(found, start=1):  # fmt: skip
        progress("exporting", done, len(found))
        yield [
            write_number(external_id),
            cells.escape_formula(name),
            cells.escape_formula(email or ""),
            cells.escape_formula(phone or ""),
            cells.escape_formula(cells.LIST_SEPARATOR.join(chapters)),
            cells.write_consent(consent, language),
            certification_type or "",
            issued or "",
            "" if certification_type is None else expires or cells.UNLIMITED[language],
            cells.write_periods(zip(starts, ends, strict=True), language),
        ]
