"""The public list: everybody who may be shown today, nobody else, and in no cache for longer."""

import re

from mentorcert.db.connection import Connection
from tests.support.registry import let_end, today
from tests.web.api.conftest import API, As, People


def names(as_: As, path: str = "demo", **asked: str | int) -> list[str]:
    found: list[str] = []
    while True:
        page = as_("nobody").get(f"{API}/public/{path}", params=asked).raise_for_status().json()
        found += [row["display_name"] for row in page["items"]]
        if page["next"] is None:
            return found
        assert len(page["items"]) == asked.get("size", 50)
        asked["after"] = page["next"]


def test_page_by_page_in_the_order_of_names(conn: Connection, people: People, as_: As) -> None:
    for number in range(8):
        mentor = people.organisation.mentor(f"n{number}")
        people.organisation.certify(mentor, last_day=today(conn, 5))
        if number % 2:
            conn.execute("update mentorcert.peer_mentors set full_name = 'Kari' where id = %s", (mentor,))
    expected = names(as_)
    assert len(expected) == 9
    assert expected.count("Kari") == 4
    for size in (1, 2, 3, 9, 200):
        assert names(as_, size=size) == expected


def test_a_page_may_end_with_a_long_name(conn: Connection, people: People, as_: As) -> None:
    people.organisation.certify(people.organisation.mentor("8"), last_day=today(conn, 5))
    conn.execute("update mentorcert.peer_mentors set full_name = %s where external_id = '8'", ("K" * 200,))
    assert names(as_, size=1) == ["K" * 200, "Person 7"]


def test_search_by_chapter(people: People, as_: As) -> None:
    assert names(as_, chapter="Oslo") == ["Person 7"]
    assert names(as_, chapter="Bergen") == []


def test_nobody_of_an_organisation_that_does_not_exist(people: People, as_: As) -> None:
    assert names(as_, "nowhere") == []
    assert names(as_, "other") == []


def test_whose_lease_has_ended_is_gone_though_every_job_is_dead(
    conn: Connection, people: People, as_: As
) -> None:
    assert names(as_) == ["Person 7"]
    let_end(conn, people.certification)
    assert names(as_) == []


def test_without_consent_nobody_is_shown(conn: Connection, people: People, as_: As) -> None:
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    assert names(as_) == []


def test_the_answer_says_how_long_it_may_be_kept(conn: Connection, people: People, as_: As) -> None:
    answer = as_("nobody").get(f"{API}/public/demo")
    assert answer.headers["cache-control"] == "public, max-age=60, must-revalidate"
    assert "set-cookie" not in answer.headers
    conn.execute("update public.listed_peer_mentors set listed_until = now() + interval '20 seconds'")
    said = as_("nobody").get(f"{API}/public/demo").headers["cache-control"]
    found = re.fullmatch(r"public, max-age=(\d+), must-revalidate", said)
    assert found is None or int(found[1]) < 19
    conn.execute("update public.listed_peer_mentors set listed_until = now() + interval '2 seconds'")
    assert as_("nobody").get(f"{API}/public/demo").headers["cache-control"] in {
        "no-store",
        "public, max-age=60, must-revalidate",
    }
