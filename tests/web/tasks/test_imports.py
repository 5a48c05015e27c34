"""Imports in the pages: uploaded, looked at row by row, confirmed, cancelled; by the administrator alone."""

import re
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.db.connection import Connection
from mentorcert.imports import tabular
from tests.support.mentor_file import content, row, snapshot
from tests.support.registry import Organisation, fetch, join, rows, set_up
from tests.support.tasks import FILE_NAME, confirm, preview, work
from tests.web.conftest import Site, form_token

GOOD = row(certification_type="basic", issued="2026-01-01")
LATEST_IMPORT = (
    "select id from mentorcert_private.tasks where kind = 'import' order by created_at desc limit 1"
)
BAD = row("<b>=2</b>", name="=1+1", email="<script>alert(1)</script>")


def upload(client: TestClient, file: bytes, name: str = FILE_NAME) -> Response:
    """Send the form with a file."""
    token = form_token(client.get("/imports").text)
    return client.post("/imports", data={"form": token}, files={"file": (name, file)})


def press(client: TestClient, page: str, button: str, **fields: str) -> Response:
    """Press a button of a page."""
    token = form_token(client.get(page).text)
    return client.post(f"{page}/{button}", data={"form": token, **fields})


def test_a_file_is_uploaded_looked_at_and_written(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    sent = upload(client, content(GOOD))
    assert sent.status_code == 303
    page = sent.headers["location"]
    waiting = client.get(page)
    assert waiting.headers["refresh"] == "2"
    assert "Waiting in line" in waiting.text
    assert "<progress" in waiting.text
    assert "refresh" not in client.get(f"{page}?follow=false").headers
    work(database)
    shown = client.get(page)
    assert "refresh" not in shown.headers
    assert "Kari Prøve" in shown.text
    assert "1\xa0January\xa02026" in shown.text
    assert snapshot(conn) == []
    confirmed = press(client, page, "confirm")
    assert confirmed.status_code == 303
    work(database)
    done = client.get(confirmed.headers["location"])
    assert "It is written." in done.text
    assert fetch(conn, "select count(*) from public.peer_mentor_certifications") == 1
    assert "This preview is confirmed." in client.get(page).text
    assert FILE_NAME in client.get("/imports").text


def test_bad_rows_are_shown_saved_and_left_out(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin, "nb")
    page = upload(client, content(GOOD, BAD)).headers["location"]
    work(database)
    shown = client.get(page).text
    assert "det er ikke en e-postadresse" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert "<b>=2" not in shown
    saved = client.get(f"{page}/bad-rows.csv")
    assert saved.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        saved.headers["content-disposition"] == "attachment; filename*=utf-8''Likepersoner%202026.csv.bad.csv"
    )
    (record,) = tabular.parse("bad.csv", saved.content).records
    assert record.cells[:2] == ("<b>=2</b>", "'=1+1")
    refused = press(client, page, "confirm")
    assert refused.status_code == 422
    assert "Filen har feil i noen rader." in refused.text
    confirmed = press(client, page, "confirm", skip_bad="true")
    work(database)
    assert client.get(confirmed.headers["location"]).status_code == 200
    assert fetch(conn, "select count(*) from mentorcert.peer_mentors") == 1


