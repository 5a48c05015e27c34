"""Certificates as one PDF, named after the person and the type; and why one cannot be printed."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import quote

from fastapi import Response

from mentorcert.certifications.certificates import Certificate, Design
from mentorcert.web.context import RequestContext
from mentorcert.web.mentor import printing

Refusal = Literal["status", "type", "letters"]

_ANY_NAME: Final = re.compile(r"[^\w.-]+")
_LONGEST: Final = 100


def drawn(context: RequestContext, row: Certificate, design: Design | None) -> printing.Certificate:
    """Return the text of a certificate in the reader's language."""
    base = context.services.configuration.public_url
    return printing.Certificate(
        organisation=row.organisation,
        name=row.full_name,
        type=row.type_name(context.language),
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        time_zone=row.time_zone,
        check_url=f"{base}/check/{row.id}",
        sentence=row.sentence(context.language),
        design=printing.Design(design.logo, design.signatory, design.signatory_title)
        if design and design.organisation_id == row.organisation_id
        else printing.Design(),
    )


def refusal(row: Certificate, certificate: printing.Certificate) -> Refusal | None:
    """Return why there is no certificate to print."""
    if row.status != "active":
        return "status"
    if not row.gives_certificate:
        return "type"
    return None if certificate.is_printable() else "letters"


def answer(context: RequestContext, certificates: Sequence[printing.Certificate]) -> Response:
    """Answer with the PDF: of one named after the person and the type, of several after the organisation."""
    first = certificates[0]
    stem = (
        f"{first.name} {first.type}"
        if len(certificates) == 1
        else f"{context._('Certificates')} {first.organisation}"
    )
    return Response(
        printing.write(certificates, context.language),
        media_type="application/pdf",
        headers={
            "Content-Disposition": f"inline; {file_name(stem)}",
            "Content-Language": context.language,
        },
    )


def file_name(stem: str) -> str:
    """Return the parameters of a file name: in ASCII, and as it is (RFC 6266)."""
    name = _ANY_NAME.sub("-", stem)[:_LONGEST].strip("-.") or "certificate"
    plain = (
        unicodedata.normalize("NFKD", name.translate(_PLAIN)).encode("ascii", "ignore").decode().strip("-.")
    )
    return f"filename=\"{plain or 'certificate'}.pdf\"; filename*=UTF-8''{quote(name, safe='')}.pdf"


_PLAIN: Final = str.maketrans(
    {"æ": "ae", "ø": "o", "Æ": "Ae", "Ø": "O", "đ": "d", "ŋ": "n", "ŧ": "t", "ł": "l"}
)
