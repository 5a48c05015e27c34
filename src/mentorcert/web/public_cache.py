"""Keeps answers of the public list for a moment, so that a page that everybody asks for costs one question, not thousands."""

from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from cachetools import TLRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHS: Final = ("/public/", "/api/v1/public/")
# They ask as somebody, or for something that differs from what others get.
_PERSONAL: Final = ("cookie", "authorization", "if-none-match")
_MOST: Final = 500
_SHARED: Final = "public, max-age="

_Key = tuple[str, bytes, str, bool]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and the instants of the process's clock at which it was asked for and ends."""

    start: Message
    body: bytes
    max_age_s: int
    asked_at: float
    ends_at: float
    route: Any


class PublicCacheMiddleware:
    """Sends an answer that any cache may keep once more for `seconds`, and never for longer than it says itself.

    What is left of its time is sent with it: in a cache on the way it gets no older than an answer of its own.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._kept: TLRUCache[_Key, _Kept] = TLRUCache(
            _MOST, lambda _key, kept, _now: kept.ends_at, monotonic
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
        elif kept := self._kept.get(key):
            scope["route"] = kept.route
            await _send_again(kept, send)
        else:
            await self._ask(key, scope, receive, send)

    async def _ask(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        asked_at = monotonic()
        start: Message = {}
        body = b""

        async def send_and_keep(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                # The outer layers add headers of this request to the list itself.
                start = {**message, "headers": [*message["headers"]]}
            else:
                body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, send_and_keep)
        max_age_s = _max_age_s(start)
        if max_age_s:
            ends_at = asked_at + min(self._seconds, max_age_s)
            self._kept[key] = _Kept(start, body, max_age_s, asked_at, ends_at, scope.get("route"))


def _key(scope: Scope) -> _Key | None:
    """Return what an answer depends on; None where it is nobody else's."""
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PATHS):
        return None
    headers = Headers(scope=scope)
    if any(name in headers for name in _PERSONAL):
        return None
    return (
        scope["path"], scope["query_string"], headers.get("accept-language", ""), "gzip" in headers.get("accept-encoding", "")
    )  # fmt: skip


def _max_age_s(start: Message) -> int:
    """Return for how many seconds any cache may keep an answer."""
    control = (
        MutableHeaders(scope=start).get("cache-control", "") if start.get("status") == HTTPStatus.OK else ""
    )
    return int(control.removeprefix(_SHARED).partition(",")[0]) if control.startswith(_SHARED) else 0


async def _send_again(kept: _Kept, send: Send) -> None:
    start = {**kept.start, "headers": [*kept.start["headers"]]}
    left_s = int(kept.max_age_s - (monotonic() - kept.asked_at))
    MutableHeaders(scope=start)["Cache-Control"] = f"{_SHARED}{left_s}, must-revalidate"
    await send(start)
    await send({"type": "http.response.body", "body": kept.body})
