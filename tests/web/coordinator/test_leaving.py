"""Somebody stops and comes back; the erased are in no list and come back by no door."""

import re

from mentorcert.organisations import data_subjects
from tests.support.registry import fetch, today
from tests.web.conftest import carried, cells, hidden, post
from tests.web.coordinator.conftest import Scene

_LISTS = ("/mentors", "/certifications", "/certifications?sort=name", "/certifications?q=kari")


def test_leaves_and_returns(scene: Scene) -> None:
    conn, client, path = scene.organisation.conn, scene.client(), f"/mentors/{scene.kari}"
    assert all("Kari Nord" in client.get(list_).text for list_ in _LISTS)
    assert client.get(f"{path}/leave").status_code == 200
    leaving: dict[str, object] = {"left_on": today(conn).isoformat(), "reason": "Moved"}
    assert post(client, f"{path}/leave", leaving, page=f"{path}/leave").status_code == 303
    page = client.get(path).text
    assert "Has left" in page
    assert "Moved" in page
    assert not any("Kari Nord" in client.get(list_).text for list_ in _LISTS)
    with_left = [list_ + ("&" if "?" in list_ else "?") + "left=true" for list_ in _LISTS]
    assert all("Kari Nord" in client.get(list_).text for list_ in with_left)
    assert "stop" in scene.client("peer_mentor").get("/me").text
    assert post(client, f"{path}/return").status_code == 303
    assert all("Kari Nord" in client.get(list_).text for list_ in _LISTS)


def test_two_who_say_when(scene: Scene) -> None:
    conn, client, path = scene.organisation.conn, scene.client(), f"/mentors/{scene.kari}"
    typed: dict[str, object] = {"left_on": today(conn, 3).isoformat(), "reason": "Mine"}
    own = carried(client.get(f"{path}/leave").text)
    # Another field of the person is none of this form's business.
    conn.execute("update mentorcert.peer_mentors set phone = '123' where id = %s", (scene.kari,))
    assert client.post(f"{path}/leave", data=own | typed).status_code == 303
    own = carried(client.get(f"{path}/leave").text)
    seen = carried(page := client.get(path).text) | {"version": hidden(page, "version")}
    conn.execute("update mentorcert.peer_mentors set left_reason = 'Theirs' where id = %s", (scene.kari,))
    refused = client.post(f"{path}/leave", data=own | typed | {"reason": "Mine, too"})
    assert refused.status_code == 409
    assert cells(refused.text) == ["Mine", "Theirs", "Mine, too"]
    assert client.post(f"{path}/return", data=seen).status_code == 409
    assert (
        fetch(conn, "select left_reason from mentorcert.peer_mentors where id = %s", scene.kari) == "Theirs"
    )
    again = client.post(f"{path}/leave", data=carried(refused.text) | typed)
    assert again.status_code == 303
    seen["version"] = hidden(client.get(path).text, "version")
    assert client.post(f"{path}/return", data=seen).status_code == 303


def test_a_day_that_is_none(scene: Scene) -> None:
    conn, client, path = scene.organisation.conn, scene.client(), f"/mentors/{scene.kari}/leave"
    for day, said in (("", "Write the day."), (today(conn, 400).isoformat(), "The day lies more than")):
        answer = post(client, path, {"left_on": day}, page=path)
        assert answer.status_code == 422
        assert re.search(rf'id="left_on-error">{said}', answer.text)
    assert post(client, f"/mentors/{scene.ola}/leave", {"left_on": "2026-01-01"}).status_code == 404
    assert post(client, f"/mentors/{scene.ola}/return").status_code == 404


def test_without_a_chapter(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    assert "is in no chapter" not in client.get("/admin").text
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (scene.kari,)
    )
    assert (
        fetch(conn, "select count(*) from public.listed_peer_mentors where peer_mentor_id = %s", scene.kari)
        == 0
    )
    landing = client.get("/admin").text
    assert "1 peer mentor is in no chapter" in landing
    assert f'href="/mentors/{scene.kari}"' in landing


def test_the_erased_stay_erased(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    data_subjects.erase(conn, scene.kari)
    for list_ in (*_LISTS, "/mentors?left=true", "/certifications?left=true", "/overview", "/admin"):
        page = client.get(list_).text
        assert str(scene.kari) not in page
        assert str(scene.held) not in page
        assert "erased" not in page.replace("Let somebody erased in again", "")
    for path in (
        f"/mentors/{scene.kari}",
        f"/certifications/{scene.held}",
        f"/api/v1/peer-mentors/{scene.kari}",
    ):
        assert client.get(path).status_code in {401, 404}
    again: dict[str, object] = {"external_id": "007", "full_name": "Kari Nord"}
    refused = post(client, "/mentors/new", again)
    assert refused.status_code == 422
    assert "was erased" in refused.text
    nobody = post(client, "/mentors/readmit", {"external_id": "99", "reason": "Came back"})
    assert nobody.status_code == 422
    assert post(client, "/mentors/readmit", {"external_id": "7"}).status_code == 422
    assert post(scene.client(), "/mentors/readmit", {"external_id": "7", "reason": "x"}).status_code == 403
    assert post(client, "/mentors/readmit", {"external_id": "7", "reason": "Came back"}).status_code == 303
    assert post(client, "/mentors/new", again).status_code == 303
