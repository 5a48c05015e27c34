"""Supabase Auth as tests want it to answer: an HTTP server on loopback that publishes a key."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any, Final, cast
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mentorcert.web.configuration import Auth
from tests.support.processes import Thread

JWKS: Final = "/auth/v1/.well-known/jwks.json"
SIGNING_IN: Final = "/auth/v1/token"
VERIFY: Final = "/auth/v1/verify"
OTP: Final = "/auth/v1/otp"
LOGOUT: Final = "/auth/v1/logout"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and a body that is JSON where it is no text."""

    status: int = 200
    body: Any = None
    content_type: str = "application/json; charset=utf-8"


REFUSED: Final = Answer(
    400, {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    path: str
    query: str
    body: dict[str, Any]
    authorization: str | None


@dataclass
class AuthServer:
    """`answers` are given by path, the last of each for ever; `asked` is what came in."""

    url: str
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "first"
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    # No answer before it is set.
    ready: Event = field(default_factory=Event)

    @property
    def auth(self) -> Auth:
        return Auth(f"{self.url}/auth/v1", self.url, "publishable")

    def publish(self, *, key: Key | None = None, kid: str | None = None) -> None:
        """Publish the one key, which may be a new one, and sign by it from now on."""
        self.key, self.kid = key or self.key, kid or self.kid
        algorithm = _algorithm(self.key)
        public = cast("Any", algorithm).to_jwk(self.key.public_key(), as_dict=True)
        self.answers[JWKS] = [Answer(body={"keys": [public | {"kid": self.kid, "alg": self.algorithm}]})]

    def refuse(self) -> None:
        """Know nobody's password or code, and mail and sign out whom one asks for."""
        self.answers |= {
            SIGNING_IN: [REFUSED],
            VERIFY: [REFUSED],
            OTP: [Answer(body={})],
            LOGOUT: [Answer(204)],
        }

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"

    def token(self, user: UUID | None = None, **claims: Any) -> str:
        """Sign a token that is good but for the claims given; None leaves one out."""
        every = self.claims(user) | claims
        payload = {name: value for name, value in every.items() if value is not None}
        return jwt.encode(payload, self.key, self.algorithm, {"kid": self.kid})

    def claims(self, user: UUID | None = None) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "sub": str(user or uuid4()),
            "role": "authenticated",
            "aud": "authenticated",
            "iss": f"{self.url}/auth/v1",
            "iat": now,
            "exp": now + timedelta(hours=1),
        }

    def signs_in(self, user: UUID, *, then: str = "again", **claims: Any) -> Answer:
        """Return the answer to a sign-in, and by which refresh token again."""
        return Answer(body={"access_token": self.token(user, **claims), "refresh_token": then})

    def number_of(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)


def _algorithm(key: Key) -> jwt.algorithms.Algorithm:
    return jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")


@contextmanager
def answering() -> Iterator[AuthServer]:
    """Run one until the end of the block; what it has no answer for is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            body = dict(parse_qsl(content.decode())) if is_form else json.loads(content or b"{}")
            played.asked.append(Asked(path, query, body, self.headers.get("authorization")))
            played.ready.wait(60)
            answers = played.answers.get(path, [Answer(404, "nothing here", "text/html")])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            said = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            self.send_header("content-type", answer.content_type)
            self.end_headers()
            self.wfile.write(said.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        played = AuthServer(f"http://127.0.0.1:{server.server_address[1]}")
        played.publish()
        played.ready.set()
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield played
        finally:
            played.ready.set()
            server.shutdown()
            thread.join()
