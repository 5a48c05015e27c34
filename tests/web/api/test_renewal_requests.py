"""Requests for renewals through the API: who asks, who settles, and the result."""

from typing import Final

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import history, kinds, today
from tests.web.api.conftest import API, As, People

OPERATIONS: Final = frozenset(
    {
        "list_renewal_requests",
        "request_renewal",
        "answer_renewal_request",
        "withdraw_renewal_request",
        "ask_back_renewal_request",
        "refuse_renewal_request",
        "approve_renewal_request",
    }
)
_SETTLING: Final = {
    "ask-back": {"reply": "When?"},
    "refuse": {"reason": "No"},
    "approve": {},
    "answer": {"answer": "x"},
    "withdraw": {},
}


def asked(conn: Connection, people: People, as_: As) -> str:
    sent = {"text": "Course", "done_on": today(conn, -1).isoformat()}
    answer = as_("mentor").post(f"{API}/certifications/{people.certification}/renewal-requests", json=sent)
    assert answer.status_code == 201, answer.text
    return f"{API}/renewal-requests/{answer.json()['id']}"


def test_asked_back_answered_and_approved(conn: Connection, people: People, as_: As) -> None:
    path = asked(conn, people, as_)
    coordinator, mentor = as_("coordinator"), as_("mentor")
    [listed] = coordinator.get(f"{API}/renewal-requests").json()["items"]
    assert (listed["text"], listed["state"], listed["is_own"], listed["version"]) == (
        "Course",
        "open",
        False,
        1,
    )
    body = coordinator.post(f"{path}/ask-back", json={"reply": "Which?", "version": 1}).json()
    assert (body["state"], body["reply"]) == ("asked_back", "Which?")
    late = coordinator.post(f"{path}/approve", json={"version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "PT409")
    body = mentor.post(f"{path}/answer", json={"answer": "The second", "version": body["version"]}).json()
    assert (body["state"], body["answer"]) == ("open", "The second")
    renewed = coordinator.post(f"{path}/approve", json={"note": "Fine", "version": body["version"]})
    assert renewed.status_code == 200
    assert renewed.json()["issued_on"] == today(conn, -1).isoformat()
    entry = history(conn, people.certification)[-1]
    assert entry["evidence"]["request_id"] == path.rpartition("/")[2]
    assert coordinator.get(f"{API}/renewal-requests").json()["items"] == []
    again = coordinator.post(f"{path}/approve", json={})
    assert (again.status_code, again.json()["code"]) == (422, "MC001")
    read = mentor.get(f"{API}/certifications/{people.certification}/history").json()["items"][-1]
    assert read["evidence"]["request_id"] == entry["evidence"]["request_id"]


@pytest.mark.parametrize(
    "role", ["coordinator", "administrator", "mentor", "elsewhere", "stranger", "homeless", "nobody"]
)
def test_everybody(conn: Connection, people: People, as_: As, role: str) -> None:
    path, client = asked(conn, people, as_), as_(role)
    listed = client.get(f"{API}/renewal-requests")
    reads = role in {"coordinator", "administrator", "mentor"}
    expected = {"homeless": 403, "nobody": 401}.get(role, 200 if reads else 404)
    assert listed.status_code == (200 if expected == 404 else expected)
    if expected in {200, 404}:
        assert len(listed.json()["items"]) == (1 if reads else 0)
    for verb, body in _SETTLING.items():
        may = (
            verb in {"answer", "withdraw"}
            if role == "mentor"
            else reads and verb not in {"answer", "withdraw"}
        )
        if not may:
            status = client.post(f"{path}/{verb}", json=body).status_code
            assert status == (403 if reads else expected), verb
    sent = {"text": "x", "done_on": today(conn).isoformat()}
    other = client.post(f"{API}/certifications/{people.certification}/renewal-requests", json=sent)
    if role != "mentor":
        assert other.status_code == (403 if reads else expected)
    assert "renewed" not in kinds(conn, people.certification)


@pytest.mark.parametrize(
    ("text", "days", "code"),
    [("", 0, "23514"), ("x", 1, "MC008"), ("x" * 401, 0, None)],
    ids=["empty", "to come", "too long"],
)
def test_what_is_refused(people: People, as_: As, text: str, days: int, code: str | None) -> None:
    body = {"text": text, "done_on": today(people.organisation.conn, days).isoformat()}
    answer = as_("mentor").post(f"{API}/certifications/{people.certification}/renewal-requests", json=body)
    assert (answer.status_code, answer.json().get("code")) == (422, code)
