"""How the public reaches a chapter: written by its coordinators, nobody else's, and what is wrong comes back."""

from tests.support.cases import in_turn
from tests.support.registry import fetch, rows
from tests.web.conftest import carried, post
from tests.web.coordinator.conftest import Scene

GOOD: dict[str, object] = {
    "contact_email": " oslo@example.org ",
    "contact_phone": "22 33 44 55",
    "website": "https://example.org/oslo",
    "places": "0150 Oslo\n\n1356 Bekkestua, Bærum",
}


def stored(scene: Scene) -> object:
    return rows(
        scene.organisation.conn,
        "select contact_email, contact_phone, website, places from mentorcert.chapters where id = %s",
        scene.organisation.chapter,
    )[0]


def test_a_coordinator_writes_it(scene: Scene) -> None:
    client, path = scene.client(), f"/chapters/{scene.organisation.chapter}"
    listing = client.get("/chapters").text
    assert path in listing
    assert "Bergen" not in listing
    assert post(client, path, GOOD, page=path).headers["location"] == "/chapters"
    assert stored(scene) == (
        "oslo@example.org", "22 33 44 55", "https://example.org/oslo", ["0150 Oslo", "1356 Bekkestua", "Bærum"],
    )  # fmt: skip
    assert "oslo@example.org" in scene.client("nobody").get("/public/demo/chapters/OSL").text
    assert post(client, path, {"contact_email": "", "places": ""}, page=path).status_code == 303
    assert stored(scene) == (None, None, None, [])


def test_of_other_chapters_nobody_does(scene: Scene) -> None:
    bergen = fetch(scene.organisation.conn, "select id from mentorcert.chapters where code = 'BGO'")
    own = f"/chapters/{scene.organisation.chapter}"
    assert scene.client().get(f"/chapters/{bergen}").status_code == 404
    assert post(scene.client(), f"/chapters/{bergen}", GOOD, page=own).status_code == 404
    assert scene.client("admin").get(f"/chapters/{bergen}").status_code == 200
    assert scene.client("peer_mentor").get(own).status_code == 403
    assert scene.client("nobody").get(own).status_code == 303


@in_turn(
    ("field", "typed", "said"),
    [
        ("contact_email", "oslo", "Write an e-mail address"),
        ("contact_phone", "call us", "Write a telephone number."),
        ("website", "example.org", "Write the whole address"),
        ("website", "javascript:alert(1)//a.b", "Write the whole address"),
        ("places", "x" * 101, "Write at most 100 places"),
        ("places", "\n".join(map(str, range(101))), "Write at most 100 places"),
    ],
)
def test_what_is_wrong_comes_back(scene: Scene, field: str, typed: str, said: str) -> None:
    path = f"/chapters/{scene.organisation.chapter}"
    answer = post(scene.client(), path, GOOD | {field: typed}, page=path)
    assert answer.status_code == 422
    assert said in answer.text
    assert typed.partition("\n")[0] in answer.text
    assert stored(scene) == (None, None, None, [])


def test_what_somebody_else_wrote_meanwhile_is_shown(scene: Scene) -> None:
    client, path = scene.client(), f"/chapters/{scene.organisation.chapter}"
    page = client.get(path).text
    scene.organisation.conn.execute(
        "update mentorcert.chapters set contact_phone = '11 11 11 11' where id = %s",
        (scene.organisation.chapter,),
    )
    answer = client.post(path, data={**carried(page), "contact_phone": "22 22 22 22"})
    assert answer.status_code == 409
    assert "11 11 11 11" in answer.text
