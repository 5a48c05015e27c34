"""Workers die and stall at every point while the registry changes: in the end the portal says what it says.

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

import httpx2
import pytest

from mentorcert.db.connection import Connection, connect
from tests.portal.agreement import disagreements, is_settled, steps_back
from tests.portal.sending import outcomes, stored
from tests.portal.soak import Changes, WorkerProcess, outcomes_of, staging_process, workers
from tests.portal.wire import Point, Strike, wires
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, rows, set_up, today
from tests.support.servers import DEBIAN_15, EMBEDDED_18, POOLED_15
from tests.support.sessions import wait_until

Death = Point | Literal["stalled", "acknowledged", "not acknowledged"]

MENTORS: Final = 24
WORKERS: Final = 3
PEOPLE: Final = 2
LONG_S: Final = 300.0 if os.environ.get("MENTORCERT_SOAK") == "long" else 0.0

QUICKLY: Final = """
create or replace function mentorcert_portal.retry_delay(attempts integer) returns interval language sql volatile
as $$ select random() * interval '0.3 seconds' $$
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
    strikes: int
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
            "update mentorcert.peer_mentors set external_id = external_id || '.' where erased_at is null"
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
            organisation.conn, "select id from mentorcert.peer_mentors order by external_id"
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


@pytest.mark.parametrize(("server", "portal"), CASES, indirect=["server"], scope="session")
def test_portal_and_registry_agree_when_all_is_quiet(
    organisation: Organisation, database: str, tmp_path: Path, portal: PortalUnderTest
) -> None:
    conn, done = organisation.conn, Counter[str]()
    conn.execute("select mentorcert_portal.connect(%s, %s, 'v1', 'test')", (organisation.id, portal.adapter))
    conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
    route = {"route": portal.adapter}
    with (
        staging_process(tmp_path, *portal.options) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=DEADLINE_S) as client,
        wires(url, WORKERS) as laid,
        workers(laid, tmp_path, portal.adapter, database) as running,
    ):
        client.post("/faults", json={"seed": 1, "rules": [{**rule, **route} for rule in (*FAULTS, LATENCY)]})
        dice, victims, until = random.Random(1), cycle(running), monotonic() + LONG_S
        with people(organisation, database, done):
            while True:
                for death in dice.sample(portal.deaths, portal.strikes):
                    # In turns: who has just been started is not yet at work.
                    strike(conn, database, next(victims), death)
                if monotonic() > until:
                    break
            # A fault may have met a worker that died: so also wait until the workers have sent each kind.
            wait_until(
                lambda: (
                    all(client.get("/faults").json()["fired"]) and outcomes_of(organisation).keys() >= ANSWERS
                ),
                "every fault",
            )
        client.post("/faults", json={"rules": []})
        # Nothing comes after this one that would put right what it does.
        strike(conn, database, next(victims), "stalled")
        wait_until(lambda: is_settled(conn, organisation.id), "the workers")
        # The last words of the dead arrive when everybody else is done.
        for wire in laid:
            wire.release()
        wait_until(lambda: is_settled(conn, organisation.id), "the workers")
        for worker in running:
            worker.end()
        assert disagreements(conn, organisation.id, client) == []
        assert (steps_back(client) != []) == ("--any-version" in portal.options)
    assert done.keys() >= {"renew", "extend", "suspend", "reinstate", "consent", "expire", "night", "erase"}
    assert outcomes_of(organisation).keys() >= ANSWERS | {"lost_lease"}
