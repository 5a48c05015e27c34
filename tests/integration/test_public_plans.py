"""What everybody may ask without a login is answered by an index, at size."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mentorcert.certifications import public_list
from mentorcert.certifications.public_list import Filters
from mentorcert.db import cursors
from mentorcert.db.connection import Connection, acting_as, connect
from tests.support.registry import fetch
from tests.support.servers import Server

_LARGE = b"""
set session_replication_role = replica;
insert into mentorcert.organisations (id, slug, name)
select md5('organisation' || number)::uuid, 'organisation-' || number, 'Organisation ' || number
from generate_series(1, 3) as number;
insert into mentorcert.chapters (id, organisation_id, code, name)
select md5('chapter' || number)::uuid, md5('organisation1')::uuid, number, 'Chapter ' || number
from generate_series(0, 100) as number;
insert into public.listed_peer_mentors
select
  md5('mentor' || number)::uuid, md5('organisation' || 1 + number % 3)::uuid,
  'organisation-' || 1 + number % 3, 'Person ' || md5(number::text), array['Chapter ' || number % 100],
  now() + (number % 500 - 20) * interval '1 day'
from generate_series(1, 30000) as number;
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select md5('organisation' || 1 + number % 3)::uuid, md5('mentor' || number)::uuid,
  md5('chapter' || number % 100)::uuid
from generate_series(1, 30000) as number;
set session_replication_role = origin;
analyze;
"""


@pytest.fixture(scope="module")
def large(server: Server, template: str) -> Iterator[Connection]:
    """30,000 people on the lists of three organisations, with statistics."""
    with server.new_database(template) as url, connect(url, autocommit=True) as conn:
        conn.execute(_LARGE)
        yield conn


@pytest.mark.parametrize("is_first", [True, False], ids=["first page", "later page"])
def test_a_page_of_the_public_list(large: Connection, is_first: bool) -> None:
    with acting_as(large, None, role="anon"):
        first = public_list.page(large, "organisation-2", size=20)
        assert first.next
        after = None if is_first else first.next
        assert len(json.loads(public_list.page(large, "organisation-2", after=after, size=20).items)) == 20
        cursor = cursors.decode(public_list._Cursor, after)
        parameters = {
            "slug": "organisation-2",
            "chapter": None,
            "asked": None,
            "topic": None,
            "speaks": None,
            "after_key": cursor.key if cursor else None,
            "after_id": cursor.id if cursor else None,
            "size": 20,
        }
        query = public_list._QUERIES.page
        plan = large.execute(f"explain (format json) {query}".encode(), parameters).fetchone()
    assert plan is not None
    nodes = list(_nodes(plan[0][0]["Plan"]))
    (scan,) = (node for node in nodes if node.get("Relation Name") == "listed_peer_mentors")
    # A page in order stops when it is full.
    assert not any(node["Node Type"] == "Sort" and "sort_key" in str(node["Sort Key"]) for node in nodes)
    assert (scan["Node Type"], scan["Index Name"]) == (
        "Index Scan",
        "listed_peer_mentors_organisation_slug_idx",
    )
    assert ("sort_key" in scan["Index Cond"]) == (not is_first)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def test_the_heading_reads_as_little_as_one_of_each_chapter(large: Connection) -> None:
    """However many are listed: the number of rows read goes by the chapters."""
    with acting_as(large, None, role="anon"):
        before = _read(large)
        heading = public_list.heading(large, "organisation-1")
        after = _read(large)
    assert heading
    assert sum(chapter.has_listed for chapter in heading.read_chapters()) == 100
    assert after - before < 1500


@pytest.mark.parametrize(
    "filters",
    [
        Filters(asked="person"),
        Filters(asked="chapter 7"),
        Filters(chapter="7"),
        Filters(topic="None"),
        Filters(asked="a b c d e f g h i"),
    ],
)
def test_a_search_reads_each_entry_once(large: Connection, filters: Filters) -> None:
    """Whatever is asked, however many words: of three organisations alike the planner reads the table in one go."""
    with acting_as(large, None, role="anon"):
        before = _read(large)
        public_list.page(large, "organisation-1", filters, size=20)
        assert _read(large) - before < 30_000 + 1500


def test_the_site_map_steps_from_organisation_to_organisation(large: Connection) -> None:
    with acting_as(large, None, role="anon"):
        before = _read(large)
        assert public_list.organisations(large) == [f"organisation-{number}" for number in (1, 2, 3)]
        assert _read(large) - before < 20


def _read(conn: Connection) -> int:
    number: int = fetch(
        conn,
        "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint"
        " from pg_catalog.pg_stat_xact_user_tables"
        " where relname in ('listed_peer_mentors', 'peer_mentor_chapters')",
    )
    return number
