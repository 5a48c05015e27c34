"""The public list as a page: who may be shown today, the same for everybody, in no cache beyond a lease."""

import re
from base64 import urlsafe_b64encode
from uuid import uuid4

import pytest

from mentorcert.certifications import repository
from mentorcert.certifications.public_list import LONGEST_CACHED_S
from mentorcert.db.connection import Connection
from mentorcert.organisations import data_subjects
from mentorcert.web.public.listing import SIZE
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, join, let_end, set_up, today
from tests.web.conftest import Site

# Half of a pair of UTF-16, which is no letter.
_WITHOUT_A_LETTER = urlsafe_b64encode(
    b'{"key": "\\ud800", "id": "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01"}'
).decode()


@pytest.fixture
def certification(conn: Connection, organisation: Organisation) -> object:
    """The certification of Person 7, who is on the list."""
    return organisation.certify(organisation.mentor("7"), last_day=today(conn, 100))


def names(site: Site, path: str = "/public/demo") -> list[str]:
    """Return everybody, page by page."""
    found: list[str] = []
    client = site.client()
    while path:
        text = client.get(path).text
        found += re.findall(r'<th scope="row">(.*?)</th>', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    return found


def test_page_by_page_by_name(conn: Connection, site: Site, organisation: Organisation) -> None:
    for number in range(SIZE + 30):
        organisation.certify(organisation.mentor(f"{number:03}"), last_day=today(conn, 5))
    conn.execute("update mentorcert.peer_mentors set display_name = 'Kari' where external_id < '040'")
    found = names(site)
    assert len(found) == SIZE + 30
    assert found == sorted(found)
    assert found.count("Kari") == 40
    assert names(site, "/public/demo?chapter=Oslo") == found
    assert "Back to the first page" in site.client().get(next_url(site)).text


def next_url(site: Site) -> str:
    found = re.search(r'rel="next" href="([^"]+)"', site.client().get("/public/demo").text)
    assert found
    return found[1]


def test_search_by_chapter(
    conn: Connection, site: Site, organisation: Organisation, certification: object
) -> None:
    bergen = uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name)"
        " values (%s, %s, 'BGO', 'Bergen & <b>omegn</b>'), (gen_random_uuid(), %s, 'TOS', 'Tromsø')",
        (bergen, organisation.id, organisation.id),
    )
    other = organisation.mentor("8")
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (other,)
    )
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " values (%s, %s, %s)",
        (organisation.id, other, bergen),
    )
    organisation.certify(other, last_day=today(conn, 100))
    text = site.client().get("/public/demo").text
    assert re.findall(r'<option value="([^"]*)">([^<]*)<', text) == [
        ("", "All chapters"),
        ("BGO", "Bergen &amp; &lt;b&gt;omegn&lt;/b&gt;"),
        ("OSL", "Oslo"),
    ]
    assert names(site, "/public/demo?chapter=BGO") == ["Person 8"]
    assert names(site, "/public/demo?chapter=Oslo") == ["Person 7"]
    assert names(site, "/public/demo?chapter=Bergen+%26+%3Cb%3Eomegn%3C%2Fb%3E") == ["Person 8"]
    empty = site.client().get("/public/demo?chapter=Troms%C3%B8").text
    assert "Nobody in Tromsø is on the list today." in empty
    assert '<option value="Tromsø" selected>' in empty


def test_an_empty_list_and_one_that_does_not_exist(site: Site, organisation: Organisation) -> None:
    empty = site.client().get("/public/demo")
    assert empty.status_code == 200
    assert "Nobody is on the list today." in empty.text
    assert "<select" not in empty.text
    for slug in ("nowhere", "NOWHERE", "%00", "a" * 3000):
        unknown = site.client().get(f"/public/{slug}")
        assert unknown.status_code == 404
        assert "There is " in unknown.text
        assert "set-cookie" not in unknown.headers


