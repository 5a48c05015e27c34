"""Saved filters: saved from a list, over it as links, renamed, removed, and said to be of no use once they are."""

import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.organisations import data_subjects
from mentorcert.web.coordinator.list_query import OF_A_PAGE, ListQuery
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from tests.support.cases import in_turn
from tests.support.registry import fetch, join, rows
from tests.web.conftest import hidden, post
from tests.web.coordinator.conftest import Scene


def save(
    scene: Scene, query: str, name: str, *, who: str = "coordinator", list_: str = "mentors", **more: str
) -> Response:
    page = f"/filters/new?{urlencode({'list': list_, 'query': query})}"
    return post(
        scene.client(who), "/filters/new", {"list": list_, "query": query, "name": name, **more}, page=page
    )


def links(client: TestClient, path: str) -> dict[str, str]:
    """Return the saved filters over a list, each with its address."""
    bar = re.search(
        r'<nav class="actions" aria-label="Saved filters">(.*?)</nav>', client.get(path).text, re.DOTALL
    )
    found = re.findall(r'<a class="button secondary" href="([^"]+)"[^>]*>([^<]*)</a>', bar[1]) if bar else []
    return {name: unescape(address) for address, name in found}


def id_of(scene: Scene, name: str) -> UUID:
    found: UUID = fetch(
        scene.organisation.conn, "select id from mentorcert_private.saved_filters where name = %s", name
    )
    return found


def test_saved_from_the_list_and_found_over_it(scene: Scene) -> None:
    client = scene.client()
    query = "holds=basic&standing=not_held&type=pledge&size=100&left=true"
    page = client.get(f"/mentors?{query}").text
    asked = re.search(r'href="(/filters/new\?[^"]+)">Save this filter', page)
    assert asked is not None
    form = client.get(unescape(asked[1])).text
    assert "They hold: basic, do not hold: pledge, Also those who left" in form
    assert "For everybody" not in form
    saved = save(scene, hidden(form, "query"), "Lacks pledge")
    assert saved.status_code == 303
    address = links(client, "/mentors")["Lacks pledge"]
    assert saved.headers["location"] == address
    assert MentorsQuery.read(address.partition("?")[2]) == MentorsQuery.read(query)
    opened = client.get(address).text
    assert 'aria-current="page">Lacks pledge</a>' in opened
    assert "Save this filter" not in opened
    assert links(client, "/certifications") == {}
    assert links(scene.client("admin"), "/mentors") == {}
    assert (
        save(scene, "status=active&sort=-name&ends=never", "Endless", list_="certifications").status_code
        == 303
    )
    assert links(client, "/certifications") == {
        "Endless": "/certifications?status=active&ends=never&sort=-name"
    }
    # The page with a place in it is the same filter.
    assert save(scene, "q=kari&after=x&ticked=", "Kari").status_code == 303
    assert links(client, "/mentors")["Kari"] == "/mentors?q=kari"


def test_what_cannot_be_saved_keeps_what_was_typed(scene: Scene) -> None:
    save(scene, "q=kari", "Kari")
    for query, name, said in (
        ("q=ola", "Kari", "There is a filter of this name already."),
        ("q=ola", "", "Write a name."),
        ("q=ola", "x" * 61, "This is too long."),
        (f"q={'x' * 201}", "Long", "Search for something shorter"),
        ("", "Nothing", "choose something to filter by"),
        (f"chapter={scene.per}", "Foreign", "that the organisation does not have"),
        ("type=of_nobody&standing=held", "Foreign", "that the organisation does not have"),
    ):
        answer = save(scene, query, name)
        assert answer.status_code == 422, name
        assert said in answer.text
        assert f'value="{name}"' in answer.text
        assert "Error:" in answer.text
    assert len(rows(scene.organisation.conn, "select from mentorcert_private.saved_filters")) == 1
    for list_, query in (("mentors", "chapter=1"), ("certifications", "ends=7"), ("admin", "q=x")):
        assert save(scene, query, "x", list_=list_).status_code in (400, 422)


def test_of_everybody(scene: Scene) -> None:
    assert (
        save(scene, "standing=never&type=basic", "Beginners", who="admin", shared="true").status_code == 303
    )
    client = scene.client()
    assert list(links(client, "/mentors")) == ["Beginners"]
    page = client.get("/filters").text
    assert "for everybody" in page
    assert "Rename or remove" not in page
    shared = id_of(scene, "Beginners")
    assert client.get(f"/filters/{shared}").status_code == 404
    assert "for everybody in the organisation" in scene.client("admin").get(f"/filters/{shared}").text
    assert save(scene, "q=x", "Mine", shared="true").status_code == 404
    # One by a chapter that is not the reader's would find nobody.
    other = fetch(scene.organisation.conn, "select id from mentorcert.chapters where code = 'BGO'")
    save(scene, f"chapter={other}", "Bergen", who="admin", shared="true")
    assert list(links(scene.client("admin"), "/mentors")) == ["Beginners", "Bergen"]
    assert list(links(client, "/mentors")) == ["Beginners"]


