"""Workers die and stall at every point while the registry changes: in the end the portal says what it says.

In the middle the registry goes back to its backup. One peer mentor, the twin, has the same number in both histories: without
the epoch the portal takes the removal of the second for what it has.

Seconds by default; with `MENTORCERT_SOAK=long` each of the three portals is soaked for five minutes.
"""

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal
from uuid import UUID

import httpx2
import pytest
from psycopg.errors import DeadlockDetected

from mentorcert.db.connection import Connection, connect
from mentorcert.portal.reconciliation import restores
from mentorcert.portal.sync.connections import Connections
from tests.portal.agreement import disagreements, is_settled, steps_back
from tests.portal.restored import back_up, restore
from tests.portal.sending import outcomes, stored
from tests.portal.soak import (
    Changes,
    WorkerProcess,
    connection_file,
    decide_all,
    outcomes_of,
    staging_process,
    workers,
)
from tests.portal.wire import Point, Strike, wires
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, consent_again, fetch, rows, set_up, today
from tests.support.servers import DEBIAN_15, EMBEDDED_18, POOLED_15, on_embedded_18
from tests.support.sessions import wait_until

Death = Point | Literal["stalled", "acknowledged", "not acknowledged"]

MENTORS: Final = 24
TWIN: Final = "twin"
WORKERS: Final = 3
PEOPLE: Final = 2
LONG_S: Final = 300.0 if os.environ.get("MENTORCERT_SOAK") == "long" else 0.0

QUICKLY: Final = """
create or replace function mentorcert_portal.retry_delay(attempts integer) returns interval language sql volatile
as $$ select random() * interval '0.3 seconds' $$
"""
NO_EPOCH: Final = """
create or replace function mentorcert_private.current_epoch() returns integer language sql stable as $$ select 0 $$
"""
# The acknowledgement of a worker that is doomed waits in its middle for the holder of the lock.
HALF_WAY: Final = """
create table mentorcert_private.doomed (pid text);
create function mentorcert_private.wait_half_way() returns trigger language plpgsql
as $$
begin
  if exists (select from mentorcert_private.doomed where new.worker like concat('%-', pid, '-%')) then
    perform pg_advisory_xact_lock(4711);
  end if;
  return new;
end
$$;
create trigger wait_half_way before insert on mentorcert_portal.attempts
for each row when (new.outcome in ('applied', 'already_newer')) execute function mentorcert_private.wait_half_way()
"""
HALF_WAY_PID: Final = """
select pid from pg_catalog.pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'
"""
KINDS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "drop"},
    {"kind": "reset"},
    {"kind": "server_error"},
    {"kind": "truncated"},
    {"kind": "throttled", "retry_after": 0},
    {"kind": "throttled", "retry_after": 1, "times": 2},
)
# Each at every 19th message of those that the kinds before it leave: all have come soon.
FAULTS: Final = [{**kind, "nth": [*range(first, 10_000, 19)]} for first, kind in enumerate(KINDS, start=2)]
ANSWERS: Final = {"applied", "unavailable", "unexpected_answer"}
LATENCY: Final[dict[str, Any]] = {"kind": "delay", "seconds": 0.02}
DEATHS: Final[tuple[Death, ...]] = (
    "before", "sent", "applied", "stalled", "acknowledged", "not acknowledged"
)  # fmt: skip


@dataclass(frozen=True)
class PortalUnderTest:
    """Where it lets any version win, nobody can help it when a message comes late from the dead.

    `strikes`: how many of the deaths the workers meet, drawn at random, before everybody may rest.
    """

    adapter: str
    strikes: int = 0
    deaths: tuple[Death, ...] = DEATHS
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join((self.adapter, *self.options))


PORTALS: Final = (
    PortalUnderTest("webhook", len(DEATHS)),
    PortalUnderTest("dataverse", 3),
    PortalUnderTest("webhook", 1, tuple(death for death in DEATHS if death != "sent"), ("--any-version",)),
)
# Each portal on one server, in the order of the servers; the one that meets every death is behind the pooler.
CASES: Final = [
    pytest.param(*server.values, portal, marks=server.marks, id=f"{server.id}-{portal}")
    for server, portal in zip((EMBEDDED_18, DEBIAN_15, POOLED_15), reversed(PORTALS), strict=True)
]


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(TWIN), issued=today(conn, -10), last_day=today(conn, 30))
    conn.execute(QUICKLY.encode())
    conn.execute(HALF_WAY.encode())
    for number in range(MENTORS):
        organisation.certify(
            organisation.mentor(str(number)), issued=today(conn, -10), last_day=today(conn, 30)
        )
    return organisation


