"""The inbound endpoint: authenticates a message, stores it as received, answers; the inbox processes it."""

import asyncio
import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import MentorcertError, SignatureError
from mentorcert.portal.config.credentials import HmacAuth
from mentorcert.portal.config.rules import Inbound, InboundAuth, InboundCode, InboundHeader, InboundQuery
from mentorcert.portal.contract import signature
from mentorcert.portal.inbound import inbox

LARGEST_BODY: Final = 1_048_576
RETRY_AFTER_S: Final = 60

_LARGEST_DISCARDED: Final = 16 * LARGEST_BODY
_STRIPPED: Final = "x-ms-dynamics-msg-size-exceeded"
_KEPT_HEADERS: Final = ("x-ms-dynamics-", "x-ms-correlation-request-id", "webhook-id", "webhook-timestamp")
_CODE: Final = "code"

Connect = Callable[[], AbstractContextManager[Connection]]


class InboundAuthenticator:
    """Authenticates senders for one organisation; holds the secrets, read once."""

    def __init__(self, inbound: Inbound) -> None:
        """Read the secrets; raises SecretUnreadableError and SettingError."""
        self._methods = [_method(one) for one in inbound.auth]

    def authenticate(self, request: Request) -> bool:
        """Return whether a static secret matches; does not need the body."""
        return any(method.matches(request) for method in self._methods if isinstance(method, _StaticSecrets))

    @property
    def accepts_signatures(self) -> bool:
        """Whether a signature over the body could still authenticate the message."""
        return any(isinstance(method, _Signature) for method in self._methods)

    def verify_signature(self, request: Request, body: bytes) -> str | None:
        """Return the id of a message signed with one of our keys, None for any other."""
        for method in self._methods:
            if isinstance(method, _Signature) and (message_id := method.verified(request, body)) is not None:
                return message_id
        return None


class _StaticSecrets:
    """Secrets in headers or in the query, all of which must match."""

    def __init__(self, auth: InboundHeader | InboundCode | InboundQuery) -> None:
        self._headers = {auth.name: auth.value.read()} if isinstance(auth, InboundHeader) else {}
        match auth:
            case InboundCode():
                self._query = {_CODE: auth.value.read()}
            case InboundQuery():
                self._query = {name: secret.read() for name, secret in auth.parameters.items()}
            case _:
                self._query = {}

    def matches(self, request: Request) -> bool:
        pairs = [
            *((request.headers.get(name), secret) for name, secret in self._headers.items()),
            *((request.query_params.get(name), secret) for name, secret in self._query.items()),
        ]
        return all(
            hmac.compare_digest((given or "").encode("utf-8", "replace"), secret.get_secret_value().encode())
            for given, secret in pairs
        )


class _Signature:
    """Signatures of Standard Webhooks."""

    def __init__(self, auth: HmacAuth) -> None:
        self._keys = [signature.key(one.read().get_secret_value()) for one in auth.keys]

    def verified(self, request: Request, body: bytes) -> str | None:
        try:
            return signature.verify(request.headers, body, self._keys, datetime.now(UTC))
        except (SignatureError, ValueError, OverflowError):
            return None


def _method(auth: InboundAuth) -> _StaticSecrets | _Signature:
    return _Signature(auth) if isinstance(auth, HmacAuth) else _StaticSecrets(auth)


class _TooLargeError(Exception):
    """The body is too large."""


def application(
    connections: Mapping[str, Inbound], connect: Connect, wake: threading.Event | None = None
) -> FastAPI:
    """Return the endpoint for these organisations, by slug; `wake` is set when a message was stored.

    It answers 202 once the message is stored, 401 (also for an unknown organisation), 413, and 503 where it
    cannot be stored, which Dataverse retries. Raises SettingError.
    """
    authenticators = {slug: InboundAuthenticator(inbound) for slug, inbound in connections.items()}
    app = FastAPI(title="mentorcert inbox", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.post("/webhooks/dynamics/{organisation}")
    async def receive(organisation: str, request: Request) -> JSONResponse:
        authenticator = authenticators.get(organisation)
        is_authenticated = authenticator is not None and authenticator.authenticate(request)
        if authenticator is None or not (is_authenticated or authenticator.accepts_signatures):
            return _refuse(401, "not authenticated")
        try:
            body = await _body(request)
        except _TooLargeError:
            return _refuse(413, f"a body may have {LARGEST_BODY} bytes")
        except ClientDisconnect:
            return _refuse(400, "the body broke off")
        message_id = authenticator.verify_signature(request, body)
        if not is_authenticated and message_id is None:
            return _refuse(401, "not authenticated")
        try:
            received = await asyncio.to_thread(_store, connect, organisation, request, body, message_id)
        except MentorcertError as error:
            logs.event(
                "portal_message_not_stored", level=logging.ERROR, error=error, organisation=organisation
            )
            received = None
        if received is None:
            return _refuse(503, "not stored", {"retry-after": str(RETRY_AFTER_S)})
        if wake is not None:
            wake.set()
        return JSONResponse({"id": received.id, "duplicate": received.duplicates > 0}, 202)

    return app


def _store(
    connect: Connect, organisation: str, request: Request, body: bytes, message_id: str | None
) -> inbox.Received | None:
    kept = {name: value for name, value in request.headers.items() if name.startswith(_KEPT_HEADERS)}
    with mapped_errors(), connect() as conn:
        return inbox.store(
            conn, organisation, body, kept, message_id=message_id, stripped=_STRIPPED in request.headers
        )


async def _body(request: Request) -> bytes:
    """Read the body; raises _TooLargeError, after the sender has finished where possible."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:
            body += chunk
        elif size > _LARGEST_DISCARDED:
            break
    # Answered earlier, a sender would see a broken connection instead of 413.
    if size > LARGEST_BODY:
        raise _TooLargeError
    return bytes(body)


def _refuse(status: int, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    # The unread rest of the body must not be parsed as the next request.
    return JSONResponse({"error": error}, status, {"connection": "close", **(headers or {})})
