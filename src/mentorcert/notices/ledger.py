"""The ledger of the notices: what is due, what is claimed, and what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

REACH_DAYS: Final = 14

Outcome = Literal["mail", "no_address", "paused", "suspended", "skipped"]

_QUERIES: Final = rows.beside(__file__)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that is due, and its outcome if sent now; the recipient is masked, day 0 is the expiry."""

    organisation_id: UUID
    organisation: str
    peer_mentor_id: UUID
    certification_id: UUID
    certification_type: str
    expires_at: datetime
    last_valid_day: date
    days_before: int
    days_left: int
    outcome: Outcome
    recipient: str | None


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is due; one without lines is not sent."""

    organisation_id: UUID
    organisation: str
    user_id: UUID
    week: date
    recipient: str
    lines: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """A claimed mail to a peer mentor: `certifications` have `name`, `last_valid_day` and `days_left`."""

    mail_id: UUID
    organisation: str
    time_zone: str
    language: Language
    address: str
    full_name: str
    certifications: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Digest:
    """A claimed digest: its lines have `full_name`, `chapters`, `name` and `last_valid_day`, 100 at most.

    `refresher_until` is none where a refresher renews without limit; of what is outdated, `after_lapse` is what it takes.
    """

    mail_id: UUID
    organisation: str
    time_zone: str
    language: Language
    address: str
    expiring: list[dict[str, Any]]
    expired: list[dict[str, Any]]
    expiring_count: int
    expired_count: int
    outdated: list[dict[str, Any]]
    outdated_count: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """A claimed mail about an invitation; `full_name` is that of a peer mentor, `invited_by` an address."""

    mail_id: UUID
    organisation: str
    time_zone: str
    language: Language
    address: str
    full_name: str | None
    role: Literal["org_admin", "coordinator", "peer_mentor"]
    chapter: str | None
    invited_by: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed letter: what somebody wrote, in whatever language; `language` is that of the recipient."""

    mail_id: UUID
    organisation: str
    language: Language
    address: str
    reply_to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class RequestStep:
    """A claimed mail about a request for a renewal: to the peer mentor, or to somebody who can settle it."""

    mail_id: UUID
    organisation: str
    language: Language
    address: str
    request_id: UUID
    state: Literal["open", "asked_back", "approved", "refused"]
    is_peer_mentor: bool
    full_name: str
    certification: str
    done_on: date
    reply: str | None
    last_valid_day: date | None


@dataclass(frozen=True, slots=True)
class CourseStep:
    """A claimed mail about a course; `waits_at` is the place on its waiting list."""

    mail_id: UUID
    organisation: str
    language: Language
    address: str
    full_name: str
    step: Literal["seated", "waiting", "moved_up", "withdrawn", "changed", "cancelled", "reminder"]
    course: str
    days: list[date]
    starts: list[time | None]
    ends: list[time | None]
    place: str | None
    link: str | None
    note: str | None
    reason: str | None
    waits_at: int | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A claimed mail about a follow-up, to the login that is responsible; never what was noted."""

    mail_id: UUID
    organisation: str
    language: Language
    address: str
    peer_mentor_id: UUID
    full_name: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A mail whose sender died: only the mail server's log says whether it was accepted."""

    mail_id: UUID
    kind: Literal["reminder", "digest", "invitation", "letter", "request", "follow_up", "course"]
    organisation: str
    claimed_at: datetime


def now(conn: Connection) -> datetime:
    """Return the database's time."""
    return rows.fetch_one(conn, datetime, _QUERIES.now)


def next_run(conn: Connection) -> tuple[datetime, datetime | None]:
    """Return the database's time, and when notices are due next; None where no type has any."""
    return rows.fetch_one(conn, tuple[datetime, datetime | None], _QUERIES.next_run)


def due(conn: Connection, as_of: datetime | None = None, reach_days: int = REACH_DAYS) -> list[Due]:
    """Return the notices that are due, those with the nearest end last; nothing is changed."""
    return _fetch(conn, Due, _QUERIES.due, as_of=as_of, reach_days=reach_days)


def due_digests(conn: Connection, as_of: datetime | None = None) -> list[DueDigest]:
    """Return the digests that are due; nothing is changed."""
    return _fetch(conn, DueDigest, _QUERIES.due_digests, as_of=as_of)


def start(
    conn: Connection, as_of: datetime, *, reach_days: int = REACH_DAYS, only_due: bool = False
) -> dict[UUID, int]:
    """Start a run; return its organisations, and how many notices of each became due too long ago."""
    return dict(
        rows.fetch_all(
            conn,
            tuple[UUID, int],
            _QUERIES.start,
            as_of=as_of,
            reach_days=reach_days,
            only_due=only_due,
        )
    )


def claim(
    conn: Connection, peer_mentor_ids: Sequence[UUID], as_of: datetime, reach_days: int = REACH_DAYS
) -> list[UUID]:
    """Claim what is still due for these peer mentors; return the mails, one each."""
    ids = list(peer_mentor_ids)
    return _fetch(conn, UUID, _QUERIES.claim, peer_mentor_ids=ids, as_of=as_of, reach_days=reach_days)


