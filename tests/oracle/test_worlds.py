"""The model of the access rules and Postgres agree about every cell of generated worlds."""

import os
from itertools import islice
from time import monotonic
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from mentorcert.access.model import TABLES, World, qualified
from mentorcert.access.rules import reach
from mentorcert.db.connection import Connection, connect
from tests.oracle import function_probes, grant_probes, laying, table_probes
from tests.oracle.comparison import Count, compare
from tests.oracle.worlds import Case, cases, dense
from tests.support.registry import rows

LONG: Final = os.environ.get("MENTORCERT_ORACLE") == "long"
# Parts, so that the processes of pytest share the long one.
PARTS: Final = 2 if LONG else 1
COMPARISONS: Final = 10_000_000 if LONG else 100_000
SHOWN: Final = 20


def agree(conn: Connection, case: Case, world: World, count: Count) -> None:
    """Assert that everybody gets for everything what the model says."""
    differences = (
        difference
        for actor in case.actors()
        for within in [reach(world, actor)]
        for difference in compare(
            conn, within, [*table_probes.probes(within), *function_probes.probes(within)], count
        )
    )
    found = "\n".join(map(str, islice(differences, SHOWN)))
    assert not found, found


@pytest.mark.parametrize("part", range(PARTS))
def test_model_and_postgres_agree(database: str, request: pytest.FixtureRequest, part: int) -> None:
    count, began = Count(), monotonic()
    with connect(database) as conn:

        @settings(
            max_examples=150 if LONG else 4,
            deadline=None,
            derandomize=not LONG,
            database=None,
            # A world of some hundred rows shrinks for longer than anybody waits: the cell that differs says enough.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @example(dense())
        @given(cases(scale=3 if LONG else 1))
        def agree_before_and_after_changes(case: Case) -> None:
            if LONG and count.comparisons >= COMPARISONS / PARTS:
                return
            try:
                world = laying.lay(conn, case)
                agree(conn, case, world, count)
                agree(conn, case, laying.change(conn, world, case.after(world)), count)
            finally:
                conn.rollback()

        agree_before_and_after_changes()
    summary = (
        f"{count.comparisons:,} comparisons by {count.statements:,} statements,"
        f" {count.comparisons / (monotonic() - began):,.0f} in a second"
    )
    request.node.add_report_section("call", "oracle", summary)
    assert count.comparisons >= COMPARISONS / PARTS, summary


def test_columns_are_open_as_the_model_says(database: str) -> None:
    with connect(database) as conn:
        case = dense()
        world = laying.lay(conn, case)
        exposed = grant_probes.columns(conn, "public", "mentorcert")
        private = grant_probes.columns(conn, "mentorcert_private")
        for actor in case.actors()[:2]:
            within = reach(world, actor)
            found = [
                str(one) for one in compare(conn, within, [*grant_probes.probes(within, exposed, private)])
            ]
            assert not found, "\n".join(found)


def test_the_oracle_judges_every_table_and_function(conn: Connection) -> None:
    case = dense()
    within = reach(case.world, case.actors()[1])
    functions = rows(
        conn,
        "select distinct proname from pg_catalog.pg_proc"
        " where pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)",
    )
    assert grant_probes.columns(conn, "public", "mentorcert").keys() == {
        *map(qualified, TABLES),
        "mentorcert.peer_mentor_certifications",
    }
    assert {name for (name,) in functions} == {probe.target for probe in function_probes.probes(within)}
