"""Imports: a file is uploaded, looked at row by row, and confirmed or thrown away."""

from pathlib import PurePosixPath
from typing import Annotated, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.errors import InvalidArgumentError
from mentorcert.imports.columns import HEADINGS, PURPOSES, REQUIRED_COLUMNS
from mentorcert.imports.exporting import Format
from mentorcert.imports.tasks import requests
from mentorcert.imports.tasks.model import MAX_FILE_BYTES, Choice, Kind, Task, TaskFile
from mentorcert.imports.template import template
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.file_field import FileAgain, SentFile, missing
from mentorcert.web.tasks import labels
from mentorcert.web.tasks.polling import FollowQuery, polling_page

router = APIRouter(prefix="/imports")

_KINDS: Final[tuple[Kind, ...]] = ("import_preview", "import")
_PAGE_SIZE: Final = 100
_LONGEST_NAME: Final = 200


class RowsQuery(FollowQuery):
    """Which rows of the file are shown: a choice, and those after a line."""

    show: Choice = "all"
    after: int = Field(0, ge=0, le=2**31 - 1)


class ConfirmForm(BaseModel):
    """Writing a preview, with or without the file's bad rows."""

    skip_bad: bool = False


class PageQuery(BaseModel):
    """The list takes no parameters."""


@router.get("")
def overview(context: CurrentAdministrator, _query: Annotated[PageQuery, Query()]) -> Response:
    """Show the form, and the latest imports."""
    return _overview(context)


@router.post("")
def upload(context: CurrentAdministrator, file: SentFile = "", *, file_again: FileAgain = False) -> Response:
    """Take a file, of which a preview is made."""
    if isinstance(file, str) or not file.filename:
        return _overview(context, missing(context, is_again=file_again))
    content = file.file.read(MAX_FILE_BYTES + 1)
    if not content:
        return _overview(context, context._("The file is empty."))
    try:
        with context.conn.transaction():
            task_id = requests.request_preview(context.conn, _plain_name(file.filename), content)
    except InvalidArgumentError as error:
        return _overview(context, labels.refusal(context, error))
    return context.redirect(f"/imports/{task_id}")


@router.get("/template.{format_}")
def empty(context: CurrentAdministrator, format_: Format) -> Response:
    """Send an empty file to fill in, in the language of the page."""
    return download(TaskFile(f"mentors.{format_}", template(format_, context.language)))


@router.get("/{task_id}")
def show(context: CurrentAdministrator, task_id: UUID, query: Annotated[RowsQuery, Query()]) -> Response:
    """Show how far an import or its preview has come, and then each row of the file."""
    return _page(context, requests.get(context.conn, task_id, *_KINDS), query)


@router.post("/{task_id}/confirm")
def confirm(context: CurrentAdministrator, task_id: UUID, form: Annotated[ConfirmForm, Form()]) -> Response:
    """Have a preview written."""
    preview = context.ahead(requests.get, task_id, "import_preview")
    try:
        with context.conn.transaction():
            import_id = requests.request_import(context.conn, task_id, skip_bad=form.skip_bad)
    except InvalidArgumentError as error:
        return _page(context, preview.value, RowsQuery(), labels.refusal(context, error))
    preview.value  # noqa: B018 raises where it is none
    return context.redirect(f"/imports/{import_id}")


@router.post("/{task_id}/cancel")
def cancel(context: CurrentAdministrator, task_id: UUID) -> Response:
    """End an import that is not finished, or throw a preview away."""
    task = context.ahead(requests.get, task_id, *_KINDS)
    try:
        with context.conn.transaction():
            requests.cancel(context.conn, task_id)
    except InvalidArgumentError as error:
        return _page(context, task.value, RowsQuery(), labels.refusal(context, error))
    task.value  # noqa: B018 raises where it is no import
    return context.redirect(
        "/imports", notice=context._("Cancelled; nothing was written, and the file is deleted.")
    )


@router.get("/{task_id}/bad-rows.csv")
def bad_rows(context: CurrentAdministrator, task_id: UUID) -> Response:
    """Send the rows that are left out, as a file that can be corrected and imported."""
    requests.get(context.conn, task_id, *_KINDS)
    return download(requests.result_file(context.conn, task_id))


def download(file: TaskFile) -> Response:
    """Send a file to be saved."""
    disposition = f"attachment; filename*=utf-8''{quote(file.name, safe='')}"
    return Response(file.content, media_type=file.media_type, headers={"Content-Disposition": disposition})


def _plain_name(file_name: str) -> str:
    """Return the name without folders and what cannot be shown."""
    name = PurePosixPath(file_name.replace("\\", "/")).name
    return "".join(filter(str.isprintable, name))[-_LONGEST_NAME:] or "-"


def _overview(context: RequestContext, error: str = "") -> Response:
    columns = [
        (names[context.language], column not in REQUIRED_COLUMNS, context._(PURPOSES[column]))
        for column, names in HEADINGS.items()
    ]
    return context.page(
        "tasks/imports.html",
        status=422 if error else 200,
        columns=columns,
        tasks=requests.recent(context.conn, *_KINDS),
        states=labels.states(context),
        error=error,
    )


def _page(context: RequestContext, task: Task, query: RowsQuery, error: str = "") -> Response:
    confirmed_by = context.ahead(requests.confirmed_by, task.id)
    has_rows = not task.is_open and task.contents_deleted_at is None and bool(task.result)
    rows = (
        requests.task_rows(context.conn, task.id, choice=query.show, after=query.after, size=_PAGE_SIZE + 1)
        if has_rows
        else []
    )
    here = f"/imports/{task.id}"
    more = len(rows) > _PAGE_SIZE
    page = context.page(
        "tasks/import.html",
        status=422 if error else 200,
        task=task,
        error=error,
        has_rows=has_rows,
        rows=rows[:_PAGE_SIZE],
        show=query.show,
        follow=query.follow,
        next_url=_address(here, query.show, rows[_PAGE_SIZE - 1].line) if more else "",
        first_url=_address(here, query.show) if query.after else "",
        confirmed_by=confirmed_by.value,
        states=labels.states(context),
        verdicts=labels.verdicts(context),
        fields={str(column): names[context.language] for column, names in HEADINGS.items()},
        step=labels.step(context, task),
        failure=labels.failure(context, task),
        say=labels.translator(context),
    )
    return polling_page(page, is_open=task.is_open, follow=query.follow and not error)


def _address(here: str, show: Choice, after: int = 0) -> str:
    return f"{here}?{urlencode({'show': show} | ({'after': after} if after else {}))}"
