"""What an administrator asks for and sees of tasks, with the rights of the connection's user.

Every function raises MissingRightError where the caller sees no such task or is no administrator,
EndpointDisabledError while the endpoint is switched off, and InvalidArgumentError, with the name of the rule
as `constraint`, for what the rules of mentorcert_private.request_task refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError
from mentorcert.imports.cells import Language
from mentorcert.imports.exporting import Format
from mentorcert.imports.tasks.model import Choice, Kind, Task, TaskFile, TaskRow, Verdict

_QUERIES = rows.beside(__file__)
# The file is sent in binary: as text it would be twice as large.
_REQUEST: Final = (
    "select mentorcert_private.request_task(%(kind)s, %(file_name)s, %(file)b, %(options)s, %(preview_id)s)"
)
_ROW: Final = TypeAdapter(TaskRow)


@dataclass(frozen=True, slots=True)
class _StoredRow:
    organisation_id: UUID
    line: int
    verdict: Verdict
    content: dict[str, Any]


def request_preview(conn: Connection, file_name: str, file: bytes) -> UUID:
    """Have a mentor file read and checked, and nothing written; return the task's id."""
    return _request(conn, "import_preview", file_name=file_name, file=file)


def request_import(conn: Connection, preview_id: UUID, *, skip_bad: bool) -> UUID:
    """Confirm a preview: have its very file imported; return the id of the new task."""
    return _request(conn, "import", options={"skip_bad": skip_bad}, preview_id=preview_id)


def request_export(conn: Connection, *, format_: Format, language: Language) -> UUID:
    """Have the whole organisation written into a file; return the task's id."""
    return _request(conn, "export", options={"format": format_, "language": language})


def cancel(conn: Connection, task_id: UUID) -> None:
    """End a task that is not finished, or throw a preview away."""
    rows.execute(conn, _QUERIES.cancel, id=task_id)


def get(conn: Connection, task_id: UUID, *kinds: Kind) -> Task:
    """Return a task of one of these kinds."""
    task = rows.fetch_optional(conn, Task, _QUERIES.get, id=task_id)
    if task is None or task.kind not in kinds:
        raise MissingRightError(code="42501", constraint="task_right")
    return task


def recent(conn: Connection, *kinds: Kind, size: int = 20) -> list[Task]:
    """Return the organisation's newest tasks of these kinds, newest first."""
    return rows.fetch_all(conn, Task, _QUERIES.recent, kinds=[*kinds], size=size)


def confirmed_by(conn: Connection, preview_id: UUID) -> UUID | None:
    """Return the import that confirmed a preview, if any did."""
    return rows.fetch_optional(conn, UUID, _QUERIES.confirmed_by, id=preview_id)


def task_rows(
    conn: Connection, task_id: UUID, *, choice: Choice = "all", after: int = 0, size: int = 100
) -> Sequence[TaskRow]:
    """Return a page of an import's rows, those after a line, in the order of lines."""
    parameters: dict[str, Any] = {"id": task_id, "after": after, "size": size}
    match choice:
        case "all":
            query = _QUERIES.all_rows
        case "problems":
            query = _QUERIES.rows_with_problems
        case "added" | "changed" | "unchanged":
            query = _QUERIES.rows_of_verdict
            parameters["verdict"] = choice
    return [
        _ROW.validate_python({"line": row.line, "verdict": row.verdict, **row.content})
        for row in rows.fetch_all(conn, _StoredRow, query, **parameters)
    ]


def result_file(conn: Connection, task_id: UUID) -> TaskFile:
    """Return the file that a task has made; MissingRightError where it has none, or none any more."""
    file = rows.fetch_optional(conn, TaskFile, _QUERIES.result_file, id=task_id)
    if file is None:
        raise MissingRightError(code="42501", constraint="task_right")
    return file


def _request(
    conn: Connection,
    kind: Kind,
    *,
    file_name: str | None = None,
    file: bytes | None = None,
    options: dict[str, Any] | None = None,
    preview_id: UUID | None = None,
) -> UUID:
    return rows.fetch_one(
        conn,
        UUID,
        _REQUEST,
        kind=kind,
        file_name=file_name,
        file=file,
        options=Jsonb(options or {}),
        preview_id=preview_id,
    )
