"""Looks at the registry with the eyes of a sample of users, and at the rights that the catalogue grants."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, zip_longest
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql

from mentorcert.access import rights, snapshot
from mentorcert.access.impersonation import actors_of, become, role_of
from mentorcert.access.model import KEYS, TABLES, Actor, Row, World, qualified
from mentorcert.access.rights import Rights
from mentorcert.access.rules import OPEN_TABLES, ids_within, may_select, reach
from mentorcert.access.snapshot import SwitchedOff
from mentorcert.db import rows as queries
from mentorcert.db.connection import Connection
from mentorcert.progress import Progress, silent

LISTED: Final = 100
"""Of rows outside, as many ids of each user and table are kept; all are counted."""

_QUERIES = queries.beside(__file__)
_KEYS: Final[Mapping[str, str]] = {**KEYS, "certification_renewal_events": "certification_id"}


@dataclass(frozen=True, slots=True)
class Outside:
    """A row that somebody sees and must not; without an organisation where the row has none."""

    table: str
    id: UUID
    organisation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What one actor sees, and how many of the rows are outside or hidden although within reach."""

    actor: Actor
    roles: tuple[str, ...]
    organisation: str | None
    """Slug of the organisation in which the actor acts."""
    seen: int
    outside: int
    hidden: int
    rows_outside: list[Outside] = field(default_factory=list)
    rows_hidden: list[Outside] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer: who was examined, which rights differ, which tables have no rule or were switched off."""

    examined: list[Examined]
    rights: Rights
    unknown_tables: list[str]
    switched_off: dict[str, SwitchedOff]

    @property
    def is_wrong(self) -> bool:
        """Whether somebody sees too much, or may what is not listed, or a table has no rule."""
        too_much = self.unknown_tables or self.rights.unexpected
        return bool(too_much) or any(login.outside for login in self.examined)


class _Rows:
    """The snapshot's rows, by id and by organisation."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def by_id(self) -> Mapping[str, Mapping[UUID, Row]]:
        return {table: {row.id: row for row in self.world.rows(table)} for table in TABLES}

    @cached_property
    def by_organisation(self) -> Mapping[tuple[str, UUID | None], list[Row]]:
        rows: defaultdict[tuple[str, UUID | None], list[Row]] = defaultdict(list)
        for table in TABLES:
            for row in self.world.rows(table):
                rows[table, row.organisation_id].append(row)
        return rows

    def of(self, table: str, organisation_id: UUID | None) -> Iterable[Row]:
        """Return the rows that somebody who acts in the organisation may see at most."""
        if table in OPEN_TABLES:
            return self.world.rows(table)
        return self.by_organisation.get((table, organisation_id), ())


def examine(
    conn: Connection,
    *,
    users: int,
    seed: str,
    organisation_id: UUID | None = None,
    read_switched_off: bool = False,
    progress: Progress = silent,
) -> Audit:
    """Compare what as many users see with what the model lets them see; two statements for each.

    The rights that the catalogue grants, to read and to write, are compared with the list of them.

    The sample has users of every role, of several organisations (in each of them, and in none), and without
    a membership, in turn, and always `anon`; the same seed picks the same. Everything happens in one
    read-only transaction. Tables that are switched off are left out, or, with `read_switched_off`, switched
    on in this transaction alone, for which `mentorcert endpoint enable` has to wait. Raises SnapshotError, or
    ImpersonationError, where the connection is not the owner's, and psycopg.Error.
    """
    with snapshot.one_instant(conn, read_only=not read_switched_off):
        unknown = snapshot.unknown_tables(conn)
        differences = rights.compare(conn)
        if read_switched_off:
            queries.execute(conn, _QUERIES.switch_everything_on)
            conn.execute("set transaction read only")
        off = snapshot.switched_off(conn)
        rows = _Rows(snapshot.everything(conn))
        slugs = dict(queries.fetch_all(conn, tuple[UUID, str], _QUERIES.organisation_slugs))
        logins = queries.fetch_all(conn, UUID, _QUERIES.logins, organisation_id=organisation_id)
        actors = [Actor(), *_sample(rows.world, logins, users, seed)]
        questions = {role: _questions(conn, role, off.keys()) for role in ("anon", "authenticated")}
        examined = []
        for done, actor in enumerate(actors, start=1):
            examined.append(_compare(rows, actor, _seen(conn, actor, questions[role_of(actor)]), slugs, off))
            progress("users examined", done, len(actors))
    return Audit(examined, differences, unknown, off)


