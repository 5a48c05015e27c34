"""The inbox: what the portal tells us is stored as it came, and worked by the rules of its connection."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import aiosql
import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.errors import (
    ConflictError,
    DatabaseUnreachableError,
    LockTimeoutError,
    MentorcertError,
    from_postgres,
)
from mentorcert.portal.config import rules
from mentorcert.portal.config.rules import Inbound, Rule
from mentorcert.portal.contract import inbound as messages
from mentorcert.portal.contract.inbound import Message
from mentorcert.portal.inbound.actions import Outcome, perform

State = Literal[
    "received", "worked", "ignored", "echo", "unknown", "needs_fetch", "needs_person", "failed", "lapsed"
]

WANTING: Final[tuple[State, ...]] = ("unknown", "needs_fetch", "needs_person", "failed")
LONGEST_WAIT_S: Final = 30.0

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_PASSING: Final = (LockTimeoutError, ConflictError)
# What a fault of ours looks like; one message must not stop the others' work.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was stored; `duplicates` is how often it had come before."""

    id: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of an organisation are in a state, and since when the oldest is."""

    organisation: str
    state: State
    messages: int
    duplicates: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it may be shown: without its body."""

    id: int
    organisation: str
    received_at: datetime
    state: State
    reason: str | None
    rule: str | None
    entity: str | None
    message: str | None
    record_id: str | None
    attempts: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: int
    organisation_id: UUID
    organisation: str
    time_zone: str
    body: bytes
    stripped: bool
    fetched: dict[str, Any] | None


def store(
    conn: Connection,
    organisation: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    message_id: str | None = None,
    stripped: bool = False,
) -> Received | None:
    """Store a message before it is answered; None where the registry has no such organisation."""
    digest = hashlib.sha256(body).digest()
    row = _QUERIES.store(
        conn,
        organisation=organisation,
        message_id=message_id or digest.hex(),
        digest=digest,
        headers=Jsonb(dict(headers)),
        body=body,
        stripped=stripped,
    )
    return Received(*row) if row else None


def work(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Work what is due of these organisations (by slug), message by message; return how many.

    May run in any number of processes at once, and again after a crash: a message and what it does to the
    registry are one transaction. Needs an autocommit connection; raises DatabaseUnreachableError.
    """
    done = 0
    while _work_one(conn, connections):
        done += 1
    return done


def tidy(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Delete the bodies of what was worked longer ago than each organisation keeps them; return how many."""
    return sum(
        _QUERIES.delete_bodies(conn, organisation=slug, keep_days=inbound.keep_bodies_days)
        for slug, inbound in connections.items()
    )


def rework(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Let what is unknown, failed or waits for a person be worked again, by the rules of now; how many."""
    put_back: int = _QUERIES.rework(conn, organisations=list(connections))
    return put_back


def counts(conn: Connection) -> list[Count]:
    """Count the messages of every organisation by state."""
    with conn.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(_QUERIES.counts.sql).fetchall()


def listing(conn: Connection, states: tuple[State, ...], size: int = 50) -> list[Entry]:
    """List the newest messages in these states."""
    with conn.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(_QUERIES.listing.sql, {"states": list(states), "size": size}).fetchall()


def keep_working(
    connect: Callable[[], Connection],
    connections: Mapping[str, Inbound],
    wake: threading.Event,
    stop: threading.Event,
) -> None:
    """Work what comes, when woken and at least every LONGEST_WAIT_S, until told to stop (and woken)."""
    while not stop.is_set():
        wake.clear()
        try:
            with connect() as conn:
                work(conn, connections)
                tidy(conn, connections)
        except (MentorcertError, psycopg.Error) as error:
            logs.event("portal_inbox_waits", level=logging.ERROR, error=error, seconds=LONGEST_WAIT_S)
        wake.wait(LONGEST_WAIT_S)


def _work_one(conn: Connection, connections: Mapping[str, Inbound]) -> bool:
    with conn.transaction(), conn.cursor(row_factory=class_row(_Claimed)) as cursor:
        claimed = cursor.execute(_QUERIES.claim.sql, {"organisations": list(connections)}).fetchone()
        if claimed is None:
            return False
        message: Message | None = None
        try:
            message = messages.parse(claimed.body)
            with conn.transaction():
                outcome = _judge(conn, claimed, message, connections[claimed.organisation])
        except psycopg.Error as error:
            reason = from_postgres(error)
            if isinstance(reason, DatabaseUnreachableError):
                raise
            if isinstance(reason, _PASSING):
                _QUERIES.postpone(conn, id=claimed.id, reason=type(reason).__name__)
                return True
            outcome = Outcome("failed", f"{type(reason).__name__} {reason.constraint or reason.code}")
        except _FAULTS as error:
            outcome = Outcome("failed", f"unexpected {type(error).__name__}")
        _QUERIES.finish(
            conn,
            id=claimed.id,
            state=outcome.state,
            reason=outcome.reason,
            rule=outcome.rule,
            entity=message.entity if message else None,
            message=message.message if message else None,
            record_id=message.record_id if message else None,
            sequence=outcome.sequence,
        )
    logs.event(
        "portal_message",
        level=logging.WARNING if outcome.state in WANTING else logging.INFO,
        organisation=claimed.organisation,
        inbox_id=claimed.id,
        state=outcome.state,
        rule=outcome.rule,
        reason=outcome.reason,
    )
    return True


def _judge(conn: Connection, claimed: _Claimed, message: Message | None, inbound: Inbound) -> Outcome:
    if message is None:
        return Outcome("unknown", "neither a RemoteExecutionContext nor a CloudEvent")
    if inbound.is_echo(message):
        return Outcome("echo", "of what we wrote ourselves")
    if claimed.fetched is not None:
        # What exactly was changed is lost; a rule looks at what now stands there, and may be followed twice.
        known = {**claimed.fetched, "PrimaryEntityId": message.record_id}
        message = replace(message, changed=claimed.fetched, known=known)
    elif claimed.stripped:
        return Outcome("needs_fetch", "over 256 KB, so Dataverse left its contents out")
    if (rule := inbound.rule_for(message)) is None:
        return Outcome("unknown", "no rule fits")
    return _follow(conn, claimed, message, rule)


def _follow(conn: Connection, claimed: _Claimed, message: Message, rule: Rule) -> Outcome:
    action = rules.action(rule, message, ZoneInfo(claimed.time_zone))
    if isinstance(action, str):
        return Outcome("needs_person", action, rule.name)
    _QUERIES.lock_record(conn, record=f"{claimed.organisation_id} {message.entity} {message.record_id}")
    if action.sequence is not None and message.record_id is not None:
        last: int | None = _QUERIES.last_sequence(
            conn,
            organisation_id=claimed.organisation_id,
            entity=message.entity,
            record_id=message.record_id,
            rule=rule.name,
        )
        if last is not None and action.sequence <= last:
            return Outcome("ignored", "not newer than what was worked", rule.name, action.sequence)
    return perform(conn, claimed.organisation_id, claimed.time_zone, action)
