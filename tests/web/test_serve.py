"""`mentorcert serve` as a process: its address, its end, and what it refuses to begin with."""

import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx2
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import WEB_ROLE
from tests.support import command, processes
from tests.support.processes import DEADLINE_S
from tests.support.servers import free_port
from tests.support.sessions import wait_until

SETTINGS = {
    "SUPABASE_URL": "https://project.supabase.co",
    "MENTORCERT_WEB_SECRET": "a secret of the tests, long enough",
    "MENTORCERT_PUBLIC_URL": "https://register.example.org",
    "MENTORCERT_LOG": "INFO",
}


@pytest.fixture
def url(database: str) -> str:
    """The test's database, for the role of the pages."""
    return make_conninfo(database, user=WEB_ROLE)


@contextmanager
def serving(*arguments: str | Path, database_url: str, **settings: str) -> Iterator[processes.Child]:
    """Start the command, and have it ended whatever happens."""
    with command.start("serve", *arguments, database_url=database_url, **settings) as process:
        yield process


def said(process: processes.Child) -> str:
    """Wait for the line with the address, and return the address."""
    line = process.line()
    found = re.search(r"https?://\S+(?=/;)", line)
    assert found is not None, f"{line}{process.communicate()[1]}"
    return found.group()


def refused(**settings: str) -> str:
    """Run the command, which ends at once, and return what it says."""
    done = command.run_forked("serve", "--port", "0", **settings)
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_stopped(url: str, signal_: signal.Signals) -> None:
    port = free_port()
    with serving("--port", str(port), database_url=url, **SETTINGS) as process:
        assert said(process) == "https://register.example.org"
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client:
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").json() == {"status": "ok", "errors": []}
            answer = client.get("/sign-in", headers={"x-request-id": "one-request"})
            assert answer.headers["strict-transport-security"]
            assert "server" not in answer.headers
            assert client.get("/step-in").status_code == 404
        process.send_signal(signal_)
        _, log = process.communicate()
        assert process.returncode == 0
    assert '"request_id": "one-request"' in log
    assert "Traceback" not in log


