"""The table of certifications as a file: what the filter lets through, all of it; and how any list becomes one."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from mentorcert.certifications import search
from mentorcert.errors import InvalidInputError
from mentorcert.imports import cells
from mentorcert.imports.cells import Cell
from mentorcert.imports.exporting import DIALECTS, number_writer
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import ListQuery
from mentorcert.web.rendering.templating import last_valid_day, status_text

router = APIRouter()

_IN_MEMORY: Final = 1_000_000
_PIECE: Final = 65_536
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


Rows = Callable[[Callable[[str], str]], Iterator[list[Cell]]]


@router.get("/certifications.csv")
def as_csv(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Send the certifications as CSV."""
    return csv_file(context, "certifications", partial(_rows, context, query))


@router.get("/certifications.xlsx")
def as_workbook(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Send the certifications as Excel file."""
    return workbook("certifications", partial(_rows, context, query))


def csv_file(context: RequestContext, name: str, rows: Rows) -> Response:
    """Send a file as Norwegian Excel reads it, or in English as RFC 4180 says."""
    dialect = DIALECTS[context.language]
    file = _new_file()
    # What a broken character of a name would need is written as a question mark, as by every export.
    text = io.TextIOWrapper(file, dialect.encoding, errors="replace", newline="", write_through=True)
    lines = (cells.as_texts(row, context.language) for row in rows(number_writer("csv")))
    csv.writer(text, delimiter=dialect.delimiter).writerows(lines)
    text.detach()
    return _sent(file, "text/csv; charset=utf-8", f"{name}.csv")


def workbook(name: str, rows: Rows) -> Response:
    """Send an Excel file, whose days are days."""
    file = _new_file()
    write_xlsx([Sheet("mentorcert", rows(number_writer("xlsx")))], file)
    return _sent(file, XLSX, f"{name}.xlsx")


def _rows(
    context: RequestContext, query: ListQuery, write_number: Callable[[str], str]
) -> Iterator[list[Cell]]:
    if query.faults(context):
        raise InvalidInputError(LazyText("The filter of the list cannot be read. Open the list again."))
    names, time_zone = names_of(context), time_zone_of(context)
    yield [
        context._("Number"),
        context._("Peer mentor"),
        context._("Chapters"),
        context._("Certification"),
        context._("Issued or renewed"),
        context._("Last valid day"),
        context._("Status"),
    ]
    for row in search.every(context.conn, query.filters(today_of(context)), query.order()):
        ends = None if row.expires_at is None else last_valid_day(row.expires_at, time_zone)
        yield [
            write_number(row.external_id),
            cells.escape_formula(row.full_name),
            cells.escape_formula(", ".join(names.chapters_of(row.chapter_ids))),
            cells.escape_formula(names.type(row.certification_type)),
            names.first_day(row.issued_at),
            ends or cells.UNLIMITED[context.language],
            status_text(row.status, context.language),
        ]


def _new_file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)


def _sent(file: IO[bytes], media_type: str, name: str) -> Response:
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    return StreamingResponse(
        pieces(), media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
