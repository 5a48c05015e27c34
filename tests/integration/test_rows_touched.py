"""What a client's query reads: what its caller may see of the tables asked for, wherever it stands and however much is stored."""

from dataclasses import dataclass
from typing import Any

import pytest

from mentorcert.certifications import forecast, mentor_list, renewal_forecast
from mentorcert.certifications.mentor_list import MentorFilters
from mentorcert.db.connection import Connection, acting_as, become
from mentorcert.organisations import finding
from tests.support.large_registry import COORDINATORS, PEOPLE, executed, key, touched

PAGE = 50
# Where an organisation is a small one of many, an index of everything in it may be the shortest way.
OF_A_SMALL_ONE = 3_000


@dataclass(frozen=True)
class Asked:
    """A table or view: in which order, and by which conditions."""

    order: str
    conditions: tuple[str, ...] = ()
    id: str = "id"


_CERTIFICATIONS = Asked(
    "expires_at",
    (
        "status = 'active'",
        "certification_type = 'type-1'",
        "expires_at >= '2026-05-01' and expires_at < '2026-06-01'",
        "peer_mentor_id = %(mentor)s",
        "chapter_ids @> array[%(chapter)s]",
        "organisation_id = %(organisation)s",
    ),
)
_TABLES = {
    "public.peer_mentor_certifications": _CERTIFICATIONS,
    "mentorcert.peer_mentor_certifications": _CERTIFICATIONS,
    "mentorcert.peer_mentors": Asked(
        "full_name",
        (
            "listing_consent",
            "external_id = '1'",
            "chapter_ids @> array[%(chapter)s]",
            "user_id = %(user)s",
            "organisation_id = %(organisation)s",
        ),
    ),
    "mentorcert.peer_mentor_chapters": Asked(
        "created_at",
        ("ended_at is null", "peer_mentor_id = %(mentor)s", "organisation_id = %(organisation)s"),
    ),
    "mentorcert.listing_consents": Asked(
        "recorded_at", ("is_given", "peer_mentor_id = %(mentor)s", "organisation_id = %(organisation)s")
    ),
    "mentorcert.certification_renewal_events": Asked(
        "position", ("certification_id = %(certification)s", "organisation_id = %(organisation)s"), "entry_id"
    ),
    "mentorcert.audit_log": Asked(
        "recorded_at", ("table_name = 'peer_mentors'", "row_id = %(mentor)s::text")
    ),
    "mentorcert.memberships": Asked(
        "created_at", ("role = 'coordinator'", "user_id = %(user)s", "ended_at is null")
    ),
    "mentorcert.organisations": Asked("name"),
    "mentorcert.chapters": Asked("code", ("parent_id is null",)),
    "mentorcert.certification_types": Asked("code"),
    "public.listed_peer_mentors": Asked(
        "display_name", ("organisation_slug = 'organisation-1'",), "peer_mentor_id"
    ),
}
# As PostgREST embeds: one of each row, or all of each row as JSON.
_ONE = "select a.*, row_to_json(b.*) from {a} as a left join lateral (select * from {b} as c where {on}) as b on true"
_MANY = "select a.*, b.all from {a} as a left join lateral (select json_agg(c.*) as all from {b} as c where {on}) as b on true"
_OF_MENTOR, _MENTOR_OF = "c.peer_mentor_id = a.id", "c.id = a.peer_mentor_id"
_EMBEDDED = (
    (_ONE, "mentorcert.peer_mentor_certifications", "mentorcert.peer_mentors", _MENTOR_OF),
    (_ONE, "mentorcert.peer_mentor_chapters", "mentorcert.peer_mentors", _MENTOR_OF),
    (_ONE, "mentorcert.listing_consents", "mentorcert.peer_mentors", _MENTOR_OF),
    (_ONE, "mentorcert.peer_mentor_chapters", "mentorcert.chapters", "c.id = a.chapter_id"),
    (_MANY, "mentorcert.peer_mentors", "mentorcert.peer_mentor_certifications", _OF_MENTOR),
    (_MANY, "mentorcert.peer_mentors", "mentorcert.peer_mentor_chapters", _OF_MENTOR),
    (_MANY, "mentorcert.peer_mentors", "mentorcert.listing_consents", _OF_MENTOR),
)
# No column of an event says whose it is: for each its certification is read, and a coordinator's
# are found among the organisation's.
_EVENTS = "mentorcert.certification_renewal_events"


