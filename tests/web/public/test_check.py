"""The check of a certificate: valid today or not, and what the paper must say."""

import re
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection
from mentorcert.organisations import data_subjects
from mentorcert.web.security.rate_limiter import CHECKS
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, let_end, today
from tests.web.conftest import Site


@pytest.fixture
def mentor(organisation: Organisation) -> UUID:
    return organisation.mentor("7")


@pytest.fixture
def certification(conn: Connection, organisation: Organisation, mentor: UUID) -> UUID:
    return organisation.certify(mentor, last_day=today(conn, 0))


def answer(site: Site, code: object, language: str = "en") -> str:
    """Return the heading of the page, which says whether it is valid."""
    page = site.client(language=language).get(f"/check/{code}")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    heading = re.search(r"<h1>.*</span>(.*?)</h1>", page.text)
    assert heading
    return heading[1]


def test_valid(site: Site, certification: UUID) -> None:
    assert answer(site, certification) == "Valid today"
    assert answer(site, str(certification).upper()) == "Valid today"
    assert answer(site, certification, "nb") == "Gyldig i dag"


def test_it_says_what_the_paper_must_say_and_no_name(site: Site, certification: UUID) -> None:
    text = site.client().get(f"/check/{certification}").text
    for word in ("Organisation demo", "<dd>basic</dd>", "<dd>P. 7.</dd>", "Last valid day"):
        assert word in text
    for word in ("Person 7", "Oslo"):
        assert word not in text


@in_turn("code", [uuid4(), "x", "%00", "1" * 4000, "é", "<script>"])
def test_codes_that_are_none(site: Site, certification: UUID, code: object) -> None:
    assert answer(site, code) == "Not valid"


def test_no_other_id_is_a_code(
    conn: Connection, site: Site, organisation: Organisation, mentor: UUID, certification: UUID
) -> None:
    """What the public list shows of somebody does not lead to their certificates."""
    assert fetch(conn, "select peer_mentor_id from public.listed_peer_mentors") == mentor
    for id_ in (mentor, organisation.id, organisation.chapter):
        assert answer(site, id_) == "Not valid"


def test_at_its_end_though_every_job_is_dead(conn: Connection, site: Site, certification: UUID) -> None:
    let_end(conn, certification)
    assert fetch(conn, "select status from public.peer_mentor_certifications") == "active"
    assert answer(site, certification) == "Has expired"


def test_suspended_and_reinstated(
    conn: Connection, site: Site, organisation: Organisation, certification: UUID
) -> None:
    with organisation.as_admin():
        repository.suspend(conn, certification, "Ill")
    assert answer(site, certification) == "Not valid for now"
    conn.execute("update mentorcert.certification_types set gives_certificate = false")
    assert answer(site, certification) == "Not valid for now"
    with organisation.as_admin():
        repository.reinstate(conn, certification)
    assert answer(site, certification) == "Withdrawn"
    conn.execute("update mentorcert.certification_types set gives_certificate = true")
    assert answer(site, certification) == "Valid today"


def test_erased(conn: Connection, site: Site, mentor: UUID, certification: UUID) -> None:
    data_subjects.erase(conn, mentor)
    assert answer(site, certification) == "Not valid"


def test_everybody_gets_the_same(site: Site, organisation: Organisation, certification: UUID) -> None:
    assert "Valid today" in site.client(organisation.admin).get(f"/check/{certification}").text


def test_switched_off(conn: Connection, site: Site, certification: UUID) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x')"
    )
    assert site.client().get(f"/check/{certification}").status_code == 503


def test_not_too_often(site: Site, certification: UUID) -> None:
    client = site.client()
    for _ in range(CHECKS):
        assert client.get("/check/x").status_code == 200
    refused = client.get(f"/check/{certification}")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
