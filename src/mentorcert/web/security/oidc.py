"""An OpenID Connect provider: where people sign in, and who it says that they are.

Authlib speaks OAuth with the provider. The ID token is verified by PyJWT, by the keys that are fetched as those of
Supabase Auth: Authlib fetches keys while the reader waits, without a bound on the whole.
"""

import logging
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore
from time import monotonic
from typing import Annotated, Any, Final
from urllib.parse import quote_plus, urlencode

import httpx2
import jwt
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mentorcert.errors import IdentityRefusedError, SignInUnavailableError
from mentorcert.web.configuration import OidcProvider, is_confidential
from mentorcert.web.security.tokens import PUBLIC_KEY_ALGORITHMS, PublishedKeys

_METADATA_AGE_S: Final = 600.0
_TIMEOUT_S: Final = 3.0
_DEADLINE_S: Final = 5.0
_LONGEST_ANSWER: Final = 1_000_000
# Of the forty threads: a slow provider keeps no more from those who sign in otherwise.
_AT_ONCE: Final = 4
_SKEW: Final = timedelta(seconds=60)
# Answers that are about these pages, not about the person (RFC 6749, 5.2).
_REFUSED_CLIENT: Final = ("invalid_client", "unauthorized_client")
_log = logging.getLogger(__name__)


def _confidential(url: str) -> str:
    if not is_confidential(url):
        raise ValueError("not confidential")
    return url


_Url = Annotated[str, AfterValidator(_confidential)]


class Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: str
    authorization_endpoint: _Url
    token_endpoint: _Url
    jwks_uri: _Url
    userinfo_endpoint: _Url | None = None
    end_session_endpoint: _Url | None = None
    code_challenge_methods_supported: list[str] = ["S256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class Attempt(BaseModel):
    """One attempt to sign in, kept by the browser that began it."""

    model_config = ConfigDict(frozen=True)

    state: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = Field(default_factory=lambda: secrets.token_urlsafe(48))
    next: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, with an address that the provider has verified."""

    subject: str
    email: str


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    sub: str = Field(min_length=1, max_length=255)
    email: str | None = Field(None, max_length=254)
    email_verified: bool = False


class _BoundedTransport(httpx2.HTTPTransport):
    """Reads an answer at once, and gives up on one that is too long or too slow as a whole."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        deadline, content = monotonic() + _DEADLINE_S, bytearray()
        answer = super().handle_request(request)
        try:
            for part in answer.iter_raw():
                content += part
                if len(content) > _LONGEST_ANSWER or monotonic() > deadline:
                    raise httpx2.ReadTimeout("The answer is too long or too slow.", request=request)
        finally:
            answer.close()
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(bytes(content))
        )


