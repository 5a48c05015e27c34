"""The work itself: what each kind of task does, and what is kept of it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, assert_never
from uuid import UUID

from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError, RegistryChangedError
from mentorcert.imports import exporting, importing
from mentorcert.imports.importing import Outcome, Report
from mentorcert.imports.tabular import Table
from mentorcert.imports.tasks.model import Kind, Verdict
from mentorcert.progress import Progress
from mentorcert.translatable import LazyText, pack


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that this process has taken up; `is_allowed`: who asked for it is still an administrator."""

    id: UUID
    organisation_id: UUID
    organisation: str
    kind: Kind
    options: dict[str, Any]
    file_name: str | None
    file: bytes | None
    lease_token: UUID
    attempts: int
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file as it is kept; `content` is JSON, see `model.TaskRow`."""

    line: int
    verdict: Verdict
    has_warning: bool
    is_clearing: bool
    content: str


@dataclass(frozen=True, slots=True)
class Work:
    """The result of a task; with an error, nothing was written to the registry."""

    result: dict[str, int]
    rows: Sequence[Row] = ()
    file_name: str | None = None
    file: bytes | None = None
    error: MentorcertError | None = None
    notes: Sequence[LazyText] = ()


def perform(conn: Connection, claim: Claim, table: Table | None, progress: Progress) -> Work:
    """Do a task inside the transaction that is open; `table` is the claim's file, read already.

    Raises what `importing.import_table` and `exporting.export` do, and whatever `progress` does.
    """
    match claim.kind:
        case "import_preview" | "import":
            if table is None:
                raise ValueError("an import needs its file")
            return _import(conn, claim, table, progress)
        case "export":
            return _export(conn, claim, progress)
        case _:
            assert_never(claim.kind)


def packed(error: MentorcertError) -> dict[str, Any]:
    """Return an error as a task keeps it: its class, and what it says, to be said in any language."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else type(error).__doc__ or ""
    return {"kind": type(error).__name__, "text": pack(text), "hint": error.hint and pack(error.hint)}


@dataclass(slots=True)
class _Import:
    bad_rows: bytes | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def keep(self, bad_rows: bytes) -> None:
        self.bad_rows = bad_rows


def _import(conn: Connection, claim: Claim, table: Table, progress: Progress) -> Work:
    is_preview = claim.kind == "import_preview"
    kept = _Import()
    report = importing.import_table(
        conn,
        table,
        claim.organisation,
        dry_run=is_preview,
        # A preview shows the results of the good rows whether there are bad ones or not.
        skip_bad=is_preview or bool(claim.options.get("skip_bad")),
        progress=progress,
        keep_bad_rows=kept.keep,
        each_row=kept.outcomes.append,
    )
    progress("reporting", 0, 1)
    error = None
    if report.counts is None:
        error = RegistryChangedError(hint=LazyText("Upload the file once more and look at the new preview."))
    rows = list(_rows(report, kept.outcomes))
    return Work(
        result=_result(report, rows),
        rows=rows,
        file_name=f"{claim.file_name}.bad.csv" if kept.bad_rows else None,
        file=kept.bad_rows,
        error=error,
        notes=report.notes,
    )


def _result(report: Report, rows: Sequence[Row]) -> dict[str, int]:
    return {
        "rows": report.rows,
        "lines_bad": sum(row.verdict == "bad" for row in rows),
        "lines_left_out": len(report.lines_left_out),
        "lines_with_warnings": sum(row.has_warning for row in rows),
        "lines_added": sum(row.verdict == "added" for row in rows),
        "lines_changed": sum(row.verdict == "changed" for row in rows),
        "lines_clearing": sum(row.is_clearing for row in rows),
        "lines_unchanged": sum(row.verdict == "unchanged" for row in rows),
        **(asdict(report.counts) if report.counts else {}),
    }


def _rows(report: Report, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    problems = {
        line: list(found) for line, found in groupby(report.problems, key=lambda problem: problem.line)
    }
    left_out = set(report.lines_left_out)
    for outcome in outcomes:
        own = problems.get(outcome.line, [])
        content = asdict(outcome)
        del content["line"]
        content["problems"] = [
            {
                "column": pack(problem.column),
                "value": pack(problem.value),
                "reason": pack(problem.reason),
                "advice": pack(problem.advice),
                "is_warning": problem.is_warning,
            }
            for problem in own
        ]
        yield Row(
            outcome.line,
            _verdict(outcome, is_bad=any(not problem.is_warning for problem in own), left_out=left_out),
            any(problem.is_warning for problem in own),
            any(change["after"] is None for change in outcome.changes),
            json.dumps(content, ensure_ascii=False, default=date.isoformat),
        )


def _verdict(outcome: Outcome, *, is_bad: bool, left_out: set[int]) -> Verdict:
    if is_bad:
        return "bad"
    if outcome.line in left_out:
        return "left_out"
    done = {outcome.person, outcome.certification}
    return "added" if "added" in done else "changed" if "changed" in done else "unchanged"


def _export(conn: Connection, claim: Claim, progress: Progress) -> Work:
    format_ = claim.options["format"]
    progress("asking", 0, 0)
    content = exporting.export(
        conn, claim.organisation, format_=format_, language=claim.options["language"], progress=progress
    )
    return Work(result={"bytes": len(content)}, file_name=f"{claim.organisation}.{format_}", file=content)
