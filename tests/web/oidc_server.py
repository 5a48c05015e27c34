"""An OpenID Connect provider as tests want it to behave or misbehave, on the HTTP server that plays Supabase Auth."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import SecretStr

from mentorcert.web.configuration import OidcProvider
from tests.web.auth_server import JWKS, Answer, AuthServer

DISCOVERY: Final = "/.well-known/openid-configuration"
TOKENS: Final = "/token"
USERINFO: Final = "/userinfo"
CLIENT: Final = "the pages"


@dataclass
class Provider:
    """Gives the ID token that a test asks for; `said` changes what it publishes."""

    server: AuthServer
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> OidcProvider:
        return OidcProvider(self.server.url, CLIENT, SecretStr("a client secret"), name="Our House")

    def publish(self, **said: Any) -> None:
        url = self.server.url
        self.server.answers[DISCOVERY] = [
            Answer(
                body={
                    "issuer": url, "authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}{TOKENS}",
                    "jwks_uri": f"{url}{JWKS}", "userinfo_endpoint": f"{url}{USERINFO}",
                    "end_session_endpoint": f"{url}/end",
                } | said
            )
        ]  # fmt: skip

    def claims(self, asked: Mapping[str, str], **claims: Any) -> dict[str, Any]:
        every = self.server.claims() | {
            "sub": "kari-1", "aud": CLIENT, "iss": self.server.url, "nonce": asked["nonce"],
            "email": "kari@example.org", "email_verified": True,
        }  # fmt: skip
        every.pop("role")
        return {name: value for name, value in (every | claims).items() if value is not None}

    def gives(self, id_token: str) -> None:
        body = {"access_token": "opaque", "token_type": "Bearer", "id_token": id_token}
        self.server.answers[TOKENS] = [Answer(body=body)]

    def signs(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.server.key, self.server.algorithm, {"kid": self.server.kid})

    def signs_by_public_key(self, claims: Mapping[str, Any]) -> str:
        """Sign by HS256 with what everybody knows, which PyJWT itself refuses to do."""
        public = self.server.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        header, payload, _ = jwt.encode(dict(claims), "0" * 32, "HS256", {"kid": self.server.kid}).split(".")
        signature = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")
        return f"{header}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def leave(client: TestClient, then: str = "/me") -> dict[str, str]:
    """Go to the provider; return what it is asked."""
    answer = client.get("/sign-in/oidc", params={"next": then})
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def come_back(client: TestClient, asked: Mapping[str, str], **answered: str) -> Response:
    return client.get("/sign-in/oidc/return", params={"state": asked["state"], "code": "once", **answered})
