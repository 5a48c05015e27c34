"""One search: everything that has a name, tolerant of spelling, and nothing out of reach."""

import re

import pytest

from tests.support.registry import today
from tests.web.coordinator.conftest import Scene


def found(scene: Scene, query: str, *, who: str = "coordinator", language: str = "en") -> dict[str, str]:
    """Return where the results lead, by their text."""
    page = scene.client(who, language).get("/search", params={"q": query}).text.partition("<main")[2]
    return {text: target for target, text in re.findall(r'<li><a href="([^"]+)">([^<]+)</a>', page)}


def test_everything_that_has_a_name(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute("update mentorcert.peer_mentors set full_name = 'Åse Bøe' where id = %s", (scene.kari,))
    conn.execute(
        "update mentorcert.chapters set name = 'Bøeland' where id = %s", (scene.organisation.chapter,)
    )
    conn.execute(
        "update mentorcert.certification_types set name_nb = 'Bøebøyle', name_en = 'Hearing loop' where code = 'basic'"
    )
    for query in ("bøe", "boe", "BØE"):
        assert found(scene, query) == {
            "Åse Bøe": f"/mentors/{scene.kari}",
            "Bøeland": f"/mentors?chapter={scene.organisation.chapter}",
            "Hearing loop": "/certifications?type=basic",
        }
    assert "Åse Bøe" in found(scene, "BO")
    assert "Bøebøyle" in found(scene, "hearing loop", language="nb")
    assert found(scene, "boe aase") == found(scene, "åse") == {"Åse Bøe": f"/mentors/{scene.kari}"}
    assert list(found(scene, "renew many")) == ["Renew many at once"]
    [target] = found(scene, "samtidig", language="nb").values()
    page, _, place = target.partition("#")
    assert f'<li id="{place}">' in scene.client().get(page).text
    assert "invitations" not in str(found(scene, "give people access"))
    assert "Give people access" in found(scene, "give people access", who="admin")


def test_a_word_that_is_almost_right(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute(
        "update mentorcert.certification_types set name_nb = 'Politiattest sett', name_en = 'Police certificate'"
        " where code = 'basic'"
    )
    conn.execute(
        "update mentorcert.chapters set name = 'Buskerud fylkeslag' where id = %s",
        (scene.organisation.chapter,),
    )

    def meant(query: str, who: str = "coordinator") -> list[str]:
        page = scene.client(who, "nb").get("/search", params={"q": query}).text
        return re.findall(r'<a href="/search\?q=[^"]+">([^<]+)</a>', page)

    assert meant("politiatest") == ["Politiattest"]
    assert meant("buskerrud") == ["Buskerud"]
    assert "Politiattest sett" in meant("politiatest set")
    assert meant("politiattest") == meant("xyzxyz") == meant("Kary") == []
    # Chapters out of reach are not named.
    assert meant("bergn") == []
    assert meant("bergn", "admin") == ["Bergen"]


def test_reach(scene: Scene) -> None:
    assert list(found(scene, "Ola Vest")) == []
    assert list(found(scene, "Per Fremmed")) == []
    assert list(found(scene, "Per Fremmed", who="admin")) == []
    assert list(found(scene, "ola", who="admin")) == ["Ola Vest"]
    assert scene.client("peer_mentor").get("/search?q=kari").status_code == 403
    assert scene.client("nobody").get("/search?q=kari").status_code == 303


def test_who_has_left_is_found_and_marked(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute(
        "update mentorcert.peer_mentors set left_on = %s where id = %s", (today(conn, -1), scene.kari)
    )
    page = scene.client().get("/search?q=kari").text
    assert "Kari Nord" in page
    assert "has left" in page


def test_ten_of_a_kind_and_the_way_to_all(scene: Scene) -> None:
    conn = scene.organisation.conn
    for number in range(12):
        mentor = scene.organisation.mentor(f"9{number:02}")
        conn.execute(
            "update mentorcert.peer_mentors set full_name = %s where id = %s",
            (f"Same Name {number:02}", mentor),
        )
    page = scene.client().get("/search?q=same+name").text
    assert [f"Same Name {number:02}" in page for number in range(12)] == [True] * 10 + [False] * 2
    assert "12 results" in page
    [every] = re.findall(r'<a href="([^"]+)">All 12', page)
    assert "Same Name 11" in scene.client().get(every.replace("&amp;", "&")).text


@pytest.mark.parametrize(
    "query",
    [
        "%",
        "_",
        "\\",
        "'",
        "a\0b",
        " ",
        "x" * 5000,
        "5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
        "<b>",
        "🙂",
        "' or 1=1 --",
    ],
)
def test_whatever_is_typed(scene: Scene, query: str) -> None:
    answer = scene.client().get("/search", params={"q": query})
    assert answer.status_code == 200
    assert "Kari Nord" not in answer.text
    assert "<b>" not in answer.text


def test_the_box_stands_on_every_page_of_theirs(scene: Scene) -> None:
    for who in ("coordinator", "admin"):
        for path in ("/overview", "/mentors", "/help/coordinator", "/nowhere"):
            assert 'action="/search"' in scene.client(who).get(path).text
    for who, path in (("peer_mentor", "/me"), ("nobody", "/sign-in")):
        assert 'action="/search"' not in scene.client(who).get(path).text
