"""The coordinator's lists: every row once in each order, and only what is in reach."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.certifications import mentor_list, pages, search
from mentorcert.certifications.mentor_list import MentorFilters
from mentorcert.certifications.search import Filters, Order, Row, Sort
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import InvalidCursorError
from tests.support.registry import Organisation, fetch, join, rows, set_up, today

_SORTS: tuple[Sort, ...] = ("expires", "issued", "name", "type")
_KEYS: dict[Sort, Callable[[Row], Any]] = {
    "expires": lambda _: 0,
    "issued": lambda row: row.issued_at,
    "name": lambda row: row.full_name.lower().replace("å", "ÿ"),
    "type": lambda row: row.certification_type,
}


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """Twelve peer mentors with 36 certifications that tie in every way; one has ended, some never end."""
    organisation = set_up(conn)
    set_up(conn, "other").certify_many(3, last_day=today(conn, 10))
    for number in range(12):
        mentor = organisation.mentor(f"N-{number}")
        name = ("Åse Ås", "Kari Nord", "kari nord", "Ørjan 100%_", "Øystein O'Neil", "Anne")[number % 6]
        conn.execute("update mentorcert.peer_mentors set full_name = %s where id = %s", (name, mentor))
        issued = date(2024, 1, 1 + number % 3)
        organisation.certify(mentor, "basic", issued=issued, last_day=today(conn, number % 4 - 1))
        organisation.certify(mentor, "half", issued=issued, last_day=today(conn, 40))
        organisation.certify(mentor, "pledge", issued=date(2024, 1, 1))
    return organisation


def walked(conn: Connection, filters: Filters, order: Order, size: int) -> list[Row]:
    """Return all rows, page by page."""
    found: list[Row] = []
    after = None
    while True:
        page = search.page(conn, filters, order, after=after, size=size)
        found += page.rows
        if page.next is None:
            return found
        assert len(page.rows) == size
        after = page.next


def expected(found: list[Row], order: Order) -> list[Row]:
    """Sort as the list should: by key, expiry (never comes last) and id."""

    def place(row: Row) -> tuple[Any, ...]:
        ends = (1, 0.0) if row.expires_at is None else (0, row.expires_at.timestamp())
        return (_KEYS[order.sort](row), ends, row.id)

    return sorted(found, key=place, reverse=order.descending)


def everything(organisation: Organisation) -> list[Row]:
    with organisation.as_admin() as conn:
        return list(search.every(conn, Filters(), Order()))


def calls(conn: Connection, function: str) -> int:
    tracked = "select sum(calls) from pg_catalog.pg_stat_xact_user_functions where funcname = %s"
    return int(fetch(conn, tracked, function) or 0)


def names(conn: Connection, who: UUID, filters: Filters) -> list[str]:
    with acting_as(conn, who):
        return sorted({row.full_name for row in search.page(conn, filters, Order(), size=500).rows})


def test_every_row_once(organisation: Organisation) -> None:
    """Sorted where the peer mentors are few, walked to where they are many, with ties and without an end."""
    conn, coordinator = organisation.conn, uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    held = rows(
        conn, "select id from public.peer_mentor_certifications where organisation_id = %s", organisation.id
    )
    for sort, descending, who in product(_SORTS, (False, True), (coordinator, organisation.admin)):
        order = Order(sort, descending)
        with acting_as(conn, who):
            found = walked(conn, Filters(), order, 5)
            assert len(found) == 36, order
            assert found == expected(found, order), order
            ids = [row.id for row in found]
            assert [row.id for row in search.every(conn, Filters(), order)] == ids, order
            assert search.ids(conn, Filters(), order) == ids, order
        assert set(ids) == {id_ for (id_,) in held}, order


@pytest.mark.parametrize("sort", _SORTS)
def test_filters_agree_with_the_rows(organisation: Organisation, sort: Sort) -> None:
    conn = organisation.conn
    first, last = today(conn, -1), today(conn, 1)
    suspended = fetch(
        conn, "select id from public.peer_mentor_certifications where certification_type = 'half' limit 1"
    )
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'Leave')", (suspended,))
        every = walked(conn, Filters(), Order(sort), 7)
        days = {
            row.id: fetch(conn, "select mentorcert_private.day_of(%s, %s) - 1", row.expires_at, "Europe/Oslo")
            for row in every
        }

        def check(filters: Filters, holds: Callable[[Row], bool], *, least: int = 1) -> None:
            for descending in (False, True):
                found = walked(conn, filters, Order(sort, descending), 4)
                assert {row.id for row in found} == {row.id for row in every if holds(row)}
                assert len(found) == len({row.id for row in found}) >= least

        check(Filters(status="active"), lambda row: row.status == "active")
        check(Filters(status="expired"), lambda row: row.status == "expired")
        check(Filters(status="suspended"), lambda row: row.status == "suspended")
        check(Filters(certification_type="half"), lambda row: row.certification_type == "half")
        check(Filters(certification_type="no-such"), lambda _: False, least=0)
        check(Filters(unlimited=True), lambda row: row.expires_at is None)
        check(Filters(unlimited=False), lambda row: row.expires_at is not None)
        between = Filters(first_day=first, last_day=last)
        check(between, lambda row: row.expires_at is not None and first <= days[row.id] <= last)
        check(Filters(first_day=first, last_day=first), lambda row: days[row.id] == first)
        check(
            Filters(first_day=first, last_day=last, status="active", certification_type="basic"),
            lambda row: row.status == "active" and row.expires_at is not None and days[row.id] <= last,
        )
        check(Filters(chapter_id=organisation.chapter), lambda _: True)
        check(Filters(chapter_id=uuid4()), lambda _: False, least=0)


FOUND_BY = {
    "KARI": ["Kari Nord", "kari nord"],
    "nord kar": ["Kari Nord", "kari nord"],
    "åS": ["Åse Ås"],
    "aase": ["Åse Ås"],
    "OERJAN": ["Ørjan 100%_"],
    "orjan": ["Ørjan 100%_"],
    "ånne": ["Anne"],
    "òystein": ["Øystein O'Neil"],
    "öyst": ["Øystein O'Neil"],
    "ánné": ["Anne"],
    "%": ["Ørjan 100%_"],
    "0%_": ["Ørjan 100%_"],
    "\\": [],
    "o'n": ["Øystein O'Neil"],
    "n-11": ["Anne"],
    "  ": ["Anne", "Kari Nord", "kari nord", "Åse Ås", "Ørjan 100%_", "Øystein O'Neil"],
    "'; drop table mentorcert.peer_mentors; --": [],
}


def test_search_by_part_of_a_name(organisation: Organisation) -> None:
    expected = {query: sorted(found) for query, found in FOUND_BY.items()}
    certified, listed = {}, {}
    for query in FOUND_BY:
        certified[query] = names(organisation.conn, organisation.admin, Filters(query=query))
        with organisation.as_admin():
            mentors = mentor_list.page(organisation.conn, MentorFilters(query=query), size=500).rows
        listed[query] = sorted({mentor.full_name for mentor in mentors})
    assert certified == expected
    assert listed == expected


def test_many_that_match(organisation: Organisation) -> None:
    """More than a thousand peer mentors are not named one by one; it makes no difference."""
    organisation.certify_many(1001, last_day=today(organisation.conn, 5))
    with organisation.as_admin():
        for sort in _SORTS:
            found = walked(organisation.conn, Filters(query="person many"), Order(sort), 400)
            assert len({row.id for row in found}) == len(found) == 1001


def test_reach(organisation: Organisation) -> None:
    conn = organisation.conn
    elsewhere, coordinator, own = uuid4(), uuid4(), uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name)"
        " values (%s, %s, %s, 'X', 'X')",
        (elsewhere, organisation.id, organisation.chapter),
    )
    join(organisation, coordinator, "coordinator", elsewhere)
    assert names(conn, coordinator, Filters()) == []
    mentor = fetch(conn, "select id from mentorcert.peer_mentors where full_name = 'Anne' limit 1")
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " values (%s, %s, %s)",
        (organisation.id, mentor, elsewhere),
    )
    assert names(conn, coordinator, Filters()) == ["Anne"]
    # In the chapter above, which is not theirs, they see whom they see by their own.
    assert names(conn, coordinator, Filters(chapter_id=organisation.chapter)) == ["Anne"]
    assert names(conn, coordinator, Filters(query="kari")) == []
    join(organisation, own, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (own, mentor))
    assert names(conn, own, Filters()) == ["Anne"]
    assert names(conn, uuid4(), Filters()) == []
    with acting_as(conn, coordinator):
        assert [found.full_name for found in mentor_list.page(conn, MentorFilters()).rows] == ["Anne"]


def test_every_sees_one_moment(organisation: Organisation) -> None:
    with organisation.as_admin() as conn:
        found = search.every(conn, Filters(), Order("name"))
        next(found)
        conn.execute("update mentorcert.peer_mentors set full_name = 'Zoe'")
        assert len([*found]) == 35


def _cursor(*values: object) -> str:
    content = dict(zip(("sort", "descending", "key", "expires_at", "id"), values, strict=False))
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


_ID = "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01"


WRONG_CURSORS: list[tuple[Sort, str]] = [
    ("name", "x"),
    ("name", "%%%"),
    ("name", "a" * 500),
    ("name", _cursor()),
    ("name", _cursor(1, 2, 3, 4, 5)),
    ("name", _cursor("issued", False, "2024-01-01T00:00:00+01:00", None, _ID)),
    ("name", _cursor("name", True, "kari", None, _ID)),
    ("name", _cursor("name", False, "ka\0ri", None, _ID)),
    ("name", _cursor("name", False, "\ud800", None, _ID)),
    ("name", _cursor("name", False, None, None, _ID)),
    ("name", _cursor("name", False, 5, None, _ID)),
    ("name", _cursor("name", False, "kari", "2024-01-01", _ID)),
    ("name", _cursor("name", False, "kari", "yesterday", _ID)),
    ("name", _cursor("name", False, "kari", None, "' or true --")),
    ("name", _cursor("name", False, "kari", None, None)),
    ("name", _cursor("name", False, "kari", None)),
    ("name", _cursor("name", 0, "kari", None, _ID)),
    ("issued", _cursor("issued", False, "0001-01-01T00:00:00+14:00", None, _ID)),
    ("issued", _cursor("issued", False, "2024-01-01T00:00:00", None, _ID)),
    ("issued", _cursor("issued", False, "2024", None, _ID)),
    ("issued", _cursor("issued", False, "", None, _ID)),
]
RIGHT_CURSORS = [
    _cursor("issued", False, issued, None, _ID)
    # What Python reads, PostgreSQL does not always.
    for issued in ("2024-W01-1T00:00:00+00:00", "2024-01-01T00:00:00+23:59")
]


def test_cursors(organisation: Organisation) -> None:
    taken = []
    with organisation.as_admin() as conn:
        for sort, cursor in WRONG_CURSORS:
            with suppress(InvalidCursorError):
                taken.append((cursor, search.page(conn, Filters(), Order(sort), after=cursor)))
        assert taken == []
        for cursor in RIGHT_CURSORS:
            search.page(conn, Filters(), Order("issued"), after=cursor)


def test_a_page_searches_no_part_that_it_does_not_reach(organisation: Organisation) -> None:
    parts = pages.next_first(Filters(), today(organisation.conn))
    assert len(parts) == 3

    def searches(size: int) -> int:
        with organisation.as_admin() as conn:
            # What came before stands there too, as far as it was not reported yet.
            before = calls(conn, "search_certifications")
            pages.page(conn, parts, size=size)
            return calls(conn, "search_certifications") - before

    organisation.conn.execute("set track_functions = 'all'")
    active = sum(row.status == "active" and row.expires_at is not None for row in everything(organisation))
    assert [searches(size) for size in (active - 1, active, 100)] == [1, 2, 3]


def test_a_page_counts_people_only_for_who_coordinates(organisation: Organisation) -> None:
    """A peer mentor's own page is sorted in any case, an administrator's is walked to."""
    conn, coordinator, mentor = organisation.conn, uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, mentor, "peer_mentor")
    conn.execute("set track_functions = 'all'")
    for who, counted in ((mentor, 0), (coordinator, 1), (organisation.admin, 0)):
        with acting_as(conn, who):
            before = calls(conn, "use_sort_plan")
            conn.execute("select from public.certifications_page()")
            assert calls(conn, "use_sort_plan") - before == counted


def test_a_count_is_of_what_a_search_finds(organisation: Organisation) -> None:
    narrowed = [
        Filters(),
        Filters(query="nord"),
        Filters(status="expired"),
        Filters(certification_type="half"),
        Filters(unlimited=True),
        Filters(first_day=today(organisation.conn), last_day=today(organisation.conn, 2)),
    ]
    with organisation.as_admin() as conn:
        for filters in narrowed:
            number = len(list(search.every(conn, filters, Order())))
            assert 0 < number == search.count(conn, filters, at_most=1000), filters
            assert search.count(conn, filters, at_most=number - 1 or 1) == (number - 1 or 1), filters


def test_wrong_arguments(organisation: Organisation) -> None:
    for argument in ("sort => 'id'", "status => 'lapsed'", "page_size => 0", "sort => null"):
        with pytest.raises(psycopg.Error) as raised, organisation.as_admin() as conn:
            conn.execute(f"select * from public.search_certifications({argument})".encode())
        name = argument.partition(" ")[0]
        assert (raised.value.sqlstate, raised.value.diag.constraint_name) == ("MC008", name), argument
