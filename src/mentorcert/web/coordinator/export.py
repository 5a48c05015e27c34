"""The table of certifications as a file: what the filter lets through, all of it."""

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from mentorcert.certifications import search
from mentorcert.certifications.search import Row
from mentorcert.imports import cells, tabular
from mentorcert.imports.workbook import write_xlsx
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import ListQuery
from mentorcert.web.rendering.templating import last_valid_day, status_text

router = APIRouter()

_IN_MEMORY: Final = 1_000_000
_PIECE: Final = 65_536
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/certifications.csv")
def as_csv(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Send a file as Norwegian Excel reads it, or in English as RFC 4180 says."""
    dialect = tabular.NORWEGIAN_EXCEL if context.language == "nb" else tabular.RFC_4180
    file = _new_file()
    # What a broken character of a name would need is written as a question mark, as by every export.
    text = io.TextIOWrapper(file, dialect.encoding, errors="replace", newline="", write_through=True)
    csv.writer(text, delimiter=dialect.delimiter).writerows(_lines(context, query))
    text.detach()
    return _sent(file, "text/csv; charset=utf-8", "certifications.csv")


@router.get("/certifications.xlsx")
def as_workbook(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Send an Excel file."""
    file = _new_file()
    write_xlsx(_lines(context, query), file)
    return _sent(file, _XLSX, "certifications.xlsx")


def _lines(context: RequestContext, query: ListQuery) -> Iterator[list[str]]:
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
        yield _line(context, row, names, time_zone)


def _line(context: RequestContext, row: Row, names: Names, time_zone: str) -> list[str]:
    ends = None if row.expires_at is None else last_valid_day(row.expires_at, time_zone)
    texts = [row.external_id, row.full_name, ", ".join(names.chapters_of(row.chapter_ids))]
    return [
        *map(cells.escape_formula, texts),
        cells.escape_formula(names.type(row.certification_type)),
        cells.write_day(names.first_day(row.issued_at), context.language),
        cells.write_last_valid_day(ends, context.language),
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
