"""Until when a refresher renews: said before it is too late, and what it takes after that is asked for."""

from datetime import date
from uuid import UUID

import pytest

from tests.support.registry import history, today
from tests.web.conftest import hidden, post
from tests.web.coordinator.conftest import Scene
from tests.web.coordinator.test_changes import confirm, words


def limit(scene: Scene, months: int, after_lapse: str = "course") -> None:
    scene.organisation.conn.execute(
        "update mentorcert.certification_types set refresher_months = %s, after_lapse = %s where code = 'basic'",
        (months, after_lapse),
    )


def late(scene: Scene, days: int = 40) -> str:
    """Certify somebody in the chapter whose certification has ended; return its path."""
    conn = scene.organisation.conn
    held = scene.organisation.certify(scene.organisation.mentor("late"), last_day=today(conn, -days))
    return f"/certifications/{held}"


def test_it_is_said_before(scene: Scene) -> None:
    limit(scene, 0)
    conn = scene.organisation.conn
    said = f"A refresher renews it until {words(today(conn, 20))}. After that it takes the whole course."
    assert said in scene.client().get(f"/certifications/{scene.held}").text
    mentor = scene.client("peer_mentor")
    assert said in mentor.get("/me").text
    assert said in mentor.get(f"/me/certifications/{scene.held}/request").text
    limit(scene, 0, "registration")
    assert "After that it takes a new registration." in mentor.get("/me").text
    assert "Etter det kreves det en ny" in scene.client("peer_mentor", "nb").get("/me").text


def test_a_coordinator_says_on_what_it_is_based(scene: Scene) -> None:
    limit(scene, 0)
    client, conn = scene.client(), scene.organisation.conn
    path = late(scene)
    page = client.get(path).text
    assert f"A refresher renewed it until {words(today(conn, -40))}. Now it takes the whole course." in page
    assert ">Outdated</span>" in page
    assert "What the renewal is based on" in client.get(f"{path}/renew").text
    refused = post(client, f"{path}/renew", {"renewed_on": ""})
    assert refused.status_code == 422
    assert "It ended too long ago for a refresher. It takes the whole course." in refused.text
    unseen = post(client, f"{path}/renew", {"basis": "course"})
    assert "Write what was seen, such as the diploma of the course." in unseen.text
    data: dict[str, object] = {"basis": "course", "seen": "Diploma"}
    shown = post(client, f"{path}/renew", data)
    assert confirm(client, f"{path}/renew", shown, data).status_code == 303
    assert "Based on the whole course." in client.get(path).text
    certification = UUID(path.rpartition("/")[2])
    (entry,) = [one for one in history(conn, certification) if one["kind"] == "renewed"]
    assert entry["evidence"]["basis"] == "course"


def test_the_list_has_what_is_outdated(scene: Scene) -> None:
    limit(scene, 0)
    client = scene.client()
    path = late(scene)
    for query, count in (
        ("status=outdated", 1),
        ("status=outdated&sort=name", 1),
        ("status=outdated&ends=30", 0),
    ):
        page = client.get(f"/certifications?{query}").text
        assert page.count(f'href="{path}"') == count, query
    assert ">Outdated</span>" in client.get("/certifications").text
    overview = client.get("/overview").text
    assert '<dt>Outdated</dt><dd><a href="/certifications?status=outdated&amp;sort=-expires">1<' in overview
    limit(scene, 6)
    assert (
        '<dt>Outdated</dt><dd><a href="/certifications?status=outdated&amp;sort=-expires">0<'
        in client.get("/overview").text
    )
    assert ">Outdated</span>" not in client.get("/certifications").text


def test_a_preview_of_many_names_those_that_are_too_late(scene: Scene) -> None:
    limit(scene, 0, "registration")
    client = scene.client()
    ids = [late(scene).rpartition("/")[2], str(scene.held)]
    asked = post(client, "/certifications/bulk", {"change": "renew", "id": ids})
    page = client.get(asked.headers["location"]).text
    assert "It ended too long ago for a refresher. It takes a new registration." in page
    assert "1 certification cannot be changed so; it stands first." in page
    # Based on what it takes, both are renewed, with what was seen.
    data = {"change": "renew", "id": ids, "basis": "registration"}
    shown = post(client, "/certifications/bulk", data)
    assert "cannot be changed so" not in shown.text
    seen = {**data, "step": "confirm", "shown": hidden(shown.text, "shown")}
    assert "Write what was seen" in post(client, "/certifications/bulk", seen).text
    assert (
        post(client, "/certifications/bulk", {**seen, "seen": "Diploma"}).headers["location"]
        == "/certifications"
    )
    (entry,) = [one for one in history(scene.organisation.conn, UUID(ids[0])) if one["kind"] == "renewed"]
    assert entry["evidence"]["basis"] == "registration"


@pytest.mark.parametrize(("days", "is_taken"), [(-41, True), (-39, False)])
def test_a_request_that_is_too_late_is_refused(scene: Scene, days: int, is_taken: bool) -> None:
    limit(scene, 0)
    conn = scene.organisation.conn
    held = scene.organisation.certify(
        scene.kari, "yearly", issued=date(2021, 1, 1), last_day=today(conn, -40)
    )
    conn.execute("update mentorcert.certification_types set refresher_months = 0")
    page = post(
        scene.client("peer_mentor"),
        f"/me/certifications/{held}/request",
        {"text": "A refresher", "done_on": today(conn, days).isoformat()},
    )
    assert (page.status_code == 303) is is_taken
    assert ("A refresher did not renew it on that day any more" in page.text) is not is_taken
