"""Serves the pages at one address of this machine, with what the embedded default needs beside them."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import uvicorn

from mentorcert import http_server
from mentorcert.access import least_rights
from mentorcert.db import embedded
from mentorcert.db.connection import connect, database_url
from mentorcert.errors import InvalidInputError, SettingError
from mentorcert.imports.tasks import runner
from mentorcert.operations import nightly
from mentorcert.organisations import sample_people
from mentorcert.settings import Settings, settings
from mentorcert.web import configuration
from mentorcert.web.application import application
from mentorcert.web.configuration import Configuration, is_of_this_machine
from mentorcert.web.services import services

_SHUTDOWN_S: Final = 10


def listen(host: str, port: int | None) -> socket.socket:
    """Take a port; `None` takes 8000, or any other that is free. Raises InvalidInputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = [port] if port is not None else [8000, 0]
    for number in wanted:
        try:
            listener = socket.create_server((host, number), family=family, reuse_port=False)
        except OSError:
            continue
        # Else an answer waits 40 ms for an acknowledgement: asyncio asks for it only of sockets of its own.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    raise InvalidInputError(
        f"Nothing can listen at {host}, port {' or '.join(map(str, wanted))}.",
        hint="It may be taken, or no address of this machine: choose another --host or --port.",
    )


def configure(environment: Settings, listener: socket.socket, *, is_embedded: bool) -> Configuration:
    """Return the configuration for an address; raises SettingError where samples would be open to others."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if not is_embedded:
        return configuration.from_settings(environment, url)
    if not is_of_this_machine(url):
        raise SettingError(
            "Everybody may step into the sample people of the embedded database,"
            " so it is served to this machine only.",
            hint="Leave --host at 127.0.0.1, or set DATABASE_URL, SUPABASE_URL and MENTORCERT_WEB_SECRET.",
        )
    return configuration.demonstration(environment.home, url)


def serve(configured: Configuration, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the address.

    Raises PrivilegedConnectionError where the connection itself may read past row-level security.
    """
    with ExitStack() as stack:
        persons = []
        if configured.is_demonstration:
            owner = partial(connect, database_url(settings()), autocommit=True)
            with owner() as conn:
                persons = sample_people.ensure(conn)
            stack.enter_context(
                _jobs(
                    partial(nightly.run_forever, owner),
                    partial(runner.run_forever, owner),
                    partial(embedded.keep_running, settings().home),
                )
            )
        with connect(configured.database_url) as conn:
            least_rights.require(conn)
        shared = stack.enter_context(services(configured))
        server = _Server(
            http_server.config(application(shared, persons), timeout_graceful_shutdown=_SHUTDOWN_S),
            partial(ready, configured.public_url),
        )
        stack.enter_context(_signals_ignored())
        server.run(sockets=[listener])


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again at its end, so that the blocks around it end in order."""
    before = {name: signal.signal(name, lambda *_: None) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _jobs(*jobs: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run what the embedded database has no other process for, each in a thread, until the block ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=job, args=(stop,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class _Server(uvicorn.Server):
    """Calls `ready` when it takes connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
