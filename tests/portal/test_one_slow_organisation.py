"""An organisation whose portal, sign-in or name server is slow holds up no other, nor the end of the worker."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert import loops
from mentorcert.db.connection import Connection
from mentorcert.errors import PortalUnavailableError
from mentorcert.portal.adapters.port import Portal
from tests.portal.connections import Answers, apply, connected, served, webhook
from tests.portal.misbehaving import serving, stall, trickle
from tests.portal.sending import certified
from tests.support.command import start
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch
from tests.support.sessions import wait_until

pytestmark = pytest.mark.usefixtures("secrets")

SLOW_DNS = "slow.invalid"

TABLE = """
organisation = "demo"
[target]
adapter = "dataverse"
url = "http://127.0.0.1:{port}"
table = "hlf_peermentors"
key = "hlf_mentorcertid"
columns = {{ version = "v", status = "s", listed = "l" }}
[[auth]]
{auth}
client_id = "00000000-0000-4000-8000-000000000001"
client_secret = {{ secret = "env:PORTAL_CLIENT_SECRET", expires = "never" }}
"""


@pytest.fixture
def slow_dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The threads that look SLOW_DNS up, which hang until the test ends; other names are answered."""
    real, answer, hanging = socket.getaddrinfo, threading.Event(), list[str]()

    def look_up(host: Any, *arguments: Any, **more: Any) -> Any:
        if host in {SLOW_DNS, SLOW_DNS.encode()}:
            hanging.append(threading.current_thread().name)
            answer.wait(DEADLINE_S)
            raise socket.gaierror("too late")
        return real(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield hanging
    answer.set()


def test_a_name_that_is_looked_up_for_ever_holds_up_no_other_and_not_the_end(
    slow_dns: list[str],
) -> None:
    limits = {"connect_s": 0.3, "total_s": 0.5, "concurrency": 52}

    async def send(url: str) -> float:
        """Send to fifty portals whose names hang, and to one that answers."""
        slow = [webhook(f"https://{SLOW_DNS}", limits=limits) for _ in range(50)]
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(try_to_send(one)) for one in slow]
            await asyncio.sleep(0)
            began = monotonic()
            async with connected(webhook(url.replace("127.0.0.1", "localhost"))) as portal:
                await apply(portal)
            took_s = monotonic() - began
        assert all(isinstance(one.result(), PortalUnavailableError) for one in waiting)
        return took_s

    async def try_to_send(configuration: Any) -> PortalUnavailableError | None:
        async with connected(configuration) as portal:
            try:
                await apply(portal)
            except PortalUnavailableError as error:
                return error
        return None

    with served(Answers((204, {}, b""))) as url:
        began = monotonic()
        assert asyncio.run(send(url)) < 5
        assert monotonic() - began < 20
    assert slow_dns


def test_lookups_of_one_name_share_one_thread(slow_dns: list[str]) -> None:
    async def send_many() -> None:
        async with connected(
            webhook(f"https://{SLOW_DNS}", limits={"connect_s": 0.3, "concurrency": 52})
        ) as portal:
            await asyncio.gather(*(quietly(portal) for _ in range(40)))

    async def quietly(portal: Portal) -> None:
        with pytest.raises(PortalUnavailableError):
            await apply(portal)

    asyncio.run(send_many())
    assert slow_dns == ["portal-dns"]


@pytest.mark.parametrize(
    "sign_in",
    [
        ('method = "oauth2"\ntoken_url = "http://127.0.0.1:{port}/token"', trickle),
        ('method = "entra"\ntenant = "t"\nauthority = "https://127.0.0.1:{port}"', stall),
    ],
    ids=["oauth2", "entra"],
)
def test_the_worker_ends_during_a_slow_sign_in(
    conn: Connection,
    organisation: Organisation,
    database: str,
    tmp_path: Path,
    sign_in: tuple[str, Callable[[socket.socket, threading.Event], None]],
) -> None:
    auth, serve = sign_in
    certified(organisation)
    conn.execute("update mentorcert_portal.connections set adapter = 'dataverse', target = null")
    file, met = tmp_path / "demo.toml", threading.Event()

    def serve_and_say(connection: socket.socket, done: threading.Event) -> None:
        met.set()
        serve(connection, done)

    with serving(serve_and_say) as port:
        file.write_text(TABLE.format(port=port, auth=auth.format(port=port)))
        worker = start(
            "portal", "worker", "--connection", file, "--lease", "6",
            database_url=make_conninfo(database, user="mentorcert_portal"),
        )  # fmt: skip
        wait_until(met.is_set, "the sign-in")
        began = monotonic()
        worker.terminate()
        _, logged = worker.communicate()
        assert worker.returncode == 0, logged
        assert monotonic() - began < 10
    wait_until(
        lambda: fetch(conn, "select count(*) from mentorcert_portal.workers") == 0, "the worker's farewell"
    )


def test_a_task_that_is_slow_holds_up_no_other_and_is_not_started_twice() -> None:
    async def play() -> list[str]:
        go_on, said = asyncio.Event(), list[str]()

        async def slow() -> None:
            said.append("slow")
            await asyncio.wait_for(go_on.wait(), DEADLINE_S)

        async def quick() -> None:
            said.append("quick")

        async with loops.OneAtATime() as tasks:
            for _ in range(3):
                tasks.start("a", slow)
                tasks.start("b", quick)
                await asyncio.sleep(0)
            go_on.set()
        return said

    assert asyncio.run(play()) == ["slow", "quick", "quick", "quick"]


def test_an_error_of_a_task_is_not_lost() -> None:
    async def fail() -> None:
        raise PortalUnavailableError("down")

    async def play() -> None:
        async with loops.OneAtATime() as tasks:
            tasks.start("a", fail)

    with pytest.raises(PortalUnavailableError):
        asyncio.run(play())
