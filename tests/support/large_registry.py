"""A registry of a given size with statistics, and what a plan has read of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection, connect

# Whom `large_registry.sql` makes: a peer mentor, coordinators of 1, 3 and 25 of 50 chapters, an administrator.
PEOPLE: Final = ("mentor", "local", "coordinator", "busy", "admin")
COORDINATORS: Final = ("local", "coordinator", "busy")
# Many organisations, and the one of a first customer: where the organisation says nothing to the planner.
SIZES: Final = (
    pytest.param((20, 750), id="20 organisations"),
    pytest.param((1, 7_500), id="one organisation"),
    pytest.param((1, 75_000), id="one large organisation", marks=pytest.mark.slow),
)
# A handful of rows, on a page or two of the disk: read whole sooner than looked up.
LOOKUPS: Final = ("organisations", "chapters", "certification_types")


def key(name: str) -> UUID:
    """Return the id of what has this name in `large_registry.sql`."""
    return UUID(md5(name.encode(), usedforsecurity=False).hexdigest())


@contextmanager
def filled(url: str, *, organisations: int, mentors: int) -> Iterator[Connection]:
    """Fill a migrated database; yield a connection of its owner."""
    with connect(url, autocommit=True) as conn:
        size = f"set plans.organisations = {organisations}; set plans.mentors = {mentors};\n"
        # In one message, since behind the pooler the next one may reach another session.
        conn.execute(size.encode() + Path(__file__).with_suffix(".sql").read_bytes())
        yield conn


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan, from the top down."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def executed(conn: Connection, query: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the query, and return its plan with what each node has read."""
    row = conn.execute(f"explain (analyze, format json) {query}".encode(), values).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def touched(plan: dict[str, Any]) -> int:
    """Return how many rows of tables an executed plan has read, those that a filter has thrown away too."""
    read: float = sum(
        (
            node["Actual Rows"]
            + node.get("Rows Removed by Filter", 0)
            + node.get("Rows Removed by Index Recheck", 0)
        )
        * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name", LOOKUPS[0]) not in LOOKUPS
    )
    return round(read)
