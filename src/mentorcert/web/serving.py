"""Serves the pages at one address of this machine, with what the embedded default needs beside them."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from psycopg.conninfo import make_conninfo
from starlette.types import ASGIApp

from mentorcert import http_server, loops, monitoring, systemd
from mentorcert.access import least_rights
from mentorcert.access.least_rights import LoginRole
from mentorcert.db import embedded, migrate
from mentorcert.db.connection import Connection, connect, database_url
from mentorcert.errors import DatabaseUnreachableError, InvalidInputError, SettingError
from mentorcert.imports.tasks import runner
from mentorcert.metrics import PoolMetrics
from mentorcert.operations import nightly, retention
from mentorcert.organisations import sample_people
from mentorcert.organisations.sample_people import Person
from mentorcert.settings import Settings
from mentorcert.web import configuration
from mentorcert.web.application import application
from mentorcert.web.configuration import Configuration, is_of_this_machine
from mentorcert.web.readiness import Readiness
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


def serve(
    environment: Settings,
    configured: Configuration,
    listener: socket.socket,
    ready: Callable[[str, list[Person]], None],
    *,
    in_front: Callable[[FastAPI], ASGIApp] = lambda pages: pages,
    drain_s: float = 0.0,
    metrics_at: tuple[str, int | None] = ("127.0.0.1", None),
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; `ready` is called with the address and the sample people.

    After SIGTERM requests are answered for another `drain_s` seconds, in which the process says that it is not ready.
    `metrics_at` is the address of the metrics; without a port there are none.
    `in_front` returns what takes the requests, made of the pages. Raises NotMigratedError, and
    PrivilegedConnectionError where the connection itself may read past row-level security.
    """
    with ExitStack() as stack:
        people, owner = [], None
        if configured.is_demonstration:
            owner_url = database_url(environment)
            owner = partial(connect, owner_url, autocommit=True)
            with owner() as conn:
                people = sample_people.ensure(conn)
            stack.enter_context(
                # What the embedded database has no other process for.
                loops.in_threads(
                    partial(nightly.run_forever, _as_login(owner_url, "mentorcert_jobs")),
                    partial(retention.run_forever, _as_login(owner_url, "mentorcert_jobs")),
                    partial(runner.run_forever, _as_login(owner_url, "mentorcert_tasks")),
                    partial(embedded.keep_running, environment.home),
                )
            )
        with connect(configured.database_url) as conn:
            least_rights.require(conn)
            migrate.require_migrated(conn)
            least_rights.require_login(conn, "mentorcert_web")
        if configured.read_url:
            # Pages go on without it; one that they may not use is a fault to correct before they begin.
            with suppress(DatabaseUnreachableError), connect(configured.read_url) as conn:
                least_rights.require(conn)
                least_rights.require_login(conn, "mentorcert_web")
        shared = stack.enter_context(services(configured))
        stack.enter_context(monitoring.served(*metrics_at, [PoolMetrics(shared.pools)]))
        server = _Server(
            http_server.config(
                in_front(application(shared, people, owner)), timeout_graceful_shutdown=_SHUTDOWN_S
            ),
            partial(ready, configured.public_url, people),
            shared.readiness,
            drain_s,
        )
        stack.enter_context(_signals_ignored())
        server.run(sockets=[listener])


def _as_login(url: str, role: LoginRole) -> Callable[[], Connection]:
    return partial(connect, make_conninfo(url, user=role), autocommit=True)


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again at its end, so that the blocks around it end in order.

    A terminal that closes ends it as SIGTERM does, which uvicorn takes.
    """
    before = {name: signal.signal(name, lambda *_: None) for name in (signal.SIGINT, signal.SIGTERM)}
    if hasattr(signal, "SIGHUP"):  # not on Windows
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class _Server(http_server.Server):
    """Calls `ready` when it takes connections, and drains after SIGTERM; a second signal ends that."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], readiness: Readiness, drain_s: float
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._readiness = readiness
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        systemd.notify("STOPPING=1")
        drains = self._drain_s > 0 and sig == signal.SIGTERM and not self._readiness.is_draining
        self._readiness.is_draining = True
        if drains and self._loop is not None:
            end = partial(super().handle_exit, sig, frame)
            self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_s, end)
        else:
            super().handle_exit(sig, frame)
