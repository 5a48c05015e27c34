"""The command `mentorcert`: one file a topic, registered here."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Annotated, Any, ClassVar

import psycopg
import typer
from rich.markup import escape

from mentorcert import __version__, logs
from mentorcert.cli.lazy import HELP_NAMES, LazyGroup
from mentorcert.cli.output import error_console
from mentorcert.errors import MentorcertError, MissingRightError, from_postgres
from mentorcert.settings import files_open_to_all, settings


class _Commands(LazyGroup):
    """Every command; turns errors into a message, a hint and an exit code."""

    later: ClassVar = {
        "up": "up:up",
        "serve": "serve:serve",
        "dev": "dev:dev",
        "migrate": "migrate:migrate",
        "organisation": "organisation:commands",
        "invite": "invite:commands",
        "hierarchy": "hierarchy:commands",
        "import": "imports:import_",
        "import-template": "imports:import_template",
        "export": "imports:export",
        "figures": "figures:figures",
        "forecast": "forecast:forecast",
        "nightly": "nightly:nightly",
        "notices": "notices:notices",
        "worker": "worker:worker",
        "tasks": "tasks:commands",
        "history": "history:commands",
        "portal": "portal:commands",
        "doctor": "doctor:doctor",
        "restored": "restored:restored",
        "journal": "journal:write",
        "audit": "audit:commands",
        "explain-access": "explain:explain_access",
        "requests": "requests:requests",
        "courses": "courses:courses",
        "endpoint": "endpoint:commands",
        "person": "person:commands",
    }

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().invoke(*args, **kwargs)
        except psycopg.Error as error:
            _fail(_named(from_postgres(error)))
        except MentorcertError as error:
            _fail(_named(error))


def _named(error: MentorcertError) -> MentorcertError:
    if isinstance(error, MissingRightError):
        # Only now: most commands end well, and what connects takes time to import.
        from mentorcert.cli import needed_role  # noqa: PLC0415

        return needed_role.named(error)
    return error


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
    context_settings={"help_option_names": HELP_NAMES},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    *,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Keep the certifications of peer-mentor programmes: who holds what, from when, until when."""
    sys.excepthook = _report_unexpected
    logs.configure(settings().log_level)
    logs.identify(context.invoked_subcommand or "mentorcert", __version__)
    for variable, path in files_open_to_all():
        logs.event("secret_file_open", level=logging.WARNING, variable=variable, path=path)
