"""Adding and changing peer mentors: administrators do, by every field; others do not."""

import re
from uuid import UUID, uuid4

import pytest

from tests.support.cases import in_turn
from tests.support.registry import fetch, join, rows
from tests.web.conftest import post
from tests.web.coordinator.conftest import Scene

_NEW: dict[str, object] = {
    "external_id": "42",
    "full_name": "Nina Ny",
    "display_name": "",
    "email": "nina@example.org",
    "phone": "+47 900 00 000",
    "listing_consent": "true",
}


def test_add(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    assert client.get("/mentors/new").status_code == 200
    answer = post(client, "/mentors/new", {**_NEW, "chapter": [str(scene.organisation.chapter)]})
    assert answer.status_code == 303
    id_ = UUID(answer.headers["location"].rpartition("/")[2])
    assert rows(
        conn,
        "select organisation_id, external_id, full_name, display_name, email, phone, listing_consent,"
        " chapter_ids, user_id from mentorcert.peer_mentors where id = %s",
        id_,
    ) == [
        (
            scene.organisation.id, "42", "Nina Ny", None, "nina@example.org", "+47 900 00 000", True,
            [scene.organisation.chapter], None,
        )
    ]  # fmt: skip
    page = client.get(f"/mentors/{id_}").text
    assert "The peer mentor was added." in page
    assert "nina@example.org" in page
    assert "None is registered yet." in page


def test_a_number_that_the_portal_cannot_take_is_shown(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    said = "Nothing about this person can be sent to the portal"
    conn.execute(
        "insert into mentorcert_portal.connections (organisation_id, adapter, contract_version, target, reason)"
        """ values (%s, 'dataverse', 'v1', '{"key_holds": "external_id"}', 'test')""",
        (scene.organisation.id,),
    )
    assert said not in client.get(f"/mentors/{scene.kari}").text
    conn.execute("update mentorcert.peer_mentors set external_id = 'a/1' where id = %s", (scene.kari,))
    assert said in client.get(f"/mentors/{scene.kari}").text


def test_change(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    path = f"/mentors/{scene.kari}/edit"
    form = client.get(path).text
    assert 'value="Kari Nord"' in form
    assert len(re.findall(r'name="chapter"[^>]* checked', form)) == 1
    other = fetch(conn, "select id from mentorcert.chapters where code = 'BGO'")
    data: dict[str, object] = {
        "external_id": "7",
        "full_name": "Kari Sør",
        "display_name": "Kari",
        "chapter": [str(other)],
    }
    assert post(client, path, data, page=path).status_code == 303
    assert rows(
        conn,
        "select full_name, display_name, chapter_ids, listing_consent, user_id"
        " from mentorcert.peer_mentors where id = %s",
        scene.kari,
    ) == [("Kari Sør", "Kari", [other], True, scene.kari_login)]  # a login whose address is not shown stays
    # A person who left the chapter is out of its coordinator's reach at once.
    assert scene.client().get(f"/mentors/{scene.kari}").status_code == 404
    ended = fetch(
        conn,
        "select count(*) from mentorcert.peer_mentor_chapters where peer_mentor_id = %s and ended_at is not null",
        scene.kari,
    )
    assert ended == 1


def test_added_with_a_login(scene: Scene) -> None:
    conn, login = scene.organisation.conn, uuid4()
    join(scene.organisation, login, "peer_mentor")
    conn.execute("update auth.users set email = 'nina@example.com' where id = %s", (login,))
    data = {**_NEW, "chapter": [str(scene.organisation.chapter)], "login": "Nina@example.com"}
    answer = post(scene.client("admin"), "/mentors/new", data)
    id_ = UUID(answer.headers["location"].rpartition("/")[2])
    assert fetch(conn, "select user_id from mentorcert.peer_mentors where id = %s", id_) == login


def test_login(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    login = uuid4()
    join(scene.organisation, login, "peer_mentor")
    conn.execute("update auth.users set email = 'Ola@Example.org' where id = %s", (login,))
    path = f"/mentors/{scene.ola}/edit"
    data: dict[str, object] = {"external_id": "8", "full_name": "Ola Vest"}
    unknown = post(client, path, {**data, "login": "nobody@example.org"}, page=path)
    assert unknown.status_code == 422
    assert "This address has no login yet." in unknown.text
    assert post(client, path, {**data, "login": "ola@example.org"}, page=path).status_code == 303
    assert fetch(conn, "select user_id from mentorcert.peer_mentors where id = %s", scene.ola) == login
    assert "Ola@Example.org" in client.get(f"/mentors/{scene.ola}").text
    kari = f"/mentors/{scene.kari}/edit"
    acquire = post(client, kari, {**data, "external_id": "7", "login": "ola@example.org"}, page=kari)
    assert acquire.status_code == 422
    assert "Another peer mentor has this login already." in acquire.text
    # As long as the address stays, it is not looked up again; without it, the login is taken away.
    asked = fetch(conn, "select count(*) from mentorcert_private.access_log where endpoint = 'find_login'")
    assert post(client, path, {**data, "login": "OLA@example.org"}, page=path).status_code == 303
    assert (
        fetch(conn, "select count(*) from mentorcert_private.access_log where endpoint = 'find_login'")
        == asked
    )
    assert post(client, path, {**data, "login": ""}, page=path).status_code == 303
    assert fetch(conn, "select user_id from mentorcert.peer_mentors where id = %s", scene.ola) is None


@in_turn(
    ("fault", "said"),
    [
        ({"external_id": "7"}, "Somebody has this number already."),
        ({"external_id": " "}, "Write the number."),
        ({"full_name": " "}, "Write the name."),
    ],
)
def test_faults_stand_at_their_field(scene: Scene, fault: dict[str, object], said: str) -> None:
    conn = scene.organisation.conn
    before = fetch(conn, "select count(*) from mentorcert.peer_mentors")
    answer = post(scene.client("admin"), "/mentors/new", {**_NEW, **fault})
    assert answer.status_code == 422
    (field,) = fault
    assert re.search(rf'id="{field}-error">{re.escape(said)}', answer.text)
    assert 'value="nina@example.org"' in answer.text
    assert fetch(conn, "select count(*) from mentorcert.peer_mentors") == before


def test_chapters_of_others(scene: Scene) -> None:
    """A chapter of another organisation, or none at all, is refused, and nothing is kept."""
    conn = scene.organisation.conn
    foreign = fetch(
        conn, "select id from mentorcert.chapters where organisation_id <> %s", scene.organisation.id
    )
    before = fetch(conn, "select count(*) from mentorcert.peer_mentors")
    for chapter in (foreign, uuid4()):
        assert (
            post(scene.client("admin"), "/mentors/new", {**_NEW, "chapter": [str(chapter)]}).status_code
            == 422
        )
    assert fetch(conn, "select count(*) from mentorcert.peer_mentors") == before


@pytest.mark.parametrize("who", ["coordinator", "peer_mentor"])
def test_others_may_not(scene: Scene, who: str) -> None:
    client = scene.client(who)
    for path in ("/mentors/new", f"/mentors/{scene.kari}/edit"):
        assert client.get(path).status_code == 403
        assert post(client, path, _NEW).status_code == 403
    assert "/edit" not in scene.client().get(f"/mentors/{scene.kari}").text


def test_out_of_reach(scene: Scene) -> None:
    client = scene.client("admin")
    for id_ in (scene.per, uuid4()):
        assert client.get(f"/mentors/{id_}/edit").status_code == 404
        assert post(client, f"/mentors/{id_}/edit", _NEW).status_code == 404


def test_what_the_registry_refuses_is_said_at_the_field(scene: Scene) -> None:
    client = scene.client("admin")
    for field, value, text in (
        ("external_id", "\u0410-1", "Write letters a to å, digits and ordinary signs."),
        ("full_name", "Bj\ufffdrn", "This has a character that cannot be read. Type it again."),
        ("full_name", "a" * 201, "This is too long."),
        ("display_name", "a" * 201, "This is too long."),
        ("email", "ikke en adresse", "Write one e-mail address, such as kari@example.org."),
        ("email", "mailto:nina@example.org", "Write one e-mail address, such as kari@example.org."),
        ("phone", "ring meg", "Write a telephone number in digits."),
    ):
        answer = post(client, "/mentors/new", {**_NEW, field: value})
        assert answer.status_code == 422
        assert f'<p class="field-error" id="{field}-error">{text}</p>' in answer.text
    assert (
        fetch(
            scene.organisation.conn, "select count(*) from mentorcert.peer_mentors where external_id = '42'"
        )
        == 0
    )


def test_who_may_be_here_already_is_named_before_anything_is_added(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("admin")
    assert post(client, "/mentors/new", {**_NEW, "external_id": "00 42"}).status_code == 303
    for alike, reason in (
        ({"external_id": "42", "email": "", "full_name": "Ola"}, "almost the same number"),
        ({"external_id": "43", "full_name": "NINA  NY"}, "the same name and e-mail address"),
    ):
        answer = post(client, "/mentors/new", {**_NEW, **alike})
        assert answer.status_code == 422
        assert reason in answer.text
        assert "Nina Ny, 00 42" in answer.text
        assert post(client, "/mentors/new", {**_NEW, **alike, "is_another": "true"}).status_code == 303
    assert (
        fetch(conn, "select count(*) from mentorcert.peer_mentors where external_id in ('00 42', '42', '43')")
        == 3
    )
