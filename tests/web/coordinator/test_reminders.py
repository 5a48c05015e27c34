"""Reminders of one person are seen, and paused for one person."""

from tests.support.registry import fetch, today
from tests.web.conftest import post
from tests.web.coordinator.conftest import Scene


def test_what_was_sent_and_what_comes(scene: Scene) -> None:
    conn, client, path = scene.organisation.conn, scene.client(), f"/mentors/{scene.kari}/reminders"
    conn.execute(
        "update public.peer_mentor_certifications"
        " set expires_at = mentorcert_private.day_starts(%s::date + 1, 'Europe/Oslo') where peer_mentor_id = %s",
        (today(conn, 50), scene.kari),
    )
    conn.execute("update mentorcert.peer_mentors set email = null where id = %s", (scene.kari,))
    page = client.get(path).text
    assert "There is no e-mail address" in page
    assert f'href="/mentors/{scene.kari}/contact"' in page
    conn.execute("update mentorcert.peer_mentors set email = 'kari@example.org' where id = %s", (scene.kari,))
    assert "will be sent" in client.get(path).text
    paused = post(client, path, {"paused": "true"}, page=path)
    assert paused.status_code == 303
    assert fetch(conn, "select reminders_paused from mentorcert.peer_mentors where id = %s", scene.kari)
    page = client.get(path).text
    assert "waits: reminders are paused" in page
    assert "will be sent" not in page
    assert post(client, path, {"paused": "false"}, page=path).status_code == 303
    assert "will be sent" in client.get(path).text
    assert "blir sendt" in scene.client(language="nb").get(path).text


def test_the_list_and_one_that_is_sent_now(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    conn.execute(
        "update public.peer_mentor_certifications"
        " set expires_at = mentorcert_private.day_starts(%s::date + 1, 'Europe/Oslo')",
        (today(conn, 50),),
    )
    conn.execute("update mentorcert.peer_mentors set email = 'kari@example.org' where id = %s", (scene.kari,))
    page = client.get("/reminders").text
    assert "Kari Nord" in page
    assert "Ola Vest" not in page
    assert "Ola Vest" in scene.client("admin").get("/reminders?show=failing").text
    assert "Every reminder reaches its person" in client.get("/reminders?show=failing").text
    assert "No reminder was sent yet." in client.get("/reminders?show=sent").text
    now = f"/reminders/{scene.held}/send"
    assert post(client, now, page="/reminders").headers["location"] == "/reminders"
    assert "The reminder is sent in a moment." in client.get("/reminders").text
    of_person = f"/mentors/{scene.kari}/reminders"
    again = post(client, now, {"mentor": str(scene.kari)}, page="/reminders")
    assert again.headers["location"] == of_person
    page = client.get(of_person).text
    assert "was sent today" in page
    assert "is being sent" in page
    assert page.count(f'action="{now}"') == 1
    assert fetch(conn, "select count(*) from mentorcert_private.notice_mails") == 1
    assert "Kari Nord" in client.get("/reminders?show=sent").text
    assert "sendes" in scene.client(language="nb").get("/reminders?show=sent").text


def test_pages_of_the_list(scene: Scene) -> None:
    conn = scene.organisation.conn
    scene.organisation.certify_many(60, last_day=today(conn, 30))
    client = scene.client("admin")
    html = client.get("/reminders").text
    assert html.count('scope="row"') == 50
    following = html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = client.get(following).text
    assert 'rel="next"' not in rest
    assert html.count('scope="row"') + rest.count('scope="row"') == 62


def test_who_does_not_see_them(scene: Scene) -> None:
    path = f"/mentors/{scene.ola}/reminders"
    assert scene.client().get(path).status_code == 404
    assert post(scene.client(), path, {"paused": "true"}).status_code == 404
    assert post(scene.client(), f"/reminders/{scene.elsewhere}/send", page="/reminders").status_code == 404
    assert not fetch(
        scene.organisation.conn,
        "select reminders_paused from mentorcert.peer_mentors where id = %s",
        scene.ola,
    )
