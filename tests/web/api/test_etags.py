"""A program changes what it read, or nothing."""

from typing import Any

import pytest

from mentorcert.db.connection import Connection
from tests.support.processes import Thread
from tests.support.registry import kinds
from tests.web.api.conftest import API, As, People

CHANGES = {
    "renew": {},
    "suspend": {"reason": "complaint"},
    "reinstate": {},
    "revert": {"entry_id": "0b7f1f5c-3d3e-4b5c-9a64-5b1d7c1f0d55", "reason": "wrong"},
}


def path_of(people: People) -> str:
    return f"{API}/certifications/{people.certification}"


def test_single_resources_have_a_tag(people: People, as_: As) -> None:
    client = as_("administrator")
    for path in (path_of(people), f"{API}/peer-mentors/{people.mentor}"):
        first, second = client.get(path), client.get(path)
        assert first.headers["etag"] == second.headers["etag"]
        assert first.headers["etag"].startswith('"')
        assert client.head(path).headers["etag"] == first.headers["etag"]


def test_the_tag_of_a_peer_mentor_follows_the_content(conn: Connection, people: People, as_: As) -> None:
    client, path = as_("administrator"), f"{API}/peer-mentors/{people.mentor}"
    before = client.get(path).headers["etag"]
    conn.execute("update mentorcert.peer_mentors set phone = '111' where id = %s", (people.mentor,))
    assert client.get(path).headers["etag"] != before


@pytest.mark.parametrize("operation", CHANGES)
def test_what_was_changed_meanwhile_is_left(
    conn: Connection, people: People, as_: As, operation: str
) -> None:
    client, path = as_("coordinator"), path_of(people)
    tag = client.get(path).headers["etag"]
    client.post(f"{path}/suspend", json={"reason": "complaint"}).raise_for_status()
    before = kinds(conn, people.certification)
    for header in (tag, f'"x", {tag}', f"W/{tag}", "x", "", '"', "W/*"):
        refused = client.post(f"{path}/{operation}", json=CHANGES[operation], headers={"If-Match": header})
        assert refused.status_code == 412, header
        assert refused.json()["type"] == "urn:mentorcert:problem:precondition-failed"
    assert kinds(conn, people.certification) == before


def test_the_answer_to_a_change_has_the_next_tag(people: People, as_: As) -> None:
    client, path = as_("coordinator"), path_of(people)
    tag = client.get(path).headers["etag"]
    for operation in ("renew", "suspend", "reinstate"):
        answer = client.post(f"{path}/{operation}", json=CHANGES[operation], headers={"If-Match": tag})
        assert answer.status_code == 200
        tag = answer.headers["etag"]
        assert client.get(path).headers["etag"] == tag
    for header in ("*", f'"x", {tag}', None):
        headers = {"If-Match": header} if header else {}
        assert client.post(f"{path}/suspend", json={"reason": "x"}, headers=headers).status_code == 200
        tag = client.post(f"{path}/reinstate", json={}).headers["etag"]


def test_of_two_at_once_one_is_refused(conn: Connection, people: People, as_: As) -> None:
    path = path_of(people)
    tag = as_("coordinator").get(path).headers["etag"]
    clients = [as_("coordinator") for _ in range(4)]
    statuses: list[int] = []

    def suspend_or_renew(client: Any, operation: str) -> None:
        sent = {"json": CHANGES[operation], "headers": {"If-Match": tag}}
        statuses.append(client.post(f"{path}/{operation}", **sent).status_code)

    threads = [
        Thread(target=suspend_or_renew, args=(client, operation))
        for client, operation in zip(clients, ("renew", "suspend", "renew", "suspend"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200, 412, 412, 412]
    assert len(kinds(conn, people.certification)) == 2


def test_who_may_not_change_it_learns_nothing_new(people: People, as_: As) -> None:
    for role, status in (("mentor", 403), ("elsewhere", 404), ("nobody", 401)):
        client = as_(role)
        answer = client.post(f"{path_of(people)}/suspend", json={"reason": "x"}, headers={"If-Match": "*"})
        assert answer.status_code == status, role
