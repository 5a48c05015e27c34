"""The checks of the sync: the one place that decides what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from mentorcert.portal.model import UNSETTLED
from mentorcert.portal.monitoring.alerts import KINDS, SEVERITIES, Severity
from mentorcert.portal.monitoring.health import (
    NOTICE_DAYS,
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
UNVERIFIED_ALARM_S: Final = 30 * 3600.0
PAUSE_ALARM_S: Final = 15 * 60.0
JOURNAL_ALARM_S: Final = 5 * 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong now; without an organisation it concerns all. Holds no personal data."""

    code: str
    severity: Severity
    organisation: str | None
    what: str
    advice: str


def run_checks(snapshot: Snapshot) -> list[Finding]:
    """Return the findings, errors first."""
    compared = {one.organisation: one for one in snapshot.reconciliations}
    found = [
        _finding(code, connection.organisation, what)
        for connection in snapshot.connections
        if connection.adapter is not None
        for code, what in (
            *_connection(connection),
            *_compared(connection, compared.get(connection.organisation)),
        )
    ]
    every = (*_registry(snapshot), *_workers(snapshot), *_secrets(snapshot), *_messages(snapshot))
    found += [_finding(*one) for one in every]
    return sorted(
        found, key=lambda one: (SEVERITIES.index(one.severity), one.organisation or "", one.code, one.what)
    )


def has_error(found: list[Finding]) -> bool:
    """Return whether any finding is an error."""
    return any(one.severity == "error" for one in found)


def _finding(code: str, organisation: str | None, what: str) -> Finding:
    kind = KINDS[code]
    return Finding(code, kind.severity, organisation, what, kind.advice)


def _connection(connection: ConnectionHealth) -> Iterator[tuple[str, str]]:
    # The harm, whatever the mode and whatever else is wrong.
    if _over(connection.oldest_removal_s, REMOVAL_ALARM_S):
        waits = duration(connection.oldest_removal_s)
        yield "removal_unconfirmed", f"{connection.removals} removals; the oldest waits {waits}"
    if connection.seen_removals:
        yield "listed_but_expired", f"{connection.seen_removals} peer mentors"
    if connection.held_s is not None:
        yield "held_after_restore", f"nobody is shown for {duration(connection.held_s)}; removals are sent"
    if connection.conflicts:
        yield "newer_there", f"{connection.conflicts} differences wait for a decision"
    if connection.mode == "capture":
        yield "nothing_sent", f"in capture for {duration(connection.mode_s)}"
    if connection.mode == "paused" and _over(connection.mode_s, PAUSE_ALARM_S):
        yield "paused", f"paused for {duration(connection.mode_s)}"
    if connection.is_misdirected:
        yield "other_portal", "a worker's file names another address, tenant, table or key"
    if connection.sends:
        yield from _sending(connection)


def _sending(connection: ConnectionHealth) -> Iterator[tuple[str, str]]:
    if connection.breaker == "open":
        yield "breaker_open", f"{connection.breaker_reason} Since {_at(connection)}."
    if _over(connection.oldest_change_s, CHANGE_ALARM_S):
        yield "change_unconfirmed", f"the oldest waits {duration(connection.oldest_change_s)}"
    if connection.given_up:
        yield "given_up", f"{connection.given_up} peer mentors"
    if connection.faults_of_ours:
        yield "fault_of_ours", f"{connection.faults_of_ours} peer mentors"
    if connection.unauthorised:
        yield "credentials_refused", f"{connection.unauthorised} peer mentors"
    if connection.refused:
        yield "refused", f"{connection.refused} peer mentors"


def _compared(
    connection: ConnectionHealth, reconciliation: Reconciliation | None
) -> Iterator[tuple[str, str]]:
    if reconciliation is None or not connection.sends:
        return
    if drift := {
        kind: number for kind, number in reconciliation.drift.items() if kind != "listed_but_expired"
    }:
        yield "drift", ", ".join(f"{number} {kind}" for kind, number in sorted(drift.items()))
    if reconciliation.outcome == "stopped":
        yield "reconciliation_stopped", reconciliation.reason or ""
    elif reconciliation.outcome == "failed":
        yield "reconciliation_failed", reconciliation.reason or ""
    since_s = connection.mode_s or 0.0
    if reconciliation.outcome == "unverified":
        yield "unverified", reconciliation.reason or ""
    elif reconciliation.full_s is None or reconciliation.full_s > since_s:
        yield "unverified", f"not everything compared since the mode was set {duration(since_s)} ago"
    if connection.mode == "live" and _over(min(since_s, _or_ever(reconciliation.full_s)), UNVERIFIED_ALARM_S):
        yield "unverified_too_long", f"the last full comparison: {_ago(reconciliation.full_s)}"
    overdue = _over(min(since_s, _or_ever(reconciliation.any_s)), COMPARED_ALARM_S) or _over(
        min(since_s, _or_ever(reconciliation.full_s)), ALL_COMPARED_ALARM_S
    )
    if overdue and reconciliation.outcome != "unverified":
        yield (
            "reconciliation_overdue",
            (f"last {_ago(reconciliation.any_s)}, last full one {_ago(reconciliation.full_s)}"),
        )


def _workers(snapshot: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    if any(one.sends for one in snapshot.connections) and snapshot.worker_silent_s > WORKER_ALARM_S:
        last = (
            f"the last heartbeat was {_ago(snapshot.worker_silent_s)}"
            if snapshot.workers
            else "there was no heartbeat"
        )
        yield "no_worker", None, last


def _registry(snapshot: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    registry = snapshot.registry
    if registry.unreported:
        yield "restore_unreported", None, registry.unreported
    if _over(registry.journal_late_s, JOURNAL_ALARM_S):
        why = f": {registry.journal_error}" if registry.journal_error else ""
        yield "journal_late", None, f"not complete for {duration(registry.journal_late_s)}{why}"


def _secrets(snapshot: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    for one in snapshot.secrets:
        if (expired := one.days_left <= 0) or one.days_left <= NOTICE_DAYS:
            yield (
                "secret_expired" if expired else "secret_expires",
                one.organisation,
                f"{one.place}: {one.expires}",
            )


def _messages(snapshot: Snapshot) -> Iterator[tuple[str, str | None, str]]:
    for one in snapshot.messages:
        if one.state in UNSETTLED and one.withdrawals:
            yield "withdrawal_stuck", one.organisation, f"{one.withdrawals} {one.state}"
        if one.state in UNSETTLED:
            yield f"message_{one.state}", one.organisation, f"{one.messages}, the oldest {_ago(one.oldest_s)}"
        if one.state == "received" and one.oldest_s > MESSAGE_ALARM_S:
            yield "messages_waiting", one.organisation, f"{one.messages}, the oldest {_ago(one.oldest_s)}"
    for organisation, of_one in groupby(snapshot.messages, lambda one: one.organisation):
        if lapsing := sum(one.lapsing for one in of_one):
            yield "messages_lapse", organisation, f"{lapsing} messages"


def _over(seconds: float | None, limit_s: float) -> bool:
    return seconds is not None and seconds > limit_s


def _or_ever(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _at(connection: ConnectionHealth) -> str:
    return f"{connection.breaker_since:%Y-%m-%d %H:%M %Z}" if connection.breaker_since else "an unknown time"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(seconds)} ago"


def duration(seconds: float | None) -> str:
    """Return a duration in a suitable unit; empty for None."""
    if seconds is None:
        return ""
    for unit, length_s in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
