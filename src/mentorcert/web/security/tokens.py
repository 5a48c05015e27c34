"""Access tokens of Supabase Auth, verified here: by the keys that it publishes, or by the shared secret.

So are the sessions that the pages themselves sign for those who come from an OpenID Connect provider.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mentorcert.errors import ExpiredTokenError, InvalidTokenError, SignInUnavailableError
from mentorcert.web.configuration import Auth

# Keys are rotated; a forged key id must not cause a request each time.
_KEYS_AGE_S: Final = 600.0
_FETCH_AGAIN_S: Final = 30.0
_TIMEOUT_S: Final = 3.0
_DEADLINE_S: Final = 5.0
_LONGEST_ANSWER: Final = 1_000_000
# Of the threads, of which there are forty.
_WAITING: Final = 4
PUBLIC_KEY_ALGORITHMS: Final = ("ES256", "RS256")
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

    def __init__(self, auth: Auth, sessions: Auth | None = None) -> None:
        """Take how tokens are verified, and how those are that name the issuer of `sessions`."""
        self._auth = auth
        self._sessions = Verifier(sessions) if sessions is not None else None
        self._keys = PublishedKeys(f"{auth.url}/auth/v1/.well-known/jwks.json") if auth.url else None

    def verify(self, token: str) -> User:
        """Return whose token it is; raises InvalidTokenError, and ExpiredTokenError where only time is up."""
        if self._sessions is not None and self._sessions.is_named_by(token):
            return self._sessions.verify(token)
        try:
            key, algorithm = self._key(token)
            payload = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._auth.audience,
                issuer=self._auth.issuer,
                leeway=_SKEW,
                options={"require": ["exp", "sub", "aud", *(["iss"] if self._auth.issuer else [])]},
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

    def is_named_by(self, token: str) -> bool:
        """Return whether a token says that it has this issuer; nothing of it is verified."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        return claims.get("iss") == self._auth.issuer

    def _key(self, token: str) -> tuple[Any, str]:
        """Return the key and the one algorithm that belongs to it."""
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._auth.shared_secret is not None:
            return self._auth.shared_secret.get_secret_value(), "HS256"
        if algorithm in PUBLIC_KEY_ALGORITHMS and self._keys is not None:
            return self._keys.find(header.get("kid"), algorithm), algorithm
        raise jwt.InvalidAlgorithmError


class PublishedKeys:
    """The keys at a JWKS address, fetched when they are old or one is unknown, but not too often.

    They stay until there are others, so that people stay signed in (PyJWKClient drops old ones, fetched or
    not). They are fetched in the background, in time before they are old: a known key waits only after ten
    minutes without any call, and then `patience` seconds at most. Tokens with invented key ids can't keep the
    threads that others need: a few of them wait, the others are refused at once.
    """

    def __init__(self, url: str, clock: Callable[[], float] = monotonic, patience: float = 1.0) -> None:
        self._url = url
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING)
        self._keys: dict[tuple[str | None, str | None], jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = threading.Thread()

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the key with this id; raises SignInUnavailableError where it cannot be known now."""
        wanted = (kid, algorithm)
        with self._lock:
            is_known = wanted in self._keys
            age = self._clock() - self._fetched_at
            is_due = age > (_KEYS_AGE_S / 2 if is_known else _FETCH_AGAIN_S)
            if is_due and not self._fetching.is_alive():
                self._fetched_at = self._clock()
                self._fetching = threading.Thread(target=self._fetch, daemon=True)
                self._fetching.start()
            fetching = self._fetching
        if not is_known:
            self._wait(fetching)
        elif age > _KEYS_AGE_S:
            fetching.join(self._patience)
        found = self._keys.get(wanted)
        if found is None:
            raise jwt.InvalidKeyError if self._keys else SignInUnavailableError
        return found

    def _wait(self, fetching: threading.Thread) -> None:
        if not fetching.is_alive():
            return
        if not self._waiting.acquire(blocking=False):
            raise SignInUnavailableError
        try:
            fetching.join(_DEADLINE_S)
        finally:
            self._waiting.release()
        if fetching.is_alive():
            raise SignInUnavailableError

    def _fetch(self) -> None:
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(_read(self._url))).keys
        except (
            jwt.PyJWTError,
            httpx2.HTTPError,
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ):
            # No answer, or none with keys.
            return
        self._keys = {
            (key.key_id, key.algorithm_name): key for key in keys if key.public_key_use in {"sig", None}
        }


def _read(url: str) -> bytes:
    """Return what is published; raises jwt.PyJWTError where it is too long or too slow."""
    deadline, content = monotonic() + _DEADLINE_S, b""
    with httpx2.stream("GET", url, timeout=_TIMEOUT_S) as answer:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            content += part
            if len(content) > _LONGEST_ANSWER or monotonic() > deadline:
                raise jwt.PyJWTError
    return content


def issue(
    auth: Auth,
    user_id: UUID,
    email: str | None = None,
    valid: timedelta = timedelta(hours=8),
    *,
    session_id: UUID | None = None,
    is_known_to_supabase: bool = True,
) -> str:
    """Return a token by the shared secret; by default of a new session.

    A session of which Supabase Auth knows nothing has no id, by which it would be looked for there.
    """
    if auth.shared_secret is None:
        raise InvalidTokenError("Without a shared secret no token can be issued.")
    now = datetime.now(UTC)
    claims = {
        "sub": str(user_id),
        "email": email,
        "role": "authenticated",
        "aud": auth.audience,
        # To the microsecond: without an id, these times keep sessions apart.
        "iat": now.timestamp(),
        "exp": now + valid,
    }
    if auth.issuer:
        claims["iss"] = auth.issuer
    if is_known_to_supabase:
        claims["session_id"] = str(session_id or uuid4())
    return jwt.encode(claims, auth.shared_secret.get_secret_value(), "HS256")