def reminders(conn: Connection, mail_ids: Sequence[UUID], as_of: datetime) -> list[Reminder]:
    """Return what to write in mails whose claim has committed."""
    return _fetch(conn, Reminder, _QUERIES.reminders, mail_ids=list(mail_ids), as_of=as_of)


def claim_digests(
    conn: Connection, organisation_ids: Sequence[UUID], user_ids: Sequence[UUID], as_of: datetime
) -> list[UUID]:
    """Claim the digests of these logins; return the mails of those that have lines."""
    ids = {"organisation_ids": list(organisation_ids), "user_ids": list(user_ids)}
    return _fetch(conn, UUID, _QUERIES.claim_digests, **ids, as_of=as_of)


def digests(conn: Connection, mail_ids: Sequence[UUID], as_of: datetime) -> list[Digest]:
    """Return what to write in digests whose claim has committed."""
    return _fetch(conn, Digest, _QUERIES.digests, mail_ids=list(mail_ids), as_of=as_of)


def claim_invitations(conn: Connection) -> list[UUID]:
    """Claim invitations whose mail is due, at most a hundred; return the mails."""
    return _fetch(conn, UUID, _QUERIES.claim_invitations)


def invitations(conn: Connection, mail_ids: Sequence[UUID]) -> list[Invitation]:
    """Return what to write in mails about invitations whose claim has committed."""
    return _fetch(conn, Invitation, _QUERIES.invitations, mail_ids=list(mail_ids))


def claim_queued(conn: Connection) -> list[UUID]:
    """Claim mails that somebody asked for, and follow-ups whose day has come, at most a hundred; return them."""
    return _fetch(conn, UUID, _QUERIES.claim_queued)


def letters(conn: Connection, mail_ids: Sequence[UUID]) -> list[Letter]:
    """Return what to write in letters whose claim has committed."""
    return _fetch(conn, Letter, _QUERIES.letters, mail_ids=list(mail_ids))


def requests(conn: Connection, mail_ids: Sequence[UUID]) -> list[RequestStep]:
    """Return what to write in mails about requests whose claim has committed."""
    return _fetch(conn, RequestStep, _QUERIES.requests, mail_ids=list(mail_ids))


def courses(conn: Connection, mail_ids: Sequence[UUID]) -> list[CourseStep]:
    """Return what to write in mails about courses whose claim has committed."""
    return _fetch(conn, CourseStep, _QUERIES.courses, mail_ids=list(mail_ids))


def queue_course_reminders(conn: Connection) -> None:
    """Ask for the reminders of courses that are near."""
    _fetch(conn, int, _QUERIES.queue_course_reminders)


def follow_ups(conn: Connection, mail_ids: Sequence[UUID]) -> list[FollowUp]:
    """Return what to write in mails about follow-ups whose claim has committed."""
    return _fetch(conn, FollowUp, _QUERIES.follow_ups, mail_ids=list(mail_ids))


def refuse(conn: Connection, mail_ids: Sequence[UUID]) -> None:
    """Record whose address is refused for good; those who answer for the people see it."""
    if mail_ids:
        rows.execute(conn, _QUERIES.refuse, mail_ids=list(mail_ids))


def report(conn: Connection, *, sent: Sequence[UUID] = (), released: Sequence[UUID] = ()) -> None:
    """Record which mails were sent, and which certainly were not: those are due again."""
    if sent or released:
        rows.execute(conn, _QUERIES.report, sent=list(sent), released=list(released))


def finish(
    conn: Connection, organisation_ids: Sequence[UUID], as_of: datetime, error: str | None = None
) -> None:
    """End the run; with an error its day stays open."""
    rows.execute(conn, _QUERIES.finish, organisation_ids=list(organisation_ids), as_of=as_of, error=error)


def uncertain(conn: Connection) -> list[Uncertain]:
    """Return the mails whose delivery is uncertain, the oldest first."""
    return _fetch(conn, Uncertain, _QUERIES.uncertain)


def are_held(conn: Connection) -> bool:
    """Return whether no notice goes out, since a restore, before a person releases them."""
    return rows.fetch_one(conn, bool, _QUERIES.are_held)


def release(conn: Connection, reason: str, skip_before: datetime | None, released_by: str) -> tuple[int, int]:
    """Let notices go out again after a restore; return how many reminders and digests count as sent.

    Those are the ones that were due before `skip_before`. Raises InvalidArgumentError where none are held.
    """
    return rows.fetch_one(
        conn,
        tuple[int, int],
        _QUERIES.release,
        reason=reason,
        skip_before=skip_before,
        released_by=released_by,
    )


def _fetch(conn: Connection, kind: type[_Row], query: str, **parameters: Any) -> list[_Row]:
    # Each call is its own transaction, also on a connection that is not in autocommit.
    with rows.mapped_errors(), conn.transaction():
        return rows.fetch_all(conn, kind, query, **parameters)
