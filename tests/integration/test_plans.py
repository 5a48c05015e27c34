"""The plans under row-level security: no table is read whole, and who the caller is is asked once."""

from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.certifications import search
from mentorcert.db.connection import Connection, acting_as, connect
from tests.support.servers import Server

_TABLE = "peer_mentor_certifications"
_ALL = f"select * from public.{_TABLE}"
_QUERIES = {
    "page": f"{_ALL} where organisation_id = %(organisation)s order by expires_at, id limit 50",
    "page without a filter": f"{_ALL} order by expires_at, id limit 50",
    "count": f"select count(*) from public.{_TABLE}",
    "one": f"{_ALL} where id = %(certification)s",
    "of one peer mentor": f"{_ALL} where peer_mentor_id = %(mentor)s order by expires_at",
}
_ROLES = ["mentor", "coordinator", "busy", "admin"]
# What the coordinator's list is asked: each order, filters, searches that find few and many.
_SEARCHES = {
    "by expiry": "",
    "by expiry, falling": "descending => true",
    "by name": "sort => 'name'",
    "by type": "sort => 'type'",
    "by day of issue": "sort => 'issued'",
    "valid": "status => 'active'",
    "of a month": "first_day => '2026-03-01', last_day => '2026-03-31'",
    "of a chapter": "chapter_id => md5('chapter1-7')::uuid",
    "few by name": "query => 'mentor 71'",
    "many by name": "query => 'mentor'",
}


def key(name: str) -> UUID:
    return UUID(md5(name.encode(), usedforsecurity=False).hexdigest())


@pytest.fixture(scope="module")
def large(server: Server, template: str) -> Iterator[Connection]:
    """60,000 certifications in 20 organisations, with statistics."""
    with server.new_database(template) as url, connect(url, autocommit=True) as conn:
        conn.execute(Path(__file__).with_name("plans.sql").read_bytes())
        yield conn


def plan_of(conn: Connection, who: str, query: str) -> list[dict[str, Any]]:
    """Return the nodes of the executed plan, from the top down."""
    row = conn.execute(
        f"select id, peer_mentor_id from public.{_TABLE} where peer_mentor_id = %s limit 1",
        [key("mentor1-1")],
    ).fetchone()
    assert row is not None
    ids = {"organisation": key("organisation1"), "certification": row[0], "mentor": row[1]}
    with acting_as(conn, key(who)):
        assert conn.execute(query.encode(), ids).fetchone() is not None
        explained = conn.execute(f"explain (analyze, format json) {query}".encode(), ids).fetchone()
    assert explained is not None
    return list(_nodes(explained[0][0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _conditions(nodes: list[dict[str, Any]]) -> str:
    return "\n".join(
        str(node[name]) for node in nodes for name in ("Filter", "Index Cond", "Recheck Cond") if name in node
    )


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
def test_plan(large: Connection, who: str, query: str) -> None:
    nodes = plan_of(large, who, query)
    scans = [node for node in nodes if node.get("Relation Name") == _TABLE]
    assert scans
    assert [node["Node Type"] for node in scans if node["Node Type"] == "Seq Scan"] == []
    # The helper functions run in InitPlans, each at most once in a statement.
    assert "mentorcert_private." not in _conditions(nodes)
    assert "get_user_organisation_id" not in _conditions(nodes)
    init_plans = [node for node in nodes if node.get("Parent Relationship") == "InitPlan"]
    assert init_plans
    assert max(node["Actual Loops"] for node in init_plans) <= 1


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("arguments", _SEARCHES.values(), ids=_SEARCHES.keys())
def test_search(large: Connection, who: str, arguments: str) -> None:
    """Whatever is asked, no table of people or certifications is read whole."""
    with acting_as(large, key(who)):
        large.execute(f"select * from public.search_certifications({arguments})".encode())
        read: dict[str, int] = dict(
            large.execute(
                "select relname::text, coalesce(seq_scan, 0) from pg_catalog.pg_stat_xact_user_tables"
                " where relid = any(array['public.peer_mentor_certifications', 'mentorcert.peer_mentors',"
                " 'mentorcert.peer_mentor_chapters']::regclass[])"
            ).fetchall()
        )
    assert read == dict.fromkeys((_TABLE, "peer_mentors", "peer_mentor_chapters"), 0)


@pytest.mark.parametrize("who", _ROLES)
def test_search_of_peer_mentors(large: Connection, who: str) -> None:
    with acting_as(large, key(who)):
        search.mentors(large, query="mentor 7")
        read = large.execute(
            "select coalesce(seq_scan, 0) from pg_catalog.pg_stat_xact_user_tables"
            " where relid = 'mentorcert.peer_mentors'::regclass"
        ).fetchone()
    assert read == (0,)
