"""What the states, modes, errors and findings of the portal sync are called in the pages."""

from dataclasses import dataclass

from mentorcert.portal.monitoring.descriptions import DESCRIPTIONS
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
    conflicts: dict[str, str]
    conflict_statuses: dict[str, str]


def labels(context: RequestContext) -> Labels:
    """Return all of them."""
    return Labels(
        modes(context),
        _states(context),
        errors(context),
        _outcomes(context),
        _drift(context),
        {code: context._(text) for code, text in DESCRIPTIONS.items()},
        _conflicts(context),
        _conflict_statuses(context),
    )


def modes(context: RequestContext) -> dict[str, str]:
    """Return what each mode is, and does."""
    return {
        "capture": context._("Capture: everything is recorded, nothing is sent"),
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
        "held": context._("Held back by the mode, or until a decision"),
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
        "erased": context._("The portal has erased the person"),
        "lost_lease": context._("Answered too late"),
        **errors(context),
    }


def _conflicts(context: RequestContext) -> dict[str, str]:
    return {
        "newer": context._("The portal has something later than was sent."),
        "other": context._("The portal has the same version with other contents."),
        "gone": context._("The portal had the person, and no longer does."),
        "unknown": context._("The portal shows the person, and the registry has no such peer mentor."),
    }


def _conflict_statuses(context: RequestContext) -> dict[str, str]:
    return {
        "certified": context._("certified"),
        "expired": context._("expired"),
        "suspended": context._("suspended"),
        "uncertified": context._("not certified"),
        "erased": context._("erased"),
    }


def _drift(context: RequestContext) -> dict[str, str]:
    return {
        "listed_but_expired": context._("Shown there, and must not be"),
        "missing": context._("Not shown there"),
        "stale": context._("Older or different there"),
        "unknown_there": context._("Unknown to us"),
        "duplicate": context._("Shown more than once"),
    }
