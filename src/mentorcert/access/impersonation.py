"""Acting as one user after the other inside one transaction, to see what each of them gets."""

from uuid import UUID

import psycopg

from mentorcert.access.model import Actor
from mentorcert.db import connection
from mentorcert.db.connection import Connection
from mentorcert.errors import ImpersonationError


def become(conn: Connection, actor: Actor) -> None:
    """Have the rights and claims of an actor for the rest of the transaction, or until the next call.

    Raises ImpersonationError where the connection may not.
    """
    role = role_of(actor)
    try:
        connection.become(conn, actor.user_id, role=role, organisation_id=actor.claimed_organisation_id)
    except psycopg.errors.InsufficientPrivilege:
        raise ImpersonationError(
            f"This connection may not act as {role}, so it cannot see what the users see.",
            hint="Set DATABASE_URL to the owner of the tables (`postgres` on Supabase).",
        ) from None


def role_of(actor: Actor) -> str:
    """Return the database role in which the actor's requests arrive."""
    return "anon" if actor.user_id is None else "authenticated"


def actors_of(user_id: UUID, organisation_ids: list[UUID]) -> list[Actor]:
    """Return the ways in which a login with memberships in these organisations acts.

    With several: once for each that the token may name, and once with a token that names none.
    """
    in_each = [Actor(user_id, organisation) for organisation in organisation_ids]
    return [Actor(user_id), *(in_each if len(in_each) > 1 else ())]
