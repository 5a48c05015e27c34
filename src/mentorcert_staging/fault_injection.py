"""Does the faults to a request, down to the socket: around the portal, which knows nothing of them."""

import asyncio
import json
import re
import socket
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mentorcert.errors import InvalidInputError
from mentorcert_staging.faults import HEADER, Fault, Faults, Request, Route
from mentorcert_staging.pages import LOGIN_PAGE
from mentorcert_staging.tokens import Tokens, bearer

LARGEST_BODY: Final = 1_000_000

_MEGABYTE: Final = b"x" * 1_000_000
_KEY_IN_PATH: Final = re.compile(r"\((?:[^)=]*=)?'?([^)']*)'?\)")


class Protocol(H11Protocol):
    """HTTP/1.1 that lends the connection itself to the application, as `state.connection`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take a new connection."""
        super().__init__(*args, **kwargs)
        self.app_state = {**self.app_state, "connection": self}


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that was read whole, and the connection that it came by."""

    scope: Scope
    receive: Receive
    send: Send
    body: bytes

    @property
    def transport(self) -> asyncio.Transport:
        connection: Protocol = self.scope["state"]["connection"]
        return connection.transport

    async def run(self, app: ASGIApp, send: Send | None = None) -> None:
        """Let the application answer, by default to the sender."""
        pending: list[Message] = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else await self.receive()

        await app(self.scope, receive, send or self.send)

    async def take_effect(self, app: ASGIApp) -> "_Answer":
        """Let the application do its work, and keep its answer from the sender."""
        answer = _Answer()
        await self.run(app, answer.take)
        return answer

    async def end(self) -> None:
        """Close the connection after what was written to it, and wait until it is closed."""
        self.transport.close()
        await self.gone()

    async def gone(self) -> None:
        """Wait until the sender or we have closed the connection."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


@dataclass(slots=True)
class _Answer:
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def head(self) -> bytes:
        """Return the status line and the headers as they go over the wire."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in self.headers]
        return b"\r\n".join([*lines, b"connection: close", b"", b""])


class Disturbance:
    """The middleware: draws a request's fault, and does it instead of or after what the portal does."""

    def __init__(self, app: ASGIApp, faults: Faults, tokens: Tokens) -> None:
        """Wrap the portal."""
        self._app = app
        self._faults = faults
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = _route(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            refusal = JSONResponse(
                {"error": f"a body may have {LARGEST_BODY} bytes"}, 413, {"connection": "close"}
            )
            await refusal(scope, receive, send)
            return
        call = _Call(scope, receive, send, body)
        try:
            headers = Headers(scope=scope)
            request = Request(route, scope["method"], _mentor(route, scope, body), headers.get(HEADER))
            fault = self._faults.draw(request)
        except InvalidInputError as error:
            await JSONResponse({"error": str(error)}, 400)(scope, receive, send)
            return
        if fault is None:
            await call.run(self._app)
        else:
            await self._do(fault, route, call)

    async def _do(self, fault: Fault, route: Route, call: _Call) -> None:
        match fault.kind:
            case "delay":
                await self._delay(fault, call)
            case "expired_token":
                await self._expire_token(route, call)
            case "v2_only":
                await self._refuse_v1(fault, call)
            case _:
                answer = await call.take_effect(self._app) if fault.applies else _Answer()
                await _fail(fault, call, answer)

    async def _delay(self, fault: Fault, call: _Call) -> None:
        if not fault.applies:
            # Even if the sender has long gone: a late effect is what this fault is about.
            await asyncio.sleep(fault.seconds)
            await call.run(self._app)
            return
        answer = await call.take_effect(self._app)
        try:
            await asyncio.wait_for(call.gone(), fault.seconds)
        except TimeoutError:
            response = Response(answer.body, answer.status)
            response.raw_headers = answer.headers
            await call.run(response)

    async def _expire_token(self, route: Route, call: _Call) -> None:
        if route == "webhook":
            await call.run(JSONResponse({"error": "the credentials have expired"}, 401))
            return
        self._tokens.expire(bearer(Headers(scope=call.scope).get("authorization", "")))
        await call.run(self._app)

    async def _refuse_v1(self, fault: Fault, call: _Call) -> None:
        if str(_event(call.body).get("type", "")).endswith(".v1"):
            await call.run(JSONResponse({"error": "this portal takes version 2 only"}, fault.status or 400))
        else:
            await call.run(self._app)


async def _fail(fault: Fault, call: _Call, answer: _Answer) -> None:
    match fault.kind:
        case "drop":
            await call.end()
        case "reset":
            # With a linger of 0 s the kernel sends RST instead of FIN.
            call.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            call.transport.abort()
            await call.gone()
        case "truncated":
            body = answer.body or b'{"outcome": "applied"}'
            head = _Answer(
                200, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            )
            call.transport.write(head.head() + body[: len(body) // 2])
            await call.end()
        case "slow_headers":
            await _drip(call, answer, fault.seconds)
        case _:
            await call.run(_response(fault))


async def _drip(call: _Call, answer: _Answer, seconds: float) -> None:
    head = answer.head()
    for byte in head:
        if call.transport.is_closing():
            return
        call.transport.write(bytes([byte]))
        await asyncio.sleep(seconds / len(head))
    call.transport.write(answer.body)
    await call.end()


def _response(fault: Fault) -> Response:
    match fault.kind:
        case "throttled":
            return JSONResponse({"error": "too many requests"}, fault.status or 429, _retry_after(fault))
        case "server_error":
            return JSONResponse({"error": "the portal has failed"}, fault.status or 503, _retry_after(fault))
        case "redirect":
            return Response(status_code=fault.status or 302, headers={"location": "/login"})
        case "login_page":
            return HTMLResponse(LOGIN_PAGE)
        case "no_effect":
            return Response(status_code=204)
        case "huge":
            return StreamingResponse(
                (_MEGABYTE for _ in range(fault.megabytes)), media_type="application/json"
            )
    raise AssertionError(fault.kind)


def _retry_after(fault: Fault) -> dict[str, str]:
    if fault.retry_after is None:
        return {}
    at = datetime.now(UTC) + timedelta(seconds=fault.retry_after)
    as_date = fault.retry_after_as == "date"
    return {"retry-after": format_datetime(at, usegmt=True) if as_date else str(fault.retry_after)}


async def _read(receive: Receive) -> bytes | None:
    """Return the body; None where it is too large."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _route(path: str) -> Route | None:
    if path == "/webhook":
        return "webhook"
    if path.startswith("/api/data/"):
        return "dataverse"
    if path.endswith("/oauth2/v2.0/token"):
        return "token"
    return "list" if path in ("/", "/list.json", "/state.json") else None


def _mentor(route: Route, scope: Scope, body: bytes) -> str | None:
    if route == "dataverse":
        key = _KEY_IN_PATH.search(scope["path"])
        return key[1] if key else None
    if route == "webhook":
        return str(_event(body).get("subject", "")).removeprefix("mentor/") or None
    return None


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
