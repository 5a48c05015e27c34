"""A primary that is lost under load, and then another: nothing that was acknowledged is lost, and all goes on by itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db import migrate
from mentorcert.db.connection import connect
from mentorcert.errors import DatabaseUnreachableError
from mentorcert.web.configuration import WEB_ROLE
from tests.support import command, pooler, processes
from tests.support.patroni import Cluster, cluster, needs_patroni
from tests.support.registry import OSLO, Organisation, fetch, rows, set_up
from tests.support.sessions import wait_until
from tests.web.test_serve import SETTINGS, said

_MORE: Final = 20
# psycopg's own back-off took as long again as the outage, and an answer up to half a minute.
_SECONDS: Final = 10.0
_LONGEST_ANSWER_S: Final = 15.0


_BEATEN_AT: Final = "select beaten_at from mentorcert_private.heartbeats"


@dataclass
class Writers:
    """What the database has acknowledged, and when it did last; each change is a transaction of its own."""

    organisation: Organisation
    acknowledged: list[UUID] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def write(self, url: str, name: str, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            try:
                with connect(url, autocommit=True) as conn:
                    own = Organisation(
                        conn,
                        self.organisation.id,
                        "demo",
                        OSLO,
                        self.organisation.admin,
                        self.organisation.chapter,
                    )
                    while not stop.is_set():
                        number += 1
                        self.acknowledged.append(own.mentor(f"{name}-{number}"))
                        self.at.append(monotonic())
            except (psycopg.Error, DatabaseUnreachableError):
                stop.wait(0.1)

    def go_on(self) -> None:
        """Wait for some more."""
        wanted = len(self.acknowledged) + _MORE
        wait_until(lambda: len(self.acknowledged) >= wanted, "changes that are acknowledged")


@dataclass
class Readers:
    """What the pages answer: when, what, and how long it took."""

    answers: list[tuple[float, int, str | None, float]] = field(default_factory=list)

    def read(self, url: str, stop: threading.Event) -> None:
        with httpx2.Client(base_url=url, timeout=processes.DEADLINE_S) as client:
            while not stop.wait(0.05):
                asked = monotonic()
                answer = client.get("/public/demo")
                self.answers.append(
                    (monotonic(), answer.status_code, answer.headers.get("retry-after"), monotonic() - asked)
                )

    def seen_since(self, instant: float) -> bool:
        return any(at > instant and status == httpx2.codes.OK for at, status, _, _ in self.answers)


@contextmanager
def running(*jobs: processes.Thread) -> Iterator[None]:
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        for job in jobs:
            job.join()


@contextmanager
def pages(pooled: str) -> Iterator[str]:
    """Serve them, from the database behind PgBouncer and HAProxy."""
    url = make_conninfo(pooled, user=WEB_ROLE)
    listening = {"MENTORCERT_PUBLIC_URL": "", "MENTORCERT_LOG": "ERROR"}
    with command.start("serve", "--port", "0", database_url=url, **{**SETTINGS, **listening}) as serve:
        yield said(serve)


@needs_patroni
@pooler.needs_pgbouncer
@pytest.mark.pg15
def test_two_primaries_are_lost_under_load() -> None:
    """The first loses its power; it comes back as the standby of the second, which then hangs.

    Pages and worker, and a writer, are behind PgBouncer in transaction mode, which asks HAProxy for the primary.
    """
    with cluster() as hosts, pooler.in_front_of(hosts.proxied) as pooled:
        with connect(hosts.proxied, autocommit=True) as conn:
            list(migrate.migrate(conn, migrate.read()))
            organisation = set_up(conn)
        writers, readers, stop = Writers(organisation), Readers(), threading.Event()
        worker = command.start(
            "worker",
            database_url=make_conninfo(pooled, user="mentorcert_jobs"),
            MENTORCERT_READ_URL=make_conninfo(pooled, user=WEB_ROLE),
        )
        with pages(pooled) as url, worker:
            jobs = [
                processes.Thread(writers.write, (pooled, "pooled", stop)),
                # HAProxy leads one of them to the primary; the other one's connection string names both hosts.
                processes.Thread(writers.write, (hosts.proxied, "proxied", stop)),
                processes.Thread(writers.write, (hosts.direct, "direct", stop)),
                processes.Thread(readers.read, (url, stop)),
                processes.Thread(readers.read, (url, stop)),
            ]
            with running(*jobs):
                try:
                    writers.go_on()
                    first = hosts.primary()
                    lose(hosts, writers, readers, first.kill)
                    first.start_again()
                    wait_until(first.is_synchronous, "the host that was lost to be a synchronous standby")
                    writers.go_on()
                    # A frozen host keeps connections open for ever: who names it himself needs one that ends them.
                    lose(hosts, writers, readers, hosts.primary().freeze)
                finally:
                    stop.set()
                    for host in hosts.hosts:
                        if not host.is_primary():
                            host.kill()
        with connect(hosts.proxied) as conn:
            kept = {row[0] for row in rows(conn, "select id from mentorcert.peer_mentors")}
        assert [id_ for id_ in writers.acknowledged if id_ not in kept] == []
        assert {status for _, status, _, _ in readers.answers} == {200, 503}
        assert all(
            retry for _, status, retry, _ in readers.answers if status == httpx2.codes.SERVICE_UNAVAILABLE
        )
        assert max(seconds for *_, seconds in readers.answers) < _LONGEST_ANSWER_S


def lose(hosts: Cluster, writers: Writers, readers: Readers, primary: Callable[[], None]) -> None:
    """Lose the primary, and wait until the other host takes changes and the pages answer."""
    standby = hosts.standby()
    primary()
    wait_until(standby.is_primary, "the standby to take over")
    back = monotonic()
    writers.go_on()
    wait_until(lambda: readers.seen_since(back), "the pages to answer again")
    seen = next(at for at, status, _, _ in readers.answers if at > back and status == httpx2.codes.OK)
    assert seen - back < _SECONDS
    with connect(hosts.proxied, autocommit=True) as conn:
        beaten = fetch(conn, _BEATEN_AT)
        wait_until(lambda: fetch(conn, _BEATEN_AT) != beaten, "the worker to go on")
