"""What a task is, how far it has come, and its result."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

Kind = Literal["import_preview", "import", "export"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
Verdict = Literal["added", "changed", "unchanged", "left_out", "bad"]
Choice = Literal["all", "problems", "added", "changed", "unchanged"]
"""Which rows are shown; problems: what is bad or left out, and what has a warning."""

MAX_FILE_BYTES: Final = 20 * 2**20
CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Task:
    """One task as an administrator sees it; `error` and `result` are as the database keeps them.

    `has_file` says whether there is a file to download: an export, or the rows that were left out.
    """

    id: UUID
    organisation_id: UUID
    requested_by: UUID
    kind: Kind
    state: State
    options: dict[str, Any]
    preview_id: UUID | None
    file_name: str | None
    step: str | None
    done: int
    total: int
    result: dict[str, int] | None
    error: dict[str, Any] | None
    notes: list[Any] | None
    has_file: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    contents_deleted_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or is being worked."""
        return self.state in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell: `reason` and `advice` are packed, see `mentorcert.translatable`."""

    column: str
    value: str
    reason: Any
    advice: Any
    is_warning: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a person with its old and its new value; None is nothing."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What an import does, or would do, with one row of its file; see `importing.Outcome`."""

    line: int
    verdict: Verdict
    external_id: str | None
    name: str | None
    person: str | None
    certification_type: str | None
    certification: str | None
    issued: date | None
    expires: date | None
    is_unlimited: bool
    held_issued: date | None
    held_expires: date | None
    changes: list[Change]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A file to download."""

    name: str
    content: bytes

    @property
    def media_type(self) -> str:
        """What it is: an Excel workbook or CSV."""
        return XLSX if self.name.endswith(".xlsx") else CSV
