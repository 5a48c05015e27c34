"""The application behind a real server on loopback, for what a client within the process cannot show."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import uvicorn
from fastapi import FastAPI

from mentorcert import http_server
from mentorcert.web.security.tokens import issue
from tests.support.processes import Thread
from tests.web.conftest import AUTH


@contextmanager
def running(app: FastAPI, at: socket.socket | None = None) -> Iterator[str]:
    """Serve until the end of the block; yields the URL, where connections are queued until it is up."""
    with at or socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(http_server.config(app))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


def url_of(listener: socket.socket) -> str:
    """Return where it listens."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def session_of(user: UUID) -> dict[str, str]:
    """Return the cookies of somebody who is signed in."""
    return {"mentorcert-access": issue(AUTH, user)}
