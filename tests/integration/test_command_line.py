"""The command line answers an error with a message, a hint and an exit code, never with somebody's data."""

import re
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import make_conninfo

from mentorcert import __version__
from tests.support import processes
from tests.support.command import environment, run
from tests.support.servers import Server

UNEXPECTED = """\
from mentorcert.cli import app

@app.command()
def boom():
    raise ValueError("Kari Nordmann")

app(["boom"])
"""

DATABASE_ERROR = """\
from mentorcert.cli import app
from mentorcert.db.connection import connect

@app.command()
def boom():
    connect().execute("select 1 / 0")

app(["boom"])
"""


def python(code: str, database_url: str) -> subprocess.CompletedProcess[str]:
    return processes.run(sys.executable, "-c", code, env=environment(database_url), check=False)


def test_version() -> None:
    assert run("--version", database_url="").stdout == f"{__version__}\n"


def test_without_arguments_it_lists_the_commands() -> None:
    assert re.search(r"\bmigrate\b", run(database_url="").stdout)


def test_an_error_has_a_hint_and_exit_code_1(tmp_path: Path) -> None:
    done = run("migrate", database_url=f"postgresql:///mentors?host={tmp_path}")
    assert done.returncode == 1
    assert done.stdout == ""
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("error: The database cannot be reached: ")
    assert last.startswith("hint: Check DATABASE_URL")


def test_a_wrong_setting_is_exit_code_2() -> None:
    done = run("migrate", database_url="", MENTORCERT_LOG="loud")
    assert done.returncode == 2
    assert done.stderr.startswith("error: The environment is not valid: MENTORCERT_LOG")


def test_an_error_of_the_database_is_mapped(empty_database: str) -> None:
    done = python(DATABASE_ERROR, empty_database)
    assert done.returncode == 1
    assert done.stderr == "error: The database refused the statement. (SQLSTATE 22012)\n"


def test_an_unexpected_error_says_where_but_not_what() -> None:
    done = python(UNEXPECTED, "")
    assert done.returncode == 1
    assert "unexpected ValueError" in done.stderr
    assert "<string>:5 in boom" in done.stderr
    assert "Kari" not in done.stderr + done.stdout


def test_migrating_without_the_rights_says_which_are_needed(server: Server, empty_database: str) -> None:
    server.run("create role weak login")
    try:
        done = run("migrate", database_url=make_conninfo(empty_database, user="weak"))
    finally:
        server.run("drop role weak")
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    assert "hint: Migrate as a superuser" in done.stderr
