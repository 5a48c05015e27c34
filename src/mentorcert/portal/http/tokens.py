"""OAuth 2 client-credentials tokens: from Microsoft Entra ID by msal, from any other endpoint by one POST.

msal supports neither plain HTTP nor an authority without OIDC discovery; a staging portal on loopback uses
the former, a portal with a bare token endpoint the latter.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import msal
from msal.exceptions import MsalError
from pydantic import SecretStr

from mentorcert.errors import (
    PortalConfigurationError,
    PortalError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.config.credentials import EntraAuth, OAuth2Auth
from mentorcert.portal.config.secret import Secret
from mentorcert.portal.http import diagnosis, transport
from mentorcert.portal.http.threads import in_thread

_UNKNOWN_LIFETIME_S: Final = 300.0
_LONGEST_LIFETIME_S: Final = 86_400.0
_MARGIN_S: Final = 60.0
_NO_REASON: Final = "no reason given"
_TRANSIENT: Final = frozenset({"temporarily_unavailable", "server_error"})

# It logs unreadable responses in full, and a broken one may hold a token.
logging.getLogger("msal").addHandler(logging.NullHandler())
logging.getLogger("msal").propagate = False

Grant = Mapping[str, Any]


class TokenSource:
    """Caches one token; a caller that finds it expired or refused fetches a new one while others wait."""

    def __init__(self, fetch: Callable[[], Awaitable[Grant]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._token: SecretStr | None = None
        self._until = 0.0

    async def get(self, refused: str | None = None) -> str:
        """Return a token other than the refused one; raises a PortalError where none is granted."""
        async with self._lock:
            old = self._token.get_secret_value() if self._token else None
            if old is None or old == refused or monotonic() >= self._until:
                grant = await self._fetch()
                self._token = SecretStr(_token(grant))
                lifetime_s = _lifetime_s(grant)
                self._until = monotonic() + lifetime_s - min(_MARGIN_S, lifetime_s / 2)
                return self._token.get_secret_value()
            return old


def oauth2_tokens(auth: OAuth2Auth, client: httpx2.AsyncClient) -> TokenSource:
    """Return tokens from a token endpoint; raises SecretUnreadableError."""
    secret = auth.client_secret.read()

    async def fetch() -> Grant:
        form = {
            "grant_type": "client_credentials",
            "client_id": auth.client_id,
            "client_secret": secret.get_secret_value(),
            **({"scope": auth.scope} if auth.scope else {}),
        }
        request = client.build_request(
            "POST", auth.token_url, data=form, headers={"Accept": "application/json"}
        )
        response, _ = await transport.send(client, request)
        if response.status_code in {400, 401, 403}:
            code = _error_code(_json(response))
            if code in _TRANSIENT or (response.status_code == httpx2.codes.FORBIDDEN and code == _NO_REASON):
                raise PortalUnavailableError(
                    f"The token endpoint answered {response.status_code}: {code}.",
                    http_status=response.status_code,
                    hint="It is not our credentials that it refuses; a firewall may stand before it.",
                )
            raise PortalUnauthorisedError(
                f"The token endpoint refused us: {code}.{_skew(response.headers)}",
                http_status=response.status_code,
                hint="Check client_id and client_secret, and when the secret expires.",
            )
        return transport.document(response, what="The token endpoint")

    return TokenSource(fetch)


def entra_tokens(auth: EntraAuth, configuration: Configuration, client: httpx2.AsyncClient) -> TokenSource:
    """Return tokens from Microsoft Entra ID; raises SecretUnreadableError."""
    entra = _Entra(auth, configuration, client)
    return TokenSource(entra.acquire)


class _MsalHttp:
    """The HTTP client for msal: its thread waits, while the event loop bounds the time and the size.

    msal passes an assertion as bytes; httpx2 would send their repr.
    """

    def __init__(self, client: httpx2.AsyncClient, loop: asyncio.AbstractEventLoop, total_s: float) -> None:
        self._client, self._loop = client, loop
        self._until = monotonic() + total_s
        self.skew = ""

    def post(
        self, url: str, *, data: Mapping[str, str | bytes], headers: Mapping[str, str], **_more: Any
    ) -> httpx2.Response:
        """Post a form."""
        form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return self._send(
            self._client.build_request("POST", url, content=urlencode(data).encode(), headers=form)
        )

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, **_more: Any) -> httpx2.Response:
        """Get a document."""
        return self._send(self._client.build_request("GET", url, headers=headers))

    def close(self) -> None:
        """Do nothing: the client is closed by its owner."""

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        left_s = max(self._until - monotonic(), 0.0)

        async def send() -> httpx2.Response:
            async with transport.deadline(left_s):
                return (await transport.send(self._client, request))[0]

        # The second bound is for a loop that has ended and runs nothing any more.
        response = asyncio.run_coroutine_threadsafe(send(), self._loop).result(left_s + 1)
        self.skew = _skew(response.headers)
        return response


class _Entra:
    def __init__(self, auth: EntraAuth, configuration: Configuration, client: httpx2.AsyncClient) -> None:
        self._auth, self._client = auth, client
        self._credential: Callable[[], Any]
        if auth.certificate is not None:
            self._credential = _certificate(auth.certificate)
        elif auth.client_secret is not None:
            self._credential = auth.client_secret.read().get_secret_value
        url = httpx2.URL(getattr(configuration.target, "url", "https://unknown.invalid"))
        self._scope = auth.scope or f"{url.scheme}://{url.netloc.decode()}/.default"
        self._total_s = configuration.limits.total_s

    async def acquire(self) -> Grant:
        """Fetch a token. The TokenSource caches it, so msal need not."""
        loop = asyncio.get_running_loop()
        return await in_thread(lambda: self._acquire(loop), "msal")

    def _acquire(self, loop: asyncio.AbstractEventLoop) -> Grant:
        http = _MsalHttp(self._client, loop, self._total_s)
        try:
            application = msal.ConfidentialClientApplication(
                self._auth.client_id,
                client_credential=self._credential(),
                authority=f"{self._auth.authority.rstrip('/')}/{self._auth.tenant}",
                # The configuration names the authority; instance discovery is not needed.
                instance_discovery=False,
                http_client=http,
            )
            grant: dict[str, Any] = application.acquire_token_for_client(scopes=[self._scope])
        except PortalError as error:
            raise PortalUnavailableError(f"Microsoft Entra ID: {error}", hint=error.hint) from None
        except (httpx2.HTTPError, MsalError, ValueError, RuntimeError, OSError, CancelledError) as error:
            raise PortalUnavailableError(
                f"Microsoft Entra ID gave no usable answer: {type(error).__name__}.{http.skew}",
                hint="Check tenant and authority, and the network.",
            ) from None
        if "access_token" not in grant:
            code = _error_code(grant)
            kind = PortalUnavailableError if code in _TRANSIENT else PortalUnauthorisedError
            raise kind(
                f"Microsoft Entra ID refused us: {code}.{http.skew}",
                hint="Set the clocks right: a certificate's assertion is valid for minutes."
                if http.skew
                else "Check client_id and the secret or certificate, and when it expires.",
            )
        return grant


def _certificate(secret: Secret) -> Callable[[], Any]:
    pem = secret.read()
    for part in ("PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"):
        if part not in pem.get_secret_value():
            raise PortalConfigurationError(
                f"The certificate {secret.secret} lacks {part.strip('-')}.",
                hint="Give one PEM text with the private key and the certificate.",
            )
    return lambda: {"private_key": pem.get_secret_value(), "public_certificate": pem.get_secret_value()}


def _token(grant: Grant) -> str:
    token = grant.get("access_token")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise PortalUnexpectedAnswerError("The token endpoint's answer has no access_token.")
    return token


def _lifetime_s(grant: Grant) -> float:
    try:
        lifetime_s = float(grant.get("expires_in", _UNKNOWN_LIFETIME_S))
    except (TypeError, ValueError, OverflowError):
        return _UNKNOWN_LIFETIME_S
    return min(lifetime_s, _LONGEST_LIFETIME_S) if lifetime_s >= 0 else 0.0


def _error_code(grant: Any) -> str:
    """Return the standard's error code; the description may quote anything."""
    code = grant.get("error") if isinstance(grant, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else _NO_REASON


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _skew(headers: Mapping[str, str]) -> str:
    skew = diagnosis.clock_skew(headers, datetime.now(UTC))
    return f" {skew}" if skew else ""
