"""Compresses what is the same for everybody, and the documents of the API; never a page of somebody signed in.

The length of a compressed answer says how often its parts repeat. A page with a form's token beside words of its
address would let who chooses the address and sees the length guess the token letter by letter (BREACH). No browser
sends the token of the API by itself, so nobody else chooses what is asked with it.
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send

_SMALLEST: Final = 500
# Nearly as small as 9, in a third of the time.
_LEVEL: Final = 4


class CompressionMiddleware:
    """Sends gzip to those who take it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        responder = _Responder if takes_gzip else IdentityResponder
        await responder(self._app, _SMALLEST)(scope, receive, send)


class _Responder(GZipResponder):
    def __init__(self, app: ASGIApp, minimum_size: int) -> None:
        super().__init__(app, minimum_size, _LEVEL)

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        headers = MutableHeaders(raw=self.initial_message["headers"])
        if not _holds_no_secret(headers):
            return body
        if headers.get("etag", "").startswith('"'):
            # A strong tag stands for the same bytes.
            headers["ETag"] = f"W/{headers['etag']}"
        return await super().apply_compression(body, more_body=more_body)


def _holds_no_secret(headers: Headers) -> bool:
    is_document = headers.get("content-type", "").startswith("application/json") and "etag" not in headers
    return headers.get("cache-control", "").startswith("public") or is_document
