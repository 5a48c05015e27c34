"""`mentorcert hierarchy`: a project's own organisations, chapters and roles feed those of the registry."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations.hierarchy import installation, mapping
from mentorcert.organisations.hierarchy.installation import Report, Writer

commands = typer.Typer(
    no_args_is_help=True, help="Feed the registry from a project's own organisations, chapters and roles."
)

File = Annotated[Path, typer.Argument(help="Mapping file, TOML.", exists=True, dir_okay=False, readable=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WORDS: Final = {"add": "added", "change": "changed", "end": "ended"}


@commands.command()
def plan(file: File, *, as_json: AsJson = False) -> None:
    """Say what FILE would change, which rows would be left out and why, and who may write them.

    Nothing is changed. Exit code 1 if a row would be left out.
    """
    stated = mapping.read(file)
    with connect(autocommit=True) as conn:
        report, writers = installation.plan(conn, stated)
    if as_json:
        print_json({**_as_json(report), "writers": [asdict(writer) for writer in writers]})
    else:
        _print_counts(report, "would be ")
        _print_problems(report)
        _print_writers(writers)
    if any(problem.is_left_out for problem in report.problems):
        raise typer.Exit(1)


@commands.command()
def apply(
    file: File,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the SQL, for review or a migration of your own.")
    ] = False,
    end_others: Annotated[
        bool, typer.Option("--end-others", help="End what your tables do not have.")
    ] = False,
    open_tables: Annotated[
        bool,
        typer.Option(
            "--open-tables", help="Apply although clients may write a table without row-level security."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set triggers on the tables that FILE names, and feed the registry from them, in one transaction.

    From then on your tables are the truth, and the registry refuses changes of what they feed. Applied again, with
    the same file or another one, it begins again; what was fed stays. Exit code 1 if anything could not be fed.
    """
    stated = mapping.read(file)
    with connect(autocommit=True) as conn:
        if dry_run:
            typer.echo(installation.script(conn, stated))
            return
        before, after = installation.apply(conn, stated, end_others=end_others, open_tables=open_tables)
    if as_json:
        print_json({"fed": _as_json(before)["differences"], **_as_json(after)})
    else:
        _print_counts(before, "")
        _print_differences(after)
        _print_problems(after)
    if not after.is_fed:
        raise typer.Exit(1)


@commands.command()
def check(*, as_json: AsJson = False) -> None:
    """Compare the registry with the tables that feed it; exit code 1 if anything differs or is left out."""
    with connect(autocommit=True) as conn:
        report = installation.check(conn)
    if as_json:
        print_json(_as_json(report))
    else:
        if report.is_fed:
            console.print("The registry says what your tables say.")
        _print_differences(report)
        _print_problems(report)
    if not report.is_fed:
        raise typer.Exit(1)


@commands.command()
def remove() -> None:
    """Take the triggers away: what was fed stays, and is entered in the registry from then on."""
    with connect(autocommit=True) as conn:
        installation.remove(conn)
    console.print("The registry is not fed any more.")


def _as_json(report: Report) -> dict[str, Any]:
    return {"is_fed": report.is_fed, **asdict(report)}


def _print_counts(report: Report, would: str) -> None:
    counted = Counter((one.part, one.action) for one in report.differences)
    for (part, action), number in sorted(counted.items()):
        console.print(f"{part}: {number} {would}{_WORDS[action]}", soft_wrap=True)
    if not counted:
        console.print("The registry says what your tables say already.")


def _print_differences(report: Report) -> None:
    for one in report.differences:
        _print(f"differs: {one.part}: {one.what} should be {_WORDS[one.action]}")
    for failure in report.failures:
        _print(f"refused: {failure.step} {failure.key}: {failure.reason}")
    if report.differences:
        _print(installation.ADVICE)


def _print_problems(report: Report) -> None:
    for one in report.problems:
        state = "left out" if one.is_left_out else "notice"
        _print(f"{state}: {one.part}: {one.table_name} {one.row}: {one.problem}")
    if report.problems:
        _print(installation.ROW_ADVICE)


def _print_writers(writers: list[Writer]) -> None:
    for one in writers:
        rule = "as its policies say" if one.is_under_rls else "without row-level security"
        _print(f"may be written by {one.role}, {rule}: {one.table_name}.{one.column_name}")
    if writers:
        _print(
            "Rights in the registry follow from these columns: see that nobody can write a role for themselves."
        )


def _print(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
