"""Where a project's own tables feed the hierarchy, everybody gets the same answers, before and after its changes."""

from dataclasses import replace
from typing import Final

from mentorcert.access.model import TABLES, Membership, World
from mentorcert.access.rules import reach
from mentorcert.db.connection import Connection, connect
from mentorcert.organisations.hierarchy import installation
from mentorcert.organisations.hierarchy.mapping import Mapping
from tests.oracle import function_probes, laying, table_probes
from tests.oracle.comparison import Count, compare
from tests.oracle.worlds import Case, dense
from tests.support.registry import fetch

FED: Final = {"organisations", "chapters", "memberships"}
MAPPING: Final = Mapping.model_validate(
    {
        "organisations": {"table": "theirs.organisations", "id": "id", "name": "name", "slug": "slug"},
        "chapters": {
            "table": "theirs.chapters",
            "id": "id",
            "organisation": "organisation_id",
            "parent": "parent_id",
            "code": "code",
            "name": "name",
        },
        "memberships": [
            {
                "table": "theirs.memberships",
                "user": "user_id",
                "organisation": "organisation_id",
                "chapter": "chapter_id",
                "role": "role",
                "roles": {role: role for role in ("org_admin", "coordinator", "peer_mentor")},
                "ends_at": "ended_at",
            }
        ],
    }
)


def feed(conn: Connection) -> None:
    """Make tables of the project that say what is laid, and let them feed the registry, where nothing changes by it."""
    conn.execute("create schema theirs")
    for table in sorted(FED):
        conn.execute(f"create table theirs.{table} as select * from mentorcert.{table}".encode())
    fed, left = installation.apply(conn, MAPPING)
    assert (fed.differences, left.differences) == ([], [])


def change_theirs(conn: Connection, before: World, after: World) -> World:
    """Make the change of the memberships in the project's table; return the world as `laying.lay` does."""
    of_links = replace(after, memberships=before.memberships)
    laying.change(conn, before, of_links)
    old = {row.id: row for row in before.memberships}
    ended = [row.id for row in after.memberships if row.id in old and row != old[row.id]]
    conn.execute("update theirs.memberships set ended_at = now() where id = any(%s)", [ended])
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into theirs.memberships (id, user_id, organisation_id, role, chapter_id) values (%s, %s, %s, %s, %s)",
            [
                (row.id, row.user_id, row.organisation_id, row.role, row.chapter_id)
                for row in after.memberships
                if row.id not in old
            ],
        )
    fed = tuple(row if row.id in old else _as_fed(conn, row) for row in after.memberships)
    assert fed != before.memberships
    return laying.completed(conn, replace(after, memberships=fed))


def _as_fed(conn: Connection, row: Membership) -> Membership:
    id_ = fetch(
        conn,
        "select id from mentorcert.memberships where user_id = %s and organisation_id = %s and role = %s"
        " and chapter_id is not distinct from %s and ended_at is null",
        row.user_id,
        row.organisation_id,
        row.role,
        row.chapter_id,
    )
    return replace(row, id=id_)


def agree(conn: Connection, case: Case, world: World, count: Count) -> None:
    """Assert the model's answers: to all that is read, and to what is written where nothing is fed."""
    for actor in case.actors():
        within = reach(world, actor)
        probes = [probe for table in TABLES for probe in table_probes.reading(within, table)]
        for table in sorted(set(TABLES) - FED):
            probes += [*table_probes.changing(within, table), *table_probes.adding(within, table)]
        probes += function_probes.probes(within)
        found = "\n".join(map(str, compare(conn, within, probes, count)))
        assert not found, found


def test_a_fed_hierarchy_gives_the_same_answers(database: str) -> None:
    case, count = dense(), Count()
    with connect(database) as conn:
        world = laying.lay(conn, case)
        feed(conn)
        world = laying.completed(conn, world)
        agree(conn, case, world, count)
        agree(conn, case, change_theirs(conn, world, case.after(world)), count)
    assert count.comparisons >= 10_000
