"""Certificates of many, in one PDF to be printed."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import certificates
from mentorcert.web import certificate_files
from mentorcert.web.context import CurrentCoordinator
from mentorcert.web.coordinator.ticks import TickedIds

router = APIRouter()

AT_MOST: Final = 100


class ChosenForm(BaseModel):
    """The certifications that are ticked; with `leave_out`, those without a certificate to print are left out."""

    id: Annotated[list[UUID], Field(default_factory=list, max_length=500)]
    ticked: TickedIds = Field(default_factory=list)
    leave_out: bool = False


@router.post("/certifications/certificates")
def print_chosen(context: CurrentCoordinator, form: Annotated[ChosenForm, Form()]) -> Response:
    """Answer with the PDF; where one has no certificate, say which and why, and offer the others."""
    ids = list(dict.fromkeys([*form.ticked, *form.id]))
    if not ids:
        return context.redirect(
            "/certifications", notice=context._("Choose at least one certification first.")
        )
    if len(ids) > AT_MOST:
        return context.page("coordinator/certificates.html", status=422, refused=[], ids=[], at_most=AT_MOST)
    design = context.ahead(certificates.design)
    rows = certificates.of_certifications(context.conn, ids)
    drawn = [(row, certificate_files.drawn(context, row, design.value)) for row in rows]
    refused = [
        (row, reason)
        for row, certificate in drawn
        if (reason := certificate_files.refusal(row, certificate)) is not None
    ]
    without = {row.id for row, _ in refused}
    printable = [(row, certificate) for row, certificate in drawn if row.id not in without]
    if printable and (form.leave_out or not refused):
        return certificate_files.answer(context, [certificate for _, certificate in printable])
    return context.page(
        "coordinator/certificates.html",
        status=409,
        refused=refused,
        ids=[row.id for row, _ in printable],
        at_most=None,
    )
