"""Every guard of the database is proven by taking it away: then a pgTAP file must fail.

On the embedded server only: what is tested here is the tests, and those run on both. A guard is taken away
inside the transaction of the file, after the fixture, so that all of them share one database.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from mentorcert.db.connection import Connection, connect
from tests.support import (
    administration_mutations,
    coordinator_mutations,
    mutations,
    operation_mutations,
    pgtap,
    task_mutations,
)
from tests.support.mutations import Mutation
from tests.support.servers import Server, on_embedded_18

pytestmark = [pgtap.needs_pgtap, on_embedded_18]

# Which file a trigger's absence is seen in.
_FILE_OF_TRIGGER = {
    "audit_delete": "audit_log",
    "audit_insert": "audit_log",
    "audit_update": "audit_log",
    "check_time_zone": "constraints",
    "copy_chapter_ids_on_insert": "chapters_of_peer_mentors",
    "copy_chapter_ids_on_update": "chapters_of_peer_mentors",
    "end_calendar_feed": "calendar_feeds",
    "keep_an_administrator": "memberships_by_email",
    "keep_chapter_ids": "chapters_of_peer_mentors",
    "keep_chapter_ids_on_insert": "chapters_of_peer_mentors",
    "keep_identity": "moving_rows",
    "record_change_on_insert": "history_appended",
    "record_change_on_update": "history_appended",
    "refresh_listing_on_insert": "public_list",
    "refresh_listing_on_update": "public_list",
    "reject_cycle": "constraints",
    "reject_early_removal": "audit_log",
    "reject_truncation": "audit_log",
    "set_updated_at": "updated_at",
    "store_events_on_insert": "history_as_events",
    "store_events_on_update": "history_as_events",
    "sync_portal_on_delete": "portal_marking",
    "sync_portal_on_insert": "portal_marking",
    "sync_portal_on_update": "portal_marking",
}
_FILE_OF_LOCK = {
    "audit_log": "audit_log",
    "certification_renewal_events": "history_locked",
    "peer_mentor_certifications": "history_locked",
}

_OF_THE_ORGANISATION = {
    "members read certifications of their organisation",
    "members read peer mentors of their organisation",
}

Survivors = Callable[[Iterable[Mutation]], list[str]]


@pytest.fixture
def survivors(server: Server, tap_database: str) -> Survivors:
    """Return the mutations that no test notices."""

    def find(mutations: Iterable[Mutation]) -> list[str]:
        tried = list(mutations)
        assert tried
        return [
            f"{mutation} is not noticed by {mutation.file}"
            for mutation in tried
            if not pgtap.failures_without(
                server, tap_database, f"{mutation.file}.test.sql", mutation.statement
            )
        ]

    return find


@pytest.fixture
def tap_conn(tap_database: str) -> Iterator[Connection]:
    with connect(tap_database, autocommit=True) as conn:
        yield conn


def rows(conn: Connection, query: str) -> list[tuple[str, ...]]:
    return conn.execute(query.encode()).fetchall()


def statement(conn: Connection, template: LiteralString, *names: str) -> str:
    return sql.SQL(template).format(*map(sql.Identifier, names)).as_string(conn)


def test_the_files_pass_while_nothing_is_taken_away(server: Server, tap_database: str) -> None:
    assert [
        file for file in pgtap.FILES if pgtap.failures_without(server, tap_database, file, "select")
    ] == []


def test_policies(tap_conn: Connection, survivors: Survivors) -> None:
    policies = rows(
        tap_conn,
        "select tablename, policyname, qual is not null, with_check is not null from pg_catalog.pg_policies "
        "where schemaname = 'public' and policyname !~ '^the endpoint \\w+ is switched on$'",
    )

    within_reach = rows(
        tap_conn,
        "select tablename, policyname from pg_catalog.pg_policies"
        " where policyname ~ 'within reach and switched on$'",
    )

    def mutations() -> Iterable[Mutation]:
        for table, policy, has_using, has_check in policies:
            # What the reach leaves of the organisation is the restrictive policy's to say.
            access = "catalogue_tables" if policy in _OF_THE_ORGANISATION else f"access_{table}"
            yield Mutation(access, statement(tap_conn, "drop policy {} on public.{}", policy, table))
            weaken = statement(tap_conn, "alter policy {} on public.{} ", policy, table)
            if has_using:
                yield Mutation(access, f"{weaken} using (true)")
            if has_check:
                # What is written must be within reach as well, so that is taken away along with it.
                alone = "; ".join(
                    statement(tap_conn, "alter policy {} on public.{} with check (true)", restrictive, of)
                    for of, restrictive in within_reach
                    if of == table
                )
                yield Mutation("moving_rows" if has_using else access, f"{weaken} with check (true); {alone}")

    assert survivors(mutations()) == []


def test_row_level_security(tap_conn: Connection, survivors: Survivors) -> None:
    tables = rows(tap_conn, "select tablename from pg_catalog.pg_tables where schemaname = 'public'")
    assert (
        survivors(
            Mutation(
                f"access_{table}",
                statement(tap_conn, "alter table public.{} disable row level security", table),
            )
            for (table,) in tables
        )
        == []
    )


def test_triggers(tap_conn: Connection, survivors: Survivors) -> None:
    triggers = rows(
        tap_conn,
        "select class.relname, trigger.tgname from pg_catalog.pg_trigger as trigger "
        "join pg_catalog.pg_class as class on class.oid = trigger.tgrelid "
        "where not trigger.tgisinternal and class.relnamespace = 'public'::regnamespace",
    )
    assert (
        survivors(
            Mutation(
                _FILE_OF_LOCK[table]
                if trigger.startswith("reject_") and table in _FILE_OF_LOCK
                else _FILE_OF_TRIGGER[trigger],
                statement(tap_conn, "alter table public.{} disable trigger {}", table, trigger),
            )
            for table, trigger in triggers
        )
        == []
    )


def test_constraints(tap_conn: Connection, survivors: Survivors) -> None:
    constraints = rows(
        tap_conn,
        "select conrelid::regclass::text, conname from pg_catalog.pg_constraint "
        "where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'u')",
    )
    assert (
        survivors(
            Mutation(
                "constraints",
                statement(tap_conn, "alter table public.{} drop constraint {} cascade", table, constraint),
            )
            for table, constraint in constraints
        )
        == []
    )


@pytest.mark.parametrize(
    "mutation",
    [
        *mutations.MUTATIONS,
        *coordinator_mutations.MUTATIONS,
        *operation_mutations.MUTATIONS,
        *task_mutations.MUTATIONS,
        *administration_mutations.MUTATIONS,
    ],
    ids=str,
)
def test_guard(survivors: Survivors, mutation: Mutation) -> None:
    assert survivors([mutation]) == []
