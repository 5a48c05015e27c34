"""Sessions that have called everything stay open while every table gets a column: an old `serve`, a pooler, PostgREST."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.db.connection import Connection, become, connect
from tests.support.registry import Organisation, join, rows, set_up, today
from tests.support.servers import Server

_SCHEMAS = "('public', 'mentorcert', 'mentorcert_private', 'mentorcert_portal')"
_FUNCTIONS = f"""
select
  function.oid::regproc::text, schema.nspname in ('public', 'mentorcert'),
  coalesce((
    select array_agg(array[coalesce(argument.name, ''), argument.type::regtype::text] order by argument.place)
    from unnest(function.proargtypes::oid[], function.proargnames[1:function.pronargs])
    with ordinality as argument (type, name, place)
  ), '{{}}')
from pg_catalog.pg_proc as function
join pg_catalog.pg_namespace as schema on schema.oid = function.pronamespace
where
  schema.nspname in {_SCHEMAS} and function.prokind = 'f' and function.prorettype <> 'trigger'::regtype
  and not exists (select from pg_catalog.pg_depend as part where part.objid = function.oid and part.deptype = 'e')
  -- Its temporary tables let a session forget all plans, which would hide what those before it have kept.
  and function.proname <> 'create_import_staging'
order by 1, 3
"""
_TABLES = f"""
select class.oid::regclass::text from pg_catalog.pg_class as class
where class.relkind in ('r', 'p') and class.relnamespace = any(array(
  select schema.oid from pg_catalog.pg_namespace as schema where schema.nspname in {_SCHEMAS}
))
"""
_VALUES = {
  "text": "'basic'", "integer": "10", "bigint": "1", "smallint": "1", "boolean": "true", "double precision": "1",
  "date": "current_date", "timestamp with time zone": "now()", "interval": "interval '1 day'", "jsonb": "'{}'", "json": "'{}'",
  "bytea": "''",
}  # fmt: skip
# What no function of ours raises: a row that has not the columns, or not the types, that a plan expects.
_BROKEN = ("42804", "42P13", "XX000")


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    organisation.certify_many(3, last_day=today(conn, 10))
    organisation.certify(organisation.mentor("7"), last_day=today(conn, 20))
    join(organisation, uuid4(), "coordinator", organisation.chapter)
    return organisation


def calls(organisation: Organisation) -> Iterator[tuple[str, bool]]:
    """Yield a call of each function, by values of its types, and whether it is the Data API's."""
    certification, mentor = rows(
        organisation.conn,
        "select id, peer_mentor_id from public.peer_mentor_certifications order by expires_at desc limit 1",
    )[0]
    named = {"organisation": organisation.id, "organisation_id": organisation.id, "of": organisation.id}
    named |= {"peer_mentor_id": mentor, "mentor_id": mentor, "chapter_id": organisation.chapter}

    def value(name: str, type_: str) -> str:
        if type_ == "uuid":
            return f"'{named.get(name, certification)}'::uuid"
        if type_ == "uuid[]":
            one = mentor if "mentor" in name else organisation.chapter if "chapter" in name else certification
            return f"array['{one}']::uuid[]"
        if "peer_mentor_certifications" in type_:
            return f"(select held from public.peer_mentor_certifications as held where held.id = '{certification}')"
        return f"{_VALUES.get(type_, 'null')}::{type_}"

    functions = rows(organisation.conn, _FUNCTIONS)
    assert len(functions) > 200
    for function, is_api, arguments in functions:
        # As PostgREST asks; and without what may be left out, which is another plan.
        for given in (arguments, []) if is_api else (arguments,):
            call = f"{function}({', '.join(value(name, type_) for name, type_ in given)})"
            yield (
                f"select coalesce(json_agg(page), '[]')::text from (select answer.* from {call} as answer) as page",
                is_api,
            )


@contextmanager
def undone(conn: Connection) -> Iterator[None]:
    with conn.transaction(force_rollback=True):
        yield


def call_everything(session: Connection, organisation: Organisation, *, prepare: bool) -> list[str]:
    """Call each function as the owner, what is the Data API's as an administrator and a coordinator too; return what broke."""
    # A coordinator's few certifications are found on another way.
    coordinator: UUID = rows(
        organisation.conn, "select user_id from mentorcert.memberships where role = 'coordinator'"
    )[0][0]
    clients = (("authenticated", organisation.admin), ("authenticated", coordinator))
    broken = []
    for call, is_api in calls(organisation):
        for role, user in (
            (*clients, ("postgres", organisation.admin)) if is_api else (("postgres", organisation.admin),)
        ):
            try:
                with undone(session):
                    session.execute("set local statement_timeout = '20s'")
                    become(session, user, role="authenticated")
                    session.execute("select set_config('role', %s, true)", [role])
                    session.execute(call.encode(), prepare=prepare)
            except psycopg.Error as error:
                if error.sqlstate in _BROKEN:
                    broken.append(f"{call}: {error}")
    return broken


def test_sessions_go_on(database: str, organisation: Organisation, server: Server) -> None:
    conn = organisation.conn
    # Behind a pooler in transaction mode nothing is prepared, and the sessions are the pooler's.
    prepare = server.name != "pooled"
    with connect(database, autocommit=True) as session:
        for _ in range(2):
            assert call_everything(session, organisation, prepare=prepare) == []
        for (table,) in rows(conn, _TABLES):
            conn.execute(f"alter table {table} add column added_later text".encode())
        assert call_everything(session, organisation, prepare=prepare) == []
        assert rows(session, "select count(*) from public.peer_mentor_certifications") == [(4,)]


def test_a_kept_plan_is_noticed(database: str, organisation: Organisation) -> None:
    conn = organisation.conn
    conn.execute(
        "create function public.kept() returns setof public.peer_mentor_certifications language plpgsql as"
        " $$ begin return query select * from mentorcert_private.kept_too(); end $$;"
        " create function mentorcert_private.kept_too() returns setof public.peer_mentor_certifications"
        " language plpgsql as $$ begin return query select * from public.peer_mentor_certifications; end $$"
    )
    with connect(database, autocommit=True) as session:
        assert call_everything(session, organisation, prepare=False) == []
        conn.execute("alter table public.peer_mentor_certifications add column added_later text")
        broken = call_everything(session, organisation, prepare=False)
    assert broken
    assert all("from kept()" in call for call in broken)
