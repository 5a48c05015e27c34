"""Courses through the API: planned, signed up for, attended, closed, and taken back."""

from typing import Any, Final

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import history, kinds, today
from tests.web.api.conftest import API, As, People

OPERATIONS: Final = frozenset(
    {
        "list_courses",
        "get_course",
        "plan_course",
        "change_course",
        "cancel_course",
        "list_course_sign_ups",
        "sign_up_for_course",
        "withdraw_from_course",
        "set_course_attendance",
        "preview_course_closing",
        "close_course",
        "reopen_course",
    }
)


def plan(conn: Connection, people: People, days: int = 20, **more: Any) -> dict[str, Any]:
    return {
        "kind": "course",
        "name_nb": "Grunnkurs",
        "types": ["basic"],
        "chapter_ids": [str(people.organisation.chapter)],
        "days": [{"day": today(conn, days).isoformat(), "starts": "10:00", "ends": "16:00"}],
        "seats": 1,
        **more,
    }


def planned(conn: Connection, people: People, as_: As, days: int = 20, **more: Any) -> str:
    answer = as_("coordinator").post(f"{API}/courses", json=plan(conn, people, days, **more))
    assert answer.status_code == 201, answer.text
    return f"{API}/courses/{answer.json()['id']}"


def test_from_the_plan_to_the_certification_and_back(conn: Connection, people: People, as_: As) -> None:
    coordinator, mentor = as_("coordinator"), as_("mentor")
    path = planned(conn, people, as_)
    shown = mentor.get(path).json()
    assert (shown["days"], shown["may_sign_up"], shown["may_manage"]) == (
        [{"day": today(conn, 20).isoformat(), "starts": "10:00:00", "ends": "16:00:00"}],
        True,
        False,
    )
    assert mentor.post(f"{path}/sign-ups", json={}).json() == {"state": "seated"}
    again = mentor.post(f"{path}/sign-ups", json={})
    assert (again.status_code, again.json()["code"]) == (409, "23505")
    assert [one["id"] for one in mentor.get(f"{API}/courses?until={today(conn, 20)}").json()["items"]] == [
        shown["id"]
    ]
    assert mentor.get(f"{API}/courses?since={today(conn, 21)}").json()["items"] == []
    early = coordinator.post(f"{path}/attendance", json={"attended": [str(people.mentor)]})
    assert (early.status_code, early.json()["constraint"]) == (422, "course_not_begun")
    version = coordinator.get(path).json()["version"]
    moved = coordinator.post(f"{path}/change", json=plan(conn, people, -1, version=version))
    assert moved.status_code == 200, moved.text
    stale = coordinator.post(f"{path}/change", json=plan(conn, people, -1, version=version))
    assert (stale.status_code, stale.json()["code"]) == (409, "PT409")
    ticked = coordinator.post(f"{path}/attendance", json={"attended": [str(people.mentor)]})
    assert ticked.json() == {"changed": 1}
    [listed] = coordinator.get(f"{path}/sign-ups").json()["items"]
    assert (listed["state"], listed["attendance"], listed["by_peer_mentor"]) == ("seated", "attended", True)
    preview = coordinator.get(f"{path}/closing").json()
    assert [(one["outcome"], one["refusal"]) for one in preview["items"]] == [("renew", None)]
    other = coordinator.post(f"{path}/close", json={"fingerprint": None})
    assert (other.status_code, other.json()["constraint"]) == (409, "course_outcomes_as_shown")
    closed = coordinator.post(f"{path}/close", json={"fingerprint": preview["fingerprint"]})
    assert closed.json() == {"changed": 1}
    assert history(conn, people.certification)[-1]["evidence"]["course_id"] == shown["id"]
    read = mentor.get(f"{API}/certifications/{people.certification}/history").json()["items"][-1]
    assert read["evidence"]["course_id"] == shown["id"]
    assert (coordinator.get(path).json()["state"], mentor.get(path).json()["own_attendance"]) == (
        "closed",
        "attended",
    )
    assert coordinator.post(f"{path}/reopen", json={"reason": "The wrong list"}).json() == {"changed": 1}
    assert kinds(conn, people.certification)[-1] == "reverted"


def test_cancelled(conn: Connection, people: People, as_: As) -> None:
    path = planned(conn, people, as_)
    answer = as_("coordinator").post(f"{path}/cancel", json={"reason": "Nobody comes"})
    assert (answer.json()["state"], answer.json()["reason"]) == ("cancelled", "Nobody comes")
    refused = as_("mentor").post(f"{path}/sign-ups", json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "MC001")


@pytest.mark.parametrize(
    "role", ["coordinator", "administrator", "mentor", "elsewhere", "stranger", "homeless", "nobody"]
)
def test_everybody(conn: Connection, people: People, as_: As, role: str) -> None:
    path, client = planned(conn, people, as_), as_(role)
    conn.execute("update mentorcert_private.courses set days = array[%s::date]", (today(conn, -1),))
    reads = role in {"coordinator", "administrator", "mentor"}
    manages = reads and role != "mentor"
    hidden = {"homeless": 403, "nobody": 401}.get(role, 404)
    for name in ("", "/sign-ups"):
        assert client.get(path + name).status_code == (200 if reads else hidden), name
    changes: dict[str, dict[str, Any]] = {
        "change": plan(conn, people, -1),
        "attendance": {"attended": [str(people.mentor)]},
        "cancel": {"reason": "x"},
        "reopen": {"reason": "x"},
    }
    for verb, body in changes.items():
        done = 422 if verb == "reopen" else 200
        status = client.post(f"{path}/{verb}", json=body).status_code
        assert status == (done if manages else 403 if reads else hidden), verb
    assert client.get(f"{path}/closing").status_code == (200 if manages else 403 if reads else hidden)
    assert client.post(f"{path}/close", json={"fingerprint": None}).status_code == (
        422 if manages else 403 if reads else hidden
    )
    other = client.post(f"{API}/courses", json=plan(conn, people))
    assert other.status_code == (
        201 if manages else {"homeless": 403, "nobody": 401, "stranger": 422}.get(role, 403)
    )
