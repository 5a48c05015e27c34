"""Undoing a change of many on the pages: of any number, as a whole, or all but what was changed since."""

import re
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from mentorcert.certifications import repository
from tests.support.registry import history, kinds, today
from tests.web.conftest import form_token, post
from tests.web.coordinator.conftest import Scene

_BULK = "/certifications/bulk"


def renewed(scene: Scene, client: TestClient, number: int) -> tuple[list[UUID], str]:
    """Renew several at once; return them, and the address at which the list offers to undo it."""
    conn = scene.organisation.conn
    ids = [
        scene.organisation.certify(scene.organisation.mentor(f"b{n}"), last_day=today(conn, n % 20))
        for n in range(number)
    ]
    data = {"change": "renew", "scope": "every", "query": "q=b"}
    page = client.get(post(client, _BULK, data).headers["location"])
    shown = re.search(r'name="shown" value="(\w+)"', page.text)
    assert shown is not None
    done = post(client, _BULK, {**data, "step": "confirm", "shown": shown[1]})
    listed = client.get(done.headers["location"]).text
    offered = re.search(r'href="(/certifications/batches/[^"]+)">([^<]+)<', listed)
    assert offered is not None
    assert offered[2] == f"Undo the renewal of {number} certifications"
    return ids, offered[1]


def undone(client: TestClient, path: str, **more: str) -> tuple[int, str]:
    """Confirm what the page shows; return the status and the page that follows."""
    page = client.get(path + ("?leave_out=true" if "leave_out" in more else ""))
    shown = re.search(r'name="shown" value="(\w+)"', page.text)
    data = {"note": "Too early", "shown": shown[1] if shown else "", "form": form_token(page.text), **more}
    answer = client.post(path, data=data)
    if answer.status_code != 303:
        return answer.status_code, answer.text
    return 303, client.get(answer.headers["location"]).text


def test_more_than_a_hundred_are_undone_together(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    ids, path = renewed(scene, client, 130)
    # The list offers it once; the page of changes of many has it as long as it is kept.
    assert "batches/" not in re.sub('batches"', "", client.get("/certifications").text)
    assert path in client.get("/certifications/batches").text
    status, page = undone(client, path)
    assert status == 303, page
    assert "130 changes were undone." in page
    assert "130 of them" in page
    assert "Too early" in page
    assert 'name="note"' not in page
    assert all(kinds(conn, id_) == ["issued", "renewed", "reverted"] for id_ in ids)
    assert history(conn, ids[0])[-1]["note"] == "Too early"
    assert undone(client, path)[0] == 409


def test_what_was_changed_since_is_named(scene: Scene) -> None:
    """Who, what and when; nothing is undone with it, and the rest without it."""
    conn, client = scene.organisation.conn, scene.client()
    ids, path = renewed(scene, client, 3)
    with scene.organisation.as_admin():
        repository.suspend(conn, ids[1], "Away")
    page = client.get(path).text
    assert "1 of them cannot be undone" in page
    assert re.search(r"Suspended on [^<]+ by an administrator\.", page)
    assert 'name="note"' not in page
    assert undone(client, path)[0] == 409
    assert kinds(conn, ids[0]) == ["issued", "renewed"]
    assert undone(client, path, leave_out="true")[0] == 303
    assert [kinds(conn, id_)[-1] for id_ in ids] == ["reverted", "suspended", "reverted"]


def test_what_is_changed_meanwhile_is_not_undone(scene: Scene) -> None:
    """Between the preview and the confirmation."""
    conn, client = scene.organisation.conn, scene.client()
    ids, path = renewed(scene, client, 2)
    page = client.get(path).text
    with scene.organisation.as_admin():
        repository.suspend(conn, ids[1], "Away")
    shown = re.search(r'name="shown" value="(\w+)"', page)[1]  # type: ignore[index]
    data = {"note": "Early", "shown": shown, "leave_out": "true", "form": form_token(page)}
    assert client.post(path, data=data).status_code == 409
    assert kinds(conn, ids[0]) == ["issued", "renewed"]


def test_a_reason_is_needed_and_kept(scene: Scene) -> None:
    client = scene.client()
    ids, path = renewed(scene, client, 2)
    status, page = undone(client, path, note=" ")
    assert status == 422
    assert "Say why." in page
    status, page = undone(client, path, note="x" * 2001)
    assert status == 422
    assert "x" * 2001 in page
    assert kinds(scene.organisation.conn, ids[0]) == ["issued", "renewed"]


@pytest.mark.parametrize(("who", "status"), [("admin", 200), ("peer_mentor", 403)])
def test_who_sees_it(scene: Scene, who: str, status: int) -> None:
    _, path = renewed(scene, scene.client(), 2)
    assert scene.client(who).get(path).status_code == status
    assert scene.client(who).get("/certifications/batches").status_code == status


def test_an_administrator_undoes_what_a_coordinator_did(scene: Scene) -> None:
    ids, path = renewed(scene, scene.client(), 2)
    assert undone(scene.client("admin"), path)[0] == 303
    assert kinds(scene.organisation.conn, ids[1]) == ["issued", "renewed", "reverted"]
    assert "Nobody has changed" not in scene.client("admin").get("/certifications/batches").text
