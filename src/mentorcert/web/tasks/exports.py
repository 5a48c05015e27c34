"""Exports of the whole organisation into a file."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel

from mentorcert.certifications.cells import Language
from mentorcert.certifications.exporting import Format
from mentorcert.errors import InvalidArgumentError
from mentorcert.tasks import requests
from mentorcert.tasks.model import Kind
from mentorcert.web.tasks import texts
from mentorcert.web.tasks.following import Follow, followed
from mentorcert.web.tasks.imports import download
from mentorcert.web.visit import Administrator, Visit

router = APIRouter(prefix="/exports")

_KIND: Final[Kind] = "export"


class ExportForm(BaseModel):
    """What file is wanted; a workbook has no dialect, but headings in one of the languages."""

    format: Format
    language: Language


@router.get("")
def overview(visit: Administrator) -> Response:
    """Show the form, and the latest exports."""
    return _overview(visit)


@router.post("")
def request(visit: Administrator, form: Annotated[ExportForm, Form()]) -> Response:
    """Have the organisation written into a file."""
    try:
        with visit.conn.transaction():
            task_id = requests.request_export(visit.conn, format_=form.format, language=form.language)
    except InvalidArgumentError as error:
        return _overview(visit, texts.refusal(visit, error))
    return visit.redirect(f"/exports/{task_id}")


@router.get("/{task_id}")
def one(visit: Administrator, task_id: UUID, query: Follow) -> Response:
    """Show how far an export has come."""
    task = requests.get(visit.conn, task_id, _KIND)
    visit.saw({task.organisation_id})
    page = visit.page(
        "tasks/export.html",
        task=task,
        follow=query.follow,
        states=texts.states(visit),
        step=texts.step(visit, task),
        failure=texts.failure(visit, task),
    )
    return followed(page, is_open=task.is_open, follow=query.follow)


@router.post("/{task_id}/cancel")
def cancel(visit: Administrator, task_id: UUID) -> Response:
    """End an export that is not finished."""
    requests.get(visit.conn, task_id, _KIND)
    try:
        with visit.conn.transaction():
            requests.cancel(visit.conn, task_id)
    except InvalidArgumentError as error:
        return _overview(visit, texts.refusal(visit, error))
    return visit.redirect("/exports", notice=visit._("The export is cancelled."))


@router.get("/{task_id}/file")
def file(visit: Administrator, task_id: UUID) -> Response:
    """Send the file."""
    task = requests.get(visit.conn, task_id, _KIND)
    visit.saw({task.organisation_id})
    return download(requests.result_file(visit.conn, task_id))


def _overview(visit: Visit, error: str = "") -> Response:
    return visit.page(
        "tasks/exports.html",
        status=422 if error else 200,
        tasks=requests.recent(visit.conn, _KIND),
        states=texts.states(visit),
        error=error,
    )
