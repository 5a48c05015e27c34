"""Signing in by an OpenID Connect provider, and what a false one or a stranger gets by it."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from mentorcert.web.security import oidc
from tests.support.registry import Organisation
from tests.web.auth_server import Answer, AuthServer
from tests.web.conftest import URL, Site, opened, post
from tests.web.oidc_server import CLIENT, DISCOVERY, TOKENS, USERINFO, Provider, come_back, leave
from tests.web.signing_in import is_signed_in


@pytest.fixture
def provider(supabase: AuthServer) -> Provider:
    """A provider that behaves."""
    played = Provider(supabase)
    played.publish()
    return played


@pytest.fixture
def configuration(configuration: Configuration, provider: Provider) -> Configuration:
    """The pages on plain PostgreSQL: nobody signs in but by this provider."""
    whole = replace(configuration, oidc=provider.settings)
    return replace(whole, auth=whole.oidc_sessions)


def _sign_in(site: Site, provider: Provider, **claims: Any) -> tuple[Any, Any]:
    client = site.client()
    asked = leave(client)
    provider.gives(provider.signs(provider.claims(asked, **claims)))
    return client, come_back(client, asked)


def test_there_and_back(site: Site, provider: Provider, organisation: Organisation, conn: Connection) -> None:
    conn.execute("update auth.users set email = 'Kari@example.org' where id = %s", (organisation.admin,))
    page = site.client().get("/sign-in?next=/me").text
    assert ("Sign in with Our House" in page, 'type="password"' in page) == (True, False)

    client = site.client()
    asked = leave(client, "/overview")
    assert asked["redirect_uri"] == f"{URL}/sign-in/oidc/return"
    assert (asked["scope"], asked["client_id"], asked["code_challenge_method"]) == (
        "openid email",
        CLIENT,
        "S256",
    )
    provider.gives(provider.signs(provider.claims(asked)))
    answer = come_back(client, asked, iss=provider.server.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/overview")
    assert client.get("/overview").status_code == 200
    [sent] = [asked.body for asked in provider.server.asked if asked.path == TOKENS]
    challenge = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() == asked["code_challenge"]
    assert sent["code"] == "once"

    cookie = client.cookies["mentorcert-access"]
    answer = post(client, "/sign-out", page="/overview")
    assert answer.headers["location"] == "/sign-in?signed_out=provider"
    assert f"{provider.server.url}/end?client_id=the+pages" in client.get(answer.headers["location"]).text
    thief = site.client()
    thief.cookies.set("mentorcert-access", cookie)
    assert thief.get("/overview").status_code == 303, "the session has ended, not the cookie alone"


def test_whose_login(site: Site, provider: Provider, conn: Connection) -> None:
    """An identity keeps its login; a login is taken over by no other identity, of whatever address."""

    def logins() -> list[tuple[str, str]]:
        return conn.execute(
            "select login.email, identity.subject from auth.users as login"
            " join mentorcert_private.oidc_identities as identity on identity.user_id = login.id order by 2"
        ).fetchall()

    client, answer = _sign_in(site, provider)
    assert (answer.status_code, client.get("/organisation").status_code) == (303, 403), (
        "a login without rights"
    )
    _, answer = _sign_in(site, provider, email="kari@new.example")
    assert (answer.status_code, logins()) == (303, [("kari@example.org", "kari-1")])
    client, answer = _sign_in(site, provider, sub="heir-of-the-address")
    assert (answer.status_code, "Ask an administrator" in answer.text) == (422, True)
    assert logins() == [("kari@example.org", "kari-1")]
    other = provider.server.url.replace("127.0.0.1", "localhost")
    conn.execute("update mentorcert_private.oidc_identities set issuer = %s", (other,))
    _, answer = _sign_in(site, provider)
    assert answer.status_code == 422, "nor by the same subject at another provider"
    conn.execute("delete from mentorcert_private.oidc_identities")
    conn.execute("update auth.users set deleted_at = now()")
    _sign_in(site, provider)
    assert conn.execute("select count(*) from auth.users where deleted_at is null").fetchone() == (1,)
    written = conn.execute(
        "select action, before is null or not before ? 'subject' from mentorcert.audit_log"
        " where table_name = 'oidc_identities' order by recorded_at"
    ).fetchall()
    assert written == [("insert", True), ("update", True), ("delete", True), ("insert", True)]


def _hours(number: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=number)


Forgery = Callable[[Provider, Mapping[str, str]], str]
_TRUST = "cannot be trusted"
_FORGERIES: dict[str, tuple[str, Forgery]] = {
    "nonce": (_TRUST, lambda p, a: p.signs(p.claims(a, nonce="of another"))),
    "no nonce": (_TRUST, lambda p, a: p.signs(p.claims(a, nonce=None))),
    "audience": (_TRUST, lambda p, a: p.signs(p.claims(a, aud="others"))),
    "audiences": (_TRUST, lambda p, a: p.signs(p.claims(a, aud=[CLIENT, "others"]))),
    "party": (_TRUST, lambda p, a: p.signs(p.claims(a, azp="others"))),
    "issuer": (_TRUST, lambda p, a: p.signs(p.claims(a, iss="https://other.example"))),
    "unsigned": (_TRUST, lambda p, a: jwt.encode(p.claims(a), "", "none")),
    "public key": (_TRUST, lambda p, a: p.signs_by_public_key(p.claims(a))),
    "no token": (_TRUST, lambda _p, _a: "none at all"),
    "expired": ("The clock", lambda p, a: p.signs(p.claims(a, exp=_hours(-0.1)))),
    "of tomorrow": ("The clock", lambda p, a: p.signs(p.claims(a, iat=_hours(24)))),
    "unverified": ("has been verified", lambda p, a: p.signs(p.claims(a, email_verified=False))),
    "unsaid": ("has been verified", lambda p, a: p.signs(p.claims(a, email_verified=None))),
}


def test_forged_tokens(site: Site, provider: Provider, conn: Connection, caplog: Any) -> None:
    for name, (words, forged) in _FORGERIES.items():
        conn.execute("delete from mentorcert_private.attempts")
        client = site.client()
        asked = leave(client)
        provider.gives(forged(provider, asked))
        answer = come_back(client, asked)
        assert (answer.status_code, words in answer.text, is_signed_in(client)) == (422, True, False), name
    assert conn.execute("select count(*) from mentorcert_private.oidc_identities").fetchone() == (0,)
    assert not any(word in caplog.text for word in ("kari", "eyJ", "a client secret", "once"))


def test_answers_of_others(site: Site, provider: Provider, conn: Connection) -> None:
    """Of another browser, another provider, a second time; and where one is sent afterwards."""
    client = site.client()
    asked = leave(client, "https://evil.example/")
    provider.gives(provider.signs(provider.claims(asked)))
    victim = site.client()
    assert come_back(victim, asked).status_code == 422, "login CSRF"
    own = leave(victim)
    assert come_back(victim, asked).status_code == 422, "a state that this browser was not given"
    assert not is_signed_in(victim)
    assert provider.server.number_of(TOKENS) == 0
    cookie = client.cookies["mentorcert-oidc"]
    answer = come_back(client, asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    replayed = site.client()
    replayed.cookies.set("mentorcert-oidc", cookie)
    answer = come_back(replayed, asked)
    assert (answer.status_code, "was done already" in answer.text) == (422, True), "a copy of the cookie"
    assert own["state"] != asked["state"]

    conn.execute("delete from mentorcert_private.attempts")
    for answered in ({"iss": "https://other.example"}, {"error": "access_denied"}, {"error": "server_error"}):
        client = site.client()
        answer = come_back(client, leave(client), **answered)
        assert (answer.status_code, is_signed_in(client)) == (422, False), answered
    assert provider.server.number_of(TOKENS) == 1, "the code goes to nobody else"


def test_userinfo(site: Site, provider: Provider) -> None:
    """Where the ID token has no address it is asked for, and must be of the same subject."""
    said = {"sub": "kari-1", "email": "kari@example.org", "email_verified": True}
    provider.server.answers[USERINFO] = [Answer(body=said | {"sub": "another"}), Answer(body=said)]
    assert _sign_in(site, provider, email=None)[1].status_code == 422
    assert _sign_in(site, provider, email=None)[1].status_code == 303
    assert provider.server.asked[-1].authorization == "Bearer opaque"


def test_provider_without_answer(configuration: Configuration, provider: Provider) -> None:
    """It says so, in the reader's language; nothing of a false provider is used."""
    good = provider.server.answers[DISCOVERY]
    for said in (
        {"issuer": "https://other.example"},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint": "http://other.example/token"},
    ):
        provider.publish(**said)
        with opened(configuration) as site:
            assert site.client().get("/sign-in/oidc").status_code == 503, said
    provider.server.answers[DISCOVERY] = [Answer(500)]
    with opened(configuration) as site:
        answer = site.client(language="nb").get("/sign-in/oidc")
        assert "svarer ikke akkurat nå" in answer.text
        provider.server.answers[DISCOVERY] = good
        client = site.client()
        asked = leave(client)
        provider.server.answers[TOKENS] = [Answer(502, "down", "text/html")]
        assert come_back(client, asked).status_code == 503
        provider.publish(authorization_response_iss_parameter_supported=True)
    with opened(configuration) as site:
        client = site.client()
        asked = leave(client)
        provider.gives(provider.signs(provider.claims(asked)))
        assert come_back(client, asked).status_code == 422, "it says that it names itself, and did not"


