"""My certifications: how each stands, and what to do."""

import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection
from tests.support.registry import let_end, rows, today
from tests.web.conftest import Site
from tests.web.mentor.conftest import People

PATHS = ["/me", "/me/history", "/me/calendar", "/me/calendar.ics"]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, ["1 certification ends soon", "Today is the last valid day.", "See whom to contact"]),
        (1, ["It ends in 1 day.", "Coordinator, Oslo"]),
        (90, ["It ends in 90 days.", "You can renew it before it ends."]),
        (91, ["All is well", "There is nothing to do now."]),
        (None, ["All is well", "it does not expire", "<dd>does not expire</dd>"]),
    ],
)
def test_how_it_stands(
    conn: Connection, site: Site, people: People, days: int | None, said: list[str]
) -> None:
    conn.execute(
        "update public.peer_mentor_certifications"
        " set expires_at = mentorcert_private.day_starts(%s::date + 1, 'Europe/Oslo') where id = %s",
        (None if days is None else today(conn, days), people.certification),
    )
    text = " ".join(site.client(people.mentor).get("/me").text.split())
    assert [words for words in said if words not in text] == []
    assert f"/me/certifications/{people.certification}.pdf" in text


def test_what_has_ended_though_no_night_has_come(conn: Connection, site: Site, people: People) -> None:
    let_end(conn, people.certification)
    text = site.client(people.mentor).get("/me").text
    assert "This certification has ended." in text
    assert "badge-expired" in text
    assert ".pdf" not in text
    assert "a certification that it asks for is missing" in text


def test_what_is_suspended(conn: Connection, site: Site, people: People) -> None:
    with people.organisation.as_admin():
        repository.suspend(conn, people.certification, "Ill")
    text = site.client(people.mentor, "nb").get("/me").text
    assert "1 sertifisering er ikke gyldig nå" in text
    assert "Du kan ikke være likeperson på denne sertifiseringen" in text
    assert ".pdf" not in text


def test_one_without_certifications_and_without_a_chapter(
    conn: Connection, site: Site, people: People
) -> None:
    conn.execute("update mentorcert.peer_mentor_chapters set ended_at = now()")
    conn.execute("update mentorcert.peer_mentors set user_id = null")
    conn.execute(
        "insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, user_id)"
        " values (%s, '8', 'Person 8', %s)",
        (people.organisation.id, people.mentor),
    )
    text = site.client(people.mentor).get("/me").text
    assert "You have no certifications yet." in text
    assert "Whom to contact" in text
    assert "it shows who is in a chapter" in text


def test_on_the_public_list(site: Site, people: People) -> None:
    assert 'href="/public/demo"' in site.client(people.mentor).get("/me").text


@pytest.mark.parametrize("path", PATHS)
def test_who_is_no_peer_mentor_reads_so(site: Site, people: People, path: str) -> None:
    assert site.client().get(path).headers["location"].startswith("/sign-in?next=")
    for user in (people.coordinator, people.other_coordinator, people.organisation.admin, people.stranger):
        answer = site.client(user).get(path)
        if path.endswith(".ics"):
            assert answer.status_code == 404
        else:
            assert answer.status_code == 200
            assert "You are not registered as a peer mentor" in answer.text
        assert str(people.certification) not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_it_is_logged_and_kept_by_no_cache(conn: Connection, site: Site, people: People, path: str) -> None:
    answer = site.client(people.mentor).get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    seen = rows(
        conn, "select endpoint, row_organisation_ids from mentorcert_private.access_log order by recorded_at"
    )
    assert seen == [(path, [people.organisation.id])]


@pytest.mark.parametrize("path", PATHS)
def test_switched_off(conn: Connection, site: Site, people: People, path: str) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x')"
    )
    assert site.client(people.mentor).get(path).status_code == (200 if path == "/me/calendar" else 503)
