"""Whom a portal may be showing though it must not: what reading it costs, and who reads it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal.monitoring import health, waiting
from tests.support.registry import fetch, set_up

ORGANISATIONS, EACH, LATE = 40, 250, 3

# Without triggers, as a registry looks after years: everybody was sent and is shown; three must not be.
_MANY = """
set local session_replication_role = replica;
insert into mentorcert.organisations (id, slug, name, time_zone)
select md5('o' || number)::uuid, 'of-' || number, 'Organisation ' || number, 'Europe/Oslo'
from generate_series(1, %(organisations)s) as number;
insert into mentorcert_portal.connections (organisation_id, adapter, contract_version, reason, mode, mode_since)
select
  md5('o' || number)::uuid, 'webhook', 'v1', 'test', case when number %% 2 = 0 then 'live' else 'capture' end,
  now() - interval '1 year'
from generate_series(1, %(organisations)s) as number;
insert into mentorcert_portal.states (
  peer_mentor_id, organisation_id, state, confirmed_version, shown, removal_due_at, is_removal, first_dirty_at, next_attempt_at
)
select
  md5(number || '.' || mentor)::uuid, md5('o' || number)::uuid, 'in_sync', 1, true,
  now() + case when number = 7 and mentor <= %(late)s then interval '-1 hour' else interval '1 day' end,
  true, null, now() + interval '1 day'
from generate_series(1, %(organisations)s) as number, generate_series(1, %(each)s) as mentor;
"""


@pytest.fixture
def many(conn: Connection) -> Connection:
    with conn.transaction():
        for statement in _MANY.strip().rstrip(";").split(";\n"):
            conn.execute(
                statement.encode(),
                {"organisations": ORGANISATIONS, "each": EACH, "late": LATE} if "%" in statement else None,
            )
    conn.execute("analyze mentorcert_portal.states")
    return conn


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield each scan of the states, and how many rows it looked at."""
    if plan.get("Relation Name") == "states":
        looked = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield plan["Node Type"], looked * plan["Actual Loops"]
    for child in plan.get("Plans", ()):
        yield from scans(child)


def test_it_looks_at_the_rows_that_are_late(many: Connection) -> None:
    queries = rows.beside(health.__file__)
    looked = 0.0
    for query in (queries.connections, rows.beside(waiting.__file__).unconfirmed_removals):
        plan = fetch(many, f"explain (analyze, format json) {query}")
        document = json.loads(plan) if isinstance(plan, str) else plan
        looked += sum(number for _, number in scans(document[0]["Plan"]))
    # The late ones in both, and in the first one row each of a connection that sends.
    assert 2 * LATE <= looked <= 2 * LATE + 2 * ORGANISATIONS


def test_status_page_and_banner_say_the_same(many: Connection) -> None:
    late = {one.organisation: one.removals for one in health.read(many).connections if one.removals}
    assert late == {"of-7": LATE}
    (alarm,) = waiting.unconfirmed_removals(many)
    assert (alarm.mode, alarm.removals) == ("capture", LATE)


def test_of_an_organisation_without_a_connection(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    conn.execute("update mentorcert_portal.states set shown = true")
    assert fetch(conn, "select peer_mentor_id from mentorcert_portal.unconfirmed_removals") == mentor
