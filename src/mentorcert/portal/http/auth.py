"""Authentication of requests: applies credentials, replaces refused tokens."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Protocol, assert_never
from uuid import uuid4

import httpx2
from pydantic import SecretStr

from mentorcert.errors import PortalError, PortalUnauthorisedError, SettingError
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.config.credentials import Auth, EntraAuth, HeaderAuth, HmacAuth, OAuth2Auth, QueryAuth
from mentorcert.portal.contract import signature
from mentorcert.portal.http import transport
from mentorcert.portal.http.tokens import TokenSource, entra_tokens, oauth2_tokens


class Credential(Protocol):
    """One credential."""

    async def apply(self, request: httpx2.Request, refused: str | None, /) -> str | None:
        """Apply it to the request; return the token used, if any, which is not the `refused` one."""


class _Header:
    def __init__(self, auth: HeaderAuth) -> None:
        self._name, self._value = auth.name, SecretStr(auth.prefix + auth.value.read().get_secret_value())

    async def apply(self, request: httpx2.Request, _refused: str | None, /) -> None:
        request.headers[self._name] = self._value.get_secret_value()


class _Query:
    def __init__(self, auth: QueryAuth) -> None:
        self._name, self._value = auth.name, auth.value.read()

    async def apply(self, request: httpx2.Request, _refused: str | None, /) -> None:
        request.url = request.url.copy_set_param(self._name, self._value.get_secret_value())


class _Signature:
    def __init__(self, auth: HmacAuth) -> None:
        self._keys = [signature.key(one.read().get_secret_value()) for one in auth.keys]

    async def apply(self, request: httpx2.Request, _refused: str | None, /) -> None:
        # A message has its id from the contract; a read request has none.
        message_id = request.headers.get("webhook-id") or str(uuid4())
        request.headers.update(signature.headers(message_id, request.content, self._keys, datetime.now(UTC)))


class _Token:
    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def apply(self, request: httpx2.Request, refused: str | None, /) -> str:
        token = await self._source.get(refused)
        request.headers["Authorization"] = f"Bearer {token}"
        return token


class PortalAuth(httpx2.Auth):
    """All credentials of a connection, applied in order.

    On 401 the token is replaced and the request sent again; however many requests were refused with the same
    token, one new token is fetched. Construction raises SecretUnreadableError or SettingError.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._tokens_client = transport.client(configuration)
        self._lock = asyncio.Lock()
        self._credentials = self._read()
        self._refused = False

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Apply the credentials; after a 401 again, with a new token."""
        credentials = self._credentials
        used = await self._apply(credentials, request, None)
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED and used is not None:
            await self._apply(credentials, request, used)
            response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED and credentials is self._credentials:
            self._refused = True

    async def refresh(self) -> None:
        """Read the secrets again and forget the tokens, if any was refused since the last time."""
        async with self._lock:
            if not self._refused:
                return
            try:
                self._credentials = self._read()
            except SettingError as error:
                raise PortalUnauthorisedError(str(error), hint=error.hint) from None
            self._refused = False

    async def aclose(self) -> None:
        """Close the connections to token endpoints."""
        await self._tokens_client.aclose()

    def _read(self) -> list[Credential]:
        return [self._credential(one) for one in self._configuration.auth]

    def _credential(self, auth: Auth) -> Credential:
        match auth:
            case HeaderAuth():
                return _Header(auth)
            case QueryAuth():
                return _Query(auth)
            case HmacAuth():
                return _Signature(auth)
            case OAuth2Auth():
                return _Token(oauth2_tokens(auth, self._tokens_client))
            case EntraAuth():
                return _Token(entra_tokens(auth, self._configuration, self._tokens_client))
            case _:
                assert_never(auth)

    async def _apply(
        self, credentials: list[Credential], request: httpx2.Request, refused: str | None
    ) -> str | None:
        used = None
        for credential in credentials:
            try:
                used = await credential.apply(request, refused) or used
            except PortalError:
                self._refused = True
                raise
        return used
