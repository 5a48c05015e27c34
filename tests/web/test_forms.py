"""No other site changes anything by somebody's browser (CSRF), and no reading does."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import URL
from itsdangerous import URLSafeTimedSerializer
from psycopg import sql
from pydantic import SecretStr

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from tests.support.forging import with_altered_signature
from tests.support.registry import Organisation, join, rows
from tests.web.conftest import Site, form_token, opened

SAFE = {"GET", "HEAD"}


def addresses(app: FastAPI, *, safe: bool) -> list[str]:
    """Return the templates of the addresses that take a safe method, or another, without the API's."""
    every = [(context.path or "", context.methods or set()) for context in iter_route_contexts(app.routes)]
    found = {
        path
        for path, methods in every
        if methods and bool(methods & SAFE) is safe and not path.startswith("/api/")
    }
    assert {"/", "/sign-in"} <= found if safe else {"/sign-in", "/sign-out", "/language"} <= found
    return sorted(found)


def filled(template: str, with_: object) -> str:
    """Return the template with the same in each of its places."""
    before, brace, rest = template.partition("{")
    return f"{before}{with_}{filled(rest.partition('}')[2], with_)}" if brace else before


def everything(conn: Connection) -> dict[str, str | None]:
    """Return a digest of every table but those written by reading: the access log, and who acts while it is written."""
    digests: dict[str, str | None] = {}
    for schema, table in rows(
        conn,
        "select schemaname, tablename from pg_catalog.pg_tables"
        " where schemaname in ('public', 'mentorcert', 'mentorcert_private', 'mentorcert_portal', 'auth')"
        " and tablename not in ('access_log', 'attempts', 'callers')",
    ):
        name = sql.Identifier(schema, table)
        [(digest,)] = conn.execute(
            sql.SQL("select md5(string_agg(t::text, ' ' order by t::text)) from {} as t").format(name)
        )
        digests[f"{schema}.{table}"] = digest
    return digests


@pytest.fixture
def person(conn: Connection, organisation: Organisation) -> UUID:
    """Somebody who may open every page: peer mentor, coordinator and administrator."""
    mentor, person = organisation.mentor(), uuid4()
    organisation.certify(mentor)
    for role, chapter in (("org_admin", None), ("coordinator", organisation.chapter), ("peer_mentor", None)):
        join(organisation, person, role, chapter)
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (person, mentor))
    return person


@pytest.fixture
def configuration(configuration: Configuration) -> Configuration:
    """A demonstration, which has every page."""
    return replace(configuration, is_demonstration=True, public_url="http://127.0.0.1")


def client_of(site: Site, person: UUID | None = None) -> TestClient:
    client = site.client(person)
    client.base_url = URL("http://127.0.0.1")
    return client


def test_forms_of_others_change_nothing(site: Site, conn: Connection, person: UUID) -> None:
    old = client_of(site)
    foreign = form_token(old.get("/step-in").text)
    client = client_of(site, person)
    own = form_token(client.get("/step-in").text)
    assert own
    assert foreign
    before = everything(conn)
    cookies = dict(client.cookies)
    for template in addresses(site.app, safe=False):
        path = filled(template, uuid4())
        for data in ({}, *({"form": form} for form in ("", foreign, with_altered_signature(own), "é\0"))):
            assert client.post(path, data=data).status_code == 403, path
        assert client.post(path, json={"form": own}).status_code == 403, path
        assert client.post(path, params={"form": own}).status_code == 403, path
        assert client.post(path, files={"form": ("form", own)}).status_code == 403, path
        for site_ in ("cross-site", "same-site", "nonsense", ""):
            answer = client.post(path, data={"form": own}, headers={"sec-fetch-site": site_})
            assert answer.status_code == 403, path
        assert dict(client.cookies) == cookies
    assert everything(conn) == before


def test_form_of_ones_own(site: Site) -> None:
    client = client_of(site)
    own = form_token(client.get("/step-in").text)
    for headers in ({}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}):
        data = {"form": own, "language": "nb", "back": "/sign-in"}
        assert client.post("/language", data=data, headers=headers).status_code == 303


def test_form_of_before_a_restart_with_another_secret(site: Site, configuration: Configuration) -> None:
    client = client_of(site)
    own = form_token(client.get("/step-in").text)
    with opened(replace(configuration, secret=SecretStr("not the same secret"))) as other_site:
        other = client_of(other_site)
        other.cookies = client.cookies
        assert other.post("/language", data={"form": own, "language": "nb"}).status_code == 403


def test_form_of_yesterday(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(site)
    own = form_token(client.get("/step-in").text)
    monkeypatch.setattr("mentorcert.web.security.cookies._FORM_AGE_S", -1)
    answer = client.post("/language", data={"form": own, "language": "nb"})
    assert (answer.status_code, "The form is too old" in answer.text) == (403, True)


def test_message_of_a_cookie_is_no_form(site: Site) -> None:
    """What is signed for one purpose serves no other."""
    client = client_of(site)
    client.get("/step-in")
    of, secret = site.app.state.services.configuration, client.cookies["mentorcert-form"]
    forged = _signed(of, secret, "message")
    assert client.post("/language", data={"form": forged, "language": "nb"}).status_code == 403
    forged = _signed(of, secret, "form")
    assert client.post("/language", data={"form": forged, "language": "nb"}).status_code == 303


def test_reading_changes_nothing(site: Site, conn: Connection, person: UUID) -> None:
    ids = [
        *(id_ for (id_,) in rows(conn, "select id from mentorcert.peer_mentors")),
        *(id_ for (id_,) in rows(conn, "select id from public.peer_mentor_certifications")),
        *(slug for (slug,) in rows(conn, "select slug from mentorcert.organisations")),
        uuid4(),
    ]
    client, nobody = client_of(site, person), client_of(site)
    before = everything(conn)
    for template in addresses(site.app, safe=True):
        for one in ids if "{" in template else ids[:1]:
            for browser in (client, nobody):
                answer = browser.get(filled(template, one))
                assert answer.status_code < 500, (template, answer.status_code)
    assert everything(conn) == before


def _signed(configuration: Configuration, value: str, purpose: str) -> str:
    signer = URLSafeTimedSerializer(configuration.secret.get_secret_value())
    return str(signer.dumps(value, salt=purpose))
