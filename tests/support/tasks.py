"""Tasks as tests ask for them, with a process that works them."""

import threading
from collections.abc import Callable
from uuid import UUID

from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, connect
from mentorcert.imports.tasks import requests, runner
from mentorcert.imports.tasks.model import Kind, Task
from tests.support.mentor_file import content
from tests.support.registry import Organisation

KINDS: tuple[Kind, ...] = ("import_preview", "import", "export")
FILE_NAME = "Likepersoner 2026.csv"


def work(database: str, *, lease_s: float = 30.0) -> bool:
    """Do the task that has waited longest, if any does."""
    with opener(database)() as conn:
        return runner.work_one(conn, opener(database), threading.Event(), lease_s=lease_s, heartbeat_s=0.01)


def opener(database: str) -> Callable[[], Connection]:
    """Return what opens connections as the process of the tasks does."""
    return lambda: connect(make_conninfo(database, user="mentorcert_tasks"), autocommit=True)


def preview(organisation: Organisation, *rows: list[str], file: bytes | None = None) -> UUID:
    """Ask for the preview of a file, as the administrator."""
    with organisation.as_admin() as conn:
        return requests.request_preview(conn, FILE_NAME, content(*rows) if file is None else file)


def confirm(organisation: Organisation, preview_id: UUID, *, skip_bad: bool = False) -> UUID:
    """Confirm a preview, as the administrator."""
    with organisation.as_admin() as conn:
        return requests.request_import(conn, preview_id, skip_bad=skip_bad)


def task(organisation: Organisation, task_id: UUID) -> Task:
    """Return a task, as the administrator sees it."""
    with organisation.as_admin() as conn:
        return requests.get(conn, task_id, *KINDS)
