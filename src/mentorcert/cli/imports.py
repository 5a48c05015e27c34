"""`mentorcert import`, `import-template` and `export`: files of mentors and their certifications."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.cli.output_file import STANDARD_OUTPUT, Output, write_output
from mentorcert.db.connection import connect
from mentorcert.errors import InvalidInputError
from mentorcert.imports import exporting, importing, parsing
from mentorcert.imports.columns import HEADINGS, Column
from mentorcert.imports.importing import Report, RowChanges
from mentorcert.imports.mentor_rows import Problem
from mentorcert.imports.template import template

_SHOWN = 50
_LONGEST_VALUE = 60


class _Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"


class Language(StrEnum):
    """In which language a file is written."""

    nb = "nb"
    en = "en"


FileFormat = Annotated[_Format, typer.Option("--format", help="Kind of file.")]
FileLanguage = Annotated[
    Language, typer.Option(help="nb: as Norwegian Excel writes it; en: RFC 4180 with ISO dates.")
]
Organisation = Annotated[str, typer.Option("--organisation", "-o", help="Slug of the organisation.")]


def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV or .xlsx file.", exists=True, dir_okay=False, readable=True)
    ],
    *,
    organisation: Organisation,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Write the good rows; save the bad ones in FILE.bad.csv.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every problem.")] = False,
) -> None:
    """Import mentors and their certifications; importing the same file again changes nothing.

    All rows are checked first, and nothing is written while one is bad, unless with --skip-bad. A person with
    several certifications has several rows; a row without a certification registers the person alone.
    Chapters are codes or names with | between them. Days are dd.mm.yyyy or yyyy-mm-dd; an empty last valid
    day is reckoned by the type's rule, ubegrenset or unlimited means that there is none. Past renewals are
    `first day..last valid day`, or days of issue alone, with | between them. Of a column that the file lacks,
    the registry keeps what it has; an empty cell clears, and a dry run says so. Of an Excel file, the visible
    sheet with the headings is read.

    Exit code: 0 everything was written; 1 bad rows were left out (--skip-bad); 2 nothing was written, because
    rows are bad or the file cannot be read. A dry run answers with the same code.
    """
    with _file_errors(), progress_bars() as progress, connect(autocommit=True) as conn:
        report = importing.import_file(
            conn,
            file,
            organisation,
            dry_run=dry_run,
            skip_bad=skip_bad,
            progress=progress,
            read=parsing.read,
        )
    if as_json:
        print_json({"file": str(file), "organisation": organisation, "dry_run": dry_run, **asdict(report)})
    else:
        _print(report, dry_run=dry_run)
    if report.counts is None:
        raise typer.Exit(2)
    if report.lines_left_out:
        raise typer.Exit(1)


def export(
    *,
    organisation: Organisation,
    format_: FileFormat = _Format.csv,
    language: FileLanguage = Language.nb,
    output: Output = STANDARD_OUTPUT,
) -> None:
    """Export mentors and their certifications in the columns that `mentorcert import` reads.

    Cells that a spreadsheet would take for a formula begin with an apostrophe; the import takes it off again.
    A suspension stands in no column: import and export leave it alone.
    """
    with connect(autocommit=True) as conn:
        content = exporting.export(conn, organisation, format_=format_.value, language=language.value)
    write_output(content, output)


def import_template(
    *,
    format_: FileFormat = _Format.xlsx,
    language: FileLanguage = Language.nb,
    output: Output = STANDARD_OUTPUT,
) -> None:
    """Write an empty file with the columns of `mentorcert import`, to be filled in.

    A workbook explains each column on a sheet of its own, and keeps numbers such as 00123 as they are typed.
    """
    write_output(template(format_.value, language.value), output)


@contextmanager
def _file_errors() -> Iterator[None]:
    """Name the file that cannot be read or written, and why."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(f"{error.filename}: {error.strerror}.") from error


def _print(report: Report, *, dry_run: bool) -> None:
    for note in report.notes:
        console.print(escape(note), soft_wrap=True)
    if report.changes:
        console.print(_change_table(report.changes))
    if report.problems:
        console.print(_problem_table(report.problems))
    counts = report.counts
    bad = len({problem.line for problem in report.problems if not problem.is_warning})
    if counts is None:
        console.print(
            f"[red]{bad} of {report.rows} rows are bad; nothing was written.[/red] "
            "Correct them and import again, or write the others with --skip-bad.",
            soft_wrap=True,
        )
        return
    console.print(
        f"{report.rows - len(report.lines_left_out)} of {report.rows} rows: "
        f"{counts.mentors} mentors ({counts.mentors_added} new, {counts.mentors_changed} changed), "
        f"certifications {counts.certifications_added} new, {counts.certifications_changed} changed, "
        f"chapters {counts.chapters_entered} entered, {counts.chapters_left} left",
        soft_wrap=True,
    )
    if dry_run:
        clearing = sum(any(change["after"] is None for change in row.changes) for row in report.changes)
        console.print(f"{len(report.changes)} rows change a person; {clearing} of them clear a field")
        console.print("[yellow]dry run: nothing was kept[/yellow]")
    if report.lines_left_out:
        saved = f"; they are saved in {escape(str(report.bad_rows_file))}" if report.bad_rows_file else ""
        console.print(f"[red]{len(report.lines_left_out)} rows were left out{saved}[/red]", soft_wrap=True)


def _change_table(rows: tuple[RowChanges, ...]) -> Table:
    changes = [(row, change) for row in rows for change in row.changes]
    hidden = len(changes) - _SHOWN
    table = Table(
        "line", "who", "field", "in the registry", "would be",
        caption=f"and {hidden} more (all of them with --json)" if hidden > 0 else None,
    )  # fmt: skip
    for row, change in changes[:_SHOWN]:
        before, after = change["before"], change["after"]
        table.add_row(
            str(row.line),
            escape(row.external_id),
            HEADINGS[Column(change["column"])]["en"],
            "–" if before is None else escape(before),
            "[yellow]cleared[/yellow]" if after is None else escape(after),
        )
    return table


def _problem_table(problems: tuple[Problem, ...]) -> Table:
    hidden = len(problems) - _SHOWN
    table = Table(
        "line", "column", "value", "problem", "what to do",
        caption=f"and {hidden} more (all of them with --json)" if hidden > 0 else None,
    )  # fmt: skip
    for problem in problems[:_SHOWN]:
        value = (
            problem.value
            if len(problem.value) <= _LONGEST_VALUE
            else f"{problem.value[: _LONGEST_VALUE - 1]}…"
        )
        table.add_row(
            str(problem.line), *map(escape, (problem.column, value, problem.reason, problem.advice)),
            style="yellow" if problem.is_warning else None,
        )  # fmt: skip
    return table
