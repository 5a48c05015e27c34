"""Says which rule lets a login see and change a certification, or why none does, and asks Postgres too."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mentorcert.access import snapshot
from mentorcert.access.impersonation import become
from mentorcert.access.model import Actor
from mentorcert.access.rules import (
    Reach,
    Refusal,
    may_ask,
    may_forecast,
    may_select,
    may_settle,
    may_sign_up,
    may_update,
    reach,
    why_not,
)
from mentorcert.access.snapshot import SwitchedOff
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError

_QUERIES = rows.beside(__file__)
_TABLE = "peer_mentor_certifications"


@dataclass(frozen=True, slots=True)
class Membership:
    """A membership in words: slug, role, code of the chapter, and when it ended."""

    organisation_id: UUID
    organisation: str
    role: str
    chapter: str | None
    ended_at: datetime | None

    def __str__(self) -> str:
        """Return one line."""
        place = f" of chapter {self.chapter}" if self.chapter else ""
        ended = f", ended on {self.ended_at:%Y-%m-%d %H:%M %Z}" if self.ended_at else ""
        return f"{self.role}{place} in {self.organisation}{ended}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether somebody sees a row, and changes it."""

    sees: bool
    changes: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the model says and why, and what Postgres says (None while the endpoint is switched off)."""

    user_id: UUID
    certification_id: UUID
    organisation: str
    chapters: list[str]
    """Codes of the chapters in which the peer mentor is now."""
    memberships: list[Membership]
    acts_in: str | None
    by_model: Answer
    asks: bool
    """Whether the login asks for a renewal of it."""
    settles: bool
    """Whether the login approves and refuses such a request, and says who attended a course of the chapter."""
    signs_up: bool
    """Whether the login signs the peer mentor up for such a course."""
    forecasts: bool
    """Whether the forecast that the login reads has it, while it is to end."""
    reason: str
    advice: str
    by_postgres: Answer | None
    switched_off: SwitchedOff | None

    @property
    def agrees(self) -> bool:
        """Whether Postgres answers what the model does, or cannot be asked."""
        return self.by_postgres is None or self.by_postgres == self.by_model


def explain(
    conn: Connection, login: str, certification_id: UUID, *, claimed_organisation_id: UUID | None = None
) -> Explanation:
    """Explain the access of a login (user id or e-mail address) to a certification; nothing is changed.

    Raises InvalidInputError where either does not exist, SnapshotError or ImpersonationError where the
    connection is not the owner's, and DatabaseError.
    """
    with snapshot.one_instant(conn, read_only=False):
        conn.execute("set local lock_timeout = '5s'")
        snapshot.unknown_tables(conn)
        user_id = rows.fetch_optional(conn, UUID, _QUERIES.find_login, login=login)
        if user_id is None:
            raise InvalidInputError(
                "No login has this e-mail address or id.", hint="Look it up in auth.users; ids are uuids."
            )
        found = rows.fetch_optional(
            conn, tuple[str, list[str]], _QUERIES.certification, certification_id=certification_id
        )
        if found is None:
            raise InvalidInputError(
                f"There is no certification {certification_id}.",
                hint="Give the id of a row of peer_mentor_certifications.",
            )
        memberships = rows.fetch_all(conn, Membership, _QUERIES.memberships, user_id=user_id)
        actor = Actor(user_id, claimed_organisation_id)
        off = snapshot.switched_off(conn).get(_TABLE)
        world = snapshot.around(conn, user_id, certification_id)
        within, certification = reach(world, actor), world.certification[certification_id]
        rule, refusal = may_select(within, certification), why_not(within, certification)
        organisation, chapters = found
        return Explanation(
            user_id=user_id,
            certification_id=certification_id,
            organisation=organisation,
            chapters=chapters,
            memberships=memberships,
            acts_in=next((m.organisation for m in memberships if _acts_by(within, m)), None),
            by_model=Answer(rule is not None, may_update(within, certification) is not None),
            asks=may_ask(within, certification),
            settles=may_settle(within, certification),
            signs_up=may_sign_up(within, certification),
            forecasts=may_forecast(within, certification),
            reason=str(rule or refusal),
            advice=_advice(within, refusal, organisation, chapters, memberships) if refusal else "",
            by_postgres=None if off else _ask(conn, actor, certification_id),
            switched_off=off,
        )


def _ask(conn: Connection, actor: Actor, certification_id: UUID) -> Answer:
    become(conn, actor)
    return Answer(
        sees=rows.fetch_one(conn, bool, _QUERIES.sees, certification_id=certification_id),
        changes=rows.fetch_one(conn, bool, _QUERIES.changes, certification_id=certification_id),
    )


def _acts_by(within: Reach, membership: Membership) -> bool:
    return membership.ended_at is None and membership.organisation_id == within.organisation_id


def _advice(
    within: Reach, refusal: Refusal, organisation: str, chapters: list[str], memberships: list[Membership]
) -> str:
    current = [m for m in memberships if m.ended_at is None]
    named = sorted({m.organisation for m in current})
    match refusal:
        case Refusal.NO_MEMBERSHIP if memberships:
            return "Every membership has ended; an administrator can add one."
        case Refusal.NO_MEMBERSHIP:
            return "The login was never a member of an organisation."
        case Refusal.NO_ORGANISATION_CLAIMED:
            return f"It must name one of {', '.join(named)}: ask again with --organisation-claim."
        case Refusal.OTHER_ORGANISATION if organisation in named:
            return f"The login is a member there too: ask again with --organisation-claim {organisation}."
        case Refusal.OTHER_ORGANISATION:
            ended = [m.ended_at for m in memberships if m.organisation == organisation and m.ended_at]
            left = f"; the membership there ended on {max(ended):%Y-%m-%d}" if ended else ""
            return f"It is of {organisation}, where the login is no member{left}."
        case _:
            coordinated = [m.chapter for m in current if m.chapter and _acts_by(within, m)]
            coordinates = (
                f"The login coordinates {', '.join(coordinated)} and what lies under it"
                if coordinated
                else "The login coordinates no chapter"
            )
            own = "" if within.own_ids else f"; no peer mentor of {organisation} has this login"
            return f"{coordinates}; the peer mentor is in {', '.join(chapters) or 'no chapter'}{own}."
