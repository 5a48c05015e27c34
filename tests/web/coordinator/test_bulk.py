"""One change of many on the pages: each outcome is shown, and just that is done, for all or none."""

import re
from html import unescape
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.certifications import repository
from tests.support.cases import in_turn
from tests.support.registry import history, kinds, rows, today
from tests.web.conftest import form_token, post
from tests.web.coordinator.conftest import Scene

_PATH = "/certifications/bulk"


def fields(html: str) -> dict[str, object]:
    """Return what the form of a preview carries along."""
    form = html.partition(f'action="{_PATH}"')[2].partition("</form>")[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(unescape(value))
    return {**found, "form": form_token(html)}


def followed(client: TestClient, answer: Response) -> Response:
    """Go on to the address of a preview."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{_PATH}?")
    return client.get(answer.headers["location"])


def previewed(client: TestClient, data: dict[str, object]) -> Response:
    """Ask for a preview as the list does."""
    return followed(client, post(client, _PATH, data))


@pytest.fixture
def ids(scene: Scene) -> list[str]:
    conn = scene.organisation.conn
    return [
        str(scene.organisation.certify(scene.organisation.mentor(f"b{n}"), last_day=today(conn, n)))
        for n in range(4)
    ]


@pytest.mark.parametrize(
    ("change", "kind", "note"),
    [
        ("renew", "renewed", ""),
        ("suspend", "suspended", "Why"),
        ("reinstate", "reinstated", ""),
        ("revert", "reverted", "Why"),
    ],
)
def test_shown_then_done(scene: Scene, ids: list[str], change: str, kind: str, note: str) -> None:
    conn, client = scene.organisation.conn, scene.client()
    if change in {"reinstate", "revert"}:
        for id_ in ids:
            with scene.organisation.as_admin():
                conn.execute("select public.suspend_certification(%s, 'Away')", (id_,))
    before = rows(conn, "select id, renewal_history from public.peer_mentor_certifications order by id")
    page = previewed(client, {"change": change, "id": ids, "query": "q=b&sort=-name"})
    assert page.status_code == 200
    assert page.text.count('<th scope="row"><a href="/mentors/') == 4
    assert (
        rows(conn, "select id, renewal_history from public.peer_mentor_certifications order by id") == before
    )
    if change == "revert":
        refused = client.post(_PATH, data={**fields(page.text), "step": "confirm"})
        assert refused.status_code == 422
        assert 'id="note-error"' in refused.text
    answer = client.post(_PATH, data={**fields(page.text), "step": "confirm", "note": note})
    assert (answer.status_code, answer.headers["location"]) == (303, "/certifications?q=b&sort=-name")
    assert all(kinds(conn, UUID(id_))[-1] == kind for id_ in ids)
    said = client.get(answer.headers["location"]).text
    assert re.search(r"<p>4 .*: Person b0, Person b1, Person b2, Person b3\.</p>|<p>4 [^<]*Person b3", said)
    assert ('href="/certifications/batches/' in said) == (change != "revert")


def test_everything_that_matches(scene: Scene, ids: list[str]) -> None:
    conn, client = scene.organisation.conn, scene.client()
    page = previewed(client, {"change": "renew", "scope": "every", "query": "q=b"})
    assert "Renew 4 certifications" in page.text
    new = scene.organisation.certify(scene.organisation.mentor("b-late"), last_day=today(conn, 9))
    answer = client.post(_PATH, data={**fields(page.text), "step": "confirm"})
    assert answer.status_code == 409  # somebody came in who was not shown
    assert kinds(conn, new) == ["issued"]
    answer = client.post(_PATH, data={**fields(answer.text), "step": "confirm"})
    assert answer.status_code == 303
    assert kinds(conn, new) == ["issued", "renewed"]
    assert kinds(conn, scene.held) == ["issued"]


def test_those_that_are_refused(scene: Scene, ids: list[str]) -> None:
    conn, client = scene.organisation.conn, scene.client()
    with scene.organisation.as_admin():
        repository.renew(conn, UUID(ids[0]))
    chosen = [*ids, str(scene.elsewhere), str(scene.foreign), str(uuid4())]
    page = previewed(client, {"change": "renew", "id": chosen})
    assert page.text.count("Not possible") == 4
    assert page.text.count("This one is not yours to change.") == 3
    assert "Vest" not in page.text
    assert 'value="confirm"' not in page.text
    forced = client.post(_PATH, data={**fields(page.text), "step": "confirm"})
    assert "Not possible" in followed(client, forced).text
    assert kinds(conn, UUID(ids[1])) == ["issued"]
    rest = followed(client, client.post(_PATH, data={**fields(page.text), "leave_out": "true"}))
    assert "Renew 3 certifications" in rest.text
    assert client.post(_PATH, data={**fields(rest.text), "step": "confirm"}).status_code == 303
    assert len(history(conn, UUID(ids[0]))) == 2
    assert kinds(conn, UUID(ids[1])) == ["issued", "renewed"]
    assert kinds(conn, scene.elsewhere) == ["issued"]


def test_another_day_is_shown_again(scene: Scene, ids: list[str]) -> None:
    conn, client = scene.organisation.conn, scene.client()
    page = previewed(client, {"change": "renew", "id": ids})
    answer = client.post(
        _PATH, data={**fields(page.text), "step": "confirm", "renewed_on": today(conn, -400).isoformat()}
    )
    assert answer.status_code == 409
    assert kinds(conn, UUID(ids[0])) == ["issued"]


def test_nothing_chosen(scene: Scene) -> None:
    client = scene.client()
    answer = post(client, _PATH, {"change": "renew", "query": "status=active"})
    assert (answer.status_code, 'id="scope-error">Tick at least one' in answer.text) == (422, True)
    assert '<option value="active" selected>' in answer.text


@in_turn(
    "data",
    [
        {"change": "erase", "id": [str(uuid4())]},
        {"change": "renew", "ticked": "x"},
        {"change": "renew", "scope": "all"},
        {"to": "sort=id"},
        {"to": "//elsewhere.example"},
        {"change": "renew", "id": ["x"]},
        {"change": "renew", "id": [str(uuid4()) for _ in range(501)]},
        {"change": "renew", "scope": "every", "query": "sort=id"},
        {"change": "renew", "query": "//elsewhere.example"},
    ],
)
def test_bad_forms(scene: Scene, data: dict[str, object]) -> None:
    answer = post(scene.client(), _PATH, data)
    assert answer.status_code in {422, 303}
    assert answer.headers.get("location", "/certifications").startswith("/certifications")


def test_who_may_not(scene: Scene) -> None:
    data: dict[str, object] = {"change": "renew", "id": [str(scene.held)]}
    assert post(scene.client("peer_mentor"), _PATH, data).status_code == 403
    assert scene.client().post(_PATH, data=data).status_code == 403


def test_a_preview_comes_back_by_its_address(scene: Scene, ids: list[str]) -> None:
    """In the other language too, and with the day; what was typed stays where there is more than a day."""
    client = scene.client()
    day = today(scene.organisation.conn)
    data: dict[str, object] = {"change": "renew", "id": ids, "renewed_on": day.isoformat(), "query": "q=b"}
    answer = post(client, _PATH, data)
    address = answer.headers["location"]
    pages = [client.get(address), client.get(address), scene.client(language="nb").get(address)]
    assert [page.text.count('<th scope="row"><a href="/mentors/') for page in pages] == [4, 4, 4]
    assert fields(pages[0].text)["shown"] == fields(pages[1].text)["shown"]
    typed = post(client, _PATH, {**data, "note": "A remark"})
    assert (typed.status_code, ">\nA remark<" in typed.text) == (200, True)
    back = re.search(r'name="back" value="([^"]*)"', typed.text)
    assert back is not None
    assert unescape(back[1]).startswith(f"{_PATH}?draft=")
    assert client.get(f"{_PATH}?change=renew&query=q%3Db").headers["location"] == "/certifications?q=b"


def test_the_rows_of_the_page(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    for number in range(60):
        scene.organisation.certify(scene.organisation.mentor(f"p{number:02}"), last_day=today(conn, number))
    listed = client.get("/certifications?q=p").text
    assert "60 results" in listed
    assert "All 50 rows on this page" in listed
    assert "All 60 results (“p”)" in listed
    query = unescape(re.search(r'name="to" value="([^"]*)"', listed)[1])  # type: ignore[index]
    page = previewed(client, {"change": "renew", "scope": "page", "query": query})
    assert "Renew 10 certifications" in page.text


def test_ticks_are_kept_over_pages(scene: Scene) -> None:
    conn, client = scene.organisation.conn, scene.client()
    for number in range(60):
        scene.organisation.certify(scene.organisation.mentor(f"p{number:02}"), last_day=today(conn, number))
    listed = client.get("/certifications?q=p").text
    first = re.findall(r'name="id" value="([^"]+)"', listed)[:2]
    to = unescape(re.search(r'name="to" value="([^"]*)"', listed)[1])  # type: ignore[index]
    second = client.get(post(client, _PATH, {"id": first, "to": to}).headers["location"]).text
    assert "The ticked rows, with 2 on other pages" in second
    assert " checked aria-label" not in second
    kept = fields(second)
    here = re.findall(r'name="id" value="([^"]+)"', second)[:1]
    page = followed(client, client.post(_PATH, data={**kept, "change": "renew", "id": here}))
    assert "Renew 3 certifications" in page.text
    to = unescape(re.search(r'name="to" value="([^"]*)"', second)[1])  # type: ignore[index]
    back = client.post(_PATH, data={**kept, "id": here, "to": to})
    again = client.get(back.headers["location"]).text
    assert again.count(" checked aria-label") == 2
    assert "with 1 on other pages" in again
