"""Blocking calls of one portal in threads of their own, so that one that hangs holds up nobody else."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from ipaddress import ip_address
from typing import Any, TypeVar

import httpcore2

T = TypeVar("T")


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Run it in a daemon thread of its own: neither another call nor the end of the process waits for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: object) -> None:
        if not future.done():
            set_(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], object] = (future.set_result, work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            outcome = (future.set_exception, error)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            return  # the loop has ended, and nobody waits any more

    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return await future


class Resolving(httpcore2.AsyncNetworkBackend):
    """Looks up host names in threads of its own, one at a time for each name; then connects as `backend` does.

    asyncio would use its default pool, which a few names whose server hangs fill for everybody.
    """

    def __init__(self, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._backend = backend
        self._lookups: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers, within `timeout` seconds each."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("The host name was not looked up in time.") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is the library's
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect as the backend does."""
        return await self._backend.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Sleep as the backend does."""
        await self._backend.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        key = (host, port)
        lookup = self._lookups.get(key)
        if lookup is None or lookup.done():
            lookup = self._lookups[key] = asyncio.create_task(in_thread(lambda: _look_up(*key), "portal-dns"))
        # Who gives up does not end the lookup for those who wait for the same name.
        return await asyncio.shield(lookup)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
