"""Access tokens of Supabase Auth, verified here: by the keys that it publishes, or by the shared secret."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import httpx2
import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mentorcert.errors import ExpiredTokenError, InvalidTokenError, SignInUnavailableError
from mentorcert.web.configuration import Auth

# Keys are rotated; whoever invents key ids must not make us ask for them with each request.
_KEYS_AGE_S: Final = 600.0
_ASK_AGAIN_S: Final = 30.0
_PUBLIC_KEY_ALGORITHMS: Final = ("ES256", "RS256")
_SKEW: Final = timedelta(seconds=10)


class _Metadata(BaseModel):
    organisation_id: UUID | None = None


class _Claims(BaseModel):
    """The claims that are read; all else is left to Supabase."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    sub: UUID
    role: str
    email: str | None = None
    app_metadata: _Metadata = Field(default_factory=_Metadata)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token says its bearer is; `organisation_id` is the one that it names, if any."""

    user_id: UUID
    email: str | None
    organisation_id: UUID | None


class Verifier:
    """Verifies tokens; any number of threads may use one."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._keys = PublishedKeys(f"{auth.url}/auth/v1/.well-known/jwks.json") if auth.url else None

    def verify(self, token: str) -> Identity:
        """Return whose token it is; raises InvalidTokenError, and ExpiredTokenError where only time is up."""
        try:
            key, algorithm = self._key(token)
            payload = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._auth.audience,
                issuer=self._auth.issuer,
                leeway=_SKEW,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
            claims = _Claims.model_validate(payload)
        except jwt.ExpiredSignatureError:
            raise ExpiredTokenError(hint="Sign in again.") from None
        except (jwt.PyJWTError, ValidationError, ValueError):
            raise InvalidTokenError(hint="Sign in again.") from None
        # A key of a server is no person: it would be above row-level security.
        if claims.role != "authenticated":
            raise InvalidTokenError("The token is not one of a person.", hint="Sign in again.")
        return Identity(claims.sub, claims.email, claims.app_metadata.organisation_id)

    def _key(self, token: str) -> tuple[Any, str]:
        """Return the key and the one algorithm that belongs to it."""
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._auth.shared_secret is not None:
            return self._auth.shared_secret.get_secret_value(), "HS256"
        if algorithm in _PUBLIC_KEY_ALGORITHMS and self._keys is not None:
            return self._keys.find(header.get("kid"), algorithm), algorithm
        raise jwt.InvalidAlgorithmError


class PublishedKeys:
    """The keys at a JWKS address, asked for when they are old or one is unknown, but not too often."""

    def __init__(self, url: str, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[tuple[str | None, str | None], jwt.PyJWK] = {}
        self._asked_at = float("-inf")

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the key with this id; raises SignInUnavailableError without any keys."""
        with self._lock:
            age = self._clock() - self._asked_at
            if age > _KEYS_AGE_S or ((kid, algorithm) not in self._keys and age > _ASK_AGAIN_S):
                self._ask()
            found = self._keys.get((kid, algorithm))
            if found is None and not self._keys:
                raise SignInUnavailableError
        if found is None:
            raise jwt.InvalidKeyError
        return found

    def _ask(self) -> None:
        self._asked_at = self._clock()
        try:
            answer = httpx2.get(self._url, timeout=5, follow_redirects=False).raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (httpx2.HTTPError, jwt.PyJWTError, ValueError, TypeError, AttributeError):
            # No answer, or none with keys. With the keys of before, people stay signed in.
            return
        self._keys = {(key.key_id, key.algorithm_name): key for key in keys}


def issue(auth: Auth, user_id: UUID, email: str | None = None, valid: timedelta = timedelta(hours=8)) -> str:
    """Return a token by the shared secret, as the demonstration and tests need them."""
    if auth.shared_secret is None:
        raise InvalidTokenError("Without a shared secret no token can be issued.")
    now = datetime.now(UTC)
    claims = {
        "sub": str(user_id),
        "email": email,
        "role": "authenticated",
        "aud": auth.audience,
        "iss": auth.issuer,
        "iat": now,
        "exp": now + valid,
    }
    return jwt.encode(claims, auth.shared_secret.get_secret_value(), "HS256")
