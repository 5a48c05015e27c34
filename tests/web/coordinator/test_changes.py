"""What coordinators change on the pages: shown first, then done, and refused where it is not theirs."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from babel.dates import format_date
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.certifications import repository
from tests.support.registry import history, kinds, rows, status, today
from tests.web.conftest import form_token, hidden, post
from tests.web.coordinator.conftest import Scene


def words(day: date) -> str:
    """Return a day as the pages write it."""
    return format_date(day, "d\xa0MMMM\xa0y", locale="en_GB")


def confirm(client: TestClient, path: str, page: Response, data: dict[str, object]) -> Response:
    """Confirm what a page shows."""
    assert page.status_code == 200, page.text
    return client.post(
        path,
        data={"form": form_token(page.text), "shown": hidden(page.text, "shown"), "step": "confirm", **data},
    )


def test_renew(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    path = f"/certifications/{scene.held}/renew"
    assert client.get(path).status_code == 200
    data: dict[str, object] = {
        "renewed_on": today(conn).isoformat(), "note": "Course <b>passed</b>", "seen": "Diploma",
        "seen_on": today(conn, -3).isoformat(), "last_valid_day": "",
    }  # fmt: skip
    before = history(conn, scene.held)
    page = post(client, path, data)
    # A type of twelve months.
    until = today(conn).replace(year=today(conn).year + 1) if today(conn).day < 29 else None
    if until:
        assert words(until) in page.text
    assert "Nothing is changed yet." in page.text
    assert history(conn, scene.held) == before
    answer = confirm(client, path, page, data)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/certifications/{scene.held}")
    entry = history(conn, scene.held)[-1]
    assert (entry["kind"], entry["note"]) == ("renewed", "Course <b>passed</b>")
    assert entry["evidence"]["seen_by"] == str(scene.coordinator)
    shown = client.get(f"/certifications/{scene.held}").text
    assert "The certification was renewed." in shown
    assert "Course &lt;b&gt;passed&lt;/b&gt;" in shown
    assert re.search(r"Diploma, seen on .* by you", shown)
    assert "you, coordinator" in shown


def test_evidence_that_no_text_may_hold(scene: Scene) -> None:
    path = f"/certifications/{scene.held}/renew"
    answer = post(scene.client(), path, {"seen": "\0", "seen_on": today(scene.organisation.conn).isoformat()})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("days", "says"),
    [(20, "Counted on from the last valid day before it."), (19, "Counted from the day of renewal.")],
)
def test_an_early_renewal_says_from_where_it_counts(scene: Scene, days: int, says: str) -> None:
    """On the certification, in the preview, in the history: the one who is certified reads it too."""
    conn, client = scene.organisation.conn, scene.client()
    conn.execute(
        "update mentorcert.certification_types set early_renewal_days = %s where code = 'basic'", (days,)
    )
    start = words(today(conn, 20 - days))
    assert f"Renewed from {start} to the last valid day" in client.get(f"/certifications/{scene.held}").text
    assert f"Renewed from {start} to {words(today(conn, 20))}" in scene.client("peer_mentor").get("/me").text
    path = f"/certifications/{scene.held}/renew"
    page = post(client, path, {"renewed_on": ""})
    assert says in page.text
    asked = post(client, "/certifications/bulk", {"change": "renew", "id": [str(scene.held)]})
    many = client.get(asked.headers["location"])
    assert says in many.text
    assert confirm(client, path, page, {"renewed_on": ""}).status_code == 303
    assert says in client.get(f"/certifications/{scene.held}").text
    assert says in scene.client("peer_mentor").get("/me/history").text


def test_renew_shows_what_speaks_against_it(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    path = f"/certifications/{scene.held}/renew"
    for data, said in (
        ({"renewed_on": today(conn, 2).isoformat()}, "cannot be issued in the future"),
        ({"renewed_on": "2019-01-01"}, "cannot be renewed from a day before it was issued"),
        ({"last_valid_day": "2019-01-01"}, "does not shorten what is held"),
        ({"last_valid_day": "2099-01-01"}, "Only the administrator"),
        (
            {"seen": "It", "seen_on": today(conn, 9).isoformat()},
            "Evidence cannot be seen on a day in the future.",
        ),
    ):
        for step in ("preview", "confirm"):
            answer = post(client, path, {**data, "step": step})
            assert answer.status_code == 422
            assert said in answer.text
    assert post(client, path, {"step": "now"}).status_code == 422
    assert kinds(conn, scene.held) == ["issued"]
    far = post(scene.client("admin"), path, {"last_valid_day": "2098-12-31"})
    assert "31\xa0December\xa02098" in far.text


def test_what_cannot_be_read_is_said_at_its_field_and_all_of_it_is_kept(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    day = today(conn)
    typed: dict[str, object] = {
        "renewed_on": "soon", "last_valid_day": day.strftime("%d/%m-%y"), "note": "A remark",
        "seen_on": f"{day:%d.%m.%Y}", "step": "confirm",
    }  # fmt: skip
    ways: list[tuple[str, dict[str, object]]] = [
        (f"/certifications/{scene.held}/renew", {}),
        ("/certifications/new", {"mentor": scene.kari, "type": "yearly", "issued_on": "soon"}),
        ("/certifications/bulk", {"change": "renew", "id": [str(scene.held)]}),
    ]
    for path, more in ways:
        answer = post(client, path, {**typed, **more})
        assert answer.status_code == 422, path
        first = "issued_on" if "mentor" in more else "renewed_on"
        assert "<title>Error: " in answer.text
        for name, said in ((first, "Write a day that exists"), ("seen", "Write what was seen on that day")):
            assert re.search(rf'<a href="#{name}">[^<]+: {said}', answer.text)
            assert f'id="{name}-error">{said}' in answer.text
        for kept in ('value="soon"', ">\nA remark<", f'value="{words(day)}"'):
            assert kept in answer.text, (path, kept)
    far = post(client, ways[0][0], {"renewed_on": "1.1.1800", "note": "x" * 2001})
    assert 'id="renewed_on-error">Write a day between' in far.text
    assert 'id="note-error">Write at most 2000' in far.text
    assert kinds(conn, scene.held) == ["issued"]


def test_what_was_not_shown_is_not_done(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    path = f"/certifications/{scene.held}/renew"
    page = post(client, path, {"renewed_on": today(conn, -5).isoformat()})
    answer = confirm(client, path, page, {"renewed_on": today(conn).isoformat()})
    assert answer.status_code == 409
    assert "Something has changed since the preview" in answer.text
    assert kinds(conn, scene.held) == ["issued"]


def test_suspend_and_reinstate(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    path = f"/certifications/{scene.held}"
    answer = post(client, f"{path}/suspend", {"note": "  "})
    assert answer.status_code == 422
    assert "The change needs a reason." in answer.text
    assert post(client, f"{path}/suspend", {"note": "Away"}).status_code == 303
    assert status(conn, scene.held) == "suspended"
    assert "Remark: Away" in client.get(path).text
    assert post(client, f"{path}/suspend", {"note": "Away"}).status_code == 422
    assert post(client, f"{path}/reinstate", {"note": ""}).status_code == 303
    assert status(conn, scene.held) == "active"
    assert kinds(conn, scene.held) == ["issued", "suspended", "reinstated"]


def test_revert(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    post(client, f"/certifications/{scene.held}/suspend", {"note": "Away"})
    page = client.get(f"/certifications/{scene.held}").text
    (path,) = re.findall(r'href="(/certifications/[^"]+/revert/[^"]+)"', page)
    asked = client.get(path)
    assert "It would become: <span" in asked.text
    assert kinds(conn, scene.held) == ["issued", "suspended"]
    without = confirm(client, path, asked, {})
    assert without.status_code == 422
    assert "The change needs a reason." in without.text
    assert confirm(client, path, asked, {"note": "By mistake"}).status_code == 303
    assert kinds(conn, scene.held) == ["issued", "suspended", "reverted"]
    assert status(conn, scene.held) == "active"
    again = client.get(path)
    assert again.status_code == 422
    assert "cannot be reverted" in again.text
    first = history(conn, scene.held)[0]["entry_id"]
    assert client.get(f"/certifications/{scene.held}/revert/{first}").status_code == 422


def test_undo_says_what_it_undoes_and_is_offered_only_where_it_can_be_done(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    day = words(today(conn))
    with scene.organisation.as_admin():
        repository.renew(conn, scene.held, renewed_on=today(conn, -2), last_valid_day=today(conn, 400))
        repository.renew(conn, scene.held, renewed_on=today(conn), last_valid_day=today(conn, 410))
        repository.suspend(conn, scene.held, "Away")

    def offered(of: str = "coordinator") -> list[tuple[str, str]]:
        page = scene.client(of).get(f"/certifications/{scene.held}").text
        return re.findall(r'href="(/certifications/[^"]+/revert/[^"]+)">([^<]*)</a>', page)

    undone = offered()
    # The first of the renewals lies under the second one.
    assert [text.strip() for _, text in undone] == [
        f"Undo the suspension of {day} …",
        f"Undo the renewal of {day} …",
    ]
    entries = [entry["entry_id"] for entry in history(conn, scene.held)]
    for entry in entries:
        asked = client.get(f"/certifications/{scene.held}/revert/{entry}")
        is_offered = any(path.endswith(entry) for path, _ in undone)
        assert asked.status_code == (200 if is_offered else 422)
    asked = client.get(undone[0][0])
    assert f"<h1>Undo the suspension of {day}: Kari Nord – " in asked.text
    assert confirm(client, undone[0][0], asked, {"note": "Back"}).status_code == 303
    assert [text.strip() for _, text in offered()] == [f"Undo the renewal of {day} …"]
    assert f"Undo what was undone on {day} …" in [text.strip() for _, text in offered("admin")]


def test_previews_have_an_address(scene: Scene) -> None:
    """With what the outcome depends on; it is what the choice of a language goes back to. It changes nothing."""
    conn, client = scene.organisation.conn, scene.client()
    day, last = today(conn), today(conn, 90)
    for path, data, more in (
        (
            f"/certifications/{scene.held}/renew",
            {"renewed_on": day.isoformat(), "last_valid_day": last.isoformat()},
            {},
        ),
        ("/certifications/new", {"type": "half", "last_valid_day": ""}, {"mentor": str(scene.kari)}),
    ):
        posted = post(client, path, {**more, **data, "note": "A remark"})
        assert posted.status_code == 200
        address = hidden(posted.text, "back")
        assert address.startswith(f"{path}?")
        assert "remark" not in address
        again = client.get(address)
        assert hidden(again.text, "shown") == hidden(posted.text, "shown") != ""
        assert "Nothing is changed yet." in again.text
    assert kinds(conn, scene.held) == ["issued"]
    assert rows(
        conn, "select count(*) from public.peer_mentor_certifications where certification_type = 'half'"
    ) == [(0,)]
    assert client.get(f"/certifications/{scene.held}/renew?renewed_on=soon").status_code == 422


def test_register(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    form = client.get(f"/certifications/new?mentor={scene.kari}").text
    assert 'value="half"' in form
    assert 'value="basic"' not in form  # held already
    data: dict[str, object] = {"mentor": scene.kari, "type": "yearly", "issued_on": today(conn).isoformat()}
    page = post(client, "/certifications/new", data)
    assert f"31\xa0December\xa0{today(conn).year}" in page.text
    answer = confirm(client, "/certifications/new", page, data)
    assert answer.status_code == 303
    assert "was registered" in client.get(answer.headers["location"]).text
    assert post(client, "/certifications/new", data).status_code == 422  # the second of its type
    assert post(client, "/certifications/new", {**data, "type": "no-such"}).status_code == 422
    assert post(client, "/certifications/new", {**data, "type": ""}).status_code == 422


def _paths(scene: Scene, mentor: UUID, certification: UUID) -> dict[str, dict[str, object]]:
    entry = uuid4()
    return {
        f"/certifications/{certification}/renew": {"step": "confirm", "shown": "x"},
        f"/certifications/{certification}/suspend": {"note": "Why"},
        f"/certifications/{certification}/reinstate": {},
        f"/certifications/{certification}/revert/{entry}": {"step": "confirm", "note": "Why"},
        "/certifications/new": {"mentor": mentor, "type": "half", "step": "confirm"},
    }


@pytest.mark.parametrize(
    "outside",
    [
        lambda scene: (scene.ola, scene.elsewhere),
        lambda scene: (scene.per, scene.foreign),
        lambda _: (uuid4(), uuid4()),
    ],
    ids=["another chapter", "another organisation", "nowhere"],
)
def test_out_of_reach(scene: Scene, outside: Callable[[Scene], tuple[UUID, UUID]]) -> None:
    """What is hidden and what does not exist answer alike, and nothing is changed."""
    conn, client = scene.organisation.conn, scene.client()
    mentor, certification = outside(scene)
    before = rows(conn, "select * from public.peer_mentor_certifications order by id")
    for path, data in _paths(scene, mentor, certification).items():
        answer = post(client, path, data)
        assert answer.status_code == 404, path
        assert "Fremmed" not in answer.text
        assert "Vest" not in answer.text
    for path in (
        f"/certifications/{certification}", f"/certifications/{certification}/renew", f"/mentors/{mentor}",
        f"/certifications/new?mentor={mentor}",
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path
    assert rows(conn, "select * from public.peer_mentor_certifications order by id") == before


def test_no_change_by_peer_mentors(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client("peer_mentor")
    for path, data in _paths(scene, scene.kari, scene.held).items():
        assert post(client, path, data).status_code == 403
    assert kinds(conn, scene.held) == ["issued"]


def test_own_certification_elsewhere_is_only_read(scene: Scene) -> None:
    """A coordinator who is a peer mentor in another chapter sees the own page, without buttons."""
    conn = scene.organisation.conn
    conn.execute(
        "update mentorcert.peer_mentors set user_id = %s where id = %s", (scene.coordinator, scene.ola)
    )
    page = scene.client().get(f"/certifications/{scene.elsewhere}")
    assert page.status_code == 200
    assert "/renew" not in page.text
    for path, data in _paths(scene, scene.ola, scene.elsewhere).items():
        assert post(scene.client(), path, data).status_code in {403, 404}, path


def test_forms_without_a_token_change_nothing(scene: Scene) -> None:
    client = scene.client()
    for path, data in _paths(scene, scene.kari, scene.held).items():
        assert client.post(path, data=data).status_code == 403
    assert kinds(scene.organisation.conn, scene.held) == ["issued"]


def test_no_such_page(scene: Scene) -> None:
    for path in (
        "/certifications/x",
        "/certifications/bulk?change=x",
        "/mentors/x",
        f"/mentors/{scene.kari}?page=0",
    ):
        assert scene.client().get(path).status_code in {404, 422}, path


def test_long_history_in_parts(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    long = scene.organisation.certify(scene.kari, "half", last_day=today(conn) + timedelta(9), past=510)
    seen = 0
    for number in range(1, 12):
        page = client.get(f"/mentors/{scene.kari}?page={number}").text
        seen += page.count("<time ")
    assert seen == 512
    assert "Older entries" not in page
    assert client.get(f"/certifications/{long}").text.count("<time ") == 50
    assert "Nothing has happened yet." in client.get(f"/mentors/{scene.kari}?page=99").text


def test_timeline_in_norwegian_words(scene: Scene) -> None:
    conn = scene.organisation.conn
    with scene.organisation.as_admin():
        repository.renew(conn, scene.held, renewed_on=today(conn, -1))
    page = scene.client("admin", "nb").get(f"/mentors/{scene.kari}").text
    assert "Gyldig til og med: fra" in page
    assert "du, administrator" in page
