"""Signing in by Supabase Auth: by password, by code and by link."""

from dataclasses import replace
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from mentorcert.web.security import gotrue
from tests.support.cases import in_turn
from tests.support.registry import Organisation
from tests.web.auth_server import JWKS, OTP, REFUSED, SIGNING_IN, VERIFY, Answer, AuthServer
from tests.web.conftest import URL, Site, opened, post
from tests.web.signing_in import EMAIL, is_signed_in, sign_in


@pytest.fixture
def configuration(configuration: Configuration, supabase: AuthServer) -> Configuration:
    """The pages, into which that server signs people in."""
    return replace(configuration, auth=supabase.auth)


def test_password(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    client = site.client()
    answer = sign_in(client, knows=False)
    assert answer.status_code == 422
    assert "The e-mail address or the password is wrong." in answer.text
    assert (f'value="{EMAIL}"' in answer.text, is_signed_in(client)) == (True, False)

    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin)]
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/organisation")
    assert is_signed_in(client)
    assert client.get("/").headers["location"] == "/overview"
    asked = supabase.asked[-2] if supabase.asked[-1].path == JWKS else supabase.asked[-1]
    assert (asked.query, asked.body) == ("grant_type=password", {"email": EMAIL, "password": "right"})


def test_code_by_mail(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    client = site.client()
    answer = post(client, "/sign-in/code", {"email": EMAIL, "next": "/me"})
    assert (answer.status_code, EMAIL in answer.text) == (200, True)
    # Reload and the choice of a language send no other mail.
    assert client.get("/sign-in/code").text.count(EMAIL) == answer.text.count(EMAIL)
    assert site.client().get("/sign-in/code").headers["location"] == "/sign-in"
    [asked] = supabase.asked
    assert (asked.body["email"], asked.body["create_user"]) == (EMAIL, False)
    assert asked.body["code_challenge_method"] == "s256"
    assert parse_qs(asked.query)["redirect_to"] == [f"{URL}/sign-in/link?next=%2Fme"]

    entered = {"email": EMAIL, "code": " 123 456 ", "next": "/me"}
    answer = post(client, "/sign-in/code/enter", entered)
    assert (answer.status_code, "The code is wrong or too old." in answer.text) == (422, True)
    supabase.answers[VERIFY] = [supabase.signs_in(organisation.admin)]
    answer = post(client, "/sign-in/code/enter", entered)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert is_signed_in(client)
    assert client.get("/sign-in/code").headers["location"] == "/sign-in"
    assert [asked.body for asked in supabase.asked if asked.path == VERIFY][-1] == {
        "type": "email", "email": EMAIL, "token": "123456",
    }  # fmt: skip


def test_nobody_learns_who_has_a_login(site: Site, supabase: AuthServer) -> None:
    known = post(site.client(), "/sign-in/code", {"email": EMAIL})
    supabase.answers[OTP] = [
        Answer(422, {"error_code": "otp_disabled", "msg": "Signups not allowed for otp"})
    ]
    unknown = post(site.client(), "/sign-in/code", {"email": EMAIL})
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert _without_tokens(known.text) == _without_tokens(unknown.text)


def test_link_by_mail(site: Site, supabase: AuthServer, organisation: Organisation) -> None:
    """It works once, in the browser that asked for it, whose verifier goes along."""
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin)]
    client, other = site.client(), site.client()
    post(client, "/sign-in/code", {"email": EMAIL})
    assert other.get("/sign-in/link?code=abc").status_code == 422
    assert client.get("/sign-in/link").status_code == 422
    assert supabase.number_of(SIGNING_IN) == 0

    answer = client.get("/sign-in/link?code=abc&next=/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    asked = next(asked for asked in supabase.asked if asked.path == SIGNING_IN)
    challenge = next(asked for asked in supabase.asked if asked.path == OTP).body["code_challenge"]
    assert (asked.query, asked.body["auth_code"]) == ("grant_type=pkce", "abc")
    assert gotrue.Challenge(asked.body["code_verifier"]).digest == challenge
    assert client.get("/sign-in/link?code=abc").status_code == 422


def test_old_link(site: Site, supabase: AuthServer) -> None:
    client = site.client()
    post(client, "/sign-in/code", {"email": EMAIL})
    supabase.answers[SIGNING_IN] = [Answer(404, {"error_code": "flow_state_not_found"})]
    answer = client.get("/sign-in/link?code=abc")
    assert (answer.status_code, "Ask for a new one." in answer.text) == (422, True)
    assert not is_signed_in(client)


@in_turn(
    ("answer", "status"),
    [
        (Answer(500, {}), 503),
        (Answer(502, "<h1>Bad gateway</h1>", "text/html"), 503),
        (Answer(200, "<h1>Maintenance</h1>", "text/html"), 503),
        (Answer(200, {"access_token": "only"}), 503),
        (Answer(200, []), 503),
        (Answer(302, {}), 503),
        (Answer(401, {"message": "Invalid API key"}), 503),
        (Answer(403, "<h1>Blocked</h1>", "text/html"), 503),
        (Answer(429, {"error_code": "over_request_rate_limit"}), 429),
        (Answer(200, {"access_token": "no.token.atall", "refresh_token": "x"}), 503),
    ],
)
def test_supabase_does_not_answer_as_it_should(
    site: Site, supabase: AuthServer, answer: Answer, status: int
) -> None:
    """It is not the password's fault, and nobody is signed in, or out."""
    supabase.answers[SIGNING_IN] = [answer]
    client = site.client()
    refused = sign_in(client)
    assert (refused.status_code, refused.headers["retry-after"]) == (status, "60")
    assert "password is wrong" not in refused.text
    assert not is_signed_in(client)


def test_supabase_is_away(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gotrue, "_TIMEOUT_S", 0.01)
    away = replace(configuration.auth, url="http://127.0.0.1:9")
    with opened(replace(configuration, auth=away)) as site:
        assert sign_in(site.client()).status_code == 503
        client = site.client()
        client.cookies.set("mentorcert-access", "not.a.token")
        assert client.get("/organisation").status_code == 303


def test_too_many_attempts(site: Site, supabase: AuthServer) -> None:
    """Ten in five minutes from one address, each way by itself; then not even the right password helps."""
    client = site.client()
    assert {sign_in(client, knows=False).status_code for _ in range(10)} == {422}
    supabase.answers[SIGNING_IN] = [supabase.signs_in(uuid4())]
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")
    assert "too many attempts with a password" in answer.text
    assert f'value="{EMAIL}"' in answer.text
    assert supabase.number_of(SIGNING_IN) == 10
    for path, data in (
        ("/sign-in/code", {"email": "other@example.org"}),
        ("/sign-in/code/enter", {"email": "other@example.org", "code": "123456"}),
    ):
        answers = [post(client, path, data) for _ in range(11)]
        assert 429 not in {answer.status_code for answer in answers[:10]}
        assert (answers[10].status_code, answers[10].headers["retry-after"]) == (429, "60")
        assert "Too many attempts" in answers[10].text
    supabase.answers[SIGNING_IN] = [REFUSED]
    assert [client.get("/sign-in/link?code=abc").status_code for _ in range(11)] == [422] * 10 + [429]
    assert supabase.number_of(OTP) == 10


def test_another_mail_within_the_minute(site: Site, supabase: AuthServer) -> None:
    """It neither shows who has a login nor ends the link that this browser waits for."""
    client, other = site.client(), site.client()
    post(client, "/sign-in/code", {"email": EMAIL})
    waiting = client.cookies["mentorcert-challenge"]
    supabase.answers[OTP] = [Answer(429, {"error_code": "over_email_send_rate_limit"})]
    for browser in (client, other):
        answer = post(browser, "/sign-in/code", {"email": EMAIL})
        assert (answer.status_code, "a mail is on its way" in answer.text) == (200, True)
        assert "mentorcert-challenge" in browser.cookies
    assert client.cookies["mentorcert-challenge"] == waiting


def test_attempts_are_forgotten(site: Site, conn: Connection) -> None:
    client = site.client()
    for _ in range(10):
        sign_in(client)
    assert sign_in(client).status_code == 429
    conn.execute("update mentorcert_private.attempts set ends_at = now()")
    assert sign_in(client).status_code == 422


def _without_tokens(html: str) -> list[str]:
    return [line for line in html.splitlines() if 'name="form"' not in line]


def test_what_is_missing_is_said_at_its_field(site: Site, supabase: AuthServer) -> None:
    client = site.client()
    for path, data, name, said in (
        ("/sign-in", {}, "email", "Write your e-mail address"),
        ("/sign-in", {"email": EMAIL}, "password", "Write your password."),
        ("/sign-in/code", {"email": "kari"}, "email-for-code", "Write your e-mail address"),
        ("/sign-in/code/enter", {"email": EMAIL, "code": "12x"}, "code", "Write the digits of the code."),
    ):
        answer = post(client, path, data)
        assert answer.status_code == 422
        assert f'id="{name}-error">{said}' in answer.text
        assert 'value="kari"' in answer.text or data.get("email") != "kari"
    assert supabase.asked == []
