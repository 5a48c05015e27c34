"""What a monitor's figures cost: what is open and of late, however much has been done in all the years before."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from mentorcert.db.connection import Connection, connect
from tests.support.mutations import function
from tests.support.servers import Server

# Runs, mails and tasks of long ago, and a few of each that are open or of today.
_PAST: Final = """
set session_replication_role = replica;
insert into mentorcert.organisations (id, slug, name, time_zone)
select md5('o' || number)::uuid, 'o-' || number, 'O', 'Europe/Oslo' from generate_series(1, 20) as number;
insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, finished_at)
select
  case when number % 2 = 0 then 'notices' else 'nightly' end, md5('o' || number % 20 + 1)::uuid,
  date '2020-01-01' + number / 20, now(), timestamptz '2020-01-01' + number * interval '1 minute', now()
from generate_series(1, {past}) as number;
insert into mentorcert_private.nights (time_zone, local_day, as_of, started_at, finished_at)
values ('Europe/Oslo', current_date, now(), now(), now());
insert into mentorcert_private.notice_mails (organisation_id, kind, peer_mentor_id, state, claimed_at, sent_at)
select md5('o1')::uuid, 'reminder', md5('m')::uuid, 'sent', timestamptz '2020-01-01', timestamptz '2020-01-01'
from generate_series(1, {past});
insert into mentorcert_private.tasks (organisation_id, requested_by, kind, state, created_at, finished_at, error)
select
  md5('o1')::uuid, md5('u')::uuid, 'export', case when number % 2 = 0 then 'done' else 'failed' end,
  timestamptz '2020-01-01', timestamptz '2020-01-01', case when number % 2 = 0 then null else jsonb '{{}}' end
from generate_series(1, {past}) as number;
insert into mentorcert_private.tasks (organisation_id, requested_by, kind, created_at)
select md5('o1')::uuid, md5('u')::uuid, 'export', now() from generate_series(1, 5);
set session_replication_role = origin;
analyze;
"""
_SIZES: Final = (200, 40_000)
_FIGURES: Final = "mentorcert_private.job_figures()"

Measure = Callable[[Connection], int]


@pytest.fixture(scope="module")
def costs(server: Server, template: str) -> list[dict[str, int]]:
    """The pages that a reading touches, for each size: as it is, and with a bound of the past taken away."""
    found = []
    for past in _SIZES:
        with server.new_database(template) as url, connect(url, autocommit=True) as conn:
            conn.execute(_PAST.format(past=past).encode())
            of_size = {"as it is": _pages(conn)}
            for guard in _BOUNDS:
                with conn.transaction(force_rollback=True):
                    conn.execute(function("", _FIGURES, guard, "").statement.encode())
                    of_size[guard] = _pages(conn)
            found.append(of_size)
    return found


_BOUNDS: Final = (
    " and run.started_at > now() - interval '2 days'",
    " and task.finished_at > now() - interval '1 day'",
    "where mail.state = 'sending'",
    "where task.state in ('queued', 'running')",
)


def _pages(conn: Connection) -> int:
    # The first call plans.
    conn.execute("select * from mentorcert_private.job_figures()")
    row = conn.execute(
        f"explain (analyze, buffers, format json) select * from {_FIGURES}".encode()
    ).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return sum(int(plan[f"Shared {how} Blocks"]) for how in ("Hit", "Read", "Dirtied"))


def test_figures_cost_what_is_open_and_of_late(costs: list[dict[str, int]]) -> None:
    small, large = (cost["as it is"] for cost in costs)
    # An index of a larger table is a level higher.
    assert large <= 1.3 * small + 100, costs


@pytest.mark.parametrize("guard", _BOUNDS)
def test_each_bound_is_needed(costs: list[dict[str, int]], guard: str) -> None:
    """Without it the past is read: so much that the test above would fail."""
    small, large = (cost[guard] for cost in costs)
    assert large > 1.3 * small + 100, costs
