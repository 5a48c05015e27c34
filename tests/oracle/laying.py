"""Lays worlds of the model into Postgres."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import aiosql
from psycopg.types.json import Jsonb

from mentorcert.access.model import AuditEntry, ConsentAct, ListedPeerMentor, World
from mentorcert.db.connection import Connection
from tests.oracle.worlds import TYPE_CODES, Case, number_of
from tests.support.registry import fetch

QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def lay(conn: Connection, case: Case) -> World:
    """Lay a world into an empty registry; return it with what the registry adds, as its owner sees it."""
    world = case.world
    QUERIES.prepare(conn)
    QUERIES.lay_users(conn, ids=list(case.users))
    QUERIES.lay_organisations(conn, rows=_json(world.organisations))
    QUERIES.lay_types(conn, rows=_json(world.certification_types))
    QUERIES.lay_chapters(conn, rows=_json(world.chapters))
    QUERIES.lay_memberships(conn, rows=_json(world.memberships))
    QUERIES.lay_peer_mentors(conn, rows=_json(world.peer_mentors))
    QUERIES.lay_peer_mentor_chapters(conn, rows=_json(world.peer_mentor_chapters))
    QUERIES.lay_certifications(conn, rows=_json(world.certifications))
    list(QUERIES.lay_erased(conn, rows=_json(world.peer_mentors)))
    QUERIES.lay_left(conn, rows=_json(world.peer_mentors))
    conn.execute("set local session_replication_role = replica")
    QUERIES.lay_events(conn, rows=_json(world.renewal_events))
    QUERIES.lay_listed(conn)
    conn.execute("set local session_replication_role = origin")
    return completed(conn, world)


def change(conn: Connection, before: World, after: World) -> World:
    """End and add what differs between the two worlds; return the latter as `lay` does."""
    for table in ("memberships", "peer_mentor_chapters"):
        old, new = ({row.id: row for row in world.rows(table)} for world in (before, after))
        getattr(QUERIES, f"end_{table}")(conn, ids=[id_ for id_ in old if new[id_] != old[id_]])
        getattr(QUERIES, f"lay_{table}")(conn, rows=_json(new[id_] for id_ in new if id_ not in old))
    return completed(conn, after)


def completed(conn: Connection, world: World) -> World:
    """Return the world with what the registry adds, as its owner sees it; what is newer is touched by an attempt."""
    conn.execute("truncate oracle.laid")
    QUERIES.remember_what_is_laid(conn)
    return replace(
        world,
        as_of=fetch(conn, "select now()"),
        listed_peer_mentors=tuple(ListedPeerMentor(*row) for row in QUERIES.listed(conn)),
        listing_consents=tuple(ConsentAct(*row) for row in QUERIES.listing_consents(conn)),
        audit_log=tuple(AuditEntry(*row) for row in QUERIES.audit_log(conn)),
    )


def _json(rows: Iterable[Any]) -> Jsonb:
    """Return the rows, with the number in their keys, and the type's code that it stands for."""
    return Jsonb(
        [
            {
                **{
                    name: value if isinstance(value, bool) else value and str(value)
                    for name, value in asdict(row).items()
                },
                "number": number_of(row.id),
                "code": TYPE_CODES[number_of(row.id) % 10 % len(TYPE_CODES)],
            }
            for row in rows
        ]
    )