def test_whose_lease_has_ended_is_gone_though_every_job_is_dead(
    conn: Connection, site: Site, certification: object
) -> None:
    assert names(site) == ["Person 7"]
    conn.execute("update public.listed_peer_mentors set listed_until = now()")
    assert names(site) == []
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 1
    assert "<select" not in site.client().get("/public/demo").text


@pytest.mark.parametrize("how", ["suspended", "erased", "no consent", "ended"])
def test_who_is_taken_off(conn: Connection, site: Site, organisation: Organisation, how: str) -> None:
    mentor = organisation.mentor("7")
    certification = organisation.certify(mentor, last_day=today(conn, 100))
    assert names(site) == ["Person 7"]
    if how == "suspended":
        with organisation.as_admin():
            repository.suspend(conn, certification, "Ill")
    elif how == "erased":
        data_subjects.erase(conn, mentor)
    elif how == "ended":
        let_end(conn, certification)
    else:
        conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    assert names(site) == []


def test_the_header_at_the_end_of_a_lease(conn: Connection, site: Site, certification: object) -> None:
    client = site.client()
    assert client.get("/public/demo").headers["cache-control"] == (
        f"public, max-age={LONGEST_CACHED_S}, must-revalidate"
    )
    conn.execute(
        "update public.listed_peer_mentors set listed_until = clock_timestamp() + interval '40 seconds'"
    )
    before = fetch(conn, "select extract(epoch from listed_until)::float8 from public.listed_peer_mentors")
    asked_at = fetch(conn, "select extract(epoch from clock_timestamp())::float8")
    kept = re.fullmatch(
        r"public, max-age=(\d+), must-revalidate", client.get("/public/demo").headers["cache-control"]
    )
    assert kept
    assert 0 < int(kept[1]) <= before - asked_at
    conn.execute(
        "update public.listed_peer_mentors set listed_until = clock_timestamp() + interval '4 seconds'"
    )
    assert client.get("/public/demo").headers["cache-control"] == "no-store"


def test_it_is_the_same_for_everybody(
    conn: Connection, site: Site, organisation: Organisation, certification: object
) -> None:
    mentor, coordinator = uuid4(), uuid4()
    join(organisation, mentor, "peer_mentor")
    join(organisation, coordinator, "coordinator", organisation.chapter)
    expected = site.client().get("/public/demo")
    assert expected.headers["vary"] == "Accept-Language, Cookie, Accept-Encoding"
    for user in (mentor, coordinator, organisation.admin, set_up(conn, "other").admin):
        answer = site.client(user).get("/public/demo")
        assert (answer.text, answer.headers["cache-control"]) == (
            expected.text,
            expected.headers["cache-control"],
        )
        assert "set-cookie" not in answer.headers
    assert 'name="form"' not in expected.text
    assert fetch(conn, "select count(*) from mentorcert_private.access_log") == 0


def test_both_languages(site: Site, certification: object) -> None:
    for language, heading in (
        ("nb", "Likepersoner i Organisation demo"),
        ("en", "Peer mentors of Organisation demo"),
    ):
        assert f"<h1>{heading}</h1>" in site.client(language=language).get("/public/demo").text
        other = "en" if language == "nb" else "nb"
        answer = site.client(language=other).get(f"/public/demo?language={language}")
        assert f"<h1>{heading}</h1>" in answer.text
        assert answer.headers["content-language"] == language
        assert f'<a href="?language={other}"' in answer.text


@in_turn(
    "query",
    [
        "after=x",
        "after=",
        "language=sv",
        "chapter=" + "a" * 201,
        "after=e30",
        f"after={_WITHOUT_A_LETTER}",
    ],
)
def test_bad_queries(site: Site, certification: object, query: str) -> None:
    assert site.client().get(f"/public/demo?{query}").status_code == 422


@pytest.mark.parametrize("endpoint", ["public_list", "organisations"])
def test_switched_off(conn: Connection, site: Site, certification: object, endpoint: str) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (%s, 'x')", (endpoint,)
    )
    answer = site.client().get("/public/demo")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
