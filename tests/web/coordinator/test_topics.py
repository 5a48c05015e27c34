"""What somebody can be asked about: the list of the administrator, the ticks of coordinators and of the person."""

from uuid import UUID

from tests.support.cases import in_turn
from tests.support.registry import fetch, rows
from tests.web.conftest import carried, post
from tests.web.coordinator.conftest import Scene


def add(scene: Scene, nb: str, en: str, kind: str = "topic") -> UUID:
    page = f"/admin/topics/new?kind={kind}"
    sent = {"kind": kind, "name_nb": nb, "name_en": en, "is_offered": "true"}
    assert post(scene.client("admin"), "/admin/topics/new", sent, page=page).status_code == 303
    id_: UUID = fetch(
        scene.organisation.conn, "select id from mentorcert_private.topics where name_nb = %s", nb
    )
    return id_


def chosen(scene: Scene) -> list[str]:
    return [
        name
        for (name,) in rows(
            scene.organisation.conn,
            "select topic.name_en from mentorcert_private.peer_mentor_topics as chosen"
            " join mentorcert_private.topics as topic on topic.id = chosen.topic_id"
            " where chosen.peer_mentor_id = %s order by topic.name_en",
            scene.kari,
        )
    ]


def test_the_list_is_kept_by_administrators(scene: Scene) -> None:
    tinnitus = add(scene, "Øresus", "Tinnitus")
    admin, path = scene.client("admin"), f"/admin/topics/{tinnitus}"
    assert "Tinnitus" in admin.get("/admin/topics").text
    old = admin.get(path).text
    assert (
        post(admin, path, {"kind": "topic", "name_nb": "Øresus", "name_en": "Ringing"}, page=path).status_code
        == 303
    )
    assert "not offered" in admin.get("/admin/topics").text
    stale = admin.post(
        path,
        data={**carried(old), "kind": "topic", "name_nb": "Øresus", "name_en": "Noise", "is_offered": "true"},
    )
    assert stale.status_code == 409
    assert "Ringing" in stale.text
    assert scene.client().get("/admin/topics").status_code == 403
    assert admin.get("/admin/topics/00000000-0000-4000-8000-000000000000").status_code == 404
    assert "Topics and languages" in admin.get("/admin/audit?table_name=topics").text


@in_turn(
    ("nb", "said"),
    [
        ("", "Write the name in both languages."),
        ("ØRESUS", "The list has this name already."),
        ("x" * 150, "This is too long."),
        ("a\x01", "cannot be read"),
    ],
)
def test_a_name_that_does_not_go(scene: Scene, nb: str, said: str) -> None:
    if not fetch(scene.organisation.conn, "select count(*) from mentorcert_private.topics"):
        add(scene, "Øresus", "Tinnitus")
    answer = post(
        scene.client("admin"),
        "/admin/topics/new",
        {"kind": "topic", "name_nb": nb, "name_en": "Kept"},
        page="/admin/topics/new",
    )
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Kept"' in answer.text


def test_a_coordinator_and_the_person_choose(scene: Scene) -> None:
    tinnitus, english = add(scene, "Øresus", "Tinnitus"), add(scene, "Engelsk", "English", "language")
    path = f"/mentors/{scene.kari}/topics"
    assert path in scene.client().get(f"/mentors/{scene.kari}").text
    assert post(scene.client(), path, {"chosen": [str(tinnitus)]}, page=path).status_code == 303
    assert chosen(scene) == ["Tinnitus"]
    mentor = scene.client("peer_mentor")
    opened = mentor.get("/me/topics").text
    assert f'name="shown" value="{tinnitus}"' in opened
    # The coordinator adds one while the person has the form open, and unticks the other.
    assert (
        post(
            scene.client(),
            path,
            {"chosen": [str(tinnitus), str(english)], "shown": [str(tinnitus)]},
            page=path,
        ).status_code
        == 303
    )
    sent = {**carried(opened), "shown": [str(tinnitus)], "chosen": []}
    assert mentor.post("/me/topics", data=sent).headers["location"] == "/me"
    assert chosen(scene) == ["English"]
    assert "English" in scene.client("nobody").get("/public/demo").text


def test_others_do_not(scene: Scene) -> None:
    tinnitus = add(scene, "Øresus", "Tinnitus")
    for other in (scene.ola, scene.per):
        path = f"/mentors/{other}/topics"
        assert scene.client().get(path).status_code == 404
        assert post(scene.client(), path, {"chosen": [str(tinnitus)]}, page="/chapters").status_code == 404
    assert scene.client().get("/me/topics").status_code == 404
    assert scene.client("nobody").get("/me/topics").status_code == 303
    unknown = post(
        scene.client(),
        f"/mentors/{scene.kari}/topics",
        {"chosen": [str(scene.per)]},
        page=f"/mentors/{scene.kari}/topics",
    )
    assert unknown.status_code == 303
    assert chosen(scene) == []
