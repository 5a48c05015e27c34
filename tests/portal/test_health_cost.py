"""What it costs to say what is late: the rows that are, however many peer mentors there are."""

from typing import Any, Final

import pytest

from bench import health as sector
from mentorcert.db import rows
from mentorcert.db.connection import Connection, connect
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import run_checks
from tests.support.servers import Server

ORGANISATIONS: Final = 40
LATE: Final = 20
SIZES: Final = (1_000, 30_000)

_QUERIES: Final = rows.beside(health.__file__)


@pytest.fixture(scope="module")
def costs(server: Server, template: str) -> list[tuple[int, int]]:
    """The rows and the pages that the reading touches, for each size."""
    found = []
    for mentors in SIZES:
        with server.new_database(template) as url, connect(url, autocommit=True) as conn:
            sector.fill(conn, ORGANISATIONS, mentors, LATE)
            late = [one for one in run_checks(health.read(conn)) if one.code == "removal_unconfirmed"]
            assert [one.what[:10] for one in late] == ["1 removals"] * LATE
            found.append(_touched(conn))
    return found


def _touched(conn: Connection) -> tuple[int, int]:
    of_states, pages = 0, 0
    for query in (_QUERIES.connections, _QUERIES.reconciliations):
        row = conn.execute(f"explain (analyze, buffers, format json) {query}".encode()).fetchone()
        assert row is not None
        plan: dict[str, Any] = row[0][0]["Plan"]
        of_states += _rows_of_states(plan)
        pages += sum(int(plan[f"Shared {how} Blocks"]) for how in ("Hit", "Read"))
    return of_states, pages


def _rows_of_states(plan: dict[str, Any]) -> int:
    own = 0
    if plan.get("Relation Name") == "states" or plan.get("Index Name", "").startswith("states_"):
        left_out = sum(int(plan.get(f"Rows Removed by {why}", 0)) for why in ("Filter", "Index Recheck"))
        own = round((plan["Actual Rows"] + left_out) * plan["Actual Loops"])
    return own + sum(_rows_of_states(one) for one in plan.get("Plans", ()))


def test_what_is_late_costs_the_rows_that_are(costs: list[tuple[int, int]]) -> None:
    (_, few_pages), (many, many_pages) = costs
    # Each late row once, and of each organisation the first row of two indexes; a small table may be read as a whole.
    assert many <= LATE + 2 * ORGANISATIONS
    # An index of a larger table is a level higher.
    assert many_pages <= 1.5 * few_pages + 100
