"""`mentorcert portal`: the commands of the portal sync."""

from typing import ClassVar

import typer

from mentorcert.cli.lazy import LazyGroup


class _Commands(LazyGroup):
    """What each is for."""

    later: ClassVar = {
        "connect": (
            "portal_connect:connect",
            "Note how an organisation's portal is reached. A new connection captures; nothing is sent.",
        ),
        "mode": ("portal_mode:mode", "Change what is sent; also lets a blocked connection try again."),
        "worker": (
            "portal_worker:worker",
            "Tell the portals what they have not confirmed, removals first, until stopped.",
        ),
        "replay": (
            "portal_replay:replay",
            "Have the portal told again, also of what it has confirmed; the worker does the telling.",
        ),
        "reconcile": (
            "portal_reconcile:reconcile",
            "Compare what the portal shows with what it should; where it differs the worker tells it again.",
        ),
        "status": (
            "portal_status:status",
            "Show how it stands with each portal, and what is wrong; exit code 1 if anything is.",
        ),
        "stage": (
            "portal_stage:stage",
            (
                "Play the CRM portal until stopped: our webhook, Dataverse's Web API, a public list, "
                "faults on demand."
            ),
        ),
        "receive": (
            "portal_receive:receive",
            "Take the portal's webhooks: store each, answer, then work it; until stopped.",
        ),
        "inbox": (
            "portal_receive:show_inbox",
            "Show how many messages are in which state, and those that want somebody's attention.",
        ),
    }


commands = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="Tell the CRM portal what the registry says, and watch it.",
)
