"""Access tokens of Supabase Auth, verified here: by the keys that it publishes, or by the shared secret."""

import threading
from collections.abc import Callable, Mapping
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

# Keys are rotated; a forged key id must not cause a request each time.
_KEYS_AGE_S: Final = 600.0
_FETCH_AGAIN_S: Final = 30.0
_TIMEOUT_S: Final = 5.0
_PUBLIC_KEY_ALGORITHMS: Final = ("ES256", "RS256")
_SKEW: Final = timedelta(seconds=10)


class _Metadata(BaseModel):
    organisation_id: UUID | None = None


class _Claims(BaseModel):
    """The claims that these pages read; policies see all of them."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    sub: UUID
    role: str
    email: str | None = None
    app_metadata: _Metadata = Field(default_factory=_Metadata)


@dataclass(frozen=True, slots=True)
class User:
    """The bearer of a token, with all its claims; `organisation_id` is the one that it names, if any."""

    id: UUID
    email: str | None
    organisation_id: UUID | None
    claims: Mapping[str, Any]

    def claims_in(self, organisation_id: UUID | None) -> Mapping[str, Any]:
        """Return the claims, with the organisation in which to act where the token names none."""
        if self.organisation_id is not None or organisation_id is None:
            return self.claims
        metadata = {**self.claims.get("app_metadata", {}), "organisation_id": str(organisation_id)}
        return {**self.claims, "app_metadata": metadata}


class Verifier:
    """Verifies tokens; thread-safe."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._keys = PublishedKeys(f"{auth.url}/auth/v1/.well-known/jwks.json") if auth.url else None

    def verify(self, token: str) -> User:
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
        # The key of a server is not a user: it would bypass row-level security.
        if claims.role != "authenticated":
            raise InvalidTokenError("The token is not one of a person.", hint="Sign in again.")
        return User(claims.sub, claims.email, claims.app_metadata.organisation_id, payload)

    def _key(self, token: str) -> tuple[Any, str]:
        """Return the key and the one algorithm that belongs to it."""
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._auth.shared_secret is not None:
            return self._auth.shared_secret.get_secret_value(), "HS256"
        if algorithm in _PUBLIC_KEY_ALGORITHMS and self._keys is not None:
            return self._keys.find(header.get("kid"), algorithm), algorithm
        raise jwt.InvalidAlgorithmError


class PublishedKeys(jwt.PyJWKClient):
    """The keys at a JWKS address, fetched when they are old or one is unknown, but not too often.

    PyJWKClient drops keys that are old, fetched or not; these stay until there are others, so that people
    stay signed in, and no known key waits for a slow answer longer than `patience` seconds.
    """

    def __init__(self, url: str, clock: Callable[[], float] = monotonic, patience: float = 1.0) -> None:
        super().__init__(
            url, cache_jwk_set=False, timeout=_TIMEOUT_S, ssl_context=httpx2.create_ssl_context()
        )
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._keys: dict[tuple[str | None, str | None], jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = threading.Thread()

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the key with this id; raises SignInUnavailableError without any keys."""
        wanted = (kid, algorithm)
        with self._lock:
            known = wanted in self._keys
            age = self._clock() - self._fetched_at
            is_due = age > _KEYS_AGE_S or (not known and age > _FETCH_AGAIN_S)
            if is_due:
                self._fetched_at = self._clock()
                self._fetching = threading.Thread(target=self._fetch, daemon=True)
                self._fetching.start()
            fetching = self._fetching
        if is_due or not known:
            fetching.join(self._patience if known else _TIMEOUT_S)
        found = self._keys.get(wanted)
        if found is None:
            raise jwt.InvalidKeyError if self._keys else SignInUnavailableError
        return found

    def _fetch(self) -> None:
        try:
            keys = self.get_signing_keys()
        except (jwt.PyJWTError, OSError, ValueError, TypeError, AttributeError):
            # No answer, or none with keys.
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
