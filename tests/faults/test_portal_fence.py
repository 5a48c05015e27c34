"""A worker that outlives its lease, or is overtaken by a change: what keeps the portal right."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from mentorcert.db.connection import Connection, async_pool
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.contract import values
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import Claim, Result, StateQueue
from mentorcert.portal.sync.state_queue import Connection as PortalConnection
from tests.portal.agreement import disagreements, steps_back
from tests.portal.soak import connection_file
from tests.portal.staging import Staging, running
from tests.support.registry import Organisation, fetch, rows, set_up, today

END_LEASES: Final = """
update mentorcert_portal.states set lease_until = lease_until - %(past)s, next_attempt_at = next_attempt_at - %(past)s
"""


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), issued=today(conn, -10), last_day=today(conn, 30))
    return organisation


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


@pytest.fixture
def forgetful() -> Iterator[Staging]:
    """A portal that lets an older version replace a newer one."""
    with running(any_version=True) as portal:
        yield portal


def without(conn: Connection, function: str, guard: str, instead: str) -> None:
    """Put other words in the place of a function's guard."""
    source: str = fetch(conn, "select pg_catalog.pg_get_functiondef(%s::regproc)", function)
    assert guard in source
    conn.execute(source.replace(guard, instead).encode())


@asynccontextmanager
async def closing(portal: Portal) -> AsyncIterator[Portal]:
    try:
        yield portal
    finally:
        await portal.aclose()


async def send(leases: StateQueue, portal: Portal, claim: Claim) -> None:
    receipt = await portal.apply(claim.state)
    result = Result(claim, receipt.outcome, receipt.remote_version, receipt.http_status)
    refused = await leases.report([result], "test")
    assert not refused, [again.error for again in refused]


async def send_all(leases: StateQueue, portal: Portal, connection: PortalConnection) -> None:
    while claims := (await leases.claim(connection, 10, 60.0))[0]:
        for claim in claims:
            await send(leases, portal, claim)


def disagreements_after_a_late_message(
    organisation: Organisation, database: str, folder: Path, staging: Staging, adapter: str = "webhook",
    *, lease_ends: bool = True,
) -> list[str]:  # fmt: skip
    """Hold a claim during a change, then send it: if its lease ends, after another has sent the change."""
    conn = organisation.conn
    conn.execute("select mentorcert_portal.connect(%s, %s, 'v1', 'test')", (organisation.id, adapter))
    conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
    connections = Connections.read([connection_file(folder, adapter, staging.url)])

    async def run() -> None:
        async with async_pool(database) as pool:
            leases = StateQueue(pool)
            (connection,) = await leases.due()
            async with closing(connections.open(connection)) as portal:
                (held,), _ = await leases.claim(connection, 10, 60.0)
                conn.execute("update mentorcert.peer_mentors set listing_consent = false")
                if lease_ends:
                    conn.execute(END_LEASES, {"past": timedelta(minutes=2)})
                    await send_all(leases, portal, connection)
                await send(leases, portal, held)
                await send_all(leases, portal, connection)

    asyncio.run(run())
    return disagreements(conn, organisation.id, staging.client)


Late = Callable[..., list[str]]


@pytest.fixture
def late(organisation: Organisation, database: str, tmp_path: Path) -> Late:
    """Send late; return where the portal is then wrong."""
    return partial(disagreements_after_a_late_message, organisation, database, tmp_path)


@pytest.mark.parametrize("adapter", ["webhook", "dataverse"])
@pytest.mark.parametrize("lease_ends", [True, False])
def test_late_is_harmless(
    conn: Connection, late: Late, staging: Staging, adapter: str, lease_ends: bool
) -> None:
    assert late(staging, adapter, lease_ends=lease_ends) == []
    assert steps_back(staging.client) == []
    (outcomes,) = rows(conn, "select array_agg(outcome) from mentorcert_portal.attempts")[0]
    assert ("lost_lease" in outcomes) == lease_ends


def test_a_portal_that_goes_back_is_sent_again(late: Late, forgetful: Staging) -> None:
    assert late(forgetful) == []
    assert steps_back(forgetful.client) != [], "this is what the receiver's rule is for"


def test_without_the_fence_it_is_not(conn: Connection, late: Late, forgetful: Staging) -> None:
    lost = "state.lease_token is distinct from result.lease_token"
    without(conn, "mentorcert_portal.log_attempts", lost, "false")
    assert late(forgetful) != []


def test_without_the_fenced_version_the_table_refuses_the_confirmation(
    conn: Connection, late: Late, staging: Staging
) -> None:
    without(conn, "mentorcert_portal.acknowledge", "state.version = result.version and ", "")
    with pytest.raises(AssertionError, match="could not be recorded: 23502"):
        late(staging, lease_ends=False)


def test_without_the_adapters_look_an_older_version_replaces_a_newer_one(
    late: Late, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "version", lambda _given: None)
    late(staging, "dataverse")
    assert steps_back(staging.client) != []
