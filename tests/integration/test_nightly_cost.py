"""What a nightly run reads and writes: what is due, however much there is of everything else."""

from typing import Any

import pytest

from mentorcert.db.connection import Connection, connect
from tests.support.servers import Server

# Organisations of one listed peer mentor each; the first has the due ones as well. And lines of the log that are outdated.
_REGISTRY = """
set session_replication_role = replica;
insert into mentorcert.organisations (id, slug, name, time_zone)
select md5('o' || number)::uuid, 'o-' || number, 'O', (array['Europe/Oslo', 'Asia/Kathmandu', 'Pacific/Chatham'])[1 + number % 3]
from generate_series(1, {organisations}) as number;
insert into mentorcert.certification_types
  (organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing)
select organisation.id, 'basic', 'B', 'B', 'months', 24, true from mentorcert.organisations as organisation;
insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)
select md5('m' || number)::uuid, md5('o' || case when number > {organisations} then 1 else number end)::uuid,
  number::text, 'Person'
from generate_series(1, {organisations} + 50) as number;
insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
select
  mentor.organisation_id, mentor.id, 'basic', '2020-01-01',
  case when mentor.external_id::integer > {organisations} then '2024-01-01' else '2199-01-01' end::timestamptz
from mentorcert.peer_mentors as mentor;
insert into public.listed_peer_mentors
select mentor.id, mentor.organisation_id, 'o', 'Person', '{{}}', '2199-01-01' from mentorcert.peer_mentors as mentor
where mentor.external_id::integer <= {organisations};
insert into mentorcert_private.access_log
  (recorded_at, user_id, organisation_ids, endpoint, row_organisation_ids, request_id)
select '2001-01-01', md5('')::uuid, '{{}}', 'home', '{{}}', 'x' from generate_series(1, 5 * {organisations});
insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, finished_at)
select 'notices', organisation.id, '2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01'
from mentorcert.organisations as organisation;
set session_replication_role = origin;
analyze;
"""
_SIZES = (20, 2_000)


@pytest.fixture(scope="module")
def costs(server: Server, template: str) -> list[list[int]]:
    """The pages that each of three runs touches, for each size: with 50 due, with none, and asking when the next is due."""
    found = []
    for organisations in _SIZES:
        with server.new_database(template) as url, connect(url, autocommit=True) as conn:
            conn.execute(_REGISTRY.format(organisations=organisations).encode())
            found.append(
                [
                    _pages(conn, "select * from mentorcert_private.run_nightly()", returned=1),
                    _pages(conn, "select * from mentorcert_private.run_nightly()", returned=0),
                    _pages(conn, "select mentorcert_private.next_nightly_at(now())", returned=1),
                ]
            )
            done = conn.execute(
                "select count(*) filter (where status = 'expired') from public.peer_mentor_certifications"
            ).fetchone()
            assert done == (50,)
    return found


def _pages(conn: Connection, query: str, *, returned: int) -> int:
    row = conn.execute(f"explain (analyze, buffers, format json) {query}".encode()).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    assert plan["Actual Rows"] == returned
    return sum(int(plan[f"Shared {how} Blocks"]) for how in ("Hit", "Read", "Dirtied"))


@pytest.mark.parametrize("run", [0, 1, 2], ids=["fifty due", "none due", "when the next is"])
def test_a_run_costs_what_is_due(costs: list[list[int]], run: int) -> None:
    small, large = (cost[run] for cost in costs)
    # An index of a larger table is a level higher.
    assert large <= 1.3 * small + 100
