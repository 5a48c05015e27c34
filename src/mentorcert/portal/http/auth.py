"""Authentication, apart from adapters: credentials put on a request, refused tokens replaced."""

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
    """Something that shows who we are."""

    async def put_on(self, request: httpx2.Request, refused: str | None, /) -> str | None:
        """Put it on the request; return the token it used, if it is one, which is not the one `refused`."""


class _Header:
    def __init__(self, of: HeaderAuth) -> None:
        self._name, self._value = of.name, SecretStr(of.prefix + of.value.read().get_secret_value())

    async def put_on(self, request: httpx2.Request, _refused: str | None, /) -> None:
        request.headers[self._name] = self._value.get_secret_value()


class _Query:
    def __init__(self, of: QueryAuth) -> None:
        self._name, self._value = of.name, of.value.read()

    async def put_on(self, request: httpx2.Request, _refused: str | None, /) -> None:
        request.url = request.url.copy_set_param(self._name, self._value.get_secret_value())


class _Signature:
    def __init__(self, of: HmacAuth) -> None:
        self._keys = [signature.key(one.read().get_secret_value()) for one in of.keys]

    async def put_on(self, request: httpx2.Request, _refused: str | None, /) -> None:
        # The message has its id from the contract; a request to read has none of its own.
        message_id = request.headers.get("webhook-id") or str(uuid4())
        request.headers.update(signature.headers(message_id, request.content, self._keys, datetime.now(UTC)))


class _Token:
    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def put_on(self, request: httpx2.Request, refused: str | None, /) -> str:
        token = await self._source.get(refused)
        request.headers["Authorization"] = f"Bearer {token}"
        return token


class PortalAuth(httpx2.Auth):
    """All credentials of a connection, one after the other.

    On 401 a token is replaced and the request sent once more; however many requests were refused with the
    same token, one new token is fetched. Construction raises SecretUnreadableError or SettingError.
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
        """Put the credentials on; after a 401 once more, with a new token."""
        credentials = self._credentials
        used = await self._put_on(credentials, request, None)
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED and used is not None:
            await self._put_on(credentials, request, used)
            response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED and credentials is self._credentials:
            self._refused = True

    async def refresh(self) -> None:
        """Read the secrets anew and forget the tokens, unless nothing was refused since the last time."""
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

    def _credential(self, of: Auth) -> Credential:
        match of:
            case HeaderAuth():
                return _Header(of)
            case QueryAuth():
                return _Query(of)
            case HmacAuth():
                return _Signature(of)
            case OAuth2Auth():
                return _Token(oauth2_tokens(of, self._tokens_client))
            case EntraAuth():
                return _Token(entra_tokens(of, self._configuration))
            case _:
                assert_never(of)

    async def _put_on(
        self, credentials: list[Credential], request: httpx2.Request, refused: str | None
    ) -> str | None:
        used = None
        for credential in credentials:
            try:
                used = await credential.put_on(request, refused) or used
            except PortalError:
                self._refused = True
                raise
        return used
