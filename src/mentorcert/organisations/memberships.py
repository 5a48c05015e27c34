"""Memberships: who has which role where, given and ended by administrators, and by the operator."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, MissingRightError
from mentorcert.organisations import organisations

Role = Literal["org_admin", "coordinator", "peer_mentor"]
State = Literal["current", "ended", "all"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Membership:
    """A membership; the address is known of members only, the name where it was written or is a peer mentor's."""

    id: UUID
    organisation_id: UUID
    user_id: UUID
    role: Role
    chapter: str | None
    created_at: datetime
    ended_at: datetime | None
    holds: bool
    email: str | None
    full_name: str | None
    version: int


def search(
    conn: Connection,
    organisation_id: UUID,
    *,
    role: Role | None = None,
    chapter_id: UUID | None = None,
    state: State = "current",
    email: str = "",
    before_at: datetime | None = None,
    before_id: UUID | None = None,
    size: int = 50,
) -> list[Membership]:
    """Return memberships, the newest first, from before a place in that order. Administrators only."""
    return rows.fetch_all(
        conn,
        Membership,
        _QUERIES.search,
        organisation_id=organisation_id,
        role=role,
        chapter_id=chapter_id,
        state=state,
        email=email,
        before_at=before_at,
        before_id=before_id,
        size=size,
    )


def get_current(conn: Connection, organisation_id: UUID, membership_id: UUID) -> Membership:
    """Return a membership that has not ended; raises MissingRightError where the caller sees none."""
    return rows.fetch_one(
        conn, Membership, _QUERIES.get_current, id=membership_id, organisation_id=organisation_id
    )


def add(
    conn: Connection, user_id: UUID, role: Role, chapter_id: UUID | None, full_name: str | None = None
) -> None:
    """Give a login a role in the caller's organisation. Administrators only."""
    rows.send(conn, _QUERIES.add, user_id=user_id, role=role, chapter_id=chapter_id, full_name=full_name)


def rename(conn: Connection, membership_id: UUID, full_name: str | None, *, version: int) -> None:
    """Write who it is, in each of the person's memberships.

    Administrators only. Raises MissingRightError and StaleVersionError.
    """
    if rows.execute(conn, _QUERIES.rename, id=membership_id, full_name=full_name, version=version) == 0:
        raise MissingRightError


def end(
    conn: Connection, membership_id: UUID, version: int | None = None, *, last_day: date | None = None
) -> None:
    """End a membership, now or after a last day; where a version is given that one only.

    Raises MissingRightError where the caller may not, LastAdministratorError and StaleVersionError.
    """
    rows.change_one(conn, _QUERIES.end_membership, id=membership_id, version=version, last_day=last_day)


def keep(conn: Connection, membership_id: UUID, version: int) -> None:
    """Take an end that lies ahead away. Raises MissingRightError and StaleVersionError."""
    rows.change_one(conn, _QUERIES.keep, id=membership_id, version=version)


def link_peer_mentor(conn: Connection, organisation_id: UUID, external_id: str, user_id: UUID) -> bool:
    """Write that a login is a peer mentor's; return False where none without another login has the number."""
    return (
        rows.execute(
            conn,
            _QUERIES.link_peer_mentor,
            organisation_id=organisation_id,
            external_id=external_id,
            user_id=user_id,
        )
        == 1
    )


def find_chapter(conn: Connection, organisation_id: UUID, code: str) -> UUID:
    """Return the chapter with a code; raises InvalidInputError where there is none."""
    found = rows.fetch_optional(conn, UUID, _QUERIES.find_chapter, organisation_id=organisation_id, code=code)
    if found is None:
        raise InvalidInputError(
            f"The organisation has no chapter {code!r}.", hint="Codes stand in the organisation's file."
        )
    return found


def admit(
    conn: Connection,
    organisation: str,
    login: str,
    role: Role,
    *,
    chapter: str | None = None,
    peer_mentor: str | None = None,
) -> bool:
    """Give a login (e-mail address or user id) a membership; return False where it has it already.

    A coordinator needs the code of a chapter, a peer mentor the organisation's own number for the person.
    Needs the rights of the tables' owner. Raises UnknownOrganisationError and InvalidInputError; then nothing
    is changed.
    """
    if (role == "coordinator") != (chapter is not None):
        raise InvalidInputError(
            "A coordinator, and nobody else, is admitted to a chapter.",
            hint="Add --chapter CODE, or leave it out.",
        )
    if (role == "peer_mentor") != (peer_mentor is not None):
        raise InvalidInputError(
            "A peer mentor, and nobody else, is admitted as a person of the registry.",
            hint="Add --peer-mentor with the number that the organisation's files have, or leave it out.",
        )
    with conn.transaction():
        organisation_id = organisations.by_slug(conn, organisation).id
        user_id = rows.fetch_optional(conn, UUID, _QUERIES.find_user, login=login)
        if user_id is None:
            raise InvalidInputError(
                f"No login has the e-mail address or id {login!r}.",
                hint="The person signs up first: the registry makes no logins.",
            )
        chapter_id = None if chapter is None else find_chapter(conn, organisation_id, chapter)
        if peer_mentor is not None and not link_peer_mentor(conn, organisation_id, peer_mentor, user_id):
            raise InvalidInputError(
                f"{organisation} has no peer mentor {peer_mentor!r} whose login this could be.",
                hint="Look the number up in `mentorcert export`; a peer mentor with another login keeps it.",
            )
        added = rows.execute(
            conn,
            _QUERIES.admit,
            organisation_id=organisation_id,
            user_id=user_id,
            role=role,
            chapter_id=chapter_id,
        )
    return added == 1