def test_slow_provider(
    configuration: Configuration, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that does not come, and one without an end, are given up on; the other pages answer meanwhile."""
    with monkeypatch.context() as patch, opened(configuration) as site:
        patch.setattr(oidc, "_LONGEST_ANSWER", 10)
        assert site.client().get("/sign-in/oidc").status_code == 503
    with monkeypatch.context() as patch, opened(configuration) as site:
        patch.setattr(oidc, "_TIMEOUT_S", 0.1)
        provider.server.ready.clear()
        assert site.client().get("/sign-in/oidc").status_code == 503
        assert site.client().get("/sign-in").status_code == 200
        provider.server.ready.set()
        leave(site.client())


def test_beside_supabase(configuration: Configuration, supabase: AuthServer, provider: Provider) -> None:
    """Both ways stand side by side; neither's tokens pass for the other's."""
    both = replace(configuration, auth=supabase.auth)
    with opened(both) as site:
        page = site.client().get("/sign-in").text
        assert ("Sign in with Our House" in page, 'type="password"' in page) == (True, True)
        client, answer = _sign_in(site, provider)
        assert (answer.status_code, is_signed_in(client)) == (303, True), answer.text
        forged = site.client()
        forged.cookies.set("mentorcert-access", supabase.token(iss=both.oidc_sessions.issuer))
        assert not is_signed_in(forged)
