"""Exports in the pages, and the progress of replays; by the administrator alone."""

from typing import Any
from uuid import uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.imports import tabular
from tests.support.registry import Organisation, fetch, join, set_up
from tests.support.tasks import work
from tests.web.conftest import Site, form_token, post


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_a_file_is_asked_for_and_saved(
    site: Site, database: str, organisation: Organisation, format_: str
) -> None:
    organisation.mentor("=1+1")
    client = site.client(organisation.admin)
    form: dict[str, Any] = {"format": format_, "language": "nb"}
    asked = post(client, "/exports", form, page="/exports")
    assert asked.status_code == 303
    page = asked.headers["location"]
    assert client.get(page).headers["refresh"] == "2"
    assert client.get(f"{page}/file").status_code == 404
    work(database)
    assert "The file is ready." in client.get(page).text
    saved = client.get(f"{page}/file")
    assert saved.headers["content-disposition"] == f"attachment; filename*=utf-8''demo.{format_}"
    (record,) = tabular.parse("demo", saved.content).records
    assert record.cells[0] == "'=1+1"
    assert page in client.get("/exports").text


def test_an_export_is_cancelled(site: Site, database: str, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    page = post(client, "/exports", {"format": "csv", "language": "en"}, page="/exports").headers["location"]
    assert post(client, f"{page}/cancel", page=page).headers["location"] == "/exports"
    assert not work(database)
    assert "The export is cancelled." in client.get(page).text


def test_an_unknown_kind_of_file_is_refused(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    assert post(client, "/exports", {"format": "exe", "language": "nb"}, page="/exports").status_code == 422


def test_others_are_not_let_in(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    coordinator = uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    other = set_up(conn, "other")
    page = post(
        site.client(organisation.admin), "/exports", {"format": "csv", "language": "en"}, page="/exports"
    ).headers["location"]
    work(database)
    for user, status in ((other.admin, 404), (coordinator, 403), (None, 303)):
        client = site.client(user)
        assert client.get(page).status_code == status
        assert client.get(f"{page}/file").status_code == status
        token = form_token(client.get("/exports" if status == 404 else "/sign-in").text)
        assert client.post(f"{page}/cancel", data={"form": token}).status_code == status
    assert fetch(conn, "select state from mentorcert_private.tasks") == "done"


def test_a_replay_shows_how_far_it_is(site: Site, conn: Connection, organisation: Organisation) -> None:
    for number in range(3):
        organisation.mentor(str(number))
    conn.execute("select mentorcert_portal.connect(%s, 'file', 'v1', 'test')", (organisation.id,))
    with organisation.as_admin():
        replay = fetch(conn, "select mentorcert_portal.request_replay('{}', 'because <b>')")
    page = f"/admin/portal/replays/{replay}"
    client = site.client(organisation.admin)
    conn.execute("select mentorcert_portal.replay_next(%s, 2)", (replay,))
    shown = client.get(page)
    assert shown.headers["refresh"] == "2"
    assert "2 of 3" in shown.text
    assert "because &lt;b&gt;" in shown.text
    conn.execute("select mentorcert_portal.replay_next(%s, 2)", (replay,))
    done = client.get(page)
    assert "refresh" not in done.headers
    assert "3 peer mentors are sent again." in done.text
    assert site.client(set_up(conn, "other").admin).get(page).status_code == 404
    assert client.get(f"/admin/portal/replays/{uuid4()}").status_code == 404
