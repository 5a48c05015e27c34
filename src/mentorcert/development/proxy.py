"""Passes what is asked of the Data API and of Auth on to Supabase Lite, and everything else to the pages."""

from pathlib import Path
from typing import Final

import httpx2
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PATHS: Final = ("/rest/v1", "/auth/v1")
_TIMEOUT_S: Final = 60.0
# Of one connection, and not of what is passed on (RFC 9110, 7.6.1); length and date are those of what is sent here.
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


class Proxy:
    """The application in front of the pages and of Lite, which listens at a socket."""

    def __init__(self, pages: ASGIApp, socket: Path) -> None:
        self._pages = pages
        # Not a client, which would keep cookies and follow redirects.
        self._lite = httpx2.AsyncHTTPTransport(uds=str(socket))
        # As Supabase's gateway does: an app in a browser is served at another port.
        self._for_all_origins = CORSMiddleware(
            self._forward,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Content-Location", "Content-Range", "Preference-Applied"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        is_for_lite = scope["type"] == "http" and f"{scope['path']}/".startswith(
            tuple(f"{path}/" for path in PATHS)
        )
        await (self._for_all_origins if is_for_lite else self._pages)(scope, receive, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._ask(Request(scope, receive))
        await answer(scope, receive, send)

    async def _ask(self, request: Request) -> Response:
        scope = request.scope
        path = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        asked = httpx2.Request(
            scope["method"],
            httpx2.URL(scheme="http", host="localhost", raw_path=path),
            headers=_end_to_end(scope["headers"]),
            content=await request.body(),
            extensions={"timeout": httpx2.Timeout(_TIMEOUT_S).as_dict()},
        )
        try:
            answered = await self._lite.handle_async_request(asked)
            # As it came, compressed or not.
            body = b"".join([part async for part in answered.aiter_raw()])
        except httpx2.TransportError:
            return JSONResponse({"message": "Supabase Lite does not answer."}, 502)
        answer = Response(body, answered.status_code)
        answer.raw_headers = [
            *_end_to_end(answered.headers.raw),
            *(
                [(b"content-length", str(len(body)).encode())]
                if answered.status_code not in {204, 304}
                else []
            ),
        ]
        return answer


def _end_to_end(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
