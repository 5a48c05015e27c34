"""The command `mentorcert`: one file a topic, registered here."""

import sys
import traceback
from types import TracebackType
from typing import Annotated, Any, ClassVar

import psycopg
import typer
from rich.markup import escape

from mentorcert import __version__, logs
from mentorcert.cli.lazy import LazyGroup
from mentorcert.cli.output import error_console
from mentorcert.errors import MentorcertError, from_postgres
from mentorcert.settings import settings


class _Commands(LazyGroup):
    """Every command; turns errors into a message, a hint and an exit code."""

    later: ClassVar = {
        "up": (
            "up:up",
            "Start the database, apply the migrations, do the nightly run, and show how things are.",
        ),
        "serve": ("serve:serve", "Serve the pages and the JSON API until stopped."),
        "migrate": (
            "migrate:migrate",
            "Apply the migrations that the database lacks, each in a transaction of its own.",
        ),
        "organisation": ("organisation:commands", "Set up organisations."),
        "import": (
            "imports:import_",
            "Import mentors and their certifications; importing the same file again changes nothing.",
        ),
        "export": (
            "imports:export",
            "Export mentors and their certifications in the columns that `mentorcert import` reads.",
        ),
        "nightly": (
            "nightly:nightly",
            "Expire what is due, also of nights that were missed. May be run at any time, and twice.",
        ),
        "notices": (
            "notices:notices",
            "Remind of certifications that expire, by e-mail; may be run at any time, and twice.",
        ),
        "worker": (
            "worker:worker",
            (
                "Do the nightly run whenever an organisation's day begins, until stopped "
                "(where pg_cron does not)."
            ),
        ),
        "tasks": ("tasks:commands", "Do the imports and exports that the pages ask for."),
        "history": ("history:commands", "Read and maintain renewal histories."),
        "portal": ("portal:commands", "Tell the CRM portal what the registry says, and watch it."),
        "doctor": (
            "doctor:doctor",
            "Examine the registry and the portal sync; exit code 1 if anything is wrong.",
        ),
        "audit": ("audit:commands", "Prove that nobody sees another organisation."),
        "explain-access": (
            "explain:explain_access",
            "Say which rule lets USER see CERTIFICATION, or why none does, and ask Postgres as that user.",
        ),
        "endpoint": ("endpoint:commands", "Switch endpoints off and on."),
        "person": ("person:commands", "Answer a person's requests: access and erasure."),
    }

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().invoke(*args, **kwargs)
        except psycopg.Error as error:
            _fail(from_postgres(error))
        except MentorcertError as error:
            _fail(error)


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