@dataclass(frozen=True)
class Registry:
    """One of a size; `few` rows are read whatever they are."""

    conn: Connection
    few: int

    def values(self, who: str) -> dict[str, Any]:
        """Return what conditions name: a person within the caller's reach, and what belongs to that person."""
        row = self.conn.execute(
            "select id, peer_mentor_id from public.peer_mentor_certifications where peer_mentor_id = %s limit 1",
            [key("mentor1-1" if who == "mentor" else "mentor1-50")],
        ).fetchone()
        assert row is not None
        named = {"certification": row[0], "mentor": row[1], "user": key(who)}
        return named | {"organisation": key("organisation1"), "chapter": key("chapter1-1")}

    def excess(self, who: str, queries: dict[str, str], seen: int) -> list[str]:
        """Return which of these queries read more rows than `seen`, those of their tables that the caller may see."""
        values = self.values(who)
        found = []
        for name, query in queries.items():
            with acting_as(self.conn, key(who)):
                plan = executed(self.conn, query, values)
            if touched(plan) > seen + 10 * plan["Actual Rows"] + self.few:
                found.append(f"{name}: {touched(plan)} rows read for {plan['Actual Rows']} of {seen}")
        return found


@pytest.fixture
def registry(large: Connection) -> Registry:
    row = large.execute("select count(*) > 1 from mentorcert.organisations").fetchone()
    assert row is not None
    return Registry(large, OF_A_SMALL_ONE if row[0] else PAGE)


def seen_of(conn: Connection, who: str, *tables: str) -> int:
    """Return how many rows of these the person may see."""
    with acting_as(conn, key(who)):
        row = conn.execute(
            f"select {' + '.join(f'(select count(*) from {table})' for table in tables)}".encode()
        ).fetchone()
    assert row is not None
    return int(row[0])


def shapes(table: str) -> dict[str, str]:
    """Return what an app sends: all, a page in an order, a count, one row, by each condition."""
    asked = _TABLES[table]
    rows = f"select * from {table}"
    every = {
        "plain": rows,
        "ordered": f"{rows} order by {asked.order}",
        "page": f"{rows} order by {asked.order} limit {PAGE}",
        "falling": f"{rows} order by {asked.order} desc limit {PAGE}",
        "not ordered": f"{rows} limit {PAGE}",
        "first": f"{rows} limit 1",
        "count": f"select count(*) from {table}",
        "one": f"{rows} where {asked.id} = %(certification)s",
    }
    for condition in asked.conditions:
        where = f"{rows} where {condition}"
        every |= {
            condition: where,
            f"{condition}, page": f"{where} order by {asked.order} limit {PAGE}",
            f"{condition}, count": f"select count(*) from {table} where {condition}",
        }
    return every


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("table", _TABLES)
def test_one_table(registry: Registry, table: str, who: str) -> None:
    seen = seen_of(registry.conn, who, table)
    if table == _EVENTS:
        reader = "admin" if who in COORDINATORS else who
        seen += seen_of(registry.conn, reader, table, "public.peer_mentor_certifications")
    assert registry.excess(who, shapes(table), seen) == []


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("embedded", _EMBEDDED)
def test_one_table_in_another(registry: Registry, embedded: tuple[str, ...], who: str) -> None:
    shape, outer, inner, on = embedded
    whole = shape.format(a=outer, b=inner, on=on)
    page = f"{whole} order by a.{_TABLES[outer].order} limit {PAGE}"
    # A row that is embedded in several is read for each of them.
    seen = 2 * seen_of(registry.conn, who, outer, inner)
    assert registry.excess(who, {"whole": whole, "page": page}, seen) == []


@pytest.mark.parametrize("who", PEOPLE)
def test_one_search_of_everything(registry: Registry, who: str) -> None:
    named = ("mentorcert.peer_mentors", "mentorcert.chapters", "mentorcert.certification_types")
    values = {
        "query": "'person'",
        "language": "'nb'",
        "size": "10",
        "help_keys": "'{}'",
        "help_texts": "'{}'",
    }
    query = finding._QUERIES.everywhere.replace("%%", "%")
    for name, value in values.items():
        query = query.replace(f"%({name})s", value)
    # A chapter is read with the one above it.
    seen = 2 * seen_of(registry.conn, who, *named)
    assert registry.excess(who, {"everywhere": query}, seen) == []


@pytest.mark.parametrize("who", [*COORDINATORS, "admin"])
def test_the_overview(registry: Registry, who: str) -> None:
    """Certifications are read once for all that is said of their endings."""
    query = forecast._QUERIES.endings.replace("%(time_zone)s", "'Europe/Oslo'").replace("%%", "%")
    registry.conn.execute(forecast._QUERIES.count_by_hashing.replace("true", "false"))
    seen = seen_of(registry.conn, who, "public.peer_mentor_certifications", "mentorcert.chapters")
    try:
        assert registry.excess(who, {"endings": query}, seen) == []
    finally:
        registry.conn.execute("reset enable_sort; reset enable_incremental_sort")


