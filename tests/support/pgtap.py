"""The pgTAP files of supabase/tests/database, and how they are run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db import files
from mentorcert.db.connection import connect
from tests.support.servers import Server

FOLDER = files.folder("supabase") / "tests" / "database"
FILES = sorted(path.name for path in FOLDER.glob("*.test.sql"))

# Debian's package for 15 also holds pgTAP as plain SQL, which any server takes.
_PLAIN_SQL = Path("/usr/share/postgresql/15/extension/pgtap.sql")
needs_pgtap = pytest.mark.skipif(
    not _PLAIN_SQL.exists() or shutil.which("pg_prove") is None,
    reason="Debian's postgresql-15-pgtap or pg_prove (libtap-parser-sourcehandler-pgtap-perl) is missing",
)


def install(server: Server, url: str) -> None:
    """Put pgTAP into the schema `extensions`, where Supabase has it."""
    with connect(url, autocommit=True) as conn:
        conn.execute("create schema extensions")
        if server.name == "pg15":
            conn.execute("create extension pgtap schema extensions")
            return
    _psql(
        server, url, "--command", "set search_path = extensions", "--file", str(_PLAIN_SQL)
    ).check_returncode()


def prove(server: Server, url: str, file: str) -> subprocess.CompletedProcess[str]:
    """Run one file by pg_prove."""
    # pg_prove takes no connection string.
    target = {
        f"PG{name.replace('dbname', 'database').upper()}": str(value)
        for name, value in conninfo_to_dict(url).items()
    }
    return subprocess.run(
        ["pg_prove", "--verbose", "--psql-bin", str(server.binaries / "psql"), file],
        cwd=FOLDER,
        env={**os.environ, **target},
        capture_output=True,
        text=True,
        check=False,
    )


def failures_without(server: Server, url: str, file: str, mutation: str) -> list[str]:
    """Run one file after a statement that takes a guard away; return the lines of the tests that fail then.

    Raises AssertionError where the file does not run to its end: that would prove nothing of the guard.
    """
    run = _psql(server, url, "--set", f"mutation={mutation};", "--file", file)
    assert run.returncode == 0, f"{file} does not run to its end with {mutation}:\n{run.stderr}"
    return [line for line in run.stdout.splitlines() if line.startswith("not ok")]


def _psql(server: Server, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(server.binaries / "psql"),
        *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"),
        *("--dbname", url),
        *arguments,
    ]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
