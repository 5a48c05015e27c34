"""Serves the pages in a process of their own, as they are served in use."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

import uvicorn

from mentorcert import http_server
from mentorcert.web.application import application
from mentorcert.web.configuration import Configuration
from mentorcert.web.services import services
from mentorcert.web.serving import listen

_READY_TIMEOUT_S = 60.0


@contextmanager
def served(configuration: Configuration) -> Iterator[str]:
    """Yield the address at which the pages are served; the process ends with the block."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(configuration, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(_READY_TIMEOUT_S), "the pages did not start"
        yield str(ours.recv())
    finally:
        process.terminate()
        process.join()


def _serve(configuration: Configuration, ready: Pipe) -> None:
    with listen("127.0.0.1", 0) as listener, services(configuration) as shared:
        # Who connects before the server runs waits in the queue of the socket.
        ready.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = http_server.config(application(shared))
        uvicorn.Server(config).run(sockets=[listener])
