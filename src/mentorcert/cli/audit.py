"""`mentorcert audit`: who sees, saw and changed what."""

from typing import ClassVar

import typer

from mentorcert.cli.lazy import LazyGroup


class _Commands(LazyGroup):
    """What each is for."""

    later: ClassVar = {
        "access": (
            "audit_access:access",
            (
                "List every access to a row of an organisation that was not the actor's; "
                "exit code 1 if there is any."
            ),
        ),
        "isolation": (
            "audit_isolation:isolation",
            (
                "Compare what a sample of users sees with what the rules allow; "
                "exit code 1 if anybody sees more."
            ),
        ),
        "log": (
            "audit_log:log",
            "Show who changed memberships, types, chapters, consents, logins and switches; the newest first.",
        ),
        "retention": (
            "audit_log:retention",
            "Show, or set, for how many days logs are kept; the nightly run deletes what is older.",
        ),
    }


commands = typer.Typer(
    cls=_Commands, no_args_is_help=True, help="Prove that nobody sees another organisation."
)
