"""Exports of the whole organisation into a file."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.errors import InvalidArgumentError
from mentorcert.imports.cells import Language
from mentorcert.imports.exporting import Format
from mentorcert.imports.tasks import requests
from mentorcert.imports.tasks.model import Kind
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.fields import Chosen
from mentorcert.web.page_form import PageForm
from mentorcert.web.tasks import labels
from mentorcert.web.tasks.imports import download
from mentorcert.web.tasks.polling import PollingQuery, polling_page

router = APIRouter(prefix="/exports")

_KIND: Final[Kind] = "export"


class ExportForm(PageForm):
    """What file is wanted; a workbook has no dialect, but headings in one of the languages."""

    format: Chosen[Format] = "csv"
    language: Chosen[Language] = "nb"


@router.get("")
def overview(context: CurrentAdministrator) -> Response:
    """Show the form, and the latest exports."""
    return _overview(context)


@router.post("")
def request(context: CurrentAdministrator, form: Annotated[ExportForm, Form()]) -> Response:
    """Have the organisation written into a file."""
    if errors := form.faults(context):
        return _overview(context, form=form, errors=errors)
    try:
        with context.conn.transaction():
            task_id = requests.request_export(context.conn, format_=form.format, language=form.language)
    except InvalidArgumentError as error:
        return _overview(context, labels.refusal(context, error))
    return context.redirect(f"/exports/{task_id}")


@router.get("/{task_id}")
def show(context: CurrentAdministrator, task_id: UUID, query: PollingQuery) -> Response:
    """Show how far an export has come."""
    task = requests.get(context.conn, task_id, _KIND)
    page = context.page(
        "tasks/export.html",
        task=task,
        follow=query.follow,
        states=labels.states(context),
        step=labels.step(context, task),
        failure=labels.failure(context, task),
    )
    return polling_page(page, is_open=task.is_open, follow=query.follow)


@router.post("/{task_id}/cancel")
def cancel(context: CurrentAdministrator, task_id: UUID) -> Response:
    """End an export that is not finished."""
    requests.get(context.conn, task_id, _KIND)
    try:
        with context.conn.transaction():
            requests.cancel(context.conn, task_id)
    except InvalidArgumentError as error:
        return _overview(context, labels.refusal(context, error))
    return context.redirect("/exports", notice=context._("The export is cancelled."))


@router.get("/{task_id}/file")
def file(context: CurrentAdministrator, task_id: UUID) -> Response:
    """Send the file."""
    requests.get(context.conn, task_id, _KIND)
    return download(requests.result_file(context.conn, task_id))


def _overview(
    context: RequestContext,
    error: str = "",
    *,
    form: ExportForm | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return context.page(
        "tasks/exports.html",
        status=422 if error or errors else 200,
        tasks=requests.recent(context.conn, _KIND),
        states=labels.states(context),
        error=error,
        form=form or ExportForm(language=context.language),
        errors=errors or {},
    )
