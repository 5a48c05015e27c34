"""How every server here serves: by uvicorn on httptools and uvloop, with bounds to a request's size and time."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mentorcert import systemd
from mentorcert.errors import InvalidInputError

MAX_HEAD_BYTES: Final = 65_536
MAX_HEADERS: Final = 100
# From the connection, or the first byte of another request, to the end of the head.
HEAD_S: Final = 15.0
# A body has as long, and longer at this rate: some of it must always come.
BODY_S: Final = 20.0
BODY_BYTES_A_S: Final = 2_000

_TIMEOUT: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def config(app: Any, **more: Any) -> uvicorn.Config:
    """Return the configuration; no line is written of a request, since its query may hold a secret."""
    return uvicorn.Config(
        app, http=_Protocol, access_log=False, log_config=None, server_header=False, ws="none", **more
    )


@contextmanager
def in_thread(app: Any, host: str, port: int) -> Iterator[int]:
    """Serve in a thread until the block ends; yields the port, for 0 a free one. Raises InvalidInputError."""
    running = uvicorn.Server(config(app, lifespan="off"))
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError:
        raise InvalidInputError(
            f"Nothing can listen at {host}, port {port}.", hint="It may be taken: choose another address."
        ) from None
    with listener:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            running.should_exit = True
            thread.join()


class Server(uvicorn.Server):
    """Has systemd know that it takes connections, and that its loop still turns."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        await super().startup(sockets)
        systemd.notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Say each second that the loop turns."""
        if counter % 10 == 0 and systemd.watchdog_s():
            systemd.notify("WATCHDOG=1")
        return await super().on_tick(counter)


class _Protocol(HttpToolsProtocol):
    """httptools itself keeps a request line, headers and trailers of any size; uvicorn waits for ever."""

    _head_bytes = 0
    _body_bytes = 0
    _body_began = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._await_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")
        elif self._timer is None and self._is_idle():
            # Empty lines before a request begin none.
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            raise ValueError("too many headers")  # which uvicorn answers with 400

    def on_headers_complete(self) -> None:
        self._head_bytes = self._body_bytes = 0
        self._body_began = self.loop.time()
        self._await(BODY_S, self._check_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._await_nothing()
        super().on_message_complete()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _await_head(self) -> None:
        self._await(HEAD_S, self._end_head)

    def _await(self, seconds: float, end: Any) -> None:
        self._await_nothing()
        self._timer = self.loop.call_later(seconds, end)

    def _await_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_head(self) -> None:
        # Of a pipeline, what was asked before is still being answered.
        if self._is_idle():
            self.transport.write(_TIMEOUT)
        self.transport.close()

    def _check_body(self) -> None:
        allowed_s = BODY_S + self._body_bytes / BODY_BYTES_A_S
        left_s = self._body_began + allowed_s - self.loop.time()
        if self.flow.read_paused:
            # It is the application that does not read.
            left_s = BODY_S
        if left_s > 0:
            self._await(left_s, self._check_body)
        else:
            self.transport.abort()
