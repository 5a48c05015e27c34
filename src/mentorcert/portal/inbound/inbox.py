"""The inbox: messages are stored as received, and processed by the rules of their connection."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from mentorcert import logs, loops
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseError, DatabaseUnreachableError, LaterError, MentorcertError
from mentorcert.portal.config import rules
from mentorcert.portal.config.rules import ActionName, Inbound, Rule
from mentorcert.portal.contract import inbound as messages
from mentorcert.portal.contract.inbound import Message
from mentorcert.portal.inbound.actions import Outcome, perform
from mentorcert.portal.model import UNSETTLED, MessageState

LONGEST_WAIT_S: Final = 30.0

_QUERIES: Final = rows.beside(__file__)
# Errors of our own code; one message's must not stop the others.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Received:
    """A stored message; `duplicates` is how often it was received before."""

    id: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of an organisation are in a state, and when the oldest was received."""

    organisation: str
    state: MessageState
    messages: int
    duplicates: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One message without its body, to be shown."""

    id: int
    organisation: str
    received_at: datetime
    state: MessageState
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
    """Store a message; return None where the registry has no such organisation."""
    return rows.fetch_optional(
        conn,
        Received,
        _QUERIES.store,
        organisation=organisation,
        message_id=message_id,
        headers=Jsonb(dict(headers)),
        body=body,
        stripped=stripped,
    )


def work(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Process the due messages of these organisations (by slug), one by one; return how many.

    Safe in any number of processes, and after a crash: a message and its changes to the registry are one
    transaction. Needs an autocommit connection; raises DatabaseUnreachableError.
    """
    done = 0
    while _work_one(conn, connections):
        done += 1
    return done


def tidy(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Delete bodies processed longer ago than each organisation's retention; return how many."""
    return sum(
        rows.fetch_one(
            conn, int, _QUERIES.delete_bodies, organisation=slug, keep_days=inbound.keep_bodies_days
        )
        for slug, inbound in connections.items()
    )


def rework(conn: Connection, connections: Mapping[str, Inbound]) -> int:
    """Requeue messages that are unknown, failed or wait for a person; return how many."""
    return rows.execute(conn, _QUERIES.rework, organisations=list(connections))


def counts(conn: Connection) -> list[Count]:
    """Count the messages of every organisation by state."""
    return rows.fetch_all(conn, Count, _QUERIES.counts)


def listing(conn: Connection, states: tuple[MessageState, ...], size: int = 50) -> list[Entry]:
    """List the newest messages in these states."""
    return rows.fetch_all(conn, Entry, _QUERIES.listing, states=list(states), size=size)


def run_forever(
    connect: Callable[[], Connection],
    connections: Mapping[str, Inbound],
    wake: threading.Event,
    stop: threading.Event,
) -> None:
    """Process messages when `wake` is set, at least every LONGEST_WAIT_S; to stop, set both events."""

    def work_all() -> float:
        wake.clear()
        with connect() as conn:
            work(conn, connections)
            tidy(conn, connections)
        return LONGEST_WAIT_S

    loops.run_forever(work_all, stop, failed="portal_inbox_waits", retry_s=LONGEST_WAIT_S, wake=wake)


def _work_one(conn: Connection, connections: Mapping[str, Inbound]) -> bool:
    with rows.mapped_errors(), conn.transaction():
        claimed = rows.fetch_optional(conn, _Claimed, _QUERIES.claim, organisations=list(connections))
        if claimed is None:
            return False
        message: Message | None = None
        try:
            message = messages.parse(claimed.body)
            with rows.mapped_errors(), conn.transaction():
                outcome = _judge(conn, claimed, message, connections[claimed.organisation])
        except LaterError as error:
            rows.execute(conn, _QUERIES.postpone, id=claimed.id, reason=type(error).__name__)
            return True
        except DatabaseError as error:
            outcome = Outcome("failed", f"{type(error).__name__} {error.constraint or error.code}")
        except DatabaseUnreachableError:
            raise
        except (MentorcertError, *_FAULTS) as error:
            outcome = Outcome("failed", f"unexpected {type(error).__name__}")
        rows.execute(
            conn,
            _QUERIES.finish,
            id=claimed.id,
            state=outcome.state,
            reason=outcome.reason,
            rule=outcome.rule,
            entity=message.entity if message else None,
            message=message.message if message else None,
            record_id=message.record_id if message else None,
            peer_mentor_id=outcome.peer_mentor_id,
            sequence=outcome.sequence,
            action=_action(connections[claimed.organisation], message, outcome),
        )
    logs.event(
        "portal_message",
        level=logging.WARNING if outcome.state in UNSETTLED else logging.INFO,
        organisation=claimed.organisation,
        inbox_id=claimed.id,
        state=outcome.state,
        rule=outcome.rule,
        reason=outcome.reason,
    )
    return True


def _action(inbound: Inbound, message: Message | None, outcome: Outcome) -> ActionName | None:
    """Return what the message asks for; of one without contents, whether it may withdraw a consent."""
    rule = next((rule for rule in inbound.rules if rule.name == outcome.rule), None)
    if rule is None and message is not None and outcome.state == "failed":
        rule = inbound.rule_for(message)
    if rule is None and message is not None and outcome.state == "needs_fetch":
        return "withdraw_consent" if inbound.may_withdraw(message.entity) else None
    return rule.action if rule else None


def _judge(conn: Connection, claimed: _Claimed, message: Message | None, inbound: Inbound) -> Outcome:
    if message is None:
        return Outcome("unknown", "neither a RemoteExecutionContext nor a CloudEvent")
    if inbound.is_own(message):
        return Outcome("echo", "of what we wrote ourselves")
    if claimed.fetched is not None:
        # Which columns changed is lost; a rule sees the present values, and may apply twice.
        known = {**claimed.fetched, "PrimaryEntityId": message.record_id}
        message = replace(message, changed=claimed.fetched, known=known)
    elif claimed.stripped:
        return Outcome("needs_fetch", "over 256 KB, so Dataverse left its contents out")
    if (rule := inbound.rule_for(message)) is None:
        if inbound.touches_own_columns(message):
            return Outcome("echo", "of what we wrote ourselves")
        return Outcome("unknown", "no rule fits")
    return _follow(conn, claimed, message, rule)


def _follow(conn: Connection, claimed: _Claimed, message: Message, rule: Rule) -> Outcome:
    action = rules.action(rule, message, ZoneInfo(claimed.time_zone))
    if isinstance(action, str):
        return Outcome("needs_person", action, rule.name)
    rows.execute(
        conn,
        _QUERIES.lock_record,
        organisation_id=claimed.organisation_id,
        entity=message.entity,
        record_id=message.record_id,
    )
    if action.sequence is not None and message.record_id is not None:
        last = rows.fetch_optional(
            conn,
            int,
            _QUERIES.last_sequence,
            organisation_id=claimed.organisation_id,
            entity=message.entity,
            record_id=message.record_id,
            rule=rule.name,
        )
        if last is not None and action.sequence <= last:
            return Outcome("ignored", "not newer than what was worked", rule.name, action.sequence)
    return perform(conn, claimed.organisation_id, action)
