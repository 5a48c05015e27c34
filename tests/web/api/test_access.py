"""Every operation as everybody: allowed or refused as docs/access.md says; what is hidden is not there."""

from typing import Final
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.web.api import document
from tests.support.cases import in_turn
from tests.support.registry import histories, history
from tests.web.api import test_courses as courses
from tests.web.api import test_renewal_requests as renewal_requests
from tests.web.api.conftest import API, As, People

READERS: Final = {"administrator", "coordinator", "mentor"}
CHANGERS: Final = {"administrator", "coordinator"}
# Of the organisation or of another, but out of reach.
HIDDEN_FROM: Final = {"elsewhere", "colleague", "stranger"}
ROLES: Final = [*sorted(READERS | HIDDEN_FROM), "homeless", "nobody"]

ONE: Final = {
    "get_certification": ("GET", "/certifications/{certification}", None),
    "was_certification_valid": ("GET", "/certifications/{certification}/as-of?at=2026-01-01T00:00:00Z", None),
    "get_history": ("GET", "/certifications/{certification}/history", None),
    "get_peer_mentor": ("GET", "/peer-mentors/{mentor}", None),
}
LISTS: Final = {
    "list_certifications": ("GET", "/certifications", None),
    "list_peer_mentors": ("GET", "/peer-mentors", None),
}
CHANGES: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    "renew_certification": ("POST", "/certifications/{certification}/renew", {}),
    "suspend_certification": ("POST", "/certifications/{certification}/suspend", {"reason": "complaint"}),
    "reinstate_certification": ("POST", "/certifications/{suspended}/reinstate", {}),
    "revert_change": (
        "POST",
        "/certifications/{mistaken}/revert",
        {"entry_id": "{entry}", "reason": "mistake"},
    ),
    "register_certification": (
        "POST",
        "/certifications",
        {"peer_mentor_id": "{mentor}", "certification_type": "pledge"},
    ),
}


def ask(
    as_: As, role: str, operation: tuple[str, str, dict[str, str] | None], **ids: object
) -> tuple[int, dict[str, object]]:
    method, path, body = operation
    sent = body and {name: value.format(**ids) for name, value in body.items()}
    answer = as_(role).request(method, API + path.format(**ids), json={} if body == {} else sent)
    return answer.status_code, answer.json()


def ids_of(conn: Connection, people: People) -> dict[str, UUID]:
    """The ids that the paths name; two more certifications are suspended."""
    suspended, mistaken = (people.organisation.certify(people.mentor, kind) for kind in ("half", "yearly"))
    for certification in (suspended, mistaken):
        conn.execute(
            "update public.peer_mentor_certifications set status = 'suspended' where id = %s",
            (certification,),
        )
    entry = UUID(history(conn, mistaken)[-1]["entry_id"])
    return {
        "certification": people.certification,
        "mentor": people.mentor,
        "suspended": suspended,
        "mistaken": mistaken,
        "entry": entry,
    }


def test_every_operation_is_here() -> None:
    named = {operation["operationId"] for path in document()["paths"].values() for operation in path.values()}
    # Of figures and the forecast: tests/web/api/test_reading.py.
    assert named == {
        *ONE,
        *LISTS,
        *CHANGES,
        *renewal_requests.OPERATIONS,
        *courses.OPERATIONS,
        "list_public",
        "get_figures",
        "get_course_figures",
        "get_forecast",
    }


@pytest.mark.parametrize("role", ROLES)
def test_reading_one(conn: Connection, people: People, as_: As, role: str) -> None:
    expected = 200 if role in READERS else 404 if role in HIDDEN_FROM else 403 if role == "homeless" else 401
    ids = ids_of(conn, people)
    for name, operation in ONE.items():
        status, body = ask(as_, role, operation, **ids)
        assert status == expected, name
        if expected == 404:
            # What does not exist is answered in the same words.
            absent, of_absent = ask(as_, role, operation, **dict.fromkeys(ids, uuid4()))
            assert absent == 404
            assert {**body, "request_id": ""} == {**of_absent, "request_id": ""}


@in_turn("role", ROLES)
def test_lists(conn: Connection, people: People, as_: As, role: str) -> None:
    shown = {"list_certifications": str(people.certification), "list_peer_mentors": str(people.mentor)}
    for name, operation in LISTS.items():
        status, body = ask(as_, role, operation)
        if role in READERS | HIDDEN_FROM:
            assert status == 200
            assert isinstance(body["items"], list)
            found = [row["id"] for row in body["items"]]
            assert found == ([shown[name]] if role in READERS else []), name
        else:
            assert status == (403 if role == "homeless" else 401)


@pytest.mark.parametrize("role", ROLES)
def test_changing(conn: Connection, people: People, as_: As, role: str) -> None:
    ids = ids_of(conn, people)
    before = histories(conn)
    for name, operation in CHANGES.items():
        status, found = ask(as_, role, operation, **ids)
        if role in CHANGERS:
            assert status == (201 if name == "register_certification" else 200), found
        elif role in READERS or role == "homeless":
            assert status == 403, name
        else:
            assert status == (404 if role in HIDDEN_FROM else 401), name
    after = histories(conn)
    changed = {id_ for id_ in after if after[id_] != before.get(id_)}
    assert len(changed) == (4 if role in CHANGERS else 0)


def test_the_public_list_is_everybodys(people: People, as_: As) -> None:
    for role in ROLES:
        answer = as_(role).get(f"{API}/public/demo")
        assert answer.status_code == 200
        assert [row["display_name"] for row in answer.json()["items"]] == ["Person 7"]
        assert set(answer.json()["items"][0]) == {
            "display_name", "chapters", "chapter_codes", "topics", "listed_until",
        }  # fmt: skip


def test_a_coordinator_gives_no_more_than_the_rule(people: People, as_: As) -> None:
    path = f"{API}/certifications/{people.certification}/renew"
    refused = as_("coordinator").post(path, json={"last_valid_day": "2199-12-31"})
    assert (refused.status_code, refused.json()["code"]) == (422, "MC003")
    assert refused.json()["constraint"] == "certification_expires_at_within_rule"
    assert as_("administrator").post(path, json={"last_valid_day": "2199-12-31"}).status_code == 200


def test_who_is_answered_is_logged(conn: Connection, people: People, as_: As) -> None:
    as_("coordinator").get(f"{API}/certifications/{people.certification}")
    as_("coordinator").get(f"{API}/certifications")
    as_("coordinator").get(f"{API}/peer-mentors?search=nobody")
    as_("nobody").get(f"{API}/public/demo")
    logged = conn.execute(
        "select endpoint, row_organisation_ids from mentorcert_private.access_log order by recorded_at"
    ).fetchall()
    assert logged == [
        ("/api/v1/certifications/{certification_id}", [people.organisation.id]),
        ("/api/v1/certifications", [people.organisation.id]),
        ("/api/v1/peer-mentors", []),
    ]
