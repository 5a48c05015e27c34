"""Two sessions at once: whichever comes first, the public list and the rights are right in the end."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, become, connect
from mentorcert.errors import DuplicateError, MissingRightError, RenewalBeforeIssueError
from tests.support.registry import (
    drift,
    fetch,
    history,
    join,
    kinds,
    let_end,
    rows,
    set_up,
    status,
    today,
    utc,
)
from tests.support.sessions import meanwhile

Work = Callable[[Connection], object]


class Scene:
    """A peer mentor with a certification, and changes that two sessions make at once."""

    def __init__(self, conn: Connection, slug: str = "demo", *, consent: bool = True) -> None:
        self.organisation = set_up(conn, slug)
        self.mentor = self.organisation.mentor(consent=consent)
        self.certification = self.organisation.certify(
            self.mentor, issued=today(conn, -20), last_day=today(conn, 9)
        )
        self.other_chapter: UUID = fetch(
            conn,
            "insert into mentorcert.chapters (organisation_id, code, name)"
            " values (%s, 'BER', 'Bergen') returning id",
            self.organisation.id,
        )

    def work(self, name: str) -> Work:
        """Return a change by its name, made as administrator; `expire` is the nightly run's."""

        def do(conn: Connection) -> None:
            if name != "expire":
                become(conn, self.organisation.admin)
            if name == "require":
                conn.execute("select mentorcert_private.note_state()")
            conn.execute(
                STATEMENTS[name].encode(),
                {"m": self.mentor, "c": self.certification, "o": self.other_chapter},
            )

        return do


STATEMENTS = {
    "consent": "update mentorcert.peer_mentors set listing_consent = true where id = %(m)s",
    "withdraw": "update mentorcert.peer_mentors set listing_consent = false where id = %(m)s",
    "rename": "update mentorcert.peer_mentors set display_name = 'Other' where id = %(m)s",
    "renew": "select public.renew_certification(%(c)s)",
    "suspend": "select public.suspend_certification(%(c)s, 'complaint')",
    "shorten": """
        update public.peer_mentor_certifications
        set expires_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') - 1, 'Europe/Oslo')
        where id = %(c)s
    """,
    "require": "update mentorcert.certification_types set required_for_listing = true where code = 'half'",
    "join": "insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (%(m)s, %(o)s)",
    "rename chapter": "update mentorcert.chapters set name = name || '!' where true",
    "register": "select public.register_certification(%(m)s, 'half')",
    "expire": "select mentorcert_private.run_nightly()",
}


@pytest.mark.parametrize(
    ("one", "other", "listed_before"),
    [
        ("withdraw", "renew", True),
        ("withdraw", "suspend", True),
        ("withdraw", "expire", True),
        ("consent", "renew", False),
        ("consent", "suspend", False),
        ("consent", "shorten", False),
        ("consent", "require", False),
        ("consent", "register", False),
        ("consent", "expire", False),
        ("renew", "expire", True),
        ("rename", "suspend", True),
        ("rename chapter", "join", True),
        ("rename chapter", "renew", True),
        ("rename chapter", "consent", False),
        ("require", "register", True),
        ("require", "renew", True),
        ("join", "register", True),
        ("join", "suspend", True),
        ("suspend", "register", True),
    ],
)
def test_the_public_list_is_right_in_any_order(
    conn: Connection, database: str, one: str, other: str, *, listed_before: bool
) -> None:
    for slug, first, second in [("one-first", one, other), ("other-first", other, one)]:
        scene = Scene(conn, slug, consent=listed_before)
        if "expire" in {one, other}:
            let_end(conn, scene.certification)
        meanwhile(conn, database, scene.work(first), scene.work(second))
        assert drift(conn) == []
        assert wrong_chapters(conn) == []


def wrong_chapters(conn: Connection) -> list[tuple[object, ...]]:
    """Return the certifications whose copy of the chapters is not what the peer mentor is in."""
    return rows(
        conn,
        """
        select certification.id from public.peer_mentor_certifications as certification
        where certification.chapter_ids <> array(
          select link.chapter_id from mentorcert.peer_mentor_chapters as link
          where link.peer_mentor_id = certification.peer_mentor_id and link.ended_at is null
          order by link.chapter_id
        )
        """,
    )


def test_of_two_renewals_at_once_one_wins(conn: Connection, database: str) -> None:
    scene = Scene(conn)
    with pytest.raises(psycopg.Error) as caught:
        meanwhile(conn, database, scene.work("renew"), scene.work("renew"))
    assert (caught.value.sqlstate, caught.value.diag.constraint_name) == (
        "MC003",
        "certification_renewal_after_issue",
    )
    assert kinds(conn, scene.certification) == ["issued", "renewed"]


def test_of_two_renewals_of_many_at_once_one_wins(conn: Connection, database: str) -> None:
    scene = Scene(conn)

    def renew(other: Connection) -> None:
        become(other, scene.organisation.admin)
        other.execute(
            "select public.change_certifications('renew', array[%s]::uuid[])", (scene.certification,)
        )

    with pytest.raises(psycopg.Error) as caught:
        meanwhile(conn, database, renew, renew)
    assert (caught.value.sqlstate, caught.value.diag.constraint_name) == (
        "MC003",
        "certification_renewal_after_issue",
    )
    assert kinds(conn, scene.certification) == ["issued", "renewed"]


