"""Notes and follow-ups on the pages: who sees them, what is due, and that nobody overwrites what they have not seen."""

from datetime import date
from uuid import uuid4

import pytest
from httpx2 import Response

from mentorcert.organisations import data_subjects
from tests.support.registry import fetch, join, today
from tests.web.conftest import carried, cells, hidden, post
from tests.web.coordinator.conftest import Scene


def write(
    scene: Scene, text: str, due: date | None = None, *, who: str = "coordinator", responsible: str = ""
) -> Response:
    path = f"/mentors/{scene.kari}/notes"
    typed: dict[str, object] = {
        "text": text,
        "due_on": due.isoformat() if due else "",
        "responsible": responsible,
    }
    return post(scene.client(who), path, typed, page=path)


def path_of(scene: Scene, text: str) -> str:
    id_ = fetch(
        scene.organisation.conn, "select id from mentorcert_private.peer_mentor_notes where text = %s", text
    )
    return f"/mentors/{scene.kari}/notes/{id_}"


def test_a_note_is_read_by_those_in_reach(scene: Scene) -> None:
    assert write(scene, "Called her.\nShe is well.").status_code == 303
    path = f"/mentors/{scene.kari}/notes"
    for who in ("coordinator", "admin"):
        client = scene.client(who)
        assert "Called her.\nShe is well." in client.get(path).text
        assert path in client.get(f"/mentors/{scene.kari}").text
    person = scene.client("peer_mentor")
    assert person.get(path).status_code == 403
    for own in ("/me", "/me/history", "/me/contact"):
        assert "Called her" not in person.get(own).text
    assert scene.client().get(f"/mentors/{scene.ola}/notes").status_code == 404
    assert scene.client().get(f"/mentors/{scene.per}/notes").status_code == 404
    [note] = data_subjects.export(scene.organisation.conn, scene.kari)["notes"]
    assert note["text"] == "Called her.\nShe is well."
    assert str(scene.coordinator) not in str(note)


def test_nobody_reads_about_themselves(scene: Scene) -> None:
    write(scene, "About a colleague")
    join(scene.organisation, scene.kari_login, "coordinator", scene.organisation.chapter)
    own = scene.client("peer_mentor")
    page = own.get(f"/mentors/{scene.kari}")
    assert page.status_code == 200
    assert "Notes and follow-ups" not in page.text
    assert own.get(f"/mentors/{scene.kari}/notes").status_code == 404
    assert "About a colleague" not in own.get("/follow-ups?all=true").text


def test_follow_ups(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute(
        "update mentorcert.memberships set full_name = 'Cora C' where user_id = %s", (scene.coordinator,)
    )
    write(scene, "Tomorrow", today(conn, 1))
    write(scene, "Yesterday", today(conn, -1))
    write(scene, "By the coordinator", today(conn, 5), who="admin", responsible=str(scene.coordinator))
    page = scene.client().get("/follow-ups").text
    assert [page.index(text) for text in ("Yesterday", "Tomorrow", "By the coordinator")] == sorted(
        page.index(text) for text in ("Yesterday", "Tomorrow", "By the coordinator")
    )
    assert "3 to follow up, 1 overdue" in page
    admin = scene.client("admin")
    assert "There is nothing to follow up" in admin.get("/follow-ups").text
    every = admin.get("/follow-ups?all=true").text
    assert every.count("Cora C") == 3
    form = {"version": hidden(page, "version"), "page": "own", "done": "true"}
    done = post(scene.client(), f"{path_of(scene, 'Yesterday')}/done", form)
    assert done.headers["location"] == "/follow-ups"
    assert "Yesterday" not in scene.client().get("/follow-ups").text
    # The button that somebody else has still on the page
    assert post(scene.client(), f"{path_of(scene, 'Yesterday')}/done", form).status_code == 409
    shown = scene.client().get(f"/mentors/{scene.kari}/notes").text
    assert "done by Cora C" in shown
    again = {"version": "2", "done": "false"}
    assert post(scene.client(), f"{path_of(scene, 'Yesterday')}/done", again).status_code == 303
    assert "Yesterday" in scene.client().get("/follow-ups").text
    conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s", (scene.coordinator,)
    )
    assert admin.get("/follow-ups?all=true").text.count("has no access any more") == 3


