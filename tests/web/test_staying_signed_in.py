"""Staying signed in by Supabase Auth, and signing out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from mentorcert.web.configuration import Configuration
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation
from tests.web.auth_server import JWKS, LOGOUT, REFUSED, SIGNING_IN, Answer, AuthServer
from tests.web.conftest import AUTH, Site, opened, post
from tests.web.signing_in import is_signed_in, sign_in

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def configuration(configuration: Configuration, supabase: AuthServer) -> Configuration:
    """The pages, into which that server signs people in."""
    return replace(configuration, auth=supabase.auth)


def test_staying_signed_in(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    """An access token whose time is up is exchanged, once, for the pair that the browser has from then on."""
    supabase.answers[SIGNING_IN] = [
        supabase.signs_in(organisation.admin, then="second", exp=HOUR_AGO),
        supabase.signs_in(organisation.admin, then="third"),
        REFUSED,
    ]
    client = site.client()
    # A token that is over when it comes is none.
    assert sign_in(client).status_code == 503
    _hold(client, supabase.token(organisation.admin, exp=HOUR_AGO))
    assert is_signed_in(client)
    assert supabase.asked[-1].body == {"refresh_token": "first"}
    assert client.cookies["mentorcert-refresh"] == "third"
    assert is_signed_in(client)
    assert supabase.number_of(SIGNING_IN) == 2


def test_session_that_ended(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    client = site.client()
    _hold(client, supabase.token(organisation.admin, exp=HOUR_AGO))
    assert not is_signed_in(client)
    assert "mentorcert-access" not in client.cookies
    assert "mentorcert-refresh" not in client.cookies


def test_outage_ends_no_session(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    client = site.client()
    _hold(client, supabase.token(organisation.admin, exp=HOUR_AGO))
    for answer, status in ((Answer(500, {}), 503), (Answer(401, {}), 503), (Answer(429, {}), 429)):
        supabase.answers[SIGNING_IN] = [answer]
        assert client.get("/organisation").status_code == status
        assert client.cookies["mentorcert-refresh"] == "first"
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin)]
    assert is_signed_in(client)


def test_new_tokens_are_kept_whatever_fails_then(
    configuration: Configuration, supabase: AuthServer, organisation: Organisation
) -> None:
    """A project goes over to published keys, unavailable just then: the old tokens are used up."""
    auth = replace(supabase.auth, shared_secret=AUTH.shared_secret)
    published, supabase.answers[JWKS] = supabase.answers[JWKS], [Answer(500, {})]
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin, then="second")]
    with opened(replace(configuration, auth=auth)) as site:
        client = site.client()
        old = issue(auth, organisation.admin, valid=timedelta(hours=-1))
        _hold(client, old)
        assert client.get("/organisation").status_code == 503
        assert client.cookies["mentorcert-refresh"] == "second"
        supabase.answers[JWKS] = published
    with opened(replace(configuration, auth=auth)) as site:
        again = site.client()
        again.cookies = client.cookies
        assert is_signed_in(again)


def test_sign_out(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin, then="first")]
    client = site.client()
    sign_in(client)
    access = client.cookies["mentorcert-access"]
    answer = post(client, "/sign-out", page="/organisation")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    asked = supabase.asked[-1]
    assert (asked.path, asked.query, asked.authorization) == (LOGOUT, "scope=local", f"Bearer {access}")
    assert set(client.cookies) == {"mentorcert-form"}
    assert not is_signed_in(client)


def test_sign_out_when_time_is_up(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    """Supabase ends no session for an old token, so it is asked for a new one first."""
    client = site.client()
    _hold(client, supabase.token(organisation.admin, exp=HOUR_AGO))
    new = supabase.signs_in(organisation.admin)
    supabase.answers[SIGNING_IN] = [new]
    post(client, "/sign-out")
    asked = supabase.asked[-1]
    assert (asked.path, asked.authorization) == (LOGOUT, f"Bearer {new.body['access_token']}")
    assert "mentorcert-access" not in client.cookies


@pytest.mark.parametrize("answer", [Answer(500, {}), Answer(401, {}), Answer(429, {})], ids=str)
def test_sign_out_without_supabase(
    site: Site, supabase: AuthServer, organisation: Organisation, answer: Answer
) -> None:
    for claims in ({}, {"exp": HOUR_AGO}):
        client = site.client()
        _hold(client, supabase.token(organisation.admin, **claims))
        supabase.answers |= {SIGNING_IN: [answer], LOGOUT: [answer]}
        assert post(client, "/sign-out").status_code == 303
        assert not {"mentorcert-access", "mentorcert-refresh"} & set(client.cookies)


def _hold(client: TestClient, access: str) -> None:
    """Have the browser hold a session."""
    for name, value in (("access", access), ("refresh", "first")):
        client.cookies.set(f"mentorcert-{name}", value, domain="pages.test")