def test_prolonging_meets_a_suspension_that_it_waited_for(conn: Connection, database: str) -> None:
    scene = Scene(conn)

    def prolong(other: Connection) -> None:
        become(other, scene.organisation.admin)
        prolonged = other.execute(
            "select mentorcert_private.prolong_certifications("
            "array[%s]::uuid[], null, array[mentorcert_private.day_starts(%s, 'Europe/Oslo')])",
            (scene.certification, today(conn, 500)),
        ).fetchone()
        assert prolonged == ([],)

    meanwhile(conn, database, scene.work("suspend"), prolong)
    assert kinds(conn, scene.certification) == ["issued", "suspended"]


def test_the_loser_of_two_renewals_gets_our_error(conn: Connection, database: str) -> None:
    scene = Scene(conn)

    def renew(other: Connection) -> None:
        become(other, scene.organisation.admin)
        repository.renew(other, scene.certification)

    with pytest.raises(RenewalBeforeIssueError):
        meanwhile(conn, database, renew, renew)


def test_two_registrations_of_a_type_at_once(conn: Connection, database: str) -> None:
    scene = Scene(conn)

    def register(other: Connection) -> None:
        become(other, scene.organisation.admin)
        repository.register(other, scene.mentor, "half")

    with pytest.raises(DuplicateError) as caught:
        meanwhile(conn, database, register, register)
    assert caught.value.constraint == "peer_mentor_certifications_one_of_a_type"
    assert fetch(conn, "select count(*) from public.peer_mentor_certifications") == 2


@pytest.mark.parametrize("extension_first", [True, False])
def test_an_extension_and_the_night_at_once(
    conn: Connection, database: str, *, extension_first: bool
) -> None:
    organisation = set_up(conn)
    for number in range(40):
        organisation.certify(
            organisation.mentor(str(number)), issued=today(conn, -20), last_day=today(conn, -1 + number % 3)
        )

    def extend(other: Connection) -> None:
        become(other, organisation.admin)
        repository.extend(other, "basic", today(other, 30), "illness", expired_since=today(other, -5))

    def night(other: Connection) -> None:
        other.execute("select mentorcert_private.run_nightly()")

    works: tuple[Work, Work] = (extend, night) if extension_first else (night, extend)
    meanwhile(conn, database, *works)
    assert drift(conn) == []
    assert rows(conn, "select distinct status from public.peer_mentor_certifications") == [("active",)]
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 40
    expected = 0 if extension_first else sum(1 for number in range(40) if number % 3 == 0)
    assert fetch(conn, "select coalesce(sum(expired), 0) from mentorcert_private.job_runs") == expected


def test_two_chapters_at_once(conn: Connection, database: str) -> None:
    scene = Scene(conn)
    leave = (
        "update mentorcert.peer_mentor_chapters set ended_at = now()"
        " where peer_mentor_id = %(m)s and chapter_id <> %(o)s"
    )

    def do_leave(other: Connection) -> None:
        become(other, scene.organisation.admin)
        other.execute(leave.encode(), {"m": scene.mentor, "o": scene.other_chapter})

    meanwhile(conn, database, scene.work("join"), do_leave)
    assert wrong_chapters(conn) == []
    assert fetch(conn, "select chapter_ids from mentorcert.peer_mentors where id = %s", scene.mentor) == [
        scene.other_chapter
    ]
    assert drift(conn) == []


def test_a_membership_that_is_taken_away_ends_with_the_statement(conn: Connection, database: str) -> None:
    scene = Scene(conn)
    organisation = scene.organisation
    coordinator = uuid4()
    membership = join(organisation, coordinator, "coordinator", organisation.chapter)
    with connect(database, autocommit=True) as own, acting_as(own, coordinator):
        assert repository.get(own, scene.certification).status == "active"
        conn.execute("update mentorcert.memberships set ended_at = now() where id = %s", (membership,))
        assert repository.page(own).rows == []
        assert history(own, scene.certification) == []
        with pytest.raises(MissingRightError), own.transaction():
            repository.suspend(own, scene.certification, "complaint")
        with pytest.raises(MissingRightError):
            repository.get(own, scene.certification)
    assert status(conn, scene.certification) == "active"


def test_a_renewal_that_waits_for_the_night_renews_what_expired(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    certification = organisation.certify(mentor, issued=today(conn, -20), last_day=today(conn, -1))

    def renew(other: Connection) -> None:
        become(other, organisation.admin)
        repository.renew(other, certification)

    meanwhile(conn, database, lambda other: other.execute("select mentorcert_private.run_nightly()"), renew)
    assert kinds(conn, certification) == ["issued", "expired", "renewed"]
    newest = history(conn, certification)[-1]
    assert (newest["before"]["status"], newest["after"]["status"]) == ("expired", "active")
    assert repository.was_valid(conn, certification, utc(2000, 1, 1)) is False
    assert repository.was_valid(conn, certification, organisation.midnight(today(conn)) + timedelta(hours=1))
    assert drift(conn) == []
