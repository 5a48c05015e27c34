"""`/healthz`, `/readyz` and `/metrics` over real HTTP, with the database there, away, and not migrated."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo

from mentorcert import logs, monitoring
from mentorcert.db.connection import Connection, connect
from mentorcert.portal.monitoring.watch import FindingLogger, HealthCache, HealthMetrics
from tests.portal.breakage import BREAKS, World, in_order
from tests.support.processes import DEADLINE_S, Thread
from tests.support.registry import set_up

P = "mentorcert_portal_"
AWAY = "host=/nowhere dbname=x"

Logged = Callable[[], list[Any]]


@pytest.fixture
def world(conn: Connection) -> World:
    return in_order(conn)


class Asked:
    """The three addresses of a process whose database may go away; nothing is kept between two readings."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url, self.client, self.readings = url, client, 0

    def connect(self) -> Connection:
        self.readings += 1
        return connect(self.url, autocommit=True)

    def ready(self) -> tuple[int, list[str]]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json()["errors"]

    def metrics(self) -> dict[tuple[str, ...], float]:
        """The samples, by name and the values of their labels."""
        answer = self.client.get("/metrics")
        assert answer.status_code == 200
        return samples(answer.text)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Of the database; what the process measures of itself is there too."""
    return {
        (sample.name.removeprefix(P), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(P) or sample.name == "mentorcert_up"
    }


@contextmanager
def asked(url: str, keep_s: float = 0) -> Iterator[Asked]:
    with httpx2.Client(trust_env=False, timeout=DEADLINE_S) as client:
        of = Asked(url, client)
        cache = HealthCache(of.connect, keep_s=keep_s)
        ready = {"": lambda: cache.read().errors}
        with monitoring.served("127.0.0.1", 0, [HealthMetrics(cache)], ready) as port:
            client.base_url = httpx2.URL(f"http://127.0.0.1:{port}")
            yield of


@pytest.fixture
def process(database: str) -> Iterator[Asked]:
    """Of a worker, under its own login role."""
    with asked(make_conninfo(database, user="mentorcert_portal")) as of:
        yield of


def test_a_process_that_lives_says_so_without_the_database(process: Asked) -> None:
    process.url = AWAY
    answer = process.client.get("/healthz")
    assert (answer.status_code, answer.json(), process.readings) == (200, {"status": "ok"}, 0)


def test_it_is_ready_where_nothing_is_an_error(world: World, process: Asked) -> None:
    assert process.ready() == (200, [])
    for code in ("drift", "message_unknown", "unverified", "nothing_sent"):
        BREAKS[code].provoke(world)
        assert process.ready() == (200, []), code
        BREAKS[code].correct(world)


@pytest.mark.parametrize("code", ["removal_unconfirmed", "no_worker", "secret_expired", "listed_but_expired"])
def test_an_error_is_seen_everywhere_and_gone_when_it_is_corrected(
    world: World, process: Asked, code: str
) -> None:
    BREAKS[code].provoke(world)
    assert process.ready() == (503, [code])
    whose = "" if code == "no_worker" else "demo"
    assert process.metrics()["finding", code, whose, "error"] == 1
    BREAKS[code].correct(world)
    assert process.ready() == (200, [])
    assert not [key for key in process.metrics() if key[0] == "finding"]


def test_every_metric_is_there(world: World, process: Asked) -> None:
    BREAKS["removal_unconfirmed"].provoke(world)
    world.compared(scope="recent")
    world.drifts("missing")
    world.secret(10)
    world.came("unknown")
    found = process.metrics()
    assert 960 <= found["oldest_unconfirmed_removal_seconds", "demo"] < 1100
    assert {state: found["rows", "demo", state] for state in ("held", "pending", "retry", "in_sync")} == {
        "held": 0, "pending": 1, "retry": 0, "in_sync": 0,
    }  # fmt: skip
    assert found["attempts_total", "demo", "applied"] == 1
    breakers = {state: found["breaker", "demo", state] for state in ("closed", "open")}
    assert breakers == {"closed": 1, "open": 0}
    recent = found["last_reconciliation_timestamp_seconds", "demo", "recent"]
    assert 3500 < recent - found["last_reconciliation_timestamp_seconds", "demo", "full"] < 3700
    assert found["drift", "missing", "demo"] == 1
    assert found["drift", "listed_but_expired", "demo"] == 0
    assert 0 <= found["worker_heartbeat_age_seconds",] < 60
    assert found["secret_expires_timestamp_seconds", "demo", "auth[0].value"] > recent
    assert found["inbox_messages", "demo", "unknown"] == 1
    assert found["mentorcert_up",] == 1
    assert ("days_in_capture", "demo") not in found
    world.mode("capture", "3 days")
    assert process.metrics()["days_in_capture", "demo"] == pytest.approx(3, abs=0.01)


def test_nothing_known_is_no_zero(conn: Connection, process: Asked) -> None:
    found = process.metrics()
    assert found.keys() == {("mentorcert_up",), ("worker_heartbeat_age_seconds",)}
    assert found["worker_heartbeat_age_seconds",] == float("inf")
    set_up(conn)
    conn.execute("select mentorcert_portal.connect(id, 'file', 'v1', 'test') from mentorcert.organisations")
    found = process.metrics()
    assert not [key for key in found if key[0] in {"drift", "last_reconciliation_timestamp_seconds"}]
    assert found["rows", "demo", "in_sync"] == 0


def test_without_the_database_it_is_neither_ready_nor_green(world: World, process: Asked) -> None:
    assert process.metrics()["mentorcert_up",] == 1
    there, process.url = process.url, AWAY
    answer = process.client.get("/metrics")
    assert (answer.status_code, samples(answer.text)) == (200, {("mentorcert_up",): 0})
    # Memory, CPU and start are those of the process, whatever its database does.
    for of_process in ("resident_memory_bytes", "cpu_seconds_total", "start_time_seconds"):
        assert f"process_{of_process}" in answer.text
    assert process.ready() == (503, ["database_unreachable"])
    process.url = there
    assert process.ready() == (200, [])


def test_a_database_that_lacks_a_migration_is_not_ready(
    world: World, process: Asked, empty_database: str
) -> None:
    world.execute(
        "delete from supabase_migrations.schema_migrations"
        " where version = (select max(version) from supabase_migrations.schema_migrations)"
    )
    assert process.ready() == (503, ["not_migrated"])
    process.url = empty_database
    assert process.ready() == (503, ["not_migrated"])
    assert process.metrics() == {("mentorcert_up",): 0}


def test_many_who_ask_at_once_get_one_reading(database: str, world: World) -> None:
    with asked(database, keep_s=60) as of:
        threads = [Thread(target=of.client.get, args=("/metrics",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert of.ready() == (200, [])
        assert of.readings == 2, "one of the health, one of the counts"


def test_a_trouble_is_not_kept_longer_than_a_reading(database: str, world: World) -> None:
    urls = [AWAY, database]
    health_cache = HealthCache(lambda: connect(urls.pop(0), autocommit=True), keep_s=0)
    assert health_cache.read().trouble == "database_unreachable"
    assert health_cache.read().trouble is None


@pytest.fixture
def listen(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], Logged]]:
    """Begin to log to where the test can read it; what it returns gives the lines since the last time."""

    def begin() -> Logged:
        logs.configure("INFO")
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield begin
    logs.configure(logging.getLevelName(logging.WARNING))


def test_the_log_says_when_a_finding_comes_and_goes(
    world: World, database: str, listen: Callable[[], Logged]
) -> None:
    def connected() -> Connection:
        return connect(database, autocommit=True)

    logged = listen()
    logger = FindingLogger(HealthCache(connected, keep_s=0), connected, ())
    logger.check_once()
    assert logged() == []
    BREAKS["removal_unconfirmed"].provoke(world)
    logger.check_once()
    (event,) = logged()
    assert (event["event"], event["level"], event["code"], event["organisation"]) == (
        "portal_finding", "error", "removal_unconfirmed", "demo",
    )  # fmt: skip
    logger.check_once()
    assert logged() == []
    BREAKS["removal_unconfirmed"].correct(world)
    logger.check_once()
    (gone,) = logged()
    assert (gone["event"], gone["level"], gone["code"]) == (
        "portal_finding_gone", "warning", "removal_unconfirmed",
    )  # fmt: skip


def test_an_error_is_logged_again_and_a_warning_is_not(
    world: World, database: str, listen: Callable[[], Logged], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connected() -> Connection:
        return connect(database, autocommit=True)

    logged = listen()
    logger = FindingLogger(HealthCache(connected, keep_s=0), connected, ())
    for code in ("no_worker", "drift"):
        BREAKS[code].provoke(world)
    logger.check_once()
    assert [one["code"] for one in logged()] == ["no_worker", "drift"]
    monkeypatch.setattr("mentorcert.portal.monitoring.watch.REPEAT_S", 0)
    logger.check_once()
    assert [one["code"] for one in logged()] == ["no_worker"]


def test_a_watch_that_cannot_read_says_so(world: World, listen: Callable[[], Logged]) -> None:
    def away() -> Connection:
        return connect(AWAY)

    logged = listen()
    FindingLogger(HealthCache(away, keep_s=0), away, ()).check_once()
    assert [one["event"] for one in logged()] == ["portal_health_unreadable"]
