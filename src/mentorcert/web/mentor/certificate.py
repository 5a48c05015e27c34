"""The certificate of one certification, to be printed."""

from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import certificates
from mentorcert.web.context import CurrentMember
from mentorcert.web.mentor import printing
from mentorcert.web.mentor.printing import Certificate

router = APIRouter()


@router.get("/me/certifications/{certification_id}.pdf")
def show(context: CurrentMember, certification_id: UUID) -> Response:
    """Answer with the PDF, if the user may read the certification; 409 unless it is valid now."""
    row = certificates.get(context.conn, certification_id)
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
