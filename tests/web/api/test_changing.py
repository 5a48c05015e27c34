"""Changes through the API: what they do, and what the registry says no to."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import history, kinds, today
from tests.web.api.conftest import API, As, People


def test_register(conn: Connection, people: People, as_: As) -> None:
    client = as_("coordinator")
    issued = today(conn, -5)
    evidence = {"seen": "diploma", "seen_on": issued.isoformat()}
    sent = {
        "peer_mentor_id": str(people.mentor),
        "certification_type": "half",
        "issued_on": issued.isoformat(),
        "last_valid_day": (issued + timedelta(days=20)).isoformat(),
        "note": "by post",
        "evidence": evidence,
    }
    answer = client.post(f"{API}/certifications", json=sent)
    assert answer.status_code == 201
    body = answer.json()
    assert client.get(answer.headers["location"]).json() == body
    assert {name: body[name] for name in ("issued_on", "last_valid_day")} == {
        name: sent[name] for name in ("issued_on", "last_valid_day")
    }
    (entry,) = history(conn, body["id"])
    assert entry["note"] == "by post"
    assert entry["evidence"] == evidence | {"seen_by": str(people.logins["coordinator"])}
    assert entry["actor"] == {"user_id": str(people.logins["coordinator"]), "role": "coordinator"}
    again = client.post(f"{API}/certifications", json=sent)
    assert (again.status_code, again.json()["code"]) == (409, "23505")


def test_renew_suspend_reinstate_and_take_back(conn: Connection, people: People, as_: As) -> None:
    client, path = as_("coordinator"), f"{API}/certifications/{people.certification}"
    before = client.get(path).json()
    renewed = client.post(f"{path}/renew", json={"note": "course"}).raise_for_status().json()
    assert renewed["issued_on"] == today(conn).isoformat()
    assert renewed["last_valid_day"] > before["last_valid_day"]
    suspended = client.post(f"{path}/suspend", json={"reason": "complaint"}).raise_for_status().json()
    assert suspended == renewed | {"status": "suspended"}
    assert client.post(f"{path}/reinstate", json={"note": "settled"}).raise_for_status().json() == renewed
    entries = client.get(f"{path}/history").json()["items"]
    assert [entry["kind"] for entry in entries] == ["issued", "renewed", "suspended", "reinstated"]
    undo = {"entry_id": entries[1]["entry_id"], "reason": "wrong person"}
    assert client.post(f"{path}/revert", json=undo).raise_for_status().json() == before
    assert kinds(conn, people.certification)[-1] == "reverted"


def test_an_early_renewal_is_announced_and_recorded(conn: Connection, people: People, as_: As) -> None:
    client, path = as_("coordinator"), f"{API}/certifications/{people.certification}"
    assert client.get(path).json()["early_renewal_from"] is None
    conn.execute("update mentorcert.certification_types set early_renewal_days = 30 where code = 'basic'")
    before = client.get(path).json()
    ends = date.fromisoformat(before["last_valid_day"])
    assert before["early_renewal_from"] == (ends - timedelta(30)).isoformat()
    conn.execute(
        "update mentorcert.certification_types set early_renewal_days = %s where code = 'basic'",
        ((ends - today(conn)).days,),
    )
    renewed = client.post(f"{path}/renew", json={}).raise_for_status().json()
    assert renewed["last_valid_day"] == ends.replace(year=ends.year + 1).isoformat()
    assert client.get(f"{path}/history").json()["items"][-1]["counted_from"] == "end"


@pytest.mark.parametrize(
    ("operation", "sent", "status", "code", "constraint"),
    [
        ("renew", {"renewed_on": "2020-01-01"}, 422, "MC003", "certification_renewal_after_issue"),
        ("renew", {"renewed_on": "2199-01-01"}, 422, "MC003", "certification_issued_at_not_future"),
        ("suspend", {"reason": " "}, 422, "MC004", "certification_reason_required"),
        ("reinstate", {}, 422, "MC001", "certification_transition"),
        (
            "revert",
            {"entry_id": str(uuid4()), "reason": "x"},
            422,
            "MC006",
            "certification_change_revertible",
        ),
    ],
)
def test_what_the_registry_refuses(
    people: People, as_: As, *, operation: str, sent: dict[str, Any], status: int, code: str, constraint: str
) -> None:
    answer = as_("coordinator").post(f"{API}/certifications/{people.certification}/{operation}", json=sent)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"], body["constraint"]) == (
        status, status, code, constraint,
    )  # fmt: skip
    assert body["hint"]


def test_an_unknown_type(people: People, as_: As) -> None:
    sent = {"peer_mentor_id": str(people.mentor), "certification_type": "none such"}
    answer = as_("administrator").post(f"{API}/certifications", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "MC002")
    assert answer.json()["type"] == "urn:mentorcert:problem:unknown-type"


def test_what_fails_leaves_nothing(conn: Connection, people: People, as_: As) -> None:
    client, path = as_("coordinator"), f"{API}/certifications/{people.certification}"
    assert (
        client.post(f"{path}/renew", json={"evidence": {"seen": "", "seen_on": "2026-01-01"}}).status_code
        == 422
    )
    assert kinds(conn, people.certification) == ["issued"]
