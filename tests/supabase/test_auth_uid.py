"""The access rules hold however `auth.uid()` and `auth.jwt()` read the claims: ours, Lite's, Supabase's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import pytest

from mentorcert.access import snapshot
from mentorcert.access.model import Actor, qualified
from mentorcert.access.rules import ids_within, reach
from mentorcert.db.connection import Connection, acting_as
from tests.supabase.lite import helper_functions, needs_lite
from tests.support.registry import fetch, join, rows, set_up

# As supabase/auth defines them: PostgREST's claims of today, and one setting for each as before version 9.
SUPABASE: Final = """
create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
create or replace function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;
create or replace function auth.email() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;
create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
"""
# What is defined, and which settings the server in front of the database writes.
WAYS: Final = {
    "ours, as PostgREST sets": ("", ("claims",)),
    "ours, as Lite sets": ("", ("claims", "claim.sub")),
    "Lite's, as Lite sets": ("lite", ("claims", "claim.sub")),
    "Supabase's, as PostgREST sets": (SUPABASE, ("claims",)),
    "Supabase's, as Lite sets": (SUPABASE, ("claims", "claim.sub")),
}
TABLES: Final = ("organisations", "chapters", "memberships", "peer_mentors", "peer_mentor_certifications")


in_each_way = pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=[needs_lite] if definition == "lite" else [])
        for way, (definition, _) in WAYS.items()
    ],
)


@contextmanager
def acting(conn: Connection, settings: tuple[str, ...], actor: Actor) -> Iterator[Connection]:
    """Run one transaction as the server in front of the database runs it, undone at its end."""
    claims = {
        "sub": str(actor.user_id or ""),
        "role": "authenticated",
        "app_metadata": {"organisation_id": str(actor.claimed_organisation_id)},
    }
    values = {"claims": json.dumps(claims), "claim.sub": str(actor.user_id or "")}
    with conn.transaction(force_rollback=True):
        for setting in settings:
            conn.execute("select set_config(%s, %s, true)", (f"request.jwt.{setting}", values[setting]))
        conn.execute("set local role authenticated")
        yield conn


@in_each_way
def test_the_same_rows_are_within_reach(conn: Connection, way: str) -> None:
    definition, settings = WAYS[way]
    conn.execute((helper_functions() if definition == "lite" else definition).encode())
    north, south = set_up(conn, "north"), set_up(conn, "south")
    both, mentor, former = UUID(int=1), UUID(int=2), UUID(int=3)
    for organisation in (north, south):
        organisation.certify(organisation.mentor("1"))
    mine = north.mentor("mine")
    own = north.certify(mine)
    for user, organisation, role in (
        (both, north, "org_admin"),
        (both, south, "org_admin"),
        (mentor, north, "peer_mentor"),
        (former, north, "org_admin"),
    ):
        join(organisation, user, role)
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor, mine))
    conn.execute("update mentorcert.memberships set ended_at = now() where user_id = %s", (former,))
    model = snapshot.everything(conn)
    actors = (
        Actor(north.admin),
        Actor(mentor),
        Actor(former),
        Actor(both),
        Actor(both, north.id),
        Actor(both, south.id),
        Actor(both, UUID(int=9)),
        Actor(mentor, south.id),
    )
    for actor in actors:
        within = reach(model, actor)
        with acting(conn, settings, actor):
            assert fetch(conn, "select auth.uid()") == actor.user_id
            assert fetch(conn, "select public.get_user_organisation_id()") == within.organisation_id
            for table in TABLES:
                seen = {id_ for (id_,) in rows(conn, f"select id from {qualified(table)}")}
                assert seen == ids_within(within, model.rows(table)), (actor, table)
    with acting(conn, settings, Actor(north.admin)):
        changed = fetch(
            conn, "select renewal_history -> -1 -> 'actor' from public.renew_certification(%s)", own
        )
    assert changed == {"user_id": str(north.admin), "role": "org_admin"}
    # Without a token nobody is signed in.
    with conn.transaction(force_rollback=True):
        conn.execute("set local role authenticated")
        assert fetch(conn, "select auth.uid()") is None
        assert [fetch(conn, f"select count(*) from {qualified(table)}") for table in TABLES] == [0] * len(
            TABLES
        )


@pytest.mark.parametrize(
    "way", ["ours, as PostgREST sets", "Lite's, as Lite sets", "Supabase's, as PostgREST sets"]
)
def test_python_acts_as_somebody_under_each_definition(conn: Connection, way: str) -> None:
    definition, _ = WAYS[way]
    conn.execute((helper_functions() if definition == "lite" else definition).encode())
    north, south = set_up(conn, "north"), set_up(conn, "south")
    both = UUID(int=1)
    for organisation in (north, south):
        join(organisation, both, "org_admin")
    acting_in = "select auth.uid(), public.get_user_organisation_id()"
    with acting_as(conn, both, organisation_id=south.id):
        assert rows(conn, acting_in) == [(both, south.id)]
    with acting_as(conn, both):
        assert rows(conn, acting_in) == [(both, None)]
    with acting_as(conn, None):
        assert rows(conn, acting_in) == [(None, None)]