def wait_for(conn: Connection, met: Strike) -> None:
    """Wait until a message has met the strike, and give the workers something to say."""
    deadline = monotonic() + DEADLINE_S
    while not met.happened.wait(0.5):
        assert monotonic() < deadline, "no message came by"
        conn.execute(
            "update mentorcert.peer_mentors set external_id = split_part(external_id, '.', 1) || '.'"
            " || coalesce(nullif(split_part(external_id, '.', 2), ''), '0')::integer + 1"
            " where erased_at is null and external_id <> 'twin'"
        )


def strike(conn: Connection, database: str, worker: WorkerProcess, death: Death) -> None:
    """Have a worker die, or stall until it has lost its lease; put another in the place of the dead."""
    match death:
        case "acknowledged" | "not acknowledged":
            with connect(database) as somebody:
                somebody.execute("select pg_advisory_xact_lock(4711)")
                conn.execute("insert into mentorcert_private.doomed values (%s)", (str(worker.pid),))
                wait_until(lambda: rows(conn, HALF_WAY_PID) != [], "an acknowledgement")
                worker.kill()
                if death == "not acknowledged":
                    pid = fetch(conn, HALF_WAY_PID)
                    assert fetch(conn, "select pg_catalog.pg_terminate_backend(%s)", pid)
                conn.execute("delete from mentorcert_private.doomed")
            worker.start()
        case "stalled":
            met = worker.wire.strike("sent", worker.stall)
            wait_for(conn, met)
            mentor = met.mentor
            assert mentor is not None
            version = stored(conn, mentor).version
            conn.execute("select mentorcert_portal.enqueue_sync(array[%s]::uuid[])", (mentor,))
            wait_until(lambda: (stored(conn, mentor).confirmed_version or 0) > version, "another worker")
            reports = outcomes(conn, mentor).count("lost_lease")
            worker.wire.release()
            worker.go_on()
            wait_until(lambda: outcomes(conn, mentor).count("lost_lease") > reports, "its late report")
        case _:
            met = worker.wire.strike(death, worker.kill)
            wait_for(conn, met)
            worker.start()


@contextmanager
def people(organisation: Organisation, database: str, done: Counter[str]) -> Iterator[None]:
    """Let several people change the registry at the same time, each other mentors."""
    mentors = [
        mentor
        for (mentor,) in rows(
            organisation.conn,
            "select id from mentorcert.peer_mentors where external_id <> 'twin' order by external_id",
        )
    ]
    stop = threading.Event()
    with ThreadPoolExecutor(PEOPLE) as threads:
        busy = [
            threads.submit(Changes(organisation, mentors[number::PEOPLE], number, done).make, database, stop)
            for number in range(PEOPLE)
        ]
        try:
            yield
        finally:
            stop.set()
        for one in busy:
            one.result(DEADLINE_S)


def is_decided_and_settled(conn: Connection, organisation: Organisation) -> bool:
    """Decide about what waits for a person, and return whether nothing is left to do."""
    decide_all(conn)
    return is_settled(conn, organisation.id)


def twin_of(conn: Connection) -> UUID:
    """Return the peer mentor whom nobody else changes, listed at the portal."""
    twin: UUID = fetch(conn, "select id from mentorcert.peer_mentors where external_id = 'twin'")
    if not fetch(conn, "select listing_consent from mentorcert.peer_mentors where id = %s", twin):
        consent_again(conn, twin)

    def is_listed() -> bool:
        decide_all(conn)
        of = stored(conn, twin)
        return of.state == "in_sync" and of.confirmed is not None and of.confirmed["listed"]

    wait_until(is_listed, "the twin")
    return twin


