"""Imports: a file is uploaded, looked at row by row, and confirmed or thrown away."""

from pathlib import PurePosixPath
from typing import Annotated, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications.columns import HEADINGS, OPTIONAL_COLUMNS
from mentorcert.errors import InvalidArgumentError
from mentorcert.tasks import requests
from mentorcert.tasks.model import MAX_FILE_BYTES, Choice, Kind, Task, TaskFile
from mentorcert.web.tasks import texts
from mentorcert.web.tasks.following import FollowQuery, followed
from mentorcert.web.visit import Administrator, Visit

router = APIRouter(prefix="/imports")

_KINDS: Final[tuple[Kind, ...]] = ("import_preview", "import")
_PAGE_SIZE: Final = 100
_LONGEST_NAME: Final = 200


class RowsQuery(FollowQuery):
    """Which rows of the file are shown: a choice, and those after a line."""

    show: Choice = "all"
    after: int = Field(0, ge=0, le=2**31 - 1)


class ConfirmForm(BaseModel):
    """That a preview is to be written, with or without the file's bad rows."""

    skip_bad: bool = False


class PageQuery(BaseModel):
    """The list takes no parameters."""

    model_config = ConfigDict(extra="forbid")


@router.get("")
def overview(visit: Administrator, _query: Annotated[PageQuery, Query()]) -> Response:
    """Show the form, and the latest imports."""
    return _overview(visit)


@router.post("")
def upload(visit: Administrator, file: Annotated[UploadFile | str, File()] = "") -> Response:
    """Take a file, of which a preview is made."""
    if isinstance(file, str) or not file.filename:
        return _overview(visit, visit._("Choose a file."))
    content = file.file.read(MAX_FILE_BYTES + 1)
    if not content:
        return _overview(visit, visit._("The file is empty."))
    try:
        with visit.conn.transaction():
            task_id = requests.request_preview(visit.conn, _plain_name(file.filename), content)
    except InvalidArgumentError as error:
        return _overview(visit, texts.refusal(visit, error))
    return visit.redirect(f"/imports/{task_id}")


@router.get("/{task_id}")
def one(visit: Administrator, task_id: UUID, query: Annotated[RowsQuery, Query()]) -> Response:
    """Show how far an import or its preview has come, and then each row of the file."""
    return _one(visit, requests.get(visit.conn, task_id, *_KINDS), query)


@router.post("/{task_id}/confirm")
def confirm(visit: Administrator, task_id: UUID, form: Annotated[ConfirmForm, Form()]) -> Response:
    """Have a preview written."""
    preview = requests.get(visit.conn, task_id, "import_preview")
    try:
        with visit.conn.transaction():
            import_id = requests.request_import(visit.conn, task_id, skip_bad=form.skip_bad)
    except InvalidArgumentError as error:
        return _one(visit, preview, RowsQuery(), texts.refusal(visit, error))
    return visit.redirect(f"/imports/{import_id}")


@router.post("/{task_id}/cancel")
def cancel(visit: Administrator, task_id: UUID) -> Response:
    """End an import that is not finished, or throw a preview away."""
    task = requests.get(visit.conn, task_id, *_KINDS)
    try:
        with visit.conn.transaction():
            requests.cancel(visit.conn, task_id)
    except InvalidArgumentError as error:
        return _one(visit, task, RowsQuery(), texts.refusal(visit, error))
    return visit.redirect(
        "/imports", notice=visit._("Cancelled; nothing was written, and the file is deleted.")
    )


@router.get("/{task_id}/bad-rows.csv")
def bad_rows(visit: Administrator, task_id: UUID) -> Response:
    """Send the rows that are left out, as a file that can be mended and imported."""
    task = requests.get(visit.conn, task_id, *_KINDS)
    visit.saw({task.organisation_id})
    return download(requests.result_file(visit.conn, task_id))


def download(file: TaskFile) -> Response:
    """Send a file to be saved."""
    disposition = f"attachment; filename*=utf-8''{quote(file.name, safe='')}"
    return Response(file.content, media_type=file.media_type, headers={"Content-Disposition": disposition})


def _plain_name(file_name: str) -> str:
    """Return the name without folders and what cannot be shown."""
    name = PurePosixPath(file_name.replace("\\", "/")).name
    return "".join(filter(str.isprintable, name))[-_LONGEST_NAME:] or "-"


def _overview(visit: Visit, error: str = "") -> Response:
    columns = [(names[visit.language], column in OPTIONAL_COLUMNS) for column, names in HEADINGS.items()]
    return visit.page(
        "tasks/imports.html",
        status=422 if error else 200,
        columns=columns,
        tasks=requests.recent(visit.conn, *_KINDS),
        states=texts.states(visit),
        error=error,
    )


def _one(visit: Visit, task: Task, query: RowsQuery, error: str = "") -> Response:
    has_rows = not task.is_open and task.contents_deleted_at is None and bool(task.result)
    rows = (
        requests.rows(visit.conn, task.id, choice=query.show, after=query.after, size=_PAGE_SIZE + 1)
        if has_rows
        else []
    )
    visit.saw({task.organisation_id})
    here = f"/imports/{task.id}"
    more = len(rows) > _PAGE_SIZE
    page = visit.page(
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
        confirmed_by=requests.confirmed_by(visit.conn, task.id),
        states=texts.states(visit),
        verdicts=texts.verdicts(visit),
        step=texts.step(visit, task),
        failure=texts.failure(visit, task),
        say=texts.saying(visit),
    )
    return followed(page, is_open=task.is_open, follow=query.follow and not error)


def _address(here: str, show: Choice, after: int = 0) -> str:
    return f"{here}?{urlencode({'show': show} | ({'after': after} if after else {}))}"
