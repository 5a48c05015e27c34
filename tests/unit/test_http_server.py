"""How our servers serve: fast, and without room for heads that never end."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request

from mentorcert import http_server
from tests.support.processes import Thread


@pytest.fixture
def client() -> Iterator[socket.socket]:
    """A connection to an application that answers with a body's size, or its event loop."""
    app = FastAPI()

    @app.post("/")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.get("/loop")
    async def loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    server = uvicorn.Server(http_server.config(app, lifespan="off", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=5) as connection:
                yield connection
        finally:
            server.should_exit = True
            thread.join()


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
ENDLESS = b"X-Long: " + b"x" * 400_000


@pytest.mark.parametrize("before", [HEAD, HEAD + b"\r\n1\r\nx\r\n0\r\n"], ids=["headers", "trailers"])
def test_a_head_without_an_end(client: socket.socket, before: bytes) -> None:
    client.sendall(before + ENDLESS)
    assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_may_be_larger_than_a_head(client: socket.socket) -> None:
    # The framing of one-byte chunks is larger than a head may be, too.
    small, large = b"1\r\nx\r\n" * 30_000, b"%x\r\n%s\r\n" % (500_000, b"x" * 500_000)
    client.sendall(HEAD + b"Connection: close\r\n\r\n" + small + large + b"0\r\n\r\n")
    assert b"530000" in client.makefile("rb").read()


def test_more_headers_than_anybody_needs(client: socket.socket) -> None:
    client.sendall(b"GET /loop HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 100 + b"\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a moment only."""
    monkeypatch.setattr(http_server, "HEAD_S", 0.05)
    monkeypatch.setattr(http_server, "BODY_S", 0.05)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", b"GET", b"GET /loop HTTP/1.1\r\nHost:", HEAD.partition(b"\r\n")[0] + b"\r\n"],
    ids=str,
)
@pytest.mark.usefixtures("hurried")
def test_a_head_that_never_comes(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    assert client.makefile("rb").read().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"\r\n\r\n", b"GET /loop HTTP/1.1\r\nX: "], ids=str)
@pytest.mark.usefixtures("hurried")
def test_a_second_head_that_never_comes(client: socket.socket, sent: bytes) -> None:
    client.sendall(b"GET /loop HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    client.sendall(sent)
    assert client.makefile("rb").read().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"5\r\nhel", b"1\r\nx\r\n", b"0\r\nTrailer: "], ids=str)
@pytest.mark.usefixtures("hurried")
def test_a_body_that_never_ends(client: socket.socket, sent: bytes) -> None:
    client.sendall(HEAD + b"\r\n" + sent)
    with suppress(ConnectionResetError):
        assert client.makefile("rb").read() == b""


@pytest.mark.usefixtures("hurried")
def test_a_body_that_comes_slowly_enough(client: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as enough of it has come, it may take its time."""
    monkeypatch.setattr(http_server, "BODY_BYTES_A_S", 1)
    client.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300\r\n\r\n" + b"x" * 299
    )
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(5)
    client.sendall(b"x")
    assert b"300" in client.makefile("rb").read()


def test_the_loop_is_uvloop(client: socket.socket) -> None:
    client.sendall(b"GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"uvloop" in client.makefile("rb").read()
