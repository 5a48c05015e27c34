"""The inbound endpoint: lets a message in, stores it as it came, answers; the inbox does the work."""

import asyncio
import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

import psycopg
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect

from mentorcert import logs
from mentorcert.db.connection import Connection
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
    """Who may come in for one organisation; holds the secrets, read once."""

    def __init__(self, inbound: Inbound) -> None:
        """Read the secrets; raises SecretUnreadableError and SettingError."""
        self._ways = [_way(one) for one in inbound.auth]

    def admits(self, request: Request) -> bool:
        """Tell whether a static secret is right; the body need not have been read."""
        return any(way.matches(request) for way in self._ways if isinstance(way, _Static))

    @property
    def reads_signatures(self) -> bool:
        """Whether a signature over the body could still let the message in."""
        return any(isinstance(way, _Keys) for way in self._ways)

    def signed_id(self, request: Request, body: bytes) -> str | None:
        """Return the id of a message that is signed with one of our keys."""
        for way in self._ways:
            if isinstance(way, _Keys) and (message_id := way.verified(request, body)) is not None:
                return message_id
        return None


class _Static:
    """Secrets in headers or in the query, all of which must be right."""

    def __init__(self, of: InboundHeader | InboundCode | InboundQuery) -> None:
        self._headers = {of.name: of.value.read()} if isinstance(of, InboundHeader) else {}
        match of:
            case InboundCode():
                self._query = {_CODE: of.value.read()}
            case InboundQuery():
                self._query = {name: secret.read() for name, secret in of.parameters.items()}
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


class _Keys:
    """Signatures of Standard Webhooks."""

    def __init__(self, of: HmacAuth) -> None:
        self._keys = [signature.key(one.read().get_secret_value()) for one in of.keys]

    def verified(self, request: Request, body: bytes) -> str | None:
        try:
            return signature.verify(request.headers, body, self._keys, datetime.now(UTC))
        except (SignatureError, ValueError, OverflowError):
            return None


def _way(of: InboundAuth) -> _Static | _Keys:
    return _Keys(of) if isinstance(of, HmacAuth) else _Static(of)


class _TooLargeError(Exception):
    """The body is larger than is taken."""


def application(
    connections: Mapping[str, Inbound], connect: Connect, wake: threading.Event | None = None
) -> FastAPI:
    """Return the endpoint for these organisations, by slug; `wake` is set whenever something was stored.

    It answers 202 once the message is stored, 401 (also for an organisation that it does not know), 413,
    and 503 where it cannot be stored, which Dataverse tries again. Raises SettingError.
    """
    doors = {slug: InboundAuthenticator(inbound) for slug, inbound in connections.items()}
    app = FastAPI(title="mentorcert inbox", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/webhooks/dynamics/{organisation}")
    async def receive(organisation: str, request: Request) -> JSONResponse:
        door = doors.get(organisation)
        admitted = door is not None and door.admits(request)
        if door is None or not (admitted or door.reads_signatures):
            return _refuse(401, "not authenticated")
        try:
            body = await _body(request)
        except _TooLargeError:
            return _refuse(413, f"a body may have {LARGEST_BODY} bytes")
        except ClientDisconnect:
            return _refuse(400, "the body broke off")
        message_id = door.signed_id(request, body)
        if not admitted and message_id is None:
            return _refuse(401, "not authenticated")
        try:
            received = await asyncio.to_thread(_store, connect, organisation, request, body, message_id)
        except (psycopg.Error, PoolTimeout, MentorcertError) as error:
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
    with connect() as conn:
        return inbox.store(
            conn, organisation, body, kept, message_id=message_id, stripped=_STRIPPED in request.headers
        )


async def _body(request: Request) -> bytes:
    """Read the body; raises _TooLargeError, for a body that is sent to its end after that end."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:
            body += chunk
        elif size > _LARGEST_DISCARDED:
            break
    # Answered while it is still being sent, a sender would see a broken connection instead of 413.
    if size > LARGEST_BODY:
        raise _TooLargeError
    return bytes(body)


def _refuse(status: int, error: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    # What was not read of the body must not be taken for the next request.
    return JSONResponse({"error": error}, status, {"connection": "close", **(headers or {})})
