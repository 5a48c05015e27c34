"""For every answer: a request id, security headers, a size limit, a log line, the cookies."""

import logging
import re
import secrets
from http import HTTPStatus
from time import monotonic
from typing import Final

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mentorcert import logs, metrics, traces
from mentorcert.web.error_handlers import unexpected
from mentorcert.web.security.cookies import Cookies
from mentorcert.web.security.framing import POLICY

BODY_LIMIT: Final = 1_000_000
UPLOAD_LIMIT: Final = 21_000_000
_UPLOADS: Final = "/imports"
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9_.-]{8,100}")

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Addresses hold tokens of calendars and codes of certificates.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Of the pages that search engines may keep, each says so.
    "X-Robots-Tag": "noindex",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class RequestMiddleware:
    """The outermost ASGI middleware."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        sent = Headers(scope=scope)
        given = sent.get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(16)
        state["request_id"] = request_id
        started, status = monotonic(), 0
        limit = UPLOAD_LIMIT if scope["path"] == _UPLOADS else BODY_LIMIT
        received = 0

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413)
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                self._complete(headers, state.get("cookies"))
                headers["X-Request-Id"] = request_id
            await send(message)

        with (
            traces.traced("request", sent.get("traceparent", ""), is_server=True) as trace,
            logs.bound(request_id=request_id, **({"trace_id": trace.id} if trace.id else {})),
        ):
            try:
                await self._app(scope, receive_some, send_with_headers)
            except Exception as error:
                if status:
                    # Part of the answer is sent; it can only be broken off.
                    logs.event("request_failed", level=logging.ERROR, error=error, status=status)
                    raise
                await unexpected(Request(scope), error)(scope, receive, send_with_headers)
            finally:
                # The template: an address may hold a token or a search for a person.
                route: str | None = getattr(scope.get("route"), "path_format", None)
                seconds = monotonic() - started
                is_error = not 0 < status < HTTPStatus.INTERNAL_SERVER_ERROR
                metrics.count_request(scope["method"], route, status, seconds)
                trace.end(
                    f"{scope['method']} {route}" if route else scope["method"],
                    is_error,
                    http__request__method=scope["method"],
                    http__route=route or metrics.OTHER,
                    http__response__status_code=status,
                )
                logs.event(
                    "http_request",
                    level=logging.ERROR if is_error else logging.INFO,
                    method=scope["method"],
                    route=route,
                    status=status,
                    seconds=round(seconds, 4),
                )

    def _complete(self, headers: MutableHeaders, cookies: Cookies | None) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
        if headers["Content-Security-Policy"] == POLICY:
            headers["X-Frame-Options"] = "DENY"
        if self._is_secure:
            headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if cookies is not None:
            answer = Response()
            cookies.write(answer)
            for name, value in answer.headers.items():
                if name == "set-cookie":
                    headers.append(name, value)
                    # No cache may store an answer that sets a session.
                    headers["Cache-Control"] = "no-store"


class HeadMiddleware:
    """Answers HEAD wherever GET is answered, with the headers alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask for the page, and keep its body back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "GET" in (allowed := headers.get("allow", "")) and "HEAD" not in allowed:
                    headers["Allow"] = allowed.replace("GET", "GET, HEAD")
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        if is_head:
            scope["method"] = "GET"
        try:
            await self._app(scope, receive, send_headers)
        finally:
            if is_head:
                scope["method"] = "HEAD"
