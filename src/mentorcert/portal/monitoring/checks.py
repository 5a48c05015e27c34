"""What is wrong with the sync: the one place that says so, whoever asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from mentorcert.portal.monitoring.alerts import KINDS, SEVERITIES, Severity
from mentorcert.portal.monitoring.health import (
    NOTICE_DAYS,
    UNSETTLED,
    ConnectionHealth,
    Reconciliation,
    Snapshot,
)

REMOVAL_ALARM_S: Final = 15 * 60.0
CHANGE_ALARM_S: Final = 60 * 60.0
WORKER_ALARM_S: Final = 60.0
MESSAGE_ALARM_S: Final = 15 * 60.0
COMPARED_ALARM_S: Final = 3 * 3600.0
ALL_COMPARED_ALARM_S: Final = 26 * 3600.0
PAUSE_ALARM_S: Final = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong now; without an organisation it concerns all. Holds no personal data."""

    code: str
    severity: Severity
    organisation: str | None
    what: str
    advice: str


def findings(of: Snapshot) -> list[Finding]:
    """Say what is wrong, the worst first."""
    compared = {one.organisation: one for one in of.reconciliations}
    found = [
        _finding(code, standing.organisation, what)
        for standing in of.standings
        if standing.adapter is not None
        for code, what in (
            *_standing(standing),
            *_compared(standing, compared.get(standing.organisation)),
        )
    ]
    found += [_finding(*one) for one in (*_workers(of), *_secrets(of), *_messages(of))]
    return sorted(
        found, key=lambda one: (SEVERITIES.index(one.severity), one.organisation or "", one.code, one.what)
    )


def is_wrong(found: list[Finding]) -> bool:
    """Tell whether anything is an error."""
    return any(one.severity == "error" for one in found)


def _finding(code: str, organisation: str | None, what: str) -> Finding:
    kind = KINDS[code]
    return Finding(code, kind.severity, organisation, what, kind.advice)


def _standing(of: ConnectionHealth) -> Iterator[tuple[str, str]]:
    if of.mode in {"capture", "shadow"}:
        waits = f"; {of.held_removals} removals wait" if of.held_removals else ""
        yield "nothing_sent", f"in {of.mode} for {duration(of.mode_s)}{waits}"
    if of.mode == "paused" and _over(of.mode_s, PAUSE_ALARM_S):
        yield "paused", f"paused for {duration(of.mode_s)}; {of.held_removals} removals wait"
    if of.sends:
        yield from _sending(of)


def _sending(of: ConnectionHealth) -> Iterator[tuple[str, str]]:
    if of.breaker == "blocked":
        yield "connection_blocked", f"{of.breaker_reason} Since {_at(of)}."
    if of.breaker == "open":
        yield "portal_silent", f"{of.breaker_reason} Since {_at(of)}."
    if _over(of.oldest_removal_s, REMOVAL_ALARM_S):
        waits = duration(of.oldest_removal_s)
        yield "removal_unconfirmed", f"{of.removals} removals; the oldest waits {waits}"
    if _over(of.oldest_change_s, CHANGE_ALARM_S):
        yield "change_unconfirmed", f"the oldest waits {duration(of.oldest_change_s)}"
    if dead := of.rows_by_state.get("dead"):
        yield "given_up", f"{dead} peer mentors"
    ours = sum(of.rows_by_error.get(error, 0) for error in ("internal", "message_invalid"))
    if ours:
        yield "fault_of_ours", f"{ours} peer mentors"
    if refused := of.rows_by_error.get("rejected"):
        yield "refused", f"{refused} peer mentors"


def _compared(standing: ConnectionHealth, of: Reconciliation | None) -> Iterator[tuple[str, str]]:
    if of is None or not standing.sends:
        return
    drift = dict(of.drift)
    # In canary the portal's list of all the others is not ours yet.
    if standing.mode == "live" and (listed := drift.pop("listed_but_expired", 0)):
        yield "listed_but_expired", f"{listed} peer mentors"
    if drift:
        yield "drift", ", ".join(f"{number} {kind}" for kind, number in sorted(drift.items()))
    if of.outcome == "stopped":
        yield "reconciliation_stopped", of.reason or ""
    elif of.outcome == "failed":
        yield "reconciliation_failed", of.reason or ""
    since_s = standing.mode_s or 0.0
    if of.outcome == "unverified":
        yield "unverified", of.reason or ""
    elif of.full_s is None or of.full_s > since_s:
        yield "unverified", f"not everything compared since the mode was set {duration(since_s)} ago"
    overdue = _over(min(since_s, _or_ever(of.any_s)), COMPARED_ALARM_S) or _over(
        min(since_s, _or_ever(of.full_s)), ALL_COMPARED_ALARM_S
    )
    if overdue and of.outcome != "unverified":
        yield "reconciliation_overdue", f"last done {_ago(of.any_s)}, of everything {_ago(of.full_s)}"


def _workers(of: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    if any(one.sends or one.mode == "shadow" for one in of.standings) and of.worker_silent_s > WORKER_ALARM_S:
        last = f"the last was heard of {_ago(of.worker_silent_s)}" if of.workers else "none was heard of"
        yield "no_worker", None, last


def _secrets(of: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    for one in of.secrets:
        if (expired := one.days_left <= 0) or one.days_left <= NOTICE_DAYS:
            yield (
                "secret_expired" if expired else "secret_expires",
                one.organisation,
                f"{one.place}: {one.expires}",
            )


def _messages(of: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    for one in of.messages:
        if one.state in UNSETTLED:
            yield f"message_{one.state}", one.organisation, f"{one.messages}, the oldest {_ago(one.oldest_s)}"
        if one.state == "received" and one.oldest_s > MESSAGE_ALARM_S:
            yield "messages_waiting", one.organisation, f"{one.messages}, the oldest {_ago(one.oldest_s)}"
    for organisation, of_one in groupby(of.messages, lambda one: one.organisation):
        if lapsing := sum(one.lapsing for one in of_one):
            yield "messages_lapse", organisation, f"{lapsing} messages"


def _over(seconds: float | None, limit_s: float) -> bool:
    return seconds is not None and seconds > limit_s


def _or_ever(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _at(of: ConnectionHealth) -> str:
    return f"{of.breaker_since:%Y-%m-%d %H:%M %Z}" if of.breaker_since else "an unknown time"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(seconds)} ago"


def duration(seconds: float | None) -> str:
    """Say a time in the unit that fits it; nothing for None."""
    if seconds is None:
        return ""
    for unit, length_s in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
