"""What the states, modes, errors and findings of the portal sync are called in the pages."""

from dataclasses import dataclass

from mentorcert.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in the visitor's language, by what the database calls it."""

    modes: dict[str, str]
    states: dict[str, str]
    errors: dict[str, str]
    outcomes: dict[str, str]
    drift: dict[str, str]
    findings: dict[str, str]


def texts(visit: Visit) -> Texts:
    """Return all of them."""
    return Texts(
        modes(visit), _states(visit), errors(visit), _outcomes(visit), _drift(visit), _findings(visit)
    )


def modes(visit: Visit) -> dict[str, str]:
    """Return what each mode is, and does."""
    return {
        "capture": visit._("Capture: everything is recorded, nothing is sent"),
        "shadow": visit._("Shadow: messages are made and checked, none is sent"),
        "canary": visit._("Canary: only named peer mentors are sent"),
        "live": visit._("Live: everything is sent"),
        "paused": visit._("Paused: nothing is sent for a while"),
    }


def errors(visit: Visit) -> dict[str, str]:
    """Return what each class of errors means."""
    return {
        "unavailable": visit._("The portal does not answer"),
        "unauthorised": visit._("The portal refuses our credentials"),
        "rejected": visit._("The portal refuses the message"),
        "unexpected_answer": visit._("The portal answers otherwise than agreed"),
        "message_invalid": visit._("The message does not follow the contract"),
        "internal": visit._("A fault in the registry itself"),
    }


def _states(visit: Visit) -> dict[str, str]:
    return {
        "in_sync": visit._("Confirmed by the portal"),
        "pending": visit._("To be sent"),
        "retry": visit._("Sent in vain, is tried again"),
        "held": visit._("Held back by the mode"),
        "blocked": visit._("Blocked: somebody must look"),
        "dead": visit._("Given up until the next change"),
    }


def _outcomes(visit: Visit) -> dict[str, str]:
    return {
        "done": visit._("Done"),
        "stopped": visit._("Stopped: too much differs"),
        "unverified": visit._("Cannot be read"),
        "failed": visit._("Failed"),
        "applied": visit._("Taken by the portal"),
        "already_newer": visit._("The portal had it already"),
        "shadowed": visit._("Checked, not sent"),
        "lost_lease": visit._("Answered too late"),
        **errors(visit),
    }


def _drift(visit: Visit) -> dict[str, str]:
    return {
        "listed_but_expired": visit._("Shown there, and must not be"),
        "missing": visit._("Not shown there"),
        "stale": visit._("Older there"),
        "unknown_there": visit._("Unknown to us"),
        "duplicate": visit._("Shown more than once"),
    }


def _findings(visit: Visit) -> dict[str, str]:
    return {
        "removal_unconfirmed": visit._(
            "Somebody who should be off the portal's list has not been confirmed to be for 15 minutes."
            " Have the portal's people take them off by hand if this goes on."
        ),
        "listed_but_expired": visit._(
            "The last comparison found peer mentors on the portal's list who must not be there."
        ),
        "connection_blocked": visit._(
            "The portal refuses our credentials or messages. Nothing is sent until the cause is mended"
            " and the mode is set again."
        ),
        "portal_silent": visit._("The portal does not answer. Everything is sent by itself when it does."),
        "given_up": visit._("Changes were sent in vain for days. Ask for a replay when the cause is mended."),
        "fault_of_ours": visit._("Messages could not be made. Report it to whoever operates the registry."),
        "no_worker": visit._("No worker is running, so nothing is sent. Tell whoever operates the registry."),
        "messages_waiting": visit._("Messages of the portal wait, and nobody works them. Tell the operator."),
        "secret_expired": visit._("A secret of the connection has expired. The operator needs a new one."),
        "secret_expires": visit._("A secret of the connection expires within 30 days. Get a new one now."),
        "reconciliation_stopped": visit._(
            "A comparison found too much that differs, and repaired nothing."
            " See with the operator who is right."
        ),
        "reconciliation_failed": visit._("The latest comparison failed; it is done again within the hour."),
        "reconciliation_overdue": visit._(
            "Nothing was compared for hours. Tell whoever operates the registry."
        ),
        "unverified": visit._(
            "What the portal shows has not been compared since the mode was set, or cannot be read."
        ),
        "drift": visit._(
            "What the portal shows differs from the registry; what can be is repaired by itself."
        ),
        "change_unconfirmed": visit._("A change has not been confirmed for an hour."),
        "refused": visit._("The portal refuses the messages about single peer mentors."),
        "paused": visit._("The portal is paused. End the pause when its reason has gone."),
        "message_unknown": visit._("Messages of the portal came that no rule fits. Tell the operator."),
        "message_failed": visit._("The registry refused what messages of the portal asked for."),
        "message_needs_fetch": visit._("Messages of the portal came without contents. Tell the operator."),
        "message_needs_person": visit._("Messages of the portal need a person's decision. Ask the operator."),
        "messages_lapse": visit._("Messages that wait for somebody lose their contents within 30 days."),
        "nothing_sent": visit._("Everything is recorded, and nothing is sent."),
    }
