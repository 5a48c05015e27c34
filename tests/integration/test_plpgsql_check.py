"""plpgsql_check finds nothing wrong in any PL/pgSQL function, nor in a trigger's for any of its tables."""

from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from tests.support.servers import on_debian_15

_FINDINGS = """
select function.oid::regprocedure::text, target.name, finding.level, finding.lineno, finding.message
from pg_catalog.pg_proc as function
join pg_catalog.pg_language as language on language.oid = function.prolang and language.lanname = 'plpgsql'
cross join lateral (
  select trigger.tgrelid as id, trigger.tgrelid::regclass::text as name,
    trigger.tgoldtable as old_table, trigger.tgnewtable as new_table
  from pg_catalog.pg_trigger as trigger where trigger.tgfoid = function.oid
  union
  select 0, '', null, null where function.prorettype <> 'trigger'::regtype
) as target
cross join lateral plpgsql_check_function_tb(
  function.oid, target.id, oldtable => target.old_table, newtable => target.new_table
) as finding
where function.pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace)
  and finding.level in ('error', 'warning', 'warning extra')
  -- Of a query that is composed as text the checker knows no columns, and says so of each.
  and finding.detail is distinct from 'cannot to determine result of dynamic SQL'
"""


_needs_plpgsql_check = pytest.mark.skipif(
    not Path("/usr/share/postgresql/15/extension/plpgsql_check.control").exists(),
    reason="Debian's postgresql-15-plpgsql-check is not installed",
)


@_needs_plpgsql_check
@on_debian_15
def test_no_findings(conn: Connection) -> None:
    conn.execute("create extension plpgsql_check")
    assert conn.execute(_FINDINGS).fetchall() == []


@_needs_plpgsql_check
@on_debian_15
def test_a_fault_is_found(conn: Connection) -> None:
    conn.execute("create extension plpgsql_check")
    conn.execute(
        "create function mentorcert_private.faulty() returns trigger language plpgsql as "
        "$$ begin new.no_such_column := 1; return new; end $$"
    )
    conn.execute(
        "create trigger faulty before update on mentorcert.chapters "
        "for each row execute function mentorcert_private.faulty()"
    )
    assert [row[:3] for row in conn.execute(_FINDINGS)] == [
        ("mentorcert_private.faulty()", "mentorcert.chapters", "error")
    ]
