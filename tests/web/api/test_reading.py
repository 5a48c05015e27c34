"""What the API says: lists page by page, one certification, its history, and whether it was valid then."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from mentorcert.certifications import history
from mentorcert.db.connection import Connection
from mentorcert.web.api.peer_mentors import PeerMentor
from tests.support.registry import history as stored_history
from tests.support.registry import join, rows, today
from tests.web.api.conftest import API, As, People


def pages(client: TestClient, path: str, size: int, **asked: str) -> list[dict[str, Any]]:
    """Read all pages, none of which but the last may be short."""
    found: list[dict[str, Any]] = []
    following: str | None = None
    while True:
        parameters = {**asked, "size": str(size), **({"after": following} if following else {})}
        page = client.get(API + path, params=parameters).raise_for_status().json()
        found += page["items"]
        following = page["next"]
        assert len(page["items"]) == size or following is None
        if following is None:
            return found


def test_certifications_come_page_by_page(conn: Connection, people: People, as_: As) -> None:
    for number in range(9):
        mentor = people.organisation.mentor(f"n{number}")
        people.organisation.certify(mentor, last_day=today(conn, 10 * (number // 3)))
        if number % 4 == 0:
            people.organisation.certify(mentor, "pledge")
    expected = [
        str(id_)
        for (id_,) in rows(
            conn,
            "select id from public.peer_mentor_certifications where organisation_id = %s"
            " order by expires_at, id",
            people.organisation.id,
        )
    ]
    assert len(expected) == 13
    for size in (1, 2, 5, 200):
        for role in ("administrator", "coordinator"):
            assert [row["id"] for row in pages(as_(role), "/certifications", size)] == expected


def test_filters_of_certifications(conn: Connection, people: People, as_: As) -> None:
    client = as_("administrator")
    ended = people.organisation.certify(people.mentor, "half", last_day=date(2021, 1, 1))
    pledge = people.organisation.certify(people.mentor, "pledge")

    def found(**asked: str) -> set[str]:
        return {row["id"] for row in pages(client, "/certifications", 50, **asked)}

    basic = str(people.certification)
    assert found(status="expired") == {str(ended)}
    assert found(status="outdated") == set()
    conn.execute("update mentorcert.certification_types set refresher_months = 12 where code = 'half'")
    conn.commit()
    assert found(status="outdated") == {str(ended)}
    assert found(status="active") == {basic, str(pledge)}
    assert found(certification_type="pledge") == {str(pledge)}
    assert found(expiring_before="2026-01-01T00:00:00+01:00") == {str(ended)}
    assert found(chapter_id=str(people.organisation.chapter)) == {basic, str(ended), str(pledge)}
    assert found(chapter_id=str(people.mentor)) == set()


def test_days_are_the_organisations(people: People, conn: Connection, as_: As) -> None:
    body = as_("mentor").get(f"{API}/certifications/{people.certification}").json()
    assert body["issued_on"] == (today(conn) - timedelta(days=300)).isoformat()
    assert body["last_valid_day"] == today(conn, 60).isoformat()
    assert body["issued_at"].endswith("Z")
    assert body["expires_at"] > body["last_valid_day"]
    pledge = people.organisation.certify(people.mentor, "pledge")
    body = as_("mentor").get(f"{API}/certifications/{pledge}").json()
    assert (body["last_valid_day"], body["expires_at"]) == (None, None)


def test_the_status_is_the_current_one(people: People, as_: As) -> None:
    ended = people.organisation.certify(people.mentor, "half", last_day=date(2021, 1, 1))
    assert as_("mentor").get(f"{API}/certifications/{ended}").json()["status"] == "expired"


def test_a_history_comes_page_by_page(conn: Connection, people: People, as_: As) -> None:
    long = people.organisation.certify(people.organisation.mentor("long"), past=23)
    expected = stored_history(conn, long)
    assert len(expected) == 24
    for size in (1, 7, 24, 200):
        found = pages(as_("coordinator"), f"/certifications/{long}/history", size)
        assert [entry["entry_id"] for entry in found] == [entry["entry_id"] for entry in expected]
    # What the entry leaves out stays out, as docs/history.md has it.
    assert [history.dump(one) for one in history.parse(expected)] == found


def test_a_history_is_read_wherever_it_is_kept(conn: Connection, people: People, as_: As) -> None:
    path = f"/certifications/{people.certification}/history"
    before = pages(as_("mentor"), path, 5)
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 10)")
    conn.execute("select mentorcert_private.switch_history_to_events()")
    assert pages(as_("mentor"), path, 5) == before


@pytest.mark.parametrize(
    ("at", "known_at", "valid"),
    [
        ("days=-1", None, True),
        ("days=61", None, False),
        ("days=-301", None, False),
        ("days=-1", "days=-2", False),
    ],
)
def test_was_it_valid(
    conn: Connection, people: People, as_: As, *, at: str, known_at: str | None, valid: bool
) -> None:
    def instant(distance: str) -> str:
        return people.organisation.midnight(today(conn, int(distance.removeprefix("days=")))).isoformat()

    asked = {"at": instant(at)} | ({"known_at": instant(known_at)} if known_at else {})
    answer = as_("mentor").get(f"{API}/certifications/{people.certification}/as-of", params=asked)
    assert answer.status_code == 200
    assert answer.json()["valid"] is valid


def test_peer_mentors_come_page_by_page(conn: Connection, people: People, as_: As) -> None:
    expected = {str(people.mentor), *(str(people.organisation.mentor(f"n{number}")) for number in range(6))}
    for size in (1, 3, 200):
        found = [row["id"] for row in pages(as_("coordinator"), "/peer-mentors", size)]
        assert found == sorted(expected)


def test_search_for_peer_mentors(conn: Connection, people: People, as_: As) -> None:
    client = as_("administrator")
    people.organisation.mentor("100%")
    named = people.organisation.mentor("8")
    conn.execute("update mentorcert.peer_mentors set full_name = 'Åse Ødegård' where id = %s", (named,))

    def found(**asked: str) -> list[str]:
        return [row["external_id"] for row in pages(client, "/peer-mentors", 50, **asked)]

    assert found(search="ØDE ås") == ["8"]
    assert found(search="%") == ["100%"]
    assert found(search="person 7") == ["7"]
    assert sorted(found(chapter_id=str(people.organisation.chapter))) == ["100%", "7", "8"]
    assert found(chapter_id=str(people.mentor)) == []


def test_who_lacks_what(conn: Connection, people: People, as_: As) -> None:
    """As the pages narrow their list, in the order of names."""
    organisation = people.organisation
    lapsed, never = organisation.mentor("lapsed"), organisation.mentor("never")
    conn.execute("update mentorcert.peer_mentors set full_name = 'Åse' where id = %s", (never,))
    organisation.certify(lapsed, last_day=today(conn, -1))
    organisation.certify(people.mentor, "pledge")

    def found(**asked: str) -> list[str]:
        client = as_("coordinator")
        every, one = (
            [row["external_id"] for row in pages(client, "/peer-mentors", size, **asked)] for size in (50, 1)
        )
        assert every == one
        return every

    basic = {"certification_type": "basic"}
    assert found(**basic, standing="not_held") == ["lapsed", "never"]
    assert found(**basic, standing="never") == ["never"]
    assert found(**basic, standing="held") == found(holds="basic") == ["7"]
    assert found(holds="pledge", **basic, standing="lapsed") == []
    assert found(**basic, standing="lapsed", on_day=str(today(conn, 61))) == ["7", "lapsed"]
    assert found(**basic, standing="ends", first_day=str(today(conn)), last_day=str(today(conn, 60))) == ["7"]
    assert found(**basic, standing="not_held", search="åse") == ["never"]
    assert found(**basic, standing="not_held", chapter_id=str(people.mentor)) == []
    assert as_("elsewhere").get(f"{API}/peer-mentors?holds=basic").json() == {"items": [], "next": None}
    whole = as_("coordinator").get(f"{API}/peer-mentors?search=lapsed").json()
    assert (
        as_("coordinator").get(f"{API}/peer-mentors?standing=lapsed&certification_type=basic").json() == whole
    )
    for asked in (
        "standing=held", "certification_type=basic", "standing=ends&certification_type=basic",
        "standing=lost&certification_type=basic", "holds=basic&on_day=1.2.2026",
        f"holds=basic&after={as_('administrator').get(f'{API}/peer-mentors?size=1').json()['next']}",
    ):  # fmt: skip
        answer = as_("administrator").get(f"{API}/peer-mentors?{asked}")
        assert answer.status_code == 422, asked
        assert answer.headers["content-type"] == "application/problem+json"


def test_who_was_erased_is_no_longer_listed(conn: Connection, people: People, as_: As) -> None:
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (people.mentor,))
    assert as_("administrator").get(f"{API}/peer-mentors").json()["items"] == []
    assert as_("administrator").get(f"{API}/peer-mentors/{people.mentor}").status_code == 404


def test_a_peer_mentor_has_names_of_chapters(people: People, as_: As) -> None:
    body = as_("mentor").get(f"{API}/peer-mentors/{people.mentor}").json()
    chapter = {"id": str(people.organisation.chapter), "code": "OSL", "name": "Oslo"}
    assert body["chapters"] == [chapter | {"ended_at": None}]


def test_a_chapter_says_when_it_ends(conn: Connection, people: People, as_: As) -> None:
    conn.execute("update mentorcert.peer_mentor_chapters set ended_at = '2100-01-01 00:00Z'")
    for path in (f"{API}/peer-mentors/{people.mentor}", f"{API}/peer-mentors"):
        body = as_("coordinator").get(path).json()
        (chapter,) = body.get("items", [body])[0]["chapters"]
        assert chapter["ended_at"] == "2100-01-01T00:00:00Z"


def test_the_list_says_of_a_peer_mentor_what_the_peer_mentor_says(
    conn: Connection, people: People, as_: As
) -> None:
    """The list is JSON of the database, one peer mentor is JSON of the model."""
    conn.execute("update mentorcert.peer_mentor_chapters set ended_at = '2100-01-01 00:00:00.12Z'")
    conn.execute(
        "update mentorcert.peer_mentors set full_name = 'Åse \"Ås\" Å', email = 'a@example.org', left_on = current_date + 9"
        " where id = %s",
        (people.mentor,),
    )
    (listed,) = as_("coordinator").get(f"{API}/peer-mentors").json()["items"]
    assert listed == as_("coordinator").get(f"{API}/peer-mentors/{people.mentor}").json()
    assert list(listed) == list(PeerMentor.model_fields)


def test_a_person_of_two_organisations_acts_in_the_one_that_the_token_names(
    people: People, as_: As, conn: Connection
) -> None:
    login = people.logins["coordinator"]
    assert isinstance(login, UUID)
    join(people.other, login, "org_admin")
    client = as_("coordinator")
    assert client.get(f"{API}/certifications").status_code == 403
    # What the pages remember in a cookie is nothing to the API.
    client.cookies.set("mentorcert-organisation", str(people.organisation.id))
    assert client.get(f"{API}/certifications").status_code == 403


def test_figures(conn: Connection, people: People, as_: As) -> None:
    asked = {"first_day": "2020-01-01", "last_day": str(today(conn))}
    for role in ("administrator", "coordinator"):
        found = as_(role).get(f"{API}/figures", params=asked).raise_for_status().json()["items"]
        assert found[0] == {
            "certification_type": None, "chapter_id": None, "valid": 1, "started": 1, "renewed": 0, "lapsed": 0,
            "stopped": 0, "outdated": 0,
        }  # fmt: skip
        assert {row["certification_type"] for row in found} >= {"basic", None}
        (masked, *_) = as_(role).get(f"{API}/figures", params=asked | {"masked": "true"}).json()["items"]
        assert (masked["valid"], masked["renewed"]) == (None, 0)
    then = (
        as_("administrator").get(f"{API}/figures", params=asked | {"known_on": "2024-01-01"}).json()["items"]
    )
    assert then[0]["valid"] == 0
    assert as_("mentor").get(f"{API}/figures", params=asked).status_code == 403
    assert as_("nobody").get(f"{API}/figures", params=asked).status_code == 401
    turned = {"first_day": asked["last_day"], "last_day": "2020-01-01"}
    refused = as_("administrator").get(f"{API}/figures", params=turned)
    assert (refused.status_code, refused.json()["code"]) == (422, "MC008")


def test_course_figures(conn: Connection, people: People, as_: As) -> None:
    conn.execute(
        "insert into mentorcert_private.courses (organisation_id, kind, name_nb, types, chapter_ids, days, starts, ends)"
        " values (%s, 'course', 'Kurs', '{basic}', '{}', array[%s::date], '{null}', '{null}')",
        (people.organisation.id, today(conn, -1)),
    )
    path, asked = f"{API}/figures/courses", {"first_day": "2020-01-01", "last_day": str(today(conn))}
    for role, held in (("administrator", 1), ("coordinator", 0)):
        (whole, *_) = as_(role).get(path, params=asked).raise_for_status().json()["items"]
        assert whole == {
            "kind": None, "certification_type": None, "chapter_id": None, "held": held, "cancelled": 0, "seats": 0,
            "signed_up": 0, "attended": 0, "people": 0, "no_shows": 0, "unannounced": 0, "issued": 0, "renewed": 0,
        }  # fmt: skip
    then = as_("administrator").get(path, params=asked | {"known_on": str(today(conn, -1))}).json()["items"]
    assert then[0]["held"] == 0
    assert as_("mentor").get(path, params=asked).status_code == 403
    assert as_("nobody").get(path, params=asked).status_code == 401


def test_forecast(conn: Connection, people: People, as_: As) -> None:
    for role in ("administrator", "coordinator"):
        found = as_(role).get(f"{API}/forecast", params={"months": 24}).raise_for_status().json()
        assert len(found["month_ends"]) == 24
        assert found["numbers"] == {
            "expected": 0, "waits": 0, "refused": 0, "possible": 0, "nothing_planned": len(found["items"]),
        }  # fmt: skip
        of_one = as_(role).get(f"{API}/forecast", params={"outlook": "expected", "months": 24}).json()
        assert (of_one["items"], of_one["next"], of_one["numbers"]) == ([], None, found["numbers"])
        [chapter] = [
            one for one in found["chapters"] if one["chapter_id"] == str(people.organisation.chapter)
        ]
        assert len(chapter["if_nobody_renews"]) == len(chapter["with_courses"]) == 24
    assert as_("mentor").get(f"{API}/forecast").status_code == 403
    assert as_("nobody").get(f"{API}/forecast").status_code == 401
    assert as_("administrator").get(f"{API}/forecast", params={"months": 25}).status_code == 422
