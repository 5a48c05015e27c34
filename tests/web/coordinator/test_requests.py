"""Requests for renewals on the pages, from the question to the renewal, and that nobody overwrites what they have not seen."""

from datetime import date

import pytest
from httpx2 import Response

from mentorcert.organisations import data_subjects
from tests.support.registry import fetch, join, kinds, today
from tests.web.conftest import form_token, hidden, post
from tests.web.coordinator.conftest import Scene

TEXT = "Repetition course in Midtvik"


def path_of(scene: Scene) -> str:
    return f"/me/certifications/{scene.held}/request"


def ask(scene: Scene, text: str = TEXT, day: date | None = None) -> Response:
    typed = {"text": text, "done_on": (day or today(scene.organisation.conn, -1)).isoformat()}
    return post(scene.client("peer_mentor"), path_of(scene), typed, page=path_of(scene))


def request_of(scene: Scene) -> str:
    return f"/requests/{fetch(scene.organisation.conn, 'select id from mentorcert_private.renewal_requests')}"


def carried_by(page: str) -> dict[str, object]:
    """Return what the form of an approval carries along unseen."""
    return {"form": form_token(page), "shown": hidden(page, "shown"), "version": hidden(page, "version")}


def state(scene: Scene) -> str:
    found: str = fetch(scene.organisation.conn, "select state from mentorcert_private.renewal_requests")
    return found


def test_from_the_question_to_the_renewal(scene: Scene) -> None:
    me, client = scene.client("peer_mentor"), scene.client()
    assert path_of(scene) in me.get("/me").text
    assert "No request is waiting" in client.get("/requests").text
    assert ask(scene).status_code == 303
    assert "You have asked for a renewal" in me.get("/me").text
    path = request_of(scene)
    assert path in client.get("/overview").text
    assert "1 request for renewal waits" in client.get("/overview").text
    page = client.get(path).text
    assert TEXT in page
    assert "It would become" in page
    assert kinds(scene.organisation.conn, scene.held) == ["issued"]
    # Asked back, and answered
    reply = carried_by(page) | {"reply": "With whom?"}
    assert post(client, f"{path}/ask-back", reply).status_code == 303
    assert "has asked you something" in me.get("/me").text
    assert path not in client.get("/overview").text
    assert "answer" in client.get("/requests").text
    asked = me.get(path_of(scene)).text
    assert ("With whom?" in asked, "Waits for your answer" in asked) == (True, True)
    assert "Waits for the peer mentor" in client.get(path).text
    request_id = path.rpartition("/")[2]
    answered = post(
        me,
        f"{path_of(scene)}/{request_id}/answer",
        {"answer": "With Kari", "version": hidden(asked, "version")},
    )
    assert answered.status_code == 303
    # Approved as shown
    page = client.get(path).text
    assert "With Kari" in page
    done = client.post(path, data=carried_by(page) | {"step": "confirm", "note": "Fine"})
    assert done.headers["location"] == f"/certifications/{scene.held}"
    assert kinds(scene.organisation.conn, scene.held) == ["issued", "renewed"]
    assert state(scene) == "approved"
    shown = client.get(f"/certifications/{scene.held}").text
    assert f"{TEXT}, " in shown
    assert "as the peer mentor said in a request" in shown
    assert "By your request: " + TEXT in me.get("/me/history").text
    assert "Approved" in me.get(path_of(scene)).text
    [exported] = data_subjects.export(scene.organisation.conn, scene.kari)["renewal_requests"]
    assert (exported["text"], exported["answer"], exported["state"]) == (TEXT, "With Kari", "approved")
    log = scene.client("admin").get("/admin/audit?table_name=renewal_requests").text
    assert "Kari Nord" in log
    assert TEXT not in log


def test_a_preview_of_another_day(scene: Scene) -> None:
    ask(scene)
    client, path = scene.client(), request_of(scene)
    page = client.get(path).text
    sent = client.post(
        path,
        data=carried_by(page) | {"step": "preview", "renewed_on": today(scene.organisation.conn).isoformat()},
    )
    assert sent.status_code == 303
    page = client.get(sent.headers["location"]).text
    assert "It would become" in page
    future = client.post(
        path,
        data=carried_by(page)
        | {"step": "confirm", "renewed_on": today(scene.organisation.conn, 3).isoformat()},
    )
    assert (future.status_code, 'href="#renewed_on"' in future.text) == (422, True)
    assert state(scene) == "open"


def test_refused_for_a_reason(scene: Scene) -> None:
    ask(scene)
    client, path = scene.client("admin"), request_of(scene)
    seen = {"version": hidden(client.get(path).text, "version")}
    empty = post(client, f"{path}/refuse", seen | {"reason": ""}, page=path)
    assert (empty.status_code, 'href="#reason"' in empty.text) == (422, True)
    assert hidden(empty.text, "path") == f"{path}/refuse"
    assert post(client, f"{path}/refuse", seen | {"reason": "Not a course of ours"}).status_code == 303
    me = scene.client("peer_mentor")
    assert "was refused" in me.get("/me").text
    assert "Not a course of ours" in me.get(path_of(scene)).text
    assert ask(scene, "Another course").status_code == 303
    assert kinds(scene.organisation.conn, scene.held) == ["issued"]