def _sample(world: World, logins: Iterable[UUID], number: int, seed: str) -> Iterator[Actor]:
    kinds: defaultdict[str, list[UUID]] = defaultdict(list)
    organisations: dict[UUID, list[UUID]] = {}
    for login in sorted(logins, key=lambda login: hashlib.sha256(f"{seed}{login}".encode()).digest()):
        held = world.memberships_of.get(login, ())
        organisations[login] = sorted({membership.organisation_id for membership in held})
        kind = "several" if len(organisations[login]) > 1 else min((m.role for m in held), default="none")
        kinds[kind].append(login)
    in_turn = (login for login in chain.from_iterable(zip_longest(*kinds.values())) if login is not None)
    for login in islice(in_turn, number):
        if organisations[login]:
            yield from actors_of(login, organisations[login])
        else:
            # A token may go on naming an organisation that its login has left, or was never in.
            yield Actor(login, next((organisation.id for organisation in world.organisations), None))


def _questions(conn: Connection, role: str, left_out: Iterable[str]) -> list[sql.Composed]:
    """Return a statement for each table whose key the role may read; its answer is the name and the ids."""
    wanted = {table: _KEYS[table] for table in sorted(TABLES.keys() - set(left_out))}
    names = [qualified(table) for table in wanted]
    granted = queries.fetch_all(
        conn, tuple[str, str], _QUERIES.granted_tables,
        role=role, tables=list(wanted), names=names, keys=list(wanted.values()),
    )  # fmt: skip
    return [
        sql.SQL("select {name}, array(select {distinct}every.{key} from {table} as every)").format(
            name=sql.Literal(table),
            distinct=sql.SQL("" if key == KEYS[table] else "distinct "),
            key=sql.Identifier(key),
            table=sql.SQL(qualified(table)),
        )
        for table, key in granted
    ]


def _seen(conn: Connection, actor: Actor, questions: Sequence[sql.Composed]) -> dict[str, list[UUID]]:
    """Return the ids seen of each table: in one statement, or in several where a policy refuses one."""
    if not questions:
        return {}
    become(conn, actor)
    try:
        with conn.transaction(), conn.cursor(binary=True) as cursor:
            return dict(cursor.execute(sql.SQL(" union all ").join(questions)).fetchall())
    except psycopg.errors.InsufficientPrivilege:
        half = len(questions) // 2
        if not half:
            return {}
        return {**_seen(conn, actor, questions[:half]), **_seen(conn, actor, questions[half:])}


def _compare(
    rows: _Rows,
    actor: Actor,
    seen: Mapping[str, list[UUID]],
    slugs: Mapping[UUID, str],
    left_out: Mapping[str, SwitchedOff],
) -> Examined:
    within = reach(rows.world, actor)
    outside: list[Outside] = []
    hidden: list[Outside] = []
    for table in TABLES.keys() - left_out.keys():
        known, ids = rows.by_id[table], seen.get(table, [])
        for id_ in ids:
            row = known.get(id_)
            if row is None or may_select(within, row) is None:
                outside.append(Outside(table, id_, row.organisation_id if row else None))
        expected = ids_within(within, rows.of(table, within.organisation_id))
        hidden.extend(
            Outside(table, id_, known[id_].organisation_id) for id_ in sorted(expected.difference(ids))
        )
    held = rows.world.memberships_of.get(actor.user_id, ()) if actor.user_id else ()
    return Examined(
        actor=actor,
        roles=tuple(sorted({m.role for m in held if m.organisation_id == within.organisation_id})),
        organisation=slugs[within.organisation_id] if within.organisation_id else None,
        seen=sum(map(len, seen.values())),
        outside=len(outside),
        hidden=len(hidden),
        rows_outside=_some(outside),
        rows_hidden=_some(hidden),
    )


def _some(rows: Iterable[Outside]) -> list[Outside]:
    kept: defaultdict[str, list[Outside]] = defaultdict(list)
    for row in rows:
        if len(kept[row.table]) < LISTED:
            kept[row.table].append(row)
    return [row for table in sorted(kept) for row in kept[table]]