def test_renamed_and_removed(scene: Scene) -> None:
    save(scene, "q=kari", "Kari")
    path = f"/filters/{id_of(scene, 'Kari')}"
    client, other = scene.client(), scene.client()
    assert "Nobody is removed from the list by it" in client.get(path).text
    refused = post(client, path, {"name": " ", "version": 1}, page=path)
    assert refused.status_code == 422
    assert "Write a name." in refused.text
    assert post(client, path, {"name": "K.", "version": 1}, page=path).headers["location"] == "/filters"
    assert "The filter has its new name." in client.get("/filters").text
    # What somebody has not seen is neither renamed nor removed.
    assert post(other, path, {"name": "Again", "version": 1}, page=path).status_code == 409
    assert post(other, f"{path}/remove", {"version": 1}, page=path).status_code == 409
    assert post(
        scene.client("admin"), f"{path}/remove", {"version": 2}, page="/filters/new?list=mentors&query=q%3Dx"
    ).status_code in (403, 404)
    assert links(client, "/mentors") == {"K.": "/mentors?q=kari"}
    assert post(client, f"{path}/remove", {"version": 2}, page=path).status_code == 303
    assert "The filter was removed." in client.get("/filters").text
    assert links(client, "/mentors") == {}


def test_many_are_on_a_page_of_their_own(scene: Scene) -> None:
    for number in range(10):
        save(scene, f"q={number}", f"Number {number}")
    client = scene.client()
    assert list(links(client, "/mentors")) == [f"Number {number}" for number in range(8)]
    assert "All 10 saved filters" in client.get("/mentors").text
    assert client.get("/filters").text.count("Rename or remove") == 10


@in_turn(
    ("spoiled", "said"),
    [
        ("""parameters = '{"q": "x", "gone": "y"}'""", "The list has changed since it was saved."),
        ("""parameters = '{"standing": "of_yore", "type": "basic"}'""", "The list has changed since it was saved."),
        ("""parameters = '{"standing": "held"}'""", "The list has changed since it was saved."),
        ("""parameters = '{"standing": "held", "type": "of_yore"}'""", "The certification type is not there any more."),
        (
            """parameters = '{"chapter": "00000000-0000-4000-8000-000000000000"}'""",
            "The chapter is retired, or is not one of yours.",
        ),
    ],
)  # fmt: skip
def test_what_the_list_does_not_know_any_more(scene: Scene, spoiled: str, said: str) -> None:
    """No other list than the saved one opens silently."""
    conn = scene.organisation.conn
    save(scene, "q=kari", "Spoiled")
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "alter table mentorcert_private.saved_filters drop constraint if exists saved_filters_parameters_valid"
    )
    conn.execute(f"update mentorcert_private.saved_filters set {spoiled}".encode())
    conn.execute("set session_replication_role = origin")
    client = scene.client()
    page = client.get("/mentors").text
    path = f"/filters/{id_of(scene, 'Spoiled')}"
    assert f'href="{path}">Spoiled (cannot be used)</a>' in page
    assert "cannot be used" in client.get("/filters").text
    assert (
        f"The filter cannot be used any more. {said} Remove it, and save a new one." in client.get(path).text
    )
    assert (
        post(
            client,
            f"{path}/remove",
            {"version": fetch(conn, "select version from mentorcert_private.saved_filters")},
            page=path,
        ).status_code
        == 303
    )


def test_the_database_knows_the_parameters_of_the_lists(scene: Scene) -> None:
    """A parameter that gets another name gets it in the database too, with the rows."""
    known = rows(scene.organisation.conn, "select list, name from mentorcert_private.list_parameters()")

    for list_, query in (("mentors", MentorsQuery), ("certifications", ListQuery)):
        assert {name for of, name in known if of == list_} == query.model_fields.keys() - OF_A_PAGE


def test_it_is_the_persons_own(scene: Scene) -> None:
    join(scene.organisation, scene.kari_login, "coordinator", scene.organisation.chapter)
    assert save(scene, "q=ola", "Of Kari", who="peer_mentor").status_code == 303
    [saved] = data_subjects.export(scene.organisation.conn, scene.kari)["saved_filters"]
    assert (saved["list"], saved["name"], saved["parameters"]) == ("mentors", "Of Kari", {"q": "ola"})


@pytest.mark.parametrize("path", ["/mentors", "/certifications"])
def test_words_are_escaped(scene: Scene, path: str) -> None:
    save(scene, "q=<script>", "<script>alert(1)</script>", list_=path[1:])
    page = scene.client().get(path).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in scene.client().get("/filters").text
