"""Imports a file of peer mentors and their certifications; all is checked before anything is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal, TypedDict
from uuid import UUID

import aiosql
import psycopg
from psycopg.rows import class_row

from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, UnknownOrganisationError
from mentorcert.imports import cells, tabular
from mentorcert.imports.columns import PERSON_COLUMNS, Column, column_of
from mentorcert.imports.mentor_rows import Problem, Row, problem_of, read_rows
from mentorcert.imports.problem_labels import TEXTS, WARNINGS
from mentorcert.imports.tabular import Table
from mentorcert.progress import Progress, silent
from mentorcert.translatable import LazyText

_queries = aiosql.from_path(Path(__file__).with_name("queries"), "psycopg")

_MANY = 100
_CHECKS = (
    _queries.canonicalise_rows,
    _queries.check_texts,
    _queries.match_numbers,
    _queries.lock_certifications,
    _queries.lock_mentors,
    _queries.keep_absent_columns,
    _queries.resolve_chapters,
    _queries.resolve_types,
    _queries.resolve_certifications,
    _queries.resolve_periods,
    _queries.resolve_expires,
    _queries.analyze_certifications,
    _queries.resolve_history,
    _queries.check_rows,
    _queries.keep_withdrawn_consents,
    _queries.check_look_alikes,
)


class BadRowsFileExistsError(InvalidInputError):
    """The file for the bad rows exists already and may still be needed."""


class _Organisation(TypedDict):
    organisation_id: UUID
    time_zone: str


class FieldChange(TypedDict):
    """A field of a person that would change; None is nothing, so that a None after it would be cleared."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What one row changes in the fields of a person whom the registry has."""

    line: int
    external_id: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was written, or by a dry run would have been."""

    mentors: int
    mentors_added: int
    mentors_changed: int
    chapters_entered: int
    chapters_left: int
    certifications_added: int
    certifications_changed: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an import; `counts` is None where bad rows kept everything from being written.

    `lines_left_out` are those of the bad rows and of the persons left out; they stand in `bad_rows_file`.
    `notes` say what of the file was read; `changes`, of a dry run, are the fields with old and new value.
    """

    rows: int
    problems: tuple[Problem, ...]
    lines_left_out: tuple[int, ...]
    counts: Counts | None
    is_written: bool
    bad_rows_file: Path | None
    notes: tuple[LazyText, ...] = ()
    changes: tuple[RowChanges, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one row changes in the registry, if it is written; None where the row does not say enough.

    `issued` and `expires` (the last valid day) are as they would be, `held_…` as they are; both None without
    a certification. `expires` is None where there is no end, and `is_unlimited` then.
    """

    line: int
    external_id: str | None
    name: str | None
    person: Literal["added", "changed", "unchanged"] | None
    certification_type: str | None
    certification: Literal["added", "changed", "unchanged", "repeated"] | None
    issued: date | None
    expires: date | None
    is_unlimited: bool
    held_issued: date | None
    held_expires: date | None
    changes: list[FieldChange]


def bad_rows_file(path: Path) -> Path:
    """Return the file in which `import_file` saves the bad rows of `path`."""
    return path.with_name(f"{path.name}.bad.csv")


def import_file(
    conn: Connection,
    path: Path,
    organisation: str,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
    progress: Progress = silent,
    read: Callable[[Path], Table] = tabular.read,
) -> Report:
    """Read a mentor file into the organisation with this slug, in one transaction.

    Nothing is written while any row is bad, unless `skip_bad`: then the others are written and the bad ones
    saved in `bad_rows_file(path)`; a person whose own columns are bad is left out with all rows. A dry run
    does everything, the database's checks included, and keeps nothing. Raises UnreadableFileError,
    UnknownOrganisationError, BadRowsFileExistsError, psycopg.Error, OSError.
    """
    target = bad_rows_file(path)
    if skip_bad and not dry_run and target.exists():
        raise BadRowsFileExistsError(f"{target} exists already.", hint="Import or move it first.")

    def keep(bad_rows: bytes) -> None:
        if not dry_run:
            with target.open("xb") as file:
                file.write(bad_rows)

    report = import_table(
        conn,
        read(path),
        organisation,
        dry_run=dry_run,
        skip_bad=skip_bad,
        progress=progress,
        keep_bad_rows=keep,
    )
    return replace(report, bad_rows_file=target) if report.lines_left_out and report.is_written else report


def import_table(
    conn: Connection,
    table: Table,
    organisation: str,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
    progress: Progress = silent,
    keep_bad_rows: Callable[[bytes], object],
    each_row: Callable[[Outcome], object] | None = None,
) -> Report:
    """Do what `import_file` does, with a file that is read already.

    `keep_bad_rows` is given the file of the rows left out, if there are any, in a dry run too; `each_row`
    what each row would do, in the order of lines. Raises UnknownOrganisationError, psycopg.Error.
    """
    rows = _read_rows(table, progress)
    problems = [problem for row in rows for problem in row.problems]
    places = {heading.strip(): place for place, heading in enumerate(table.headings)}
    left_out: tuple[int, ...] = ()
    changes: list[RowChanges] = []
    counts: Counts | None = None
    is_written = False
    with conn.transaction():
        locked = _lock_organisation(conn, organisation)
        _queries.plan_by_rows(conn)
        _copy(conn, rows, progress)
        problems += _check(conn, table, locked, progress)
        if each_row is not None or dry_run:
            for outcome in _outcomes(conn, locked):
                if dry_run and outcome.changes and outcome.external_id:
                    changes.append(RowChanges(outcome.line, outcome.external_id, tuple(outcome.changes)))
                if each_row is not None:
                    each_row(outcome)
        problems.sort(key=lambda problem: (problem.line, places.get(problem.column, len(places))))
        if any(not problem.is_warning for problem in problems):
            if not skip_bad:
                raise psycopg.Rollback
            left_out = tuple(line for (line,) in _queries.leave_out_bad_rows(conn, warnings=list(WARNINGS)))
        counts = _write(conn, locked, progress)
        if left_out:
            # Before the commit: where the file cannot be written, nothing else is.
            keep_bad_rows(_bad_rows(table, left_out, problems))
        if dry_run:
            raise psycopg.Rollback
        is_written = True
    return Report(
        rows=len(rows),
        problems=tuple(problems),
        lines_left_out=left_out,
        counts=counts,
        is_written=is_written,
        bad_rows_file=None,
        notes=table.notes,
        changes=tuple(changes),
    )


def _read_rows(table: Table, progress: Progress) -> list[Row]:
    total = len(table.records)
    rows = []
    for done, row in enumerate(read_rows(table), start=1):
        rows.append(row)
        progress("reading", done, total)
    return rows


def _lock_organisation(conn: Connection, slug: str) -> _Organisation:
    found = _queries.lock_organisation(conn, slug=slug)
    if found is None:
        raise UnknownOrganisationError.named(slug)
    return {"organisation_id": found[0], "time_zone": found[1]}


def _copy(conn: Connection, rows: Sequence[Row], progress: Progress) -> None:
    _queries.create_staging(conn)
    with conn.cursor() as cursor, cursor.copy(_queries.copy_rows.sql) as copy:
        for done, row in enumerate(rows, start=1):
            past = row.past_renewals
            copy.write_row(
                (
                    row.line, bool(row.problems), row.person_is_bad,
                    row.external_id, row.name, row.email, row.phone, row.chapters, row.consent,
                    row.certification_type, row.issued, _day(row.expires),
                    [_day(period.starts) for period in past], [_day(period.ends) for period in past],
                )
            )  # fmt: skip
            progress("copying", done, len(rows))
    _queries.analyze_rows(conn)


def _day(day: date | None) -> str | None:
    if day is None:
        return None
    return "infinity" if day == date.max else day.isoformat()


def _check(
    conn: Connection, table: Table, organisation: _Organisation, progress: Progress
) -> Iterable[Problem]:
    absent = [str(column) for column in PERSON_COLUMNS if column not in table.places]
    for done, check in enumerate(_CHECKS, start=1):
        check(conn, **organisation, absent=absent)
        progress("checking", done, len(_CHECKS))
    records = {record.line: record for record in table.records}
    for line, column, problem, detail in _queries.find_problems(conn):
        reason, advice = TEXTS[problem]
        shown = LazyText("without end") if detail == "infinity" else detail
        yield problem_of(
            table,
            records[line],
            Column(column),
            LazyText(reason, shown),
            advice,
            is_warning=problem in WARNINGS,
        )


def _outcomes(conn: Connection, organisation: _Organisation) -> Iterable[Outcome]:
    with conn.cursor(row_factory=class_row(Outcome)) as cursor:
        yield from cursor.execute(_queries.find_outcomes.sql, organisation)


def _write(conn: Connection, organisation: _Organisation, progress: Progress) -> Counts:
    steps = 5
    _queries.leave_out_repetitions(conn)
    _queries.announce_import(conn)
    mentors = _queries.count_mentors(conn)
    mentors_changed = _queries.change_mentors(conn, **organisation)
    mentors_added, chapters_of_added = _queries.add_mentors(conn, **organisation)
    progress("writing", 1, steps)
    _queries.resolve_memberships(conn, **organisation)
    _queries.analyze_memberships(conn)
    chapters_left = _queries.end_chapters(conn, **organisation)
    if mentors_added >= _MANY:
        # The triggers keep the plans that they made when a statement changed no row; with those the next one
        # takes time by the square of its rows.
        _queries.discard_plans(conn)
    progress("writing", 2, steps)
    chapters_entered = chapters_of_added + _queries.enter_chapters(conn, **organisation)
    progress("writing", 3, steps)
    added = _queries.register_plain_certifications(conn, **organisation)
    added += _queries.register_certifications(conn, **organisation, with_past_only=added > 0)
    progress("writing", 4, steps)
    changed = _queries.change_certifications(conn, **organisation)
    progress("writing", 5, steps)
    _queries.end_announcement(conn)
    # The caller may have opened the transaction that this one lies in, and import once more there.
    _queries.drop_staging(conn)
    return Counts(mentors, mentors_added, mentors_changed, chapters_entered, chapters_left, added, changed)


def _bad_rows(table: Table, lines: Sequence[int], problems: Iterable[Problem]) -> bytes:
    """Return the original cells of the rows left out, in the file's dialect, and what is wrong with each."""
    texts: dict[int, list[str]] = {line: [] for line in lines}
    for problem in problems:
        if problem.line in texts:
            texts[problem.line].append(f"{problem.column}: {problem.reason}; {problem.advice}")
    kept = [place for place, heading in enumerate(table.headings) if column_of(heading) is not Column.PROBLEM]
    written = [[*(table.headings[place] for place in kept), Column.PROBLEM.title()]]
    for record in table.records:
        if record.line in texts:
            padded = [*record.cells, *[""] * len(table.headings)]
            reasons = " / ".join(texts[record.line]) or "another line of the same person is bad"
            surplus = filter(str.strip, record.cells[len(table.headings) :])
            row = [*(padded[place] for place in kept), reasons, *surplus]
            written.append([cells.escape_if_formula(cell) for cell in row])
    return tabular.write_csv(written, table.dialect)