def test_port_is_taken(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as acquire:
        port = str(acquire.getsockname()[1])
        done = command.run_forked("serve", "--port", port, database_url=url, **SETTINGS)
    assert done.returncode == 2
    assert f"127.0.0.1, port {port}" in done.stderr
    assert "choose another" in done.stderr


def test_host_is_not_of_this_machine(url: str) -> None:
    done = command.run_forked("serve", "--host", "192.0.2.1", database_url=url, **SETTINGS)
    assert (done.returncode, "Nothing can listen at 192.0.2.1" in done.stderr) == (2, True)


def test_connection_may_do_no_more_than_its_users(database: str, conn: Connection) -> None:
    """Neither by itself nor by what it may become."""
    roles = [f"role_{uuid4().hex}" for _ in range(3)]
    for role, more in zip(roles, ("bypassrls", "in role service_role", "in role postgres"), strict=True):
        conn.execute(f"create role {role} login noinherit {more}".encode())
    try:
        for of in (database, *(make_conninfo(database, user=role) for role in roles)):
            assert "may read past row-level security" in refused(database_url=of, **SETTINGS)
    finally:
        for role in roles:
            conn.execute(f"drop role {role}".encode())


def test_settings_that_lack() -> None:
    database = "postgresql://mentorcert_web:a-password@127.0.0.1:9/x"
    without = {**SETTINGS, "SUPABASE_URL": "", "MENTORCERT_WEB_SECRET": ""}
    assert "The pages need SUPABASE_URL or MENTORCERT_OIDC_ISSUER, MENTORCERT_WEB_SECRET." in refused(
        database_url=database, **without
    )
    # Who names Supabase does not want the samples.
    assert "The pages need DATABASE_URL." in refused(database_url="", **SETTINGS)
    short = {**SETTINGS, "MENTORCERT_WEB_SECRET": "too-short-secret"}
    printed = refused(database_url=database, **short)
    assert "MENTORCERT_WEB_SECRET" in printed
    assert "too-short-secret" not in printed
    plain = {**SETTINGS, "MENTORCERT_PUBLIC_URL": "http://register.example.org"}
    assert "At http://register.example.org sessions" in refused(database_url=database, **plain)


def test_database_is_away() -> None:
    printed = refused(database_url="postgresql://mentorcert_web:a-password@127.0.0.1:9/x", **SETTINGS)
    assert "The database cannot be reached" in printed
    assert "a-password" not in printed


def test_database_is_not_migrated(empty_database: str, template: str) -> None:
    printed = refused(database_url=make_conninfo(empty_database, user=WEB_ROLE), **SETTINGS)
    assert "mentorcert migrate" in printed


def test_database_lacks_the_last_migration(url: str, conn: Connection) -> None:
    last = conn.execute(
        "delete from supabase_migrations.schema_migrations where version ="
        " (select max(version) from supabase_migrations.schema_migrations) returning version"
    ).fetchone()
    assert last is not None
    assert f"lacks 1 migrations of this version of mentorcert: {last[0]}" in refused(
        database_url=url, **SETTINGS
    )


def test_metrics_are_shown_to_the_operator_alone(url: str, tmp_path: Path) -> None:
    """At a port of their own; systemd hears when the process is ready."""
    at, port, notify = free_port(), free_port(), tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(notify))
        heard.settimeout(DEADLINE_S)
        systemd = {"NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "30000000"}
        ports = ("--port", str(at), "--metrics-port", str(port))
        with serving(*ports, database_url=url, **SETTINGS, **systemd) as process:
            said(process)
            assert heard.recv(100) == b"READY=1"
            assert heard.recv(100) == b"WATCHDOG=1"
            text = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S).text
            assert httpx2.get(f"http://127.0.0.1:{at}/metrics", timeout=DEADLINE_S).status_code == 404
            assert 'mentorcert_build_info{service="serve",version="' in text
            assert 'mentorcert_pool_max_connections{pool="pages"} 10.0' in text
            assert 'mentorcert_pool_max_connections{pool="attempts"} 2.0' in text
            assert 'pool="standby"' not in text
            process.terminate()
            _, log = process.communicate()
            assert process.returncode == 0
            while (last := heard.recv(100)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"
    assert {json.loads(line)["service"] for line in log.splitlines()} == {"serve"}


@pytest.fixture
def draining(url: str) -> Iterator[tuple[processes.Child, httpx2.Client]]:
    """A process that was asked to end, and has ten minutes to do so."""
    port = free_port()
    with (
        serving("--port", str(port), "--drain", "600", database_url=url, **SETTINGS) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
    ):
        said(process)
        assert client.get("/readyz").status_code == 200
        process.terminate()
        wait_until(lambda: client.get("/readyz").status_code == 503, "the end of being ready")
        yield process, client


def test_drains_before_it_stops(draining: tuple[processes.Child, httpx2.Client]) -> None:
    """It says that it is not ready, and answers what comes nevertheless; a second signal ends it at once."""
    process, client = draining
    answer = client.get("/readyz")
    assert (answer.json()["errors"], answer.headers["retry-after"]) == (["draining"], "60")
    assert client.get("/sign-in").status_code == 200
    assert client.get("/healthz").status_code == 200
    process.terminate()
    _, log = process.communicate()
    assert (process.returncode, "Traceback" in log) == (0, False)
    changes = [line for line in map(json.loads, log.splitlines()) if line["event"] == "readiness_changed"]
    assert [change["reason"] for change in changes] == ["draining"]


def test_stops_when_it_has_drained(url: str) -> None:
    with serving("--port", "0", "--drain", "0.1", database_url=url, **SETTINGS) as process:
        said(process)
        process.terminate()
        process.communicate()
        assert process.returncode == 0


def test_embedded_default() -> None:
    """It shows its samples to this machine, and ends with all that it began."""
    with TemporaryDirectory(prefix="mentorcert-") as home:
        settings = {"MENTORCERT_HOME": home, "SUPABASE_URL": ""}
        migrated = command.run("migrate", database_url="", **settings)
        assert migrated.returncode == 0, migrated.stderr
        everywhere = command.run("serve", "--host", "", "--port", "0", database_url="", **settings)
        assert (everywhere.returncode, "this machine only" in everywhere.stderr) == (2, True)
        with serving("--port", "0", database_url="", **settings) as process:
            url = said(process)
            assert url.startswith("http://127.0.0.1:")
            page = httpx2.get(f"{url}/step-in", headers={"accept-language": "en"}, timeout=DEADLINE_S)
            assert (page.status_code, "mentorcert up --examples" in page.text) == (200, True)
            assert (
                httpx2.get(f"{url}/step-in", headers={"host": "evil.example"}, timeout=DEADLINE_S).status_code
                == 403
            )
            process.terminate()
            _, log = process.communicate()
            assert process.returncode == 0, log
        assert not (Path(home) / "postgres" / "postmaster.pid").exists()