def restore_registry(conn: Connection, folder: Path, adapter: str, url: str, twin: UUID) -> None:
    """Put the backup back while the workers run, and say so, as an operator does.

    The twin is changed before, which the portal hears and the registry forgets, and withdraws as soon as it is back.
    """
    known = stored(conn, twin).version
    conn.execute("update mentorcert.peer_mentors set external_id = 'other' where id = %s", (twin,))
    wait_until(lambda: (stored(conn, twin).confirmed_version or 0) > known, "the twin's change")

    def is_back() -> bool:
        try:
            with conn.transaction():
                restore(conn)
                conn.execute("set local session_replication_role = origin")
                conn.execute(
                    "update mentorcert.peer_mentors set listing_consent = false where id = %s", (twin,)
                )
                assert stored(conn, twin).version == known + 1
        except DeadlockDetected:
            # The workers go on meanwhile, and lock these tables in another order.
            return False
        return True

    wait_until(is_back, "the restore")
    files = Connections.read([connection_file(folder, adapter, url)])
    (asked,) = restores.restored(conn, files, "soaked").portals
    if not asked.is_released:
        # A fault met the question. Until somebody asks again, everybody stays on hold.
        wait_until(
            lambda: restores.release(conn, files, asked.organisation).is_released, "the portal's answer"
        )


def soak(
    organisation: Organisation, database: str, folder: Path, portal: PortalUnderTest, done: Counter[str]
) -> list[str]:
    """Soak one portal, and return where it says something else than the registry when all is quiet.

    Without strikes it is short: changes, and the restore in their middle.
    """
    conn = organisation.conn
    conn.execute("select mentorcert_portal.connect(%s, %s, 'v1', 'test')", (organisation.id, portal.adapter))
    conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
    route = {"route": portal.adapter}
    faults = (*FAULTS, LATENCY) if portal.strikes else (LATENCY,)
    with (
        staging_process(folder, *portal.options) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=DEADLINE_S) as client,
        wires(url, WORKERS) as laid,
        workers(laid, folder, portal.adapter, database) as running,
    ):
        client.post("/faults", json={"seed": 1, "rules": [{**rule, **route} for rule in faults]})
        dice, victims, until = random.Random(1), cycle(running), monotonic() + LONG_S
        with people(organisation, database, done):
            while True:
                twin = twin_of(conn)
                # What happens from here on is lost, half way.
                back_up(conn)
                deaths = dice.sample(portal.deaths, portal.strikes)
                half = (len(deaths) + 1) // 2
                # In turns: who has just been started is not yet at work.
                for death in deaths[:half]:
                    strike(conn, database, next(victims), death)
                restore_registry(conn, folder, portal.adapter, url, twin)
                for death in deaths[half:]:
                    strike(conn, database, next(victims), death)
                if monotonic() > until or not portal.strikes:
                    break
            if portal.strikes:
                # A fault may have met a worker that died: so also wait until the workers have sent each kind.
                wait_until(
                    lambda: (
                        all(client.get("/faults").json()["fired"])
                        and outcomes_of(organisation).keys() >= ANSWERS
                    ),
                    "every fault",
                )
        client.post("/faults", json={"rules": []})
        if portal.strikes:
            # Nothing comes after this one that would put right what it does.
            strike(conn, database, next(victims), "stalled")
        wait_until(lambda: is_decided_and_settled(conn, organisation), "the workers")
        # The last words of the dead arrive when everybody else is done.
        for wire in laid:
            wire.release()
        wait_until(lambda: is_decided_and_settled(conn, organisation), "the workers")
        for worker in running:
            worker.end()
        assert (steps_back(client) != []) == ("--any-version" in portal.options)
        return disagreements(conn, organisation.id, client)


@pytest.mark.parametrize(("server", "portal"), CASES, indirect=["server"], scope="session")
def test_portal_and_registry_agree_when_all_is_quiet(
    organisation: Organisation, database: str, tmp_path: Path, portal: PortalUnderTest
) -> None:
    done = Counter[str]()
    assert soak(organisation, database, tmp_path, portal, done) == []
    assert done.keys() >= {"renew", "extend", "suspend", "reinstate", "consent", "expire", "night", "erase"}
    assert outcomes_of(organisation).keys() >= ANSWERS | {"lost_lease"}


@on_embedded_18
@pytest.mark.parametrize("has_epochs", [True, False])
def test_without_the_epoch_the_restore_leaves_somebody_shown(
    organisation: Organisation, database: str, tmp_path: Path, *, has_epochs: bool
) -> None:
    if not has_epochs:
        organisation.conn.execute(NO_EPOCH.encode())
    found = soak(organisation, database, tmp_path, PortalUnderTest("webhook"), Counter())
    assert (found == []) is has_epochs, found
