"""The plans under row-level security: no table is read whole, and who the caller is is asked once."""

from typing import Any

import pytest

from mentorcert.db.connection import Connection, acting_as
from tests.support.large_registry import executed, key, nodes

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
    "many by name, by name": "query => 'mentor', sort => 'name'",
    "from a name on": "sort => 'name', after_key => 'mentor 5', after_id => md5('')::uuid",
}
# A page of these is sorted where it is that of few peer mentors, and else walked to.
_PAGES = (
    "by expiry",
    "by expiry, falling",
    "by name",
    "many by name",
    "many by name, by name",
    "from a name on",
)
# What the list of peer mentors is asked.
_LISTS = {
    "by name": "",
    "from the end": "descending => true",
    "from a name on": "after_key => 'mentor 5', after_id => md5('')::uuid",
    "many by name": "query => 'mentor'",
    "many that lack": "holds => 'type-1', certification_type => 'type-2', standing => 'not_held'",
    "few by name": "query => 'mentor 71'",
    "of a chapter": "chapter_id => md5('chapter1-7')::uuid",
    "nobody that lacks": "certification_type => 'type-1', standing => 'never'",
    "few of a day": "certification_type => 'type-1', standing => 'ends', last_day => '2026-01-01'",
}
# Few are found: so all within reach are looked at.
_WALKED = [_LISTS[name] for name in ("few by name", "of a chapter", "nobody that lacks", "few of a day")]


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
        return list(nodes(executed(conn, query, ids)))


def _conditions(plan: list[dict[str, Any]]) -> str:
    return "\n".join(
        str(node[name]) for node in plan for name in ("Filter", "Index Cond", "Recheck Cond") if name in node
    )


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
def test_plan(large: Connection, who: str, query: str) -> None:
    plan = plan_of(large, who, query)
    scans = [node for node in plan if node.get("Relation Name") == _TABLE]
    assert scans
    assert [node["Node Type"] for node in scans if node["Node Type"] == "Seq Scan"] == []
    # The helper functions run in InitPlans, each at most once in a statement.
    assert "mentorcert_private." not in _conditions(plan).replace("OPERATOR(mentorcert_private.===)", "===")
    assert "get_user_organisation_id" not in _conditions(plan)
    init_plans = [node for node in plan if node.get("Parent Relationship") == "InitPlan"]
    assert init_plans
    assert max(node["Actual Loops"] for node in init_plans) <= 1


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("arguments", _SEARCHES.values(), ids=_SEARCHES.keys())
def test_search(large: Connection, who: str, arguments: str) -> None:
    """Whatever is asked, no table of people or certifications is read whole."""
    with acting_as(large, key(who)):
        before = _read_whole(large)
        large.execute(f"select * from public.search_certifications({arguments})".encode())
        assert _read_whole(large) == before


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("asked", [*_PAGES, "few by name"])
def test_rows_touched_by_a_search(large: Connection, who: str, asked: str) -> None:
    """A page costs what is on it, and a search besides that the names within reach, whatever is stored."""
    with acting_as(large, key(who)):
        people = large.execute("select count(*) from mentorcert.peer_mentors").fetchone()
        before = _fetched(large)
        large.execute(f"select * from public.search_certifications({_SEARCHES[asked]})".encode())
        touched = _fetched(large) - before
        most = large.execute("select mentorcert_private.sorted_at_most(50)").fetchone()
    assert people is not None
    assert most is not None
    # Four certifications each; the walk meets others' on its way.
    assert touched <= 10 * most[0] + 500 + (people[0] if "query" in _SEARCHES[asked] else 0)


def _fetched(conn: Connection) -> int:
    """Return how many rows of people and certifications this transaction has read."""
    row = conn.execute(
        "select sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0))::integer from pg_catalog.pg_stat_xact_user_tables"
        " where relid = any(array['public.peer_mentor_certifications', 'mentorcert.peer_mentors']::regclass[])"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("arguments", _LISTS.values(), ids=_LISTS.keys())
def test_list_of_peer_mentors(large: Connection, who: str, arguments: str) -> None:
    """A page costs what is on it, by name from either end; a filter besides that who is within reach, once."""
    with acting_as(large, key(who)):
        people = large.execute("select count(*) from mentorcert.peer_mentors").fetchone()
        before, scans = _fetched(large), _read_whole(large)
        large.execute(f"select * from public.search_peer_mentors({arguments})".encode())
        touched = _fetched(large) - before
        most = large.execute("select mentorcert_private.sorted_at_most(50)").fetchone()
        scans = _read_whole(large) - scans
    assert people is not None
    assert most is not None
    assert scans == 0
    # The names within reach, or all by the index where they are many; and two certifications of each.
    of_many = 3 * (_size(large) if people[0] > most[0] else people[0]) if arguments in _WALKED else 0
    assert touched <= 10 * most[0] + 500 + of_many


def _read_whole(conn: Connection) -> int:
    """Return how often this transaction, and those not yet reported, have read one of the tables whole."""
    row = conn.execute(
        "select coalesce(sum(seq_scan), 0)::integer from pg_catalog.pg_stat_xact_user_tables"
        " where relid = any(array['public.peer_mentor_certifications', 'mentorcert.peer_mentors',"
        " 'mentorcert.peer_mentor_chapters']::regclass[])"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _size(conn: Connection) -> int:
    """Return how many peer mentors the organisation has."""
    row = conn.execute(
        "select count(*) from mentorcert.peer_mentors where organisation_id = %s", [key("organisation1")]
    ).fetchone()
    assert row is not None
    return int(row[0])
