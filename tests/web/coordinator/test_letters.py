"""Letters in the pages: people are chosen, the text is written, looked at and sent once."""

from typing import Final
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from tests.support.cases import in_turn
from tests.support.registry import fetch, rows
from tests.web.conftest import hidden, post
from tests.web.coordinator.conftest import Scene

LIST: Final = "/certifications"


@pytest.fixture
def written(scene: Scene) -> Scene:
    """The coordinator has a confirmed address, and Kari one."""
    conn = scene.organisation.conn
    conn.execute(
        "update auth.users set email = id || '@example.org', email_confirmed_at = now() where id = any(%s)",
        ([scene.coordinator, scene.organisation.admin],),
    )
    conn.execute(
        "update mentorcert.peer_mentors set email = split_part(full_name, ' ', 1) || '@example.org'"
        " where id = any(%s)",
        ([scene.kari, scene.ola, scene.per],),
    )
    return scene


def draft(client: TestClient, **chosen: object) -> str:
    """Choose people in the list; return the address of the letter."""
    answer = post(client, "/letters", chosen, page=LIST)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def preview(
    client: TestClient, path: str, subject: str = "Møte", body: str = "Vel møtt.\n\nHilsen oss"
) -> str:
    """Write the text; return the page of the preview."""
    answer = post(client, path, {"subject": subject, "body": body}, page=path)
    assert answer.headers["location"] == f"{path}/preview"
    return client.get(f"{path}/preview").text


def send(client: TestClient, path: str, html: str) -> str:
    """Send what the preview shows; return the page that follows."""
    given = {
        "form": hidden(html, "form"),
        "shown": hidden(html, "shown"),
        "written_at": hidden(html, "written_at"),
    }
    answer = client.post(f"{path}/send", data=given)
    assert answer.headers["location"] == path, answer.text
    return client.get(path).text


def mails(scene: Scene) -> list[tuple[UUID, str]]:
    return rows(
        scene.organisation.conn,
        "select peer_mentor_id, state from mentorcert_private.notice_mails order by 1",
    )


def test_from_the_list_to_the_person(written: Scene) -> None:
    client = written.client()
    path = draft(client, id=[str(written.held), str(written.elsewhere), str(written.foreign)])
    html = client.get(path).text
    assert "Write to Kari Nord" in html
    html = preview(client, path)
    for said in (
        "1 person gets this mail.",
        "Nothing is sent yet.",
        "Kari@example.org",
        f"{written.coordinator}@example.org",
    ):
        assert said in html
    for unseen in ("Ola", "Per Fremmed"):
        assert unseen not in html
    assert mails(written) == []
    html = send(client, path, html)
    assert "The mail is sent to 1 person" in html
    assert "is being sent" in html
    assert mails(written) == [(written.kari, "queued")]
    shown = client.get(f"/mentors/{written.kari}").text
    assert "Mails written to the person" in shown
    assert f"by {written.coordinator}@example.org" in shown
    assert "Møte" in shown
    written.organisation.conn.execute("update mentorcert_private.notice_mails set state = 'refused'")
    assert "came back" in client.get(path).text
    assert "came back" in client.get(f"/mentors/{written.kari}").text
    assert "Adressen tar ikke imot" in written.client(language="nb").get(path).text


def test_all_results_and_one_person(written: Scene) -> None:
    client = written.client("admin")
    path = draft(client, scope="every", query="status=active")
    assert "Write to 2 people" in client.get(path).text
    html = preview(client, path)
    assert "2 people get this mail, each one alone" in html
    of_list = post(client, "/mentors/letters", {"id": [str(written.kari), str(written.ola)]}, page="/mentors")
    assert "Write to 2 people" in client.get(of_list.headers["location"]).text
    copied = post(client, "/mentors/letters", {"scope": "every", "then": "copy"}, page="/mentors")
    assert copied.headers["location"].endswith("/addresses")
    nobody = post(client, "/mentors/letters", {}, page="/mentors")
    assert nobody.headers["location"] == "/mentors"
    one = draft(client, mentor=str(written.kari))
    assert "Write to Kari Nord" in client.get(one).text
    assert "Draft, not sent" in client.get("/letters").text


def test_who_does_not_get_it_and_why(written: Scene) -> None:
    conn, client = written.organisation.conn, written.client("admin")
    conn.execute("update mentorcert.peer_mentors set email = null where id = %s", (written.ola,))
    path = draft(client, scope="every")
    assert "1 of those you chose can't be written to" in " ".join(client.get(path).text.split()).replace(
        "&#39;", "'"
    )
    html = preview(client, path)
    assert "Has no e-mail address: 1" in html
    assert "Ola Vest" in html
    conn.execute("update mentorcert.peer_mentors set email = null where id = %s", (written.kari,))
    stale = client.post(
        f"{path}/send",
        data={
            "form": hidden(html, "form"),
            "shown": hidden(html, "shown"),
            "written_at": hidden(html, "written_at"),
        },
    )
    assert stale.status_code == 409
    assert "Something has changed meanwhile." in stale.text
    assert "Has no e-mail address: 2" in stale.text
    assert mails(written) == []