def test_two_who_settle_one(scene: Scene) -> None:
    ask(scene)
    path = request_of(scene)
    client, admin = scene.client(), scene.client("admin")
    own, other = client.get(path).text, admin.get(path).text
    assert (
        post(admin, f"{path}/ask-back", {"reply": "When?", "version": hidden(other, "version")}).status_code
        == 303
    )
    late = client.post(path, data=carried_by(own) | {"step": "confirm"})
    assert late.status_code == 409
    assert "When?" in late.text
    refused = post(client, f"{path}/refuse", {"reason": "Kept words", "version": hidden(own, "version")})
    assert refused.status_code == 409
    assert "Kept words" in refused.text
    # Only who confirms a date is shown that it changed.
    assert ("The request was changed" in refused.text, "since the preview" in refused.text) == (True, False)
    assert state(scene) == "asked_back"
    assert client.post(path, data=carried_by(refused.text) | {"step": "confirm"}).status_code == 303
    settled = post(client, f"{path}/refuse", {"reason": "x", "version": hidden(own, "version")})
    assert settled.status_code in {409, 422}
    assert state(scene) == "approved"


def test_what_is_refused_stays_typed(scene: Scene) -> None:
    conn = scene.organisation.conn
    for text, day, field in (
        ("", today(conn, -1), "text"),
        ("x" * 401, today(conn, -1), "text"),
        ("Kept words", today(conn, 1), "done_on"),
    ):
        refused = ask(scene, text, day)
        assert (refused.status_code, f'href="#{field}"' in refused.text) == (422, True)
        assert text in refused.text
    path = path_of(scene)
    for typed, field in (
        ({"text": "Kept words"}, "done_on"),
        ({"text": "Kept words", "done_on": "soon"}, "done_on"),
    ):
        refused = post(scene.client("peer_mentor"), path, typed, page=path)
        assert (refused.status_code, f'href="#{field}"' in refused.text) == (422, True)
        assert "Kept words" in refused.text
    empty = post(scene.client("peer_mentor"), path, {"text": ""}, page=path).text
    assert ('href="#text"' in empty, 'href="#done_on"' in empty) == (True, True)
    ask(scene)
    assert ask(scene, "Once more").status_code == 422
    request = request_of(scene)
    client = scene.client()
    seen = {"version": hidden(client.get(request).text, "version")}
    for form, typed in (
        ("ask-back", {"reply": "x" * 1001}),
        ("refuse", {"reason": "x" * 2001}),
        ("ask-back", {}),
    ):
        refused = post(client, f"{request}/{form}", seen | typed)
        assert refused.status_code == 422
    assert post(client, f"{request}/ask-back", seen | {"reply": "Why?"}).status_code == 303
    me, answer = scene.client("peer_mentor"), f"{path}/{request.rpartition('/')[2]}/answer"
    version = {"version": hidden(me.get(path).text, "version")}
    for typed in ({"answer": ""}, {"answer": "x" * 1001}, {"answer": "Kept words", "done_on": "soon"}):
        refused = post(me, answer, version | typed)
        assert (refused.status_code, typed["answer"] in refused.text) == (422, True)
    assert post(me, answer, {"version": "1", "answer": "Kept words"}).status_code == 409


def test_withdrawn(scene: Scene) -> None:
    ask(scene)
    me, path = scene.client("peer_mentor"), path_of(scene)
    version = {"version": hidden(me.get(path).text, "version")}
    assert post(me, f"{path}/{request_of(scene).rpartition('/')[2]}/withdraw", version).status_code == 303
    assert state(scene) == "withdrawn"
    assert "No request is waiting" in scene.client().get("/requests").text


def test_nobody_settles_the_own(scene: Scene) -> None:
    ask(scene)
    join(scene.organisation, scene.kari_login, "coordinator", scene.organisation.chapter)
    own, path = scene.client("peer_mentor"), request_of(scene)
    assert path not in own.get("/overview").text
    assert path not in own.get("/requests").text
    assert own.get(path).status_code == 404
    assert post(own, f"{path}/refuse", {"reason": "x", "version": "1"}).status_code == 404


@pytest.mark.parametrize("who", ["peer_mentor", "nobody"])
def test_others_get_nothing(scene: Scene, who: str) -> None:
    ask(scene)
    client, path = scene.client(who), request_of(scene)
    for address in ("/requests", path):
        assert client.get(address).status_code in {303, 403}
    for address in (path, f"{path}/refuse", f"{path}/ask-back"):
        assert post(
            client, address, {"reason": "x", "reply": "x", "version": "1", "step": "confirm"}
        ).status_code in {303, 403}
    assert state(scene) == "open"
    assert scene.client("peer_mentor").get(f"/me/certifications/{scene.elsewhere}/request").status_code == 404
