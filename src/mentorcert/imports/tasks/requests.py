"""What an administrator asks for and sees of tasks, with the rights of the connection's user.

Every function raises MissingRightError where the caller sees no such task or is no administrator,
EndpointDisabledError while the endpoint is switched off, and InvalidArgumentError, with the name of the rule
as `constraint`, for what the rules of private.request_task refuse.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError, from_postgres
from mentorcert.imports.cells import Language
from mentorcert.imports.exporting import Format
from mentorcert.imports.tasks.model import Choice, Kind, Task, TaskFile, TaskRow

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
# The file goes as it is, not as twice as much text.
_REQUEST: Final = (
    "select private.request_task(%(kind)s, %(file_name)s, %(file)b, %(options)s, %(preview_id)s)"
)
_ROW: Final = TypeAdapter(TaskRow)


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
    with _database_errors():
        _QUERIES.cancel(conn, id=task_id)


def get(conn: Connection, task_id: UUID, *kinds: Kind) -> Task:
    """Return a task of one of these kinds."""
    with _database_errors(), conn.cursor(row_factory=class_row(Task)) as cursor:
        task = cursor.execute(_QUERIES.get.sql, {"id": task_id}).fetchone()
    if task is None or task.kind not in kinds:
        raise MissingRightError(code="42501", constraint="task_right")
    return task


def recent(conn: Connection, *kinds: Kind, size: int = 20) -> list[Task]:
    """Return the organisation's newest tasks of these kinds, newest first."""
    with _database_errors(), conn.cursor(row_factory=class_row(Task)) as cursor:
        return cursor.execute(_QUERIES.recent.sql, {"kinds": [*kinds], "size": size}).fetchall()


def confirmed_by(conn: Connection, preview_id: UUID) -> UUID | None:
    """Return the import that confirmed a preview, if any did."""
    with _database_errors():
        found: UUID | None = _QUERIES.confirmed_by(conn, id=preview_id)
    return found


def rows(
    conn: Connection, task_id: UUID, *, choice: Choice = "all", after: int = 0, size: int = 100
) -> Sequence[TaskRow]:
    """Return a page of an import's rows, those after a line, in the order of lines."""
    parameters: dict[str, Any] = {"id": task_id, "after": after, "size": size}
    with _database_errors():
        match choice:
            case "all":
                found = list(_QUERIES.all_rows(conn, **parameters))
            case "problems":
                found = list(_QUERIES.rows_with_problems(conn, **parameters))
            case "added" | "changed" | "unchanged":
                found = list(_QUERIES.rows_of_verdict(conn, verdict=choice, **parameters))
    return [
        _ROW.validate_python({"line": line, "verdict": verdict, **content})
        for line, verdict, content in found
    ]


def result_file(conn: Connection, task_id: UUID) -> TaskFile:
    """Return the file that a task has made; MissingRightError where it has none, or none any more."""
    with _database_errors(), conn.cursor(row_factory=class_row(TaskFile)) as cursor:
        file = cursor.execute(_QUERIES.result_file.sql, {"id": task_id}).fetchone()
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
    with _database_errors():
        [(task_id,)] = conn.execute(
            _REQUEST,
            {
                "kind": kind,
                "file_name": file_name,
                "file": file,
                "options": Jsonb(options or {}),
                "preview_id": preview_id,
            },
        ).fetchall()
    requested: UUID = task_id
    return requested


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise from_postgres(error) from error
