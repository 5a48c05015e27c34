"""One process for three databases, of which one is killed and one lacks its migrations: the others are served on."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo

from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from tests.support import command, processes
from tests.support.mentor_file import row
from tests.support.registry import Organisation, fetch, set_up
from tests.support.servers import SERVERS, Server
from tests.support.sessions import wait_until
from tests.support.tasks import preview, task

BEATEN_AT = "select beaten_at from mentorcert_private.heartbeats"
EXPIRED = "select count(*) from public.peer_mentor_certifications where status = 'expired'"


@dataclass
class Three:
    """The databases: `north` stays, `south` is killed, `west` has nothing yet."""

    north: Connection
    urls: dict[str, str]
    south: Server
    organisations: dict[str, Organisation] = field(default_factory=dict)

    def listed(self, role: str) -> str:
        return "".join(f"{name} {make_conninfo(url, user=role)}\n" for name, url in self.urls.items())

    def kill_south(self) -> None:
        for process in self._processes_of_south():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze_south(self) -> list[psutil.Process]:
        """Have it answer nothing and close nothing; return what must be resumed."""
        found = self._processes_of_south()
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        return found

    def _processes_of_south(self) -> list[psutil.Process]:
        with connect(self.south.url) as conn:
            file = Path(fetch(conn, "show data_directory")) / "postmaster.pid"
        postmaster = psutil.Process(int(file.read_text().split()[0]))
        return [postmaster, *postmaster.children(recursive=True)]

    def migrate_west(self) -> Connection:
        conn = connect(self.urls["west"], autocommit=True)
        list(migrate.migrate(conn, migrate.read()))
        return conn


@pytest.fixture
def three(server: Server, conn: Connection, database: str, empty_database: str) -> Iterator[Three]:
    with SERVERS[server.name]() as south:
        url = south.database_url("postgres")
        with connect(south.url, autocommit=True) as there:
            list(migrate.migrate(there, migrate.read()))
            both = {"north": set_up(conn), "south": set_up(there)}
            yield Three(conn, {"north": database, "south": url, "west": empty_database}, south, both)


@dataclass
class Process:
    """A process that runs, and what it shows its operator."""

    child: processes.Child
    client: httpx2.Client

    def ready(self, database: str | None = None) -> tuple[int, Any]:
        answer = self.client.get("/readyz", params={"database": database} if database else {})
        return answer.status_code, answer.json()

    def up(self) -> dict[str, float]:
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return {
            sample.labels["database"]: sample.value
            for family in families
            for sample in family.samples
            if sample.name == "mentorcert_up"
        }

    def end(self) -> tuple[int, str, list[dict[str, Any]]]:
        """Stop it; return its exit code, its error and its log."""
        self.child.send_signal(signal.SIGTERM)
        _, written = self.child.communicate()
        lines = written.splitlines()
        log = [json.loads(line) for line in lines if line.startswith("{")]
        return self.child.returncode, "\n".join(line for line in lines if not line.startswith("{")), log


@contextmanager
def running(three: Three, role: str, *words: str | Path, **settings: str) -> Iterator[Process]:
    with (
        command.start(
            *words, "--metrics-port", "0", database_url="", MENTORCERT_DATABASE_URLS=three.listed(role),
            MENTORCERT_LOG="INFO", **settings,
        ) as child,
        httpx2.Client(trust_env=False, timeout=processes.DEADLINE_S) as client,
    ):  # fmt: skip
        found = re.search(r"http://[^/]+", line := child.line())
        assert found, (line, child.communicate())
        client.base_url = httpx2.URL(found[0])
        yield Process(child, client)


def await_beat(conn: Connection) -> None:
    before = fetch(conn, BEATEN_AT)
    wait_until(lambda: fetch(conn, BEATEN_AT) != before, "a heartbeat")


def test_the_worker(three: Three, database: str) -> None:
    for organisation in three.organisations.values():
        organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    # That there is a standby has it write heartbeats, by which a database is seen to be served.
    with running(three, "mentorcert_jobs", "worker", MENTORCERT_READ_URL=database) as worker:
        with connect(three.urls["south"], autocommit=True) as south:
            wait_until(lambda: fetch(three.north, EXPIRED) == 1, "the night of north")
            wait_until(lambda: fetch(south, EXPIRED) == 1, "the night of south")
        status, said = worker.ready()
        assert (status, said) == (
            200,
            {"status": "degraded", "databases": {"north": [], "south": [], "west": ["not_migrated"]}},
        )
        assert worker.ready("west") == (503, {"status": "error", "errors": ["not_migrated"]})
        assert worker.ready("north")[0] == 200
        assert worker.ready("east")[1]["errors"] == ["unknown_database"]
        assert worker.up() == {"north": 1, "south": 1, "west": 0}
        three.kill_south()
        wait_until(lambda: worker.ready()[1]["databases"]["south"] == ["database_unreachable"], "the loss")
        # Longer than south needs to notice at its own next heartbeat.
        for _ in range(3):
            await_beat(three.north)
        code, said, log = worker.end()
    assert code == 1
    assert "Not served: west (NotMigratedError)" in said
    assert {line.get("database") for line in log if line["event"] == "nightly_done"} == {"north", "south"}
    assert {line["database"] for line in log if line["event"] == "database_not_served"} == {"west"}
    assert {line["database"] for line in log if line["event"] == "heartbeat_waits"} == {"south"}


def test_one_that_hangs_holds_up_no_other(three: Three, database: str) -> None:
    del three.urls["west"]
    with running(three, "mentorcert_jobs", "worker", MENTORCERT_READ_URL=database) as worker:
        wait_until(lambda: worker.ready()[1]["status"] == "ok", "both")
        hung = three.freeze_south()
        try:
            wait_until(lambda: worker.ready()[1]["status"] == "degraded", "its silence")
            for _ in range(3):
                await_beat(three.north)
            assert worker.up() == {"north": 1, "south": 0}
            assert worker.ready("south")[0] == 503
        finally:
            for process in hung:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        wait_until(lambda: worker.ready()[1]["status"] == "ok", "both again")
        code, said, _ = worker.end()
    assert (code, said) == (0, "")


def test_one_that_was_behind_is_served_when_it_is_migrated(three: Three, database: str) -> None:
    del three.urls["south"]
    with running(three, "mentorcert_jobs", "worker", MENTORCERT_READ_URL=database) as worker:
        wait_until(lambda: worker.ready("north")[0] == 200, "north")
        with three.migrate_west() as west:
            wait_until(lambda: fetch(west, "select count(*) from mentorcert_private.heartbeats") == 1, "west")
        code, said, _ = worker.end()
    assert (code, said) == (0, "")


def test_tasks(three: Three) -> None:
    three.kill_south()
    organisation = three.organisations["north"]
    id_ = preview(organisation, row("1", certification_type="basic", issued="2026-01-01"))
    with running(three, "mentorcert_tasks", "tasks", "work") as tasks:
        wait_until(lambda: task(organisation, id_).state == "done", "the task of north")
        assert tasks.ready()[1]["databases"] == {
            "north": [], "south": ["database_unreachable"], "west": ["not_migrated"],
        }  # fmt: skip
        with three.migrate_west():
            wait_until(lambda: tasks.ready()[1]["databases"]["west"] == [], "west")
        code, said, _ = tasks.end()
    assert code == 1
    assert "south (DatabaseUnreachableError)" in said
    once = command.run(
        "tasks", "work", "--once", database_url="",
        MENTORCERT_DATABASE_URLS=three.listed("mentorcert_tasks"),
    )  # fmt: skip
    assert once.returncode == 1
    assert "north: 0 tasks were done." in once.stdout
    assert "west: 0 tasks were done." in once.stdout
    assert "Not done: south." in once.stderr


def test_the_doctor(three: Three) -> None:
    three.kill_south()
    given = {"MENTORCERT_DATABASE_URLS": three.listed("postgres")}
    done = command.run("doctor", "--json", database_url="", **given)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    wrong = {(one["database"], one["check"]) for one in found if one["state"] == "wrong"}
    assert ("south", "database reachable") in wrong
    assert ("west", "migrations are current") in wrong
    assert {name for name, _ in wrong} <= {"south", "west", "north"}
    assert ("north", "migrations are current", "ok") in {
        (one["database"], one["check"], one["state"]) for one in found
    }
    shown = command.run("doctor", database_url="", **given)
    assert [name for name in three.urls if f"Doctor: {name}" not in shown.stdout] == []


def test_other_commands_want_one_database(three: Three) -> None:
    done = command.run("migrate", database_url="", MENTORCERT_DATABASE_URLS=three.listed("postgres"))
    assert (done.returncode, "works on one database" in done.stderr) == (2, True)