def test_nothing_is_sent_twice(written: Scene) -> None:
    client = written.client()
    path = draft(client, id=str(written.held))
    html = preview(client, path)
    send(client, path, html)
    # The button once more, a second tab with the preview, and the form sent once more.
    assert "The mail was sent already." in send(client, path, html)
    assert client.get(f"{path}/preview").headers["location"] == path
    again = client.post(path, data={"form": hidden(html, "form"), "subject": "Other", "body": "Other"})
    assert again.headers["location"] == path
    assert "The mail was sent already." in client.get(path).text
    assert len(mails(written)) == 1
    assert fetch(written.organisation.conn, "select subject from mentorcert_private.letters") == "Møte"


def test_another_text_than_the_one_shown_is_not_sent(written: Scene) -> None:
    client = written.client()
    path = draft(client, id=str(written.held))
    first = preview(client, path)
    preview(client, path, subject="Annet emne")
    stale = client.post(
        f"{path}/send",
        data={
            "form": hidden(first, "form"),
            "shown": hidden(first, "shown"),
            "written_at": hidden(first, "written_at"),
        },
    )
    assert stale.status_code == 409
    assert "Annet emne" in stale.text
    assert mails(written) == []
    send(client, path, stale.text)
    assert len(mails(written)) == 1


@in_turn(
    ("given", "said"),
    [
        ({"subject": "", "body": "x"}, "Write a subject."),
        ({"subject": "x", "body": ""}, "Write a text."),
        ({"subject": "x" * 151, "body": "kept as typed"}, "Write at most 150 characters."),
        ({"subject": "kept as typed", "body": "x" * 5001}, "Write at most 5000 characters."),
        ({"subject": "a\x01", "body": "kept as typed"}, "This has a character that cannot be read."),
    ],
)
def test_bad_text_comes_back_with_its_error(written: Scene, given: dict[str, str], said: str) -> None:
    client = written.client()
    path = draft(client, id=str(written.held))
    answer = post(client, path, given, page=path)
    assert answer.status_code == 422
    assert said in answer.text
    assert ("kept as typed" in answer.text) == ("kept as typed" in given.values())


def test_who_cannot_be_answered_does_not_write(written: Scene) -> None:
    client = written.client()
    path = draft(client, id=str(written.held))
    html = preview(client, path)
    written.organisation.conn.execute("update auth.users set email_confirmed_at = null")
    given = {
        "form": hidden(html, "form"),
        "shown": hidden(html, "shown"),
        "written_at": hidden(html, "written_at"),
    }
    answer = client.post(f"{path}/send", data=given)
    assert answer.status_code == 422
    assert "no confirmed e-mail address of its own" in answer.text
    assert "Send to 1 person" not in client.get(f"{path}/preview").text
    assert mails(written) == []


def test_nobody_else_gets_at_a_draft(written: Scene) -> None:
    path = draft(written.client(), id=str(written.held))
    for who in ("admin", "peer_mentor"):
        for address in (path, f"{path}/preview", f"{path}/addresses", f"{path}/addresses.txt"):
            assert written.client(who).get(address).status_code in {403, 404}, (who, address)
    assert written.client().get(f"/letters/{uuid4()}").status_code == 404
    assert (
        post(written.client("admin"), path, {"subject": "x", "body": "y"}, page="/letters").status_code == 404
    )
    refused = post(written.client(), "/letters", {"id": str(written.elsewhere)}, page=LIST)
    assert refused.status_code == 422
    assert post(written.client(), "/letters", {"mentor": str(written.ola)}, page=LIST).status_code == 404


def test_administrators_read_what_was_sent(written: Scene) -> None:
    client = written.client()
    path = draft(client, id=str(written.held))
    send(client, path, preview(client, path))
    read = written.client("admin").get(path).text
    assert "Vel møtt." in read
    assert "Kari Nord" in read
    assert f"{written.coordinator}@example.org" in read
    assert "Møte" in written.client("admin").get("/letters").text


def test_addresses_are_copied(written: Scene) -> None:
    conn, client = written.organisation.conn, written.client("admin")
    path = draft(client, scope="every", then="copy")
    assert path.endswith("/addresses")
    html = client.get(path).text
    assert "Kari@example.org; Ola@example.org" in html
    answer = client.get(f"{path}.txt")
    assert answer.text == "Kari@example.org\r\nOla@example.org\r\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    logged = rows(
        conn,
        "select endpoint, row_organisation_ids from mentorcert_private.access_log where endpoint like '%%addresses%%' order by 1",
    )
    assert logged == [
        ("/letters/{letter_id}/addresses", [written.organisation.id]),
        ("/letters/{letter_id}/addresses.txt", [written.organisation.id]),
    ]


def test_too_many_and_none(written: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    client = written.client("admin")
    none = post(client, "/letters", {}, page=LIST)
    assert none.status_code == 422
    assert "Tick at least one certification" in none.text
    monkeypatch.setattr("mentorcert.notices.letters.AT_MOST", 1)
    many = post(client, "/letters", {"scope": "every"}, page=LIST)
    assert many.status_code == 422
    assert "Choose at most 1 people at once." in many.text