def test_rows_are_paged_and_chosen(site: Site, database: str, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    people = [row(str(number), name=f"Person no. {number}") for number in range(120)]
    page = upload(client, content(*people, BAD)).headers["location"]
    work(database)
    first = client.get(page).text
    assert "Person no. 99<" in first
    assert "Person no. 100<" not in first
    assert f"{page}?show=all&amp;after=101" in first
    second = client.get(f"{page}?show=all&after=101").text
    assert "Person no. 100<" in second
    assert "Person no. 99<" not in second
    problems = client.get(f"{page}?show=problems").text
    assert "it is not an e-mail address" in problems
    assert "Person no. " not in problems
    for query in ("show=nothing", "after=-1", "after=x"):
        assert client.get(f"{page}?{query}").status_code == 422
    # What others append to a shared address is ignored.
    assert client.get(f"{page}?other=1").status_code == 200


@pytest.mark.parametrize(
    ("file", "name", "text"),
    [
        (b"", "x.csv", "The file is empty."),
        (b"a" * (20 * 2**20 + 1), "x.csv", "larger than 20 MB"),
        (b"x", "", "Choose a file."),
    ],
)
def test_a_file_that_will_not_do_is_refused_at_once(
    site: Site, conn: Connection, organisation: Organisation, *, file: bytes, name: str, text: str
) -> None:
    refused = upload(site.client(organisation.admin), file, name)
    assert refused.status_code == 422
    assert text in refused.text
    assert rows(conn, "select * from mentorcert_private.tasks") == []


def test_what_is_far_too_large_is_not_read_to_its_end(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    assert upload(site.client(organisation.admin), b"a" * 22_000_000).status_code == 413
    assert rows(conn, "select * from mentorcert_private.tasks") == []


def test_a_file_that_cannot_be_read_says_why(site: Site, database: str, organisation: Organisation) -> None:
    client = site.client(organisation.admin, "nb")
    page = upload(client, b"a;b\n1;2", "../../etc/\x1bliste.csv").headers["location"]
    work(database)
    shown = client.get(page).text
    assert "liste.csv, linje 1: ukjent kolonne «a»" in shown
    assert "etc" not in shown
    assert "Kolonnene er, i hvilken som helst rekkefølge:" in shown


def test_an_import_is_cancelled(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    page = upload(client, content(GOOD)).headers["location"]
    assert press(client, page, "cancel").headers["location"] == "/imports"
    assert not work(database)
    assert "It was cancelled." in client.get(page).text
    again = client.post(f"{page}/cancel", data={"form": form_token(client.get("/imports").text)})
    assert again.status_code == 422
    assert fetch(conn, "select count(*) from mentorcert_private.tasks where file is not null") == 0


def test_the_fourth_at_once_is_refused(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    for _ in range(3):
        assert upload(client, content(GOOD)).status_code == 303
    refused = upload(client, content(GOOD))
    assert refused.status_code == 422
    assert "are not finished" in refused.text


def test_others_are_not_let_in(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    coordinator, mentor = uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, mentor, "peer_mentor")
    other = set_up(conn, "other")
    task_id = preview(organisation, GOOD, BAD)
    work(database)
    pages = ("", "/bad-rows.csv")

    def status(user: UUID | None) -> list[int]:
        client = site.client(user)
        read = [client.get(f"/imports/{task_id}{page}").status_code for page in pages]
        token = form_token(client.get("/imports" if user == other.admin else "/sign-in").text)
        changed = [
            client.post(f"/imports/{task_id}/{button}", data={"form": token, "skip_bad": "true"}).status_code
            for button in ("confirm", "cancel")
        ]
        return read + changed

    assert status(other.admin) == [404] * 4
    assert status(coordinator) == [403] * 4
    assert status(mentor) == [403] * 4
    assert status(None) == [303] * 4
    assert site.client(coordinator).get("/imports").status_code == 403
    assert fetch(conn, "select state from mentorcert_private.tasks") == "done"


def test_a_form_from_elsewhere_changes_nothing(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    assert client.post("/imports", files={"file": ("x.csv", b"x")}).status_code == 403
    task_id = preview(organisation, GOOD)
    work(database)
    assert client.post(f"/imports/{task_id}/confirm", data={"form": "guessed"}).status_code == 403
    assert fetch(conn, "select count(*) from mentorcert_private.tasks") == 1


def test_what_is_deleted_or_switched_off_is_sent(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    page = upload(client, content(GOOD)).headers["location"]
    work(database)
    conn.execute(
        "select mentorcert_private.delete_task_contents(array(select id from mentorcert_private.tasks))"
    )
    assert "The file and its rows are deleted." in client.get(page).text
    assert "Kari" not in client.get(page).text
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test')"
    )
    assert client.get(page).status_code == 503


def test_a_registry_that_was_changed_since_is_reported(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = organisation.mentor("1")
    previewed = preview(organisation, GOOD)
    work(database)
    organisation.certify(mentor, issued=fetch(conn, "select current_date - 1"))
    page = f"/imports/{confirm(organisation, previewed)}"
    work(database)
    shown = site.client(organisation.admin).get(page).text
    assert "The registry was changed since the preview" in shown
    assert "the registry has a newer renewal" in shown


def test_who_was_shown_rows_stands_in_the_access_log(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    page = upload(client := site.client(organisation.admin), content(GOOD)).headers["location"]
    work(database)
    client.get(page)
    (entry,) = rows(
        conn,
        "select row_organisation_ids from mentorcert_private.access_log where endpoint = '/imports/{task_id}'",
    )
    assert entry == ([organisation.id],)


def test_the_preview_says_what_was_read_and_which_fields_would_change(
    site: Site, conn: Connection, database: str, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    written = upload(client, content(row("1"), row("2"))).headers["location"]
    work(database)
    press(client, written, "confirm")
    work(database)
    changed = row("1", name="Kari Ny", email="", phone="+47 22 00 00 00", consent="nei")
    title = "Likepersoner 2026" + ";" * (len(changed) - 1)
    page = upload(client, f"{title}\r\n".encode() + content(changed, row("2"))).headers["location"]
    work(database)
    shown = " ".join(client.get(page).text.split())
    assert "The headings stand in row 2; what is above them was skipped." in shown
    assert re.findall(r"<li>(<strong>[^<]+</strong>: [^<]+)</li>", shown) == [
        "<strong>Name</strong>: Kari Prøve → Kari Ny",
        "<strong>E-mail</strong>: would be cleared (before: kari@example.org)",
        "<strong>Phone</strong>: 00 12 34 56 → +47 22 00 00 00",
        "<strong>Consent to listing</strong>: yes → no",
    ]
    assert "<dt>Rows that clear something</dt><dd>1</dd>" in shown
    assert (
        fetch(conn, "select full_name from mentorcert.peer_mentors where external_id = '1'") == "Kari Prøve"
    )
    press(client, page, "confirm")
    work(database)
    done = client.get(f"/imports/{fetch(conn, LATEST_IMPORT)}").text
    assert "was cleared" in done
    assert "would be cleared" not in done


def test_an_empty_file_to_fill_in(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    page = client.get("/imports").text
    assert "Codes or names of chapters" in page
    for format_, start in (("xlsx", b"PK"), ("csv", b"Peer mentor number,")):
        assert f'href="/imports/template.{format_}"' in page
        sent = client.get(f"/imports/template.{format_}")
        assert sent.content.startswith(start)
        assert f"mentors.{format_}" in sent.headers["content-disposition"]
    assert client.get("/imports/template.pdf").status_code == 404
