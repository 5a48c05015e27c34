"""What the states, modes, errors and findings of the portal sync are called in the pages."""

from dataclasses import dataclass

from mentorcert.web.context import RequestContext


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels in the visitor's language, by what the database calls it."""

    modes: dict[str, str]
    states: dict[str, str]
    errors: dict[str, str]
    outcomes: dict[str, str]
    drift: dict[str, str]
    findings: dict[str, str]


def labels(context: RequestContext) -> Labels:
    """Return all of them."""
    return Labels(
        modes(context),
        _states(context),
        errors(context),
        _outcomes(context),
        _drift(context),
        _findings(context),
    )


def modes(context: RequestContext) -> dict[str, str]:
    """Return what each mode is, and does."""
    return {
        "capture": context._("Capture: everything is recorded, nothing is sent"),
        "shadow": context._("Shadow: messages are made and checked, none is sent"),
        "canary": context._("Canary: only named peer mentors are sent"),
        "live": context._("Live: everything is sent"),
        "paused": context._("Paused: nothing is sent for a while"),
    }


def errors(context: RequestContext) -> dict[str, str]:
    """Return what each class of errors means."""
    return {
        "unavailable": context._("The portal does not answer"),
        "unauthorised": context._("The portal refuses our credentials"),
        "rejected": context._("The portal refuses the message"),
        "unexpected_answer": context._("The portal answers otherwise than agreed"),
        "message_invalid": context._("The message does not follow the contract"),
        "internal": context._("A fault in the registry itself"),
    }


def _states(context: RequestContext) -> dict[str, str]:
    return {
        "in_sync": context._("Confirmed by the portal"),
        "pending": context._("To be sent"),
        "retry": context._("Not delivered, will be tried again"),
        "held": context._("Held back by the mode"),
        "blocked": context._("Blocked: somebody must look"),
        "dead": context._("Given up until the next change"),
    }


def _outcomes(context: RequestContext) -> dict[str, str]:
    return {
        "done": context._("Done"),
        "stopped": context._("Stopped: too much differs"),
        "unverified": context._("Cannot be read"),
        "failed": context._("Failed"),
        "applied": context._("Taken by the portal"),
        "already_newer": context._("The portal had it already"),
        "shadowed": context._("Checked, not sent"),
        "lost_lease": context._("Answered too late"),
        **errors(context),
    }


def _drift(context: RequestContext) -> dict[str, str]:
    return {
        "listed_but_expired": context._("Shown there, and must not be"),
        "missing": context._("Not shown there"),
        "stale": context._("Older there"),
        "unknown_there": context._("Unknown to us"),
        "duplicate": context._("Shown more than once"),
    }


def _findings(context: RequestContext) -> dict[str, str]:
    return {
        "removal_unconfirmed": context._(
            "Somebody who should be off the portal's list has not been confirmed to be for 15 minutes."
            " Have the portal's people take them off by hand if this goes on."
        ),
        "listed_but_expired": context._(
            "The last comparison found peer mentors on the portal's list who must not be there."
        ),
        "connection_blocked": context._(
            "The portal refuses our credentials or messages. Nothing is sent until the cause is corrected"
            " and the mode is set again."
        ),
        "portal_silent": context._("The portal does not answer. Everything is sent by itself when it does."),
        "given_up": context._(
            "Changes could not be delivered for days. Ask for a replay when the cause is corrected."
        ),
        "fault_of_ours": context._("Messages could not be made. Contact the operator of the registry."),
        "no_worker": context._(
            "No worker is running, so nothing is sent. Contact the operator of the registry."
        ),
        "messages_waiting": context._(
            "Messages of the portal wait, and no worker handles them. Contact the operator."
        ),
        "secret_expired": context._("A secret of the connection has expired. The operator needs a new one."),
        "secret_expires": context._("A secret of the connection expires within 30 days. Get a new one now."),
        "reconciliation_stopped": context._(
            "A comparison found too much that differs, and repaired nothing."
            " See with the operator who is right."
        ),
        "reconciliation_failed": context._("The latest comparison failed; it is done again within the hour."),
        "reconciliation_overdue": context._(
            "Nothing was compared for hours. Contact the operator of the registry."
        ),
        "unverified": context._(
            "What the portal shows has not been compared since the mode was set, or cannot be read."
        ),
        "drift": context._(
            "What the portal shows differs from the registry; what can be is repaired by itself."
        ),
        "change_unconfirmed": context._("A change has not been confirmed for an hour."),
        "refused": context._("The portal refuses the messages about single peer mentors."),
        "paused": context._("The portal is paused. End the pause when its reason has gone."),
        "message_unknown": context._("Messages of the portal came that no rule fits. Contact the operator."),
        "message_failed": context._("The registry refused what messages of the portal asked for."),
        "message_needs_fetch": context._("Messages of the portal came without contents. Ask the operator."),
        "message_needs_person": context._(
            "Messages of the portal need a person's decision. Ask the operator."
        ),
        "messages_lapse": context._("Messages that wait for somebody lose their contents within 30 days."),
        "nothing_sent": context._("Everything is recorded, and nothing is sent."),
    }
