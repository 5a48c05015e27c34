"""`mentorcert portal`: the commands of the portal sync."""

from typing import ClassVar

import typer

from mentorcert.cli.lazy import LazyGroup


class _Commands(LazyGroup):
    """Every command of `mentorcert portal`."""

    later: ClassVar = {
        "connect": "portal.connect:connect",
        "mode": "portal.mode:mode",
        "preview": "portal.preview:preview",
        "worker": "portal.worker:worker",
        "replay": "portal.replay:replay",
        "reconcile": "portal.reconcile:reconcile",
        "conflicts": "portal.conflicts:conflicts",
        "decide": "portal.conflicts:decide",
        "release": "portal.conflicts:release",
        "status": "portal.status:status",
        "alerts": "portal.alerts:alerts",
        "acknowledge": "portal.alerts:acknowledge",
        "heartbeat-url": "portal.alerts:heartbeat_url",
        "receive": "portal.receive:receive",
        "inbox": "portal.receive:show_inbox",
    }


commands = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="Sync the CRM portal with the registry, and monitor it.",
)
