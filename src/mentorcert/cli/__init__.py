"""The command `mentorcert`: one file a topic, registered here."""

import sys
import traceback
from types import TracebackType
from typing import Annotated, Any

import psycopg
import typer
from rich.markup import escape
from typer.core import TyperGroup

from mentorcert import __version__, logs
from mentorcert.cli import (
    audit,
    audit_log,
    doctor,
    endpoint,
    explain,
    history,
    imports,
    migrate,
    nightly,
    organisation,
    person,
    up,
)
from mentorcert.cli.lazy import LazyGroup
from mentorcert.cli.output import error_console
from mentorcert.errors import MentorcertError, from_postgres
from mentorcert.settings import settings


class _Commands(TyperGroup):
    """Turns errors into a message, a hint and an exit code."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().invoke(*args, **kwargs)
        except psycopg.Error as error:
            _fail(from_postgres(error))
        except MentorcertError as error:
            _fail(error)


class _Portal(LazyGroup):
    """The commands of the portal sync."""

    module = "mentorcert.cli.portal"


def _fail(error: MentorcertError) -> None:
    error_console.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
    if error.hint:
        error_console.print(f"[yellow]hint:[/yellow] {escape(error.hint)}", soft_wrap=True)
    raise typer.Exit(error.exit_code) from None


def _report_unexpected(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """Say where it happened but not with which values: those may be somebody's name."""
    error_console.print(f"[red]unexpected {kind.__name__}[/red]; please report these lines:", soft_wrap=True)
    for frame in traceback.extract_tb(trace):
        error_console.print(
            f"  {escape(frame.filename)}:{frame.lineno} in {escape(frame.name)}", soft_wrap=True
        )


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    *,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Keep the certifications of peer-mentor programmes: who holds what, from when, until when."""
    sys.excepthook = _report_unexpected
    logs.configure(settings().log_level)


app.command("up")(up.up)
app.command("migrate")(migrate.migrate)
app.add_typer(organisation.commands, name="organisation")
app.command("import")(imports.import_)
app.command("export")(imports.export)
app.command("nightly")(nightly.nightly)
app.command("worker")(nightly.worker)
app.add_typer(history.commands, name="history")
app.add_typer(
    typer.Typer(cls=_Portal, no_args_is_help=True),
    name="portal",
    help="Tell the CRM portal what the registry says, and watch it.",
)
app.command("doctor")(doctor.doctor)
app.add_typer(audit.commands, name="audit")
app.command("explain-access")(explain.explain_access)
audit.commands.command("log")(audit_log.log)
audit.commands.command("retention")(audit_log.retention)
app.add_typer(endpoint.commands, name="endpoint")
app.add_typer(person.commands, name="person")
