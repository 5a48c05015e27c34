"""The embedded PostgreSQL: started by many at once, stopped by the last, and up again after a kill -9."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from mentorcert.db import embedded
from mentorcert.db.connection import connect
from mentorcert.db.migrate import read
from mentorcert.errors import EmbeddedPostgresError
from tests.support import processes
from tests.support.command import run, start

HOLD = """\
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from mentorcert.db import embedded
print(embedded.start(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for a server; what a failed test leaves running in it is stopped.

    It is none of pytest's, since each pytest that starts as root shuts the server's user out of those.
    """
    with TemporaryDirectory(prefix="mentorcert-") as folder:
        yield Path(folder)
        if (pid := postmaster(Path(folder))) is not None:
            processes.stop(pid, signal.SIGQUIT)


def postmaster(home: Path) -> int | None:
    """Return the process id of the server that runs there, None where none does."""
    file = home / "postgres" / "postmaster.pid"
    if not file.exists():
        return None
    pid = int(file.read_text().split()[0])
    return pid if psutil.pid_exists(pid) and psutil.Process(pid).name() == "postgres" else None


def hold(home: Path) -> tuple[processes.Child, str]:
    """Start a process that holds the server until its stdin ends; return it and the connection string."""
    process = processes.start(sys.executable, "-c", HOLD, home, stdin=subprocess.PIPE)
    url = process.line().strip()
    assert url, process.communicate()
    return process, url


def let_go(process: processes.Child) -> None:
    process.communicate()


def test_many_processes_start_one_server_and_the_last_stops_it(home: Path) -> None:
    several = [start("migrate", "--json", database_url="", MENTORCERT_HOME=str(home)) for _ in range(4)]
    outputs = [process.communicate() for process in several]
    assert [process.returncode for process in several] == [0] * 4, outputs
    applied = [step["file"] for output, _ in outputs for step in json.loads(output)["applied"]]
    assert sorted(applied) == [migration.path.name for migration in read()]
    assert postmaster(home) is None


def test_a_server_stays_as_long_as_a_process_holds_it(home: Path) -> None:
    first, _ = hold(home)
    second, url = hold(home)
    let_go(first)
    with connect(url) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    let_go(second)
    assert postmaster(home) is None


def test_a_killed_process_does_not_keep_the_server_running(home: Path) -> None:
    killed, _ = hold(home)
    killed.kill()
    killed.communicate()
    assert postmaster(home) is not None
    assert run("migrate", "--dry-run", database_url="", MENTORCERT_HOME=str(home)).returncode == 0
    assert postmaster(home) is None


def test_a_killed_server_starts_again_with_what_was_committed(home: Path) -> None:
    process, url = hold(home)
    with connect(url, autocommit=True) as conn:
        conn.execute("create table public.kept as select 1 as one")
    pid = postmaster(home)
    assert pid is not None
    server = psutil.Process(pid)
    family = [server, *server.children()]
    server.kill()
    # Its other processes notice by themselves, and hold the shared memory until then.
    assert psutil.wait_procs(family, processes.DEADLINE_S)[1] == []
    let_go(process)
    process, url = hold(home)
    with connect(url) as conn:
        assert conn.execute("select one from public.kept").fetchone() == (1,)
    let_go(process)


def test_a_process_id_that_now_belongs_to_another_program(home: Path) -> None:
    """So it is after a power cut: the file stays, and its number goes to somebody else."""
    process, _ = hold(home)
    file = home / "postgres" / "postmaster.pid"
    lines = file.read_text().splitlines()
    let_go(process)
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    process, url = hold(home)
    with connect(url) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    let_go(process)


def test_a_path_that_the_server_cannot_take_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="special character") as caught:
        embedded.start(tmp_path / "my documents")
    assert "MENTORCERT_HOME" in (caught.value.hint or "")


def test_a_folder_that_is_none_is_reported_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("a file")
    with pytest.raises(EmbeddedPostgresError, match=str(tmp_path)):
        embedded.start(tmp_path)


def test_the_programs_are_those_of_postgres_18() -> None:
    said = processes.run(embedded.binaries() / "pg_dump", "--version")
    assert "PostgreSQL) 18." in said.stdout