@pytest.mark.parametrize("who", [*COORDINATORS, "admin"])
def test_the_forecast(registry: Registry, who: str) -> None:
    """What chapters can count on reads whom one sees, and who renews what ends reads no more."""
    conn = registry.conn
    plan_courses(conn)
    seen = seen_of(conn, who, "public.peer_mentor_certifications", "mentorcert.peer_mentors")
    for ask in (lambda: forecast.coverage(conn, 24), lambda: renewal_forecast.ahead(conn, 6)):
        with acting_as(conn, key(who)):
            before = _read_so_far(conn)
            assert ask()
            assert _read_so_far(conn) - before < 6 * seen + registry.few


def plan_courses(conn: Connection) -> None:
    """Require a type, and plan a course that renews it, with forty people in a hundred seats; once."""
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute(
            "update mentorcert.certification_types set required_for_listing = true where code = 'type-1'"
        )
        conn.execute(
            "with planned as ("
            " insert into mentorcert_private.courses"
            " (id, organisation_id, kind, name_nb, types, days, starts, ends, seats)"
            " values (%(id)s, %(organisation)s, 'course', 'Kurs', '{type-1}', array[current_date + 20], '{null}', '{null}', 100)"
            " on conflict do nothing returning id, organisation_id"
            ") insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank)"
            " select planned.organisation_id, planned.id, mentor.id, 'seated', 1 from planned"
            " join lateral (select id from mentorcert.peer_mentors as mentor"
            "  where mentor.organisation_id = planned.organisation_id order by id limit 40) as mentor on true",
            {"id": key("course"), "organisation": key("organisation1")},
        )


def _read_so_far(conn: Connection) -> int:
    row = conn.execute(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_catalog.pg_stat_xact_user_tables"
        " where relname in ('peer_mentors', 'peer_mentor_certifications', 'course_sign_ups')"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("who", [*COORDINATORS, "admin"])
def test_who_lacks_what_is_required(registry: Registry, who: str) -> None:
    """People and certifications are read once for all types, however few lack one; the same as by the list of peer mentors."""
    conn = registry.conn
    require = (
        "update mentorcert.certification_types set required_for_listing = %s and code <> 'type-1'"
        " where organisation_id = %s"
    )
    query = mentor_list._QUERIES.lacking.replace("%(first)s", "5").replace("%(at_most)s", "1000000")
    seen = seen_of(conn, who, "public.peer_mentor_certifications", "mentorcert.peer_mentors")
    conn.execute(require, [True, key("organisation1")])
    try:
        assert registry.excess(who, {"lacking": query}, seen) == []
        with acting_as(conn, key(who)):
            found = mentor_list.lacking(conn, first=5, at_most=1_000_000)
            assert [one.certification_type for one in found] == ["type-2", "type-3", "type-4"]
            for one in found:
                filters = MentorFilters(certification_type=one.certification_type, standing="not_held")
                assert one.number == mentor_list.count(conn, filters, at_most=1_000_000)
                listed = mentor_list.page(conn, filters, size=5).rows
                assert [*zip(one.ids, one.full_names, strict=True)] == [
                    (row.id, row.full_name) for row in listed
                ]
            assert {one.number for one in mentor_list.lacking(conn, first=5, at_most=3)} == {3}
    finally:
        conn.execute(require, [False, key("organisation1")])


def test_every_table_is_asked(registry: Registry) -> None:
    readable = registry.conn.execute(
        "select class.oid::regclass::text from pg_catalog.pg_class as class"
        " where class.relnamespace = any(array['public', 'mentorcert']::regnamespace[]) and class.relkind in ('r', 'v', 'm', 'p')"
        " and has_any_column_privilege('authenticated', class.oid, 'select')"
    ).fetchall()
    assert {name if "." in name else f"public.{name}" for (name,) in readable} == set(_TABLES)


def test_a_policy_that_reads_the_organisation_is_noticed(registry: Registry) -> None:
    table = "mentorcert.listing_consents"
    with registry.conn.transaction(force_rollback=True):
        registry.conn.execute(
            'alter policy "people read the consents of peer mentors within their reach" on mentorcert.listing_consents'
            " using (exists (select from mentorcert.peer_mentors as mentor where mentor.id = peer_mentor_id))"
        )
        become(registry.conn, key("mentor"))
        plan = executed(registry.conn, shapes(table)["page"])
    assert touched(plan) > 1_000
