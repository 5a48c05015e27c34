"""`mentorcert audit`: who sees, saw and changed what."""

from typing import ClassVar

import typer

from mentorcert.cli.lazy import LazyGroup


class _Commands(LazyGroup):
    """What each is for."""

    later: ClassVar = {
        "access": "audit_access:access",
        "isolation": "audit_isolation:isolation",
        "log": "audit_log:log",
        "retention": "audit_log:retention",
    }


commands = typer.Typer(
    cls=_Commands, no_args_is_help=True, help="Prove that nobody sees another organisation."
)
