"""The certificate of one certification, to be printed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import aiosql
from fastapi import APIRouter, Response
from psycopg.rows import class_row

from mentorcert.certifications.history import Status
from mentorcert.errors import MissingRightError
from mentorcert.web.context import CurrentMember
from mentorcert.web.mentor import printing
from mentorcert.web.mentor.printing import Certificate

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class _Row:
    organisation_id: UUID
    organisation: str
    time_zone: str
    full_name: str
    name_nb: str
    name_en: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status


@router.get("/me/certifications/{certification_id}.pdf")
def show(context: CurrentMember, certification_id: UUID) -> Response:
    """Answer with the PDF, to whoever may read the certification; 409 unless it is valid now."""
    with context.conn.cursor(row_factory=class_row(_Row)) as cursor:
        row = cursor.execute(_QUERIES.certificate.sql, {"certification_id": certification_id}).fetchone()
    if row is None:
        raise MissingRightError
    context.record_rows({row.organisation_id})
    if row.status != "active":
        return context.page("mentor/no_certificate.html", status=409, status_now=row.status)
    base = context.services.configuration.public_url
    certificate = Certificate(
        organisation=row.organisation,
        name=row.full_name,
        type=row.name_en if context.language == "en" else row.name_nb,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        time_zone=row.time_zone,
        check_url=f"{base}/check/{certification_id}",
    )
    return Response(
        printing.write(certificate, context.language),
        media_type="application/pdf",
        headers={
            "Content-Disposition": 'inline; filename="certificate.pdf"',
            "Content-Language": context.language,
        },
    )
