"""`/healthz` and `/readyz`: what each touches, and the reasons why a process is not ready."""

import threading
from collections.abc import Iterator

import httpx2
import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db import readiness as database_readiness
from mentorcert.db.connection import Connection, connect
from mentorcert.web import readiness
from mentorcert.web.configuration import Configuration
from tests.support.processes import DEADLINE_S, Thread
from tests.support.servers import Server
from tests.web.conftest import Site, opened
from tests.web.live import running

# Of the threads in which pages are answered.
THREADS = 40
IMPATIENT_S = 10


@pytest.fixture(autouse=True)
def always_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CACHE_S", 0)


def reasons(site: Site) -> list[str]:
    answer = site.client().get("/readyz")
    errors: list[str] = answer.json()["errors"]
    assert answer.status_code == (503 if errors else 200)
    assert ("retry-after" in answer.headers) == bool(errors)
    return errors


def test_answers_while_every_page_waits(site: Site) -> None:
    """As where Supabase Auth is silent: each thread that answers pages waits, and so does each connection."""
    begun, ended = threading.Semaphore(0), threading.Event()

    @site.app.get("/stuck")
    def stuck() -> None:
        begun.release()
        ended.wait(DEADLINE_S)

    with running(site.app) as url, httpx2.Client(base_url=url, timeout=IMPATIENT_S) as client:
        clients = [Thread(httpx2.get, (f"{url}/stuck",), {"timeout": DEADLINE_S}) for _ in range(THREADS)]
        for one in clients:
            one.start()
        try:
            for _ in range(THREADS):
                assert begun.acquire(timeout=DEADLINE_S)
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").json()["errors"] == []
        finally:
            ended.set()
            for one in clients:
                one.join()


def test_is_asked_often_and_asks_rarely(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CACHE_S", 3600)
    asked = iter([(), ("database_unreachable",)])
    monkeypatch.setattr(readiness.Readiness, "_ask", lambda *_: next(asked))
    for _ in range(5):
        assert reasons(site) == []


def test_a_migration_is_missing(site: Site, conn: Connection) -> None:
    assert reasons(site) == []
    last = "(select max(version) from supabase_migrations.schema_migrations)"
    conn.execute(
        "insert into supabase_migrations.schema_migrations (version, name) values ('29991231235959', 'newer')"
    )
    assert reasons(site) == [], "an older process goes on with a newer database"
    for _ in range(2):
        conn.execute(f"delete from supabase_migrations.schema_migrations where version = {last}".encode())
    assert reasons(site) == ["not_migrated"]
    conn.execute("drop table supabase_migrations.schema_migrations")
    assert reasons(site) == ["not_migrated"]


def test_the_database_is_read_only(configuration: Configuration, server: Server, conn: Connection) -> None:
    """As a managed service makes it whose disk is full."""
    name = conninfo_to_dict(configuration.database_url)["dbname"]
    conn.close()
    with connect(server.url, autocommit=True) as other:
        other.execute(f'alter database "{name}" set default_transaction_read_only = on'.encode())
    with opened(configuration) as site:
        assert reasons(site) == ["read_only"]


def test_the_database_is_a_standby(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_readiness._QUERIES, "_texts", {"state": "select true, true"})
    assert reasons(site) == ["in_recovery"]


@pytest.fixture
def away(configuration: Configuration, server: Server, conn: Connection) -> Iterator[Site]:
    """The pages, whose database went away after they began."""
    name = conninfo_to_dict(configuration.database_url)["dbname"]
    with opened(configuration) as site, connect(server.url, autocommit=True) as other:
        assert reasons(site) == []
        conn.close()
        other.execute(f'alter database "{name}" allow_connections false'.encode())
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        yield site
        other.execute(f'alter database "{name}" allow_connections true'.encode())


def test_the_database_is_away(away: Site) -> None:
    assert reasons(away) == ["database_unreachable"]
    assert away.client().get("/healthz").status_code == 200


def test_every_connection_is_lent_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    services = site.app.state.services
    monkeypatch.setattr(readiness, "_POOL_S", 0.1)
    lent = [services.pool.getconn() for _ in range(services.pool.max_size)]
    try:
        monkeypatch.setattr(type(services.limiter), "is_exhausted", True)
        assert reasons(site) == ["pool_exhausted"]
    finally:
        for one in lent:
            services.pool.putconn(one)
    assert reasons(site) == []
