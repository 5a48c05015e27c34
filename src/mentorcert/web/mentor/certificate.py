"""The certificate of one certification, to be printed."""

from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.certifications import certificates
from mentorcert.web import certificate_files
from mentorcert.web.context import CurrentMember

router = APIRouter()


@router.get("/me/certifications/{certification_id}.pdf")
@router.get("/certifications/{certification_id}/certificate.pdf")
def show(context: CurrentMember, certification_id: UUID) -> Response:
    """Answer with the PDF, if the user may read the certification; 409 where there is none to print."""
    design = context.ahead(certificates.design)
    (row,) = certificates.of_certifications(context.conn, [certification_id])
    certificate = certificate_files.drawn(context, row, design.value)
    refusal = certificate_files.refusal(row, certificate)
    if refusal is not None:
        return context.page("mentor/no_certificate.html", status=409, status_now=row.status, refusal=refusal)
    return certificate_files.answer(context, [certificate])
