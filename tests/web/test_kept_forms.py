"""What was typed outlives the session and the form: it is offered to the same person, and sent by one more click."""

import json
import re
from html import unescape
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation, fetch, join, set_up
from tests.web.conftest import AUTH, Site, form_token, hidden, post, sent_again

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
TYPED = {"code": "BGO", "name": "Bergen", "parent_id": ""}
_PATH = "/admin/chapters/new"


def access(client: TestClient, user: UUID) -> None:
    """Sign somebody in, or let the session end."""
    client.cookies.set("mentorcert-access", issue(AUTH, user, f"{user}@example.org"), domain="pages.test")


def ended(client: TestClient) -> None:
    """Let the session of a browser be one that no longer holds, then send what was typed."""
    form = form_token(client.get(_PATH).text)
    del client.cookies["mentorcert-access"]
    answer = client.post(_PATH, data={"form": form, **TYPED})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "What you typed is kept" in client.get("/sign-in").text


def test_over_an_ended_session(site: Site, conn: Connection, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    ended(client)
    access(client, organisation.admin)
    target, fields = sent_again(client.get("/sign-in/form").text)
    assert (target, fields | TYPED) == (_PATH, fields)
    assert fetch(conn, "select count(*) from mentorcert.chapters where code = 'BGO'") == 0
    assert client.post(target, data=fields).status_code == 303
    assert fetch(conn, "select count(*) from mentorcert.chapters where code = 'BGO'") == 1
    # Once.
    assert client.get("/sign-in/form").headers["location"] == "/"


def test_nobody_else_sees_it(site: Site, conn: Connection, organisation: Organisation) -> None:
    client, other = site.client(organisation.admin), uuid4()
    join(organisation, other, "org_admin")
    ended(client)
    access(client, other)
    assert client.get("/sign-in/form").headers["location"] == "/"
    access(client, organisation.admin)
    assert post(client, "/sign-out", page=_PATH).status_code == 303
    access(client, organisation.admin)
    assert client.get("/sign-in/form").headers["location"] == "/"


def test_an_expired_form(
    site: Site, conn: Connection, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.client(organisation.admin)
    data = {"form": form_token(client.get(_PATH).text), **TYPED}
    with monkeypatch.context() as patched:
        patched.setattr("mentorcert.web.security.cookies._FORM_AGE_S", -1)
        answer = client.post(_PATH, data=data, headers=SAME_ORIGIN)
    assert (answer.status_code, "The form has expired" in answer.text) == (403, True)
    target, fields = sent_again(answer.text)
    assert client.post(target, data=fields, headers=SAME_ORIGIN).status_code == 303
    assert fetch(conn, "select count(*) from mentorcert.chapters where code = 'BGO'") == 1


def test_only_a_form_of_these_pages_is_offered_again(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "none"}):
        answer = client.post(_PATH, data={"form": "forged", **TYPED}, headers=headers)
        assert answer.status_code == 403
        assert "Bergen" not in answer.text
        assert "The form has expired" in answer.text
    password = client.post("/sign-in", data={"email": "a@b.no", "password": "secret"}, headers=SAME_ORIGIN)
    assert (password.status_code, "secret" in password.text) == (403, False)


AGAIN = "Choose the file once more."
FILE = {"file": ("a.csv", b"x")}
FILE_FORMS = {
    "/imports": {},
    "/admin/certificates": {"signatory": "Kari Nordmann", "signatory_title": "Leader"},
}


@pytest.mark.parametrize("path", FILE_FORMS)
def test_a_file_is_chosen_again_where_the_form_has_expired(
    site: Site, organisation: Organisation, path: str
) -> None:
    client, typed = site.client(organisation.admin), FILE_FORMS[path]
    assert "the browser forgets the file when a page loads again" in client.get(path).text
    answer = client.post(path, data={"form": "old", **typed}, files=FILE, headers=SAME_ORIGIN)
    assert answer.status_code == 403
    lost(client, answer.text, path, typed)


@pytest.mark.parametrize("path", FILE_FORMS)
def test_a_file_is_chosen_again_where_the_session_had_ended(
    site: Site, organisation: Organisation, path: str
) -> None:
    client, typed = site.client(organisation.admin), FILE_FORMS[path]
    form = form_token(client.get(path).text)
    del client.cookies["mentorcert-access"]
    answer = client.post(path, data={"form": form, **typed}, files=FILE)
    assert answer.headers["location"] == "/sign-in"
    access(client, organisation.admin)
    lost(client, client.get("/sign-in/form").text, path, typed)


@pytest.mark.parametrize("path", FILE_FORMS)
def test_a_file_is_chosen_again_in_another_language(
    site: Site, organisation: Organisation, path: str
) -> None:
    client, typed = site.client(organisation.admin), FILE_FORMS[path]
    too_long = {name: value * 20 for name, value in typed.items()}
    data = {"form": form_token(client.get(path).text), **too_long}
    refused = client.post(path, data=data, files={"file": ("a.csv", b"")})
    assert refused.status_code == 422
    kept = [unescape(one) for one in re.findall(r'name="typed" value="([^"]*)"', refused.text)]
    chosen = client.post(
        "/language/form",
        data={"form": data["form"], "language": "en", "path": path, "typed": kept},
    )
    page = client.get(chosen.headers["location"]).text
    lost(client, page, path, too_long, is_language=True)


def lost(
    client: TestClient, page: str, path: str, typed: dict[str, str], *, is_language: bool = False
) -> None:
    """Send what a page offers again: refused at the file's field alone, with everything else kept; then it is whole."""
    assert "You choose the file once more on the next page." in page
    target, fields = sent_again(page)
    assert (target, fields | typed) == (path, fields)
    answer = client.post(target, data=fields, headers=SAME_ORIGIN)
    assert answer.status_code == 422
    assert f'id="file-error">{AGAIN}' in answer.text
    assert 'href="#file"' in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text
    if path != "/imports" and not is_language:
        sent = client.post(path, data={"form": form_token(answer.text), **typed}, headers=SAME_ORIGIN)
        assert sent.status_code == 303


def test_a_form_too_large_for_a_cookie_waits_on_its_page(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    """Signed in again in another tab, the person sends it from there: it is refused once, then confirmed."""
    client, mentor = site.client(organisation.admin), organisation.mentor()
    certification = organisation.certify(mentor)
    path = f"/certifications/{certification}/suspend"
    # What cannot be compressed into a cookie.
    note = "".join(f"{number:x}" for number in range(10**6, 10**6 + 2000, 5))[:1900] + "æøå" * 30
    more = {f"more{number}": "".join(uuid4().hex for _ in range(4)) for number in range(60)}
    form = form_token(client.get(f"/certifications/{certification}").text)
    del client.cookies["mentorcert-access"]
    answer = client.post(path, data={"form": form, "note": note, **more}, headers=SAME_ORIGIN)
    assert (answer.status_code, "Your session has ended" in answer.text) == (401, True)
    assert 'href="/sign-in" target="_blank"' in answer.text
    assert "mentorcert-kept" not in client.cookies
    access(client, organisation.admin)
    target, fields = sent_again(answer.text)
    assert (target, fields["note"]) == (path, note)
    sent = client.post(target, data=fields, headers=SAME_ORIGIN)
    assert sent.status_code == 303
    assert fetch(conn, "select status from public.peer_mentor_certifications") == "suspended"


def test_what_was_sent_while_the_database_was_away_is_sent_once_more(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    data = {"form": form_token(client.get(_PATH).text), **TYPED}
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'test')"
    )
    answer = client.post(_PATH, data=data, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "300")
    assert "What you typed is kept" in answer.text
    conn.execute("delete from mentorcert_private.disabled_endpoints")
    target, fields = sent_again(answer.text)
    assert client.post(target, data=fields, headers=SAME_ORIGIN).status_code == 303
    assert fetch(conn, "select count(*) from mentorcert.chapters where code = 'BGO'") == 1


def test_the_language_of_a_refused_form_keeps_what_was_typed(site: Site, organisation: Organisation) -> None:
    """It is offered under an address of its own, and sent to where it was sent before."""
    client = site.client(organisation.admin)
    path = "/admin/types/new"
    typed = [["code", "A B"], ["name_nb", '"Ål" & <b>'], ["reminder_days", "x"]]
    refused = post(client, path, dict(typed), page=path)
    assert refused.status_code == 422
    assert (hidden(refused.text, "path"), 'action="/language/form"' in refused.text) == (path, True)
    sent = [
        json.loads(unescape(value)) for value in re.findall(r'name="typed" value="([^"]*)"', refused.text)
    ]
    assert [one for one in sent if one[0] != "seen"] == typed
    data = {"form": form_token(refused.text), "language": "nb", "path": path}
    chosen = client.post("/language/form", data={**data, "typed": [json.dumps(one) for one in typed]})
    offered = client.get(chosen.headers["location"])
    assert (offered.status_code, "Språket er endret" in offered.text) == (200, True)
    target, fields = sent_again(offered.text)
    assert (target, fields | dict(typed)) == (path, fields)
    again = client.post(target, data=fields)
    assert (again.status_code, "Ål&#34; &amp; &lt;b&gt;" in again.text, "Feil" in again.text) == (
        422,
        True,
        True,
    )


def test_a_draft_of_nobody_or_of_another_organisation_is_not_offered(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    client, other = site.client(organisation.admin), uuid4()
    join(organisation, other, "org_admin")
    path = "/admin/types/new"
    refused = post(client, path, {"code": "A B"}, page=path)
    data = {"form": form_token(refused.text), "language": "nb", "path": path, "typed": '["code", "A B"]'}
    address = client.post("/language/form", data=data).headers["location"]
    for who, where in ((other, address), (organisation.admin, "/language/form")):
        assert site.client(who).get(where).headers["location"] == "/"
    conn.execute("update mentorcert_private.form_drafts set organisation_id = %s", (set_up(conn, "b").id,))
    assert client.get(address).headers["location"] == "/"
