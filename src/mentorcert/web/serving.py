"""Serves the pages at one address of this machine, with what the embedded default needs beside them."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import uvicorn

from mentorcert.db import embedded
from mentorcert.db.connection import Connection, connect, database_url
from mentorcert.errors import InvalidInputError, PrivilegedConnectionError, SettingError
from mentorcert.imports.tasks import runner
from mentorcert.operations import nightly
from mentorcert.settings import Settings, settings
from mentorcert.web import configuration, demonstration
from mentorcert.web.application import application
from mentorcert.web.configuration import Configuration, is_of_this_machine
from mentorcert.web.services import services

_SHUTDOWN_S: Final = 10
_PRIVILEGES: Final = """
select exists (
  -- Also what it may become.
  select from pg_catalog.pg_roles as role, pg_catalog.pg_class as class
  where
    pg_catalog.pg_has_role(role.oid, 'member')
    and class.oid = 'public.peer_mentor_certifications'::regclass
    and (role.rolsuper or role.rolbypassrls or role.oid = class.relowner)
)
"""


def listen(host: str, port: int | None) -> socket.socket:
    """Take a port; `None` takes 8000, or any other that is free. Raises InvalidInputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = [port] if port is not None else [8000, 0]
    for one in wanted:
        try:
            listener = socket.create_server((host, one), family=family, reuse_port=False)
        except OSError:
            continue
        # Else an answer waits 40 ms for an acknowledgement: asyncio asks for it only of sockets of its own.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    raise InvalidInputError(
        f"Nothing can listen at {host}, port {' or '.join(map(str, wanted))}.",
        hint="It may be taken, or no address of this machine: choose another --host or --port.",
    )


def configure(of: Settings, listener: socket.socket, *, is_embedded: bool) -> Configuration:
    """Return the configuration for an address; raises SettingError where samples would be open to others."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if not is_embedded:
        return configuration.from_settings(of, url)
    if not is_of_this_machine(url):
        raise SettingError(
            "Everybody may step into the sample people of the embedded database,"
            " so it is served to this machine only.",
            hint="Leave --host at 127.0.0.1, or set DATABASE_URL, SUPABASE_URL and MENTORCERT_WEB_SECRET.",
        )
    return configuration.demonstration(of.home, url)


def serve(of: Configuration, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the address.

    Raises PrivilegedConnectionError where the connection itself may read past row-level security.
    """
    with ExitStack() as stack:
        persons = []
        if of.is_demonstration:
            owner = partial(connect, database_url(settings()), autocommit=True)
            with owner() as conn:
                persons = demonstration.people(conn)
            stack.enter_context(
                _jobs(
                    partial(nightly.keep_watch, owner),
                    partial(runner.keep_working, owner),
                    partial(embedded.keep_running, settings().home),
                )
            )
        with connect(of.database_url) as conn:
            _require_least_rights(conn)
        shared = stack.enter_context(services(of))
        # It writes tracebacks, and with them what people sent; all that fails is logged by us.
        logging.getLogger("uvicorn").propagate = False
        logging.getLogger("uvicorn").handlers = [logging.NullHandler()]
        server = _Server(
            uvicorn.Config(
                application(shared, persons),
                access_log=False,
                log_config=None,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=_SHUTDOWN_S,
            ),
            partial(ready, of.public_url),
        )
        stack.enter_context(_signals_taken())
        server.run(sockets=[listener])


def _require_least_rights(conn: Connection) -> None:
    row = conn.execute(_PRIVILEGES).fetchone()
    if row is None or row[0]:
        raise PrivilegedConnectionError(
            hint="Let DATABASE_URL connect as mentorcert_web: docs/operations.md, Login roles."
        )


@contextmanager
def _signals_taken() -> Iterator[None]:
    """Have the server raise the signal that ended it once more in vain: what is around it ends in order."""
    before = {name: signal.signal(name, lambda *_: None) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _jobs(*jobs: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do what the embedded database has no other process for, each in a thread, until the block ends."""
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
    """Says when it takes connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