def test_what_is_refused_stays_typed(scene: Scene) -> None:
    path = f"/mentors/{scene.kari}/notes"
    for typed, field, said in (
        ({"text": "", "due_on": "1 December 2026"}, "text", "Write what there is to note."),
        ({"text": "Kept words", "due_on": "31.2.2026"}, "due_on", "Write a day that exists"),
        ({"text": "Kept words", "responsible": str(scene.organisation.admin)}, "due_on", "or leave out who"),
        (
            {"text": "Kept words", "due_on": "1.12.2026", "responsible": str(uuid4())},
            "responsible",
            "Choose one",
        ),
        ({"text": "x" * 2001}, "text", "at most 2000"),
    ):
        refused = post(scene.client(), path, typed, page=path)
        assert refused.status_code == 422
        assert f'href="#{field}"' in refused.text
        assert said in refused.text
        assert str(typed["text"])[:50] in refused.text
    assert fetch(scene.organisation.conn, "select count(*) from mentorcert_private.peer_mentor_notes") == 0
    write(scene, "Written")
    path = path_of(scene, "Written")
    for typed, field in (({"text": "x" * 2001}, "text"), ({"text": "x", "due_on": "soon"}, "due_on")):
        refused = post(scene.client(), path, typed, page=path)
        assert (refused.status_code, f'href="#{field}"' in refused.text) == (422, True)
    assert path_of(scene, "Written") == path


def test_two_who_change_one_note(scene: Scene) -> None:
    write(scene, "Before", today(scene.organisation.conn, 3))
    path = path_of(scene, "Before")
    client, admin = scene.client(), scene.client("admin")
    own = carried(client.get(path).text) | {"due_on": today(scene.organisation.conn, 3).isoformat()}
    other = carried(admin.get(path).text) | {"due_on": "", "responsible": ""}
    assert admin.post(path, data=other | {"text": "By the administrator"}).status_code == 303
    refused = client.post(path, data=own | {"text": "By the author"})
    assert refused.status_code == 409
    assert cells(refused.text)[:3] == ["Before", "By the administrator", "By the author"]
    assert path_of(scene, "By the administrator") == path
    again = client.post(path, data=carried(refused.text) | {"text": "By both"})
    assert again.status_code == 303
    assert path_of(scene, "By both") == path


def test_the_author_and_administrators_change_and_remove(scene: Scene) -> None:
    write(scene, "The administrator's", who="admin")
    path = path_of(scene, "The administrator's")
    assert scene.client().get(path).status_code == 404
    assert path not in scene.client().get(f"/mentors/{scene.kari}/notes").text
    assert post(scene.client(), f"{path}/remove", {"version": "1"}).status_code == 404
    write(scene, "The coordinator's")
    path = path_of(scene, "The coordinator's")
    seen = {"version": hidden(scene.client().get(path).text, "version")}
    assert post(scene.client("admin"), f"{path}/remove", seen).status_code == 303
    page = scene.client().get(f"/mentors/{scene.kari}/notes").text
    assert "The coordinator" not in page
    log = scene.client("admin").get("/admin/audit?table_name=peer_mentor_notes").text
    assert "Notes and follow-ups" in log
    assert "Kari Nord" in log
    assert "The coordinator&#39;s" not in log


@pytest.mark.parametrize("who", ["peer_mentor", "nobody"])
def test_others_get_nothing(scene: Scene, who: str) -> None:
    write(scene, "Mine", today(scene.organisation.conn))
    path = path_of(scene, "Mine")
    client = scene.client(who)
    for address in ("/follow-ups", f"/mentors/{scene.kari}/notes", path):
        assert client.get(address).status_code in {303, 403}
    for address, data in (
        (path, {"text": "x"}),
        (f"{path}/done", {"done": "true", "version": "1"}),
        (f"{path}/remove", {"version": "1"}),
    ):
        assert post(client, address, data).status_code in {303, 403}
    assert path_of(scene, "Mine") == path
