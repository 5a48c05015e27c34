"""Who may ask: anyone with a token of ours that is valid now, and nobody by a cookie."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from mentorcert.web.security.tokens import issue
from tests.support.cases import in_turn
from tests.web.api.conftest import API, As, People
from tests.web.conftest import AUTH, Site

PATHS: Final = ("certifications", "peer-mentors", "public/demo")


def token(login: UUID, key: Any = None, algorithm: str = "HS256", **claims: Any) -> str:
    """A token that would be valid but for what is given."""
    assert AUTH.shared_secret is not None
    said = {
        "sub": str(login),
        "role": "authenticated",
        "aud": AUTH.audience,
        "iss": AUTH.issuer,
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **claims,
    }
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, AUTH.shared_secret.get_secret_value() if key is None else key, algorithm)


def by_sha512(valid: str) -> str:
    """The same token, signed by the same secret in another way."""
    assert AUTH.shared_secret is not None
    head = urlsafe_b64encode(b'{"alg":"HS512","typ":"JWT"}').decode().rstrip("=")
    signed = f"{head}.{valid.split('.')[1]}"
    secret = AUTH.shared_secret.get_secret_value()
    signature = hmac.digest(secret.encode(), signed.encode(), "sha512")
    return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=2)


FORGED: Final[dict[str, Callable[[UUID], str]]] = {
    "expired": lambda login: token(login, exp=long_ago()),
    "without end": lambda login: token(login, exp=None),
    "of another secret": lambda login: token(login, "b" * 32),
    "of another algorithm": lambda login: by_sha512(token(login)),
    "of an unknown key": lambda login: token(login, generate_private_key(SECP256R1()), "ES256"),
    "of no algorithm": lambda login: token(login, "", "none"),
    "for another audience": lambda login: token(login, aud="elsewhere"),
    "for no audience": lambda login: token(login, aud=None),
    "of another issuer": lambda login: token(login, iss="https://elsewhere.example.org/auth/v1"),
    "of a server": lambda login: token(login, role="service_role"),
    "of anon": lambda login: token(login, role="anon"),
    "of nobody": lambda login: token(login, sub=None),
    "of no uuid": lambda login: token(login, sub="1; drop table"),
    "cut off": lambda login: token(login)[:-2],
    "nonsense": lambda login: f"{login}",
    "empty": lambda login: f"{login}"[:0],
}  # fmt: skip


def test_the_token_that_the_others_are_compared_with_is_valid(site: Site, people: People) -> None:
    headers = {"authorization": f"Bearer {token(people.organisation.admin)}"}
    for path in PATHS:
        assert site.client().get(f"{API}/{path}", headers=headers).status_code == 200


@in_turn("name", FORGED)
def test_other_tokens_are_refused(site: Site, people: People, name: str) -> None:
    headers = {"authorization": f"Bearer {FORGED[name](people.organisation.admin)}"}
    for path in PATHS:
        answer = site.client().get(f"{API}/{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="mentorcert", error="invalid_token"'
        assert answer.headers["content-type"] == "application/problem+json"
        kind = "expired-token" if name == "expired" else "invalid-token"
        assert answer.json()["type"] == f"urn:mentorcert:problem:{kind}"
        assert str(people.organisation.admin) not in answer.text


@in_turn("header", ["Basic a2FyaTpzZWNyZXQ=", "Bearer", "bearer", "{token}", "Token {token}", "\xe6"])
def test_other_headers_are_refused(site: Site, people: People, header: str) -> None:
    sent = header.format(token=token(people.organisation.admin)).encode("latin-1")
    answer = site.client().get(f"{API}/certifications", headers={b"authorization": sent})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_without_a_token(site: Site, people: People) -> None:
    answer = site.client().get(f"{API}/certifications")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="mentorcert"'
    assert "no access token" in answer.json()["detail"]


def test_the_session_of_the_pages_opens_nothing(site: Site, people: People) -> None:
    browser = site.client(people.organisation.admin)
    assert browser.get("/").headers["location"] == "/overview"
    path = f"{API}/certifications/{people.certification}"
    assert browser.get(path).status_code == 401
    answer = browser.post(f"{path}/renew", json={})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    browser.cookies.set("sb-access-token", issue(AUTH, people.organisation.admin))
    assert browser.get(path).status_code == 401


def test_a_token_for_somebody_else_than_the_cookie(site: Site, people: People) -> None:
    browser = site.client(people.organisation.admin)
    headers = {"authorization": f"Bearer {token(people.other.admin)}"}
    path = f"{API}/certifications/{people.certification}"
    assert browser.get(path, headers=headers).status_code == 404


def test_a_token_in_the_address_is_none(site: Site, people: People) -> None:
    asked = {"access_token": token(people.organisation.admin)}
    assert site.client().get(f"{API}/certifications", params=asked).status_code == 401


def test_rights_are_the_current_ones(site: Site, people: People, as_: As) -> None:
    client = as_("coordinator")
    path = f"{API}/certifications/{people.certification}"
    assert client.get(path).status_code == 200
    people.organisation.conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s",
        (people.logins["coordinator"],),
    )
    assert client.get(path).status_code == 403


def test_a_login_that_does_not_exist(site: Site, people: People) -> None:
    headers = {"authorization": f"Bearer {token(uuid4())}"}
    assert site.client().get(f"{API}/certifications", headers=headers).status_code == 403


def test_the_organisation_is_the_one_of_the_token(site: Site, people: People) -> None:
    client = site.client()
    for named in (people.organisation.id, people.other.id, uuid4()):
        said = token(people.organisation.admin, app_metadata={"organisation_id": str(named)})
        client.headers["authorization"] = f"Bearer {said}"
        answer = client.get(f"{API}/certifications/{people.certification}")
        # Who is in one organisation acts there, whatever the token names; what it names opens nothing.
        assert answer.status_code == 200
        assert client.get(f"{API}/certifications").json()["items"][0]["id"] == str(people.certification)