def _say_secret(
    client: OAuth2Client, _method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Say who asks by HTTP Basic, each part encoded (RFC 6749, 2.3.1), which Authlib leaves out."""
    said = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return uri, headers | {"Authorization": f"Basic {b64encode(said.encode()).decode()}"}, body


class OidcClient:
    """These pages as a client of a provider; any number of threads may use it.

    Every method raises SignInUnavailableError where there is no answer to go by.
    """

    def __init__(self, provider: OidcProvider, redirect_uri: str) -> None:
        self.provider = provider
        self._redirect_uri = redirect_uri
        self._free = BoundedSemaphore(_AT_ONCE)
        self._known: tuple[float, Metadata, PublishedKeys] | None = None

    def metadata(self) -> Metadata:
        """Return what the provider says of itself, at most ten minutes old."""
        return self._discovered()[0]

    def authorization_url(self, attempt: Attempt, language: str) -> str:
        """Return where the browser goes to sign in."""
        metadata = self.metadata()
        with self._client(metadata) as client:
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
                ui_locales=language,
            )
        return str(url)

    def identity(self, attempt: Attempt, code: str, issuer: str | None) -> Identity:
        """Return who signed in; raises IdentityRefusedError where what the provider gives can't be trusted.

        `issuer` is who says to have answered (RFC 9207), which shows an answer of another provider.
        """
        metadata, keys = self._discovered()
        is_named = issuer is not None or metadata.authorization_response_iss_parameter_supported
        if is_named and issuer != metadata.issuer:
            raise IdentityRefusedError(reason="token")
        with self._asking(), self._client(metadata) as client:
            token = client.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
            )
            claims = self._verified(str(token.get("id_token")), attempt.nonce, keys)
            found = _Claims.model_validate(claims)
            if found.email is None and metadata.userinfo_endpoint is not None:
                answer = client.get(metadata.userinfo_endpoint)
                said = _Claims.model_validate_json(answer.raise_for_status().content)
                if said.sub != found.sub:
                    raise IdentityRefusedError(reason="token")
                found = said
        if not found.email or not found.email_verified:
            raise IdentityRefusedError(reason="email")
        return Identity(found.sub, found.email)

    def sign_out_url(self, return_to: str) -> str | None:
        """Return where a person signs out at the provider too; None where it offers no such page, or no answer."""
        try:
            endpoint = self.metadata().end_session_endpoint
        except SignInUnavailableError:
            return None
        if endpoint is None:
            return None
        query = {"client_id": self.provider.client_id, "post_logout_redirect_uri": return_to}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def _discovered(self) -> tuple[Metadata, PublishedKeys]:
        known = self._known
        if known is not None and monotonic() - known[0] < _METADATA_AGE_S:
            return known[1:]
        url = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        with self._asking(), httpx2.Client(transport=_BoundedTransport(), timeout=_TIMEOUT_S) as client:
            metadata = Metadata.model_validate_json(client.get(url).raise_for_status().content)
        if metadata.issuer != self.provider.issuer or "S256" not in metadata.code_challenge_methods_supported:
            raise SignInUnavailableError(
                "The provider names another issuer, or does not know PKCE by S256.",
                hint="Compare MENTORCERT_OIDC_ISSUER with what the provider publishes.",
            )
        is_same = known is not None and known[1].jwks_uri == metadata.jwks_uri
        keys = known[2] if known is not None and is_same else PublishedKeys(metadata.jwks_uri)
        self._known = monotonic(), metadata, keys
        return metadata, keys

    def _client(self, metadata: Metadata) -> OAuth2Client:
        methods = metadata.token_endpoint_auth_methods_supported
        is_basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        client = OAuth2Client(
            self.provider.client_id,
            self.provider.client_secret.get_secret_value(),
            token_endpoint_auth_method="client_secret_basic" if is_basic else "client_secret_post",
            scope=self.provider.scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            transport=_BoundedTransport(),
            timeout=_TIMEOUT_S,
        )
        client.register_client_auth_method(("client_secret_basic", _say_secret))
        return client

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise SignInUnavailableError(hint="Try again in a minute.")
        try:
            yield
        except AuthlibBaseError as refused:
            if refused.error in _REFUSED_CLIENT:
                _log.error(
                    "the OpenID Connect provider answers %s: compare MENTORCERT_OIDC_CLIENT_ID and"
                    " MENTORCERT_OIDC_CLIENT_SECRET with what it gave these pages",
                    refused.error,
                )
                raise SignInUnavailableError(hint="Try again later.") from None
            # Such as a code that was used before.
            raise IdentityRefusedError(reason="token") from None
        except (httpx2.HTTPError, ValidationError, ValueError):
            raise SignInUnavailableError(hint="Try again in a minute.") from None
        finally:
            self._free.release()

    def _verified(self, token: str, nonce: str, keys: PublishedKeys) -> dict[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in PUBLIC_KEY_ALGORITHMS:
                raise IdentityRefusedError(reason="token")
            claims: dict[str, Any] = jwt.decode(
                token,
                keys.find(header.get("kid"), algorithm),
                algorithms=[algorithm],
                audience=self.provider.client_id,
                issuer=self.provider.issuer,
                leeway=_SKEW,
                options={"require": ["exp", "iat", "sub", "aud", "iss", "nonce"]},
            )
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            raise IdentityRefusedError(reason="clock") from None
        except jwt.PyJWTError:
            raise IdentityRefusedError(reason="token") from None
        is_ours = claims.get("azp", self.provider.client_id) == self.provider.client_id
        is_for_one = isinstance(claims["aud"], str) or len(claims["aud"]) == 1 or "azp" in claims
        if not (
            is_ours and is_for_one and secrets.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
        ):
            raise IdentityRefusedError(reason="token")
        return claims
