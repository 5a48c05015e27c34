"""The list of peer mentors: each of them once, forwards and back, with what they hold."""

from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import mentor_list
from mentorcert.certifications.mentor_list import Badge, Mentor, MentorFilters
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import InvalidArgumentError, InvalidCursorError
from tests.support.registry import Organisation, join, set_up, today


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """Twelve peer mentors, two of each name, in the order of Norwegian names."""
    organisation = set_up(conn)
    set_up(conn, "other").mentor("9")
    for number in range(12):
        mentor = organisation.mentor(f"N-{number}")
        name = ("Anne", "Kari Nord", "kari nord", "Ørjan", "Øystein O'Neil", "Åse Ås")[number // 2]
        conn.execute("update mentorcert.peer_mentors set full_name = %s where id = %s", (name, mentor))
    return organisation


def walked(conn: Connection, filters: MentorFilters, size: int) -> list[Mentor]:
    """Return all of them, page by page; and see that the way back is the same."""
    pages = [mentor_list.page(conn, filters, size=size)]
    assert pages[0].previous is None
    while (after := pages[-1].next) is not None:
        pages.append(mentor_list.page(conn, filters, after=after, size=size))
    back = pages[-1]
    for expected in reversed(pages[:-1]):
        assert back.previous is not None
        back = mentor_list.page(conn, filters, before=back.previous, size=size)
        assert back.rows == expected.rows
        assert back.next is not None
    assert back.previous is None
    return [mentor for page in pages for mentor in page.rows]


@pytest.mark.parametrize("who", ["coordinator", "administrator"])
def test_everybody_once_by_name(organisation: Organisation, who: str) -> None:
    """Sorted where they are few, walked to by the index where they are many."""
    conn, coordinator = organisation.conn, uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    with acting_as(conn, coordinator if who == "coordinator" else organisation.admin):
        for filters in (
            MentorFilters(),
            MentorFilters(chapter_id=organisation.chapter),
            MentorFilters(query="oslo"),
        ):
            found = walked(conn, filters, 5)
            assert len({mentor.id for mentor in found}) == len(found) == 12
            assert [mentor.full_name.lower() for mentor in found[::2]] == [
                "anne", "kari nord", "kari nord", "ørjan", "øystein o'neil", "åse ås",
            ]  # fmt: skip
            ids = [mentor.id for mentor in found]
            assert mentor_list.ids(conn, filters) == ids
            assert [mentor.id for mentor in mentor_list.every(conn, filters)] == ids
            assert [mentor_list.count(conn, filters, at_most=most) for most in (5, 50)] == [5, 12]


def test_what_they_hold(organisation: Organisation) -> None:
    conn = organisation.conn
    mentor = organisation.mentor("held")
    ends = today(conn, 3)
    basic = organisation.certify(mentor, last_day=ends)
    pledge = organisation.certify(mentor, "pledge")

    def badges(on_day: int) -> list[Badge]:
        with organisation.as_admin():
            filters = MentorFilters(query="held", on_day=today(conn, on_day))
            (found,) = mentor_list.page(conn, filters).rows
            return found.badges

    unlimited = Badge(pledge, "pledge", "active", None)
    assert badges(3) == [Badge(basic, "basic", "active", ends), unlimited]
    assert badges(4) == [Badge(basic, "basic", "expired", ends), unlimited]
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'Leave')", (basic,))
    assert badges(0) == [Badge(basic, "basic", "suspended", ends), unlimited]
    # Of a day before that, and before the first of them, by the history.
    assert badges(-1) == [Badge(basic, "basic", "active", ends), unlimited]
    assert badges(-20_000) == []


def test_those_who_are_chosen(organisation: Organisation) -> None:
    with organisation.as_admin() as conn:
        every = mentor_list.ids(conn, MentorFilters())
        chosen = MentorFilters(peer_mentor_ids=[every[7], every[2], UUID(int=0)])
        assert mentor_list.ids(conn, chosen) == [every[2], every[7]]
        assert mentor_list.ids(conn, MentorFilters(peer_mentor_ids=[])) == []


def test_refused(organisation: Organisation) -> None:
    with organisation.as_admin() as conn:
        for cursor in ("x", "e30", "%%%"):
            with pytest.raises(InvalidCursorError):
                mentor_list.page(conn, MentorFilters(), after=cursor)
    with pytest.raises(InvalidArgumentError), organisation.as_admin() as conn:
        mentor_list.page(conn, MentorFilters(certification_type="basic"))
