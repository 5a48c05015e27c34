"""Contact details are kept by coordinators and by the person; a peer mentor sees whom to turn to."""

import re

import pytest

from tests.support.registry import fetch
from tests.web.conftest import carried, post
from tests.web.coordinator.conftest import Scene

_WRITTEN: dict[str, object] = {"email": "kari@nord.example", "phone": "900 00 000", "language": "en"}


def _details(scene: Scene) -> object:
    return fetch(
        scene.organisation.conn,
        "select concat_ws('|', display_name, email, phone, language) from mentorcert.peer_mentors where id = %s",
        scene.kari,
    )


@pytest.mark.parametrize("role", ["coordinator", "admin", "peer_mentor"])
def test_who_keeps_them(scene: Scene, role: str) -> None:
    client = scene.client() if role == "coordinator" else scene.client(role)
    own = role == "peer_mentor"
    path = "/me/contact" if own else f"/mentors/{scene.kari}/contact"
    saved = post(client, path, {"display_name": "Kari N.", **_WRITTEN}, page=path)
    assert (saved.status_code, saved.headers["location"]) == (303, "/me" if own else f"/mentors/{scene.kari}")
    assert _details(scene) == "Kari N.|kari@nord.example|900 00 000|en"
    again = client.get(path).text
    assert 'value="kari@nord.example"' in again
    assert re.search(r'<option value="en" selected>', again)


def test_who_does_not(scene: Scene) -> None:
    assert scene.client().get(f"/mentors/{scene.ola}/contact").status_code == 404
    assert post(scene.client(), f"/mentors/{scene.ola}/contact", _WRITTEN).status_code == 404
    assert scene.client("peer_mentor").get(f"/mentors/{scene.kari}/contact").status_code == 403
    assert "not registered as a peer mentor" in scene.client("admin").get("/me/contact").text
    assert post(scene.client("admin"), "/me/contact", _WRITTEN).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", "no address", "Write one e-mail address"),
        ("phone", "call me", "Write a telephone number"),
        ("display_name", "x" * 250, "This is too long."),
        ("display_name", "x" * 400, "Write at most 300 characters."),
        ("language", "sv", "Choose a language from the list."),
    ],
)
def test_what_is_wrong_is_kept(scene: Scene, field: str, value: str, said: str) -> None:
    before = _details(scene)
    path = f"/mentors/{scene.kari}/contact"
    answer = post(scene.client(), path, _WRITTEN | {field: value}, page=path)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">{said}', answer.text)
    assert field == "language" or value in answer.text
    assert _details(scene) == before


def test_two_who_write(scene: Scene) -> None:
    client, path = scene.client(), f"/mentors/{scene.kari}/contact"
    typed = carried(client.get(path).text) | _WRITTEN
    scene.organisation.conn.execute(
        "update mentorcert.peer_mentors set phone = '111 11 111' where id = %s", (scene.kari,)
    )
    refused = client.post(path, data=typed)
    assert refused.status_code == 409
    assert "111 11 111" in refused.text
    assert client.post(path, data=carried(refused.text) | _WRITTEN).status_code == 303


def test_whom_to_turn_to(scene: Scene) -> None:
    conn, mentor, admin = scene.organisation.conn, scene.client("peer_mentor"), scene.client("admin")
    conn.execute("update auth.users set email = 'eva@example.org'")
    assert 'href="mailto:eva%40example.org"' in mentor.get("/me").text
    membership = fetch(
        conn,
        "select id::text from mentorcert.memberships where role = 'coordinator' and ended_at is null limit 1",
    )
    path = f"/admin/memberships/{membership}/name"
    unreadable = post(admin, path, {"full_name": "Eva\x07"}, page=path)
    assert re.search(r'id="full_name-error">This has a character', unreadable.text)
    named = post(admin, path, {"full_name": " Eva  Moen "}, page=path)
    assert named.status_code == 303
    assert "Eva Moen" in admin.get("/admin/memberships").text
    own = mentor.get("/me").text
    assert "Eva Moen" in own
    conn.execute("update mentorcert.memberships set ended_at = now() where role = 'coordinator'")
    assert "Eva Moen" not in (without := mentor.get("/me").text)
    assert "Whom to contact" in without
