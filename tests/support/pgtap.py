"""The pgTAP files of supabase/tests/database, and how they are run."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert import package_files
from mentorcert.db.connection import connect
from tests.support import processes
from tests.support.servers import Server

FOLDER = package_files.folder("supabase") / "tests" / "database"
FILES = sorted(path.name for path in FOLDER.glob("*.test.sql"))

# What each file begins and ends with.
_FIXTURE = "\\ir fixture.psql\n"
_END = "select * from finish();\nrollback;\n"
_MARK = "the end of the file"

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
    return processes.run(
        *("pg_prove", "--verbose", "--psql-bin", str(server.binaries / "psql"), file),
        cwd=FOLDER,
        env={**os.environ, **target},
        check=False,
    )


def failures_without(
    server: Server, url: str, file: str, mutations: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Run one file as it is, then after each of the statements, undone in turn; return the tests that fail each time.

    After a statement the first failure is enough: the rest of the file is left out. Raises AssertionError where the
    file ends by an error before that: it would prove nothing of the guard.
    """
    _, fixture, tests = (FOLDER / file).read_text("utf-8").partition(_FIXTURE)
    tests, end, _ = tests.partition(_END)
    assert fixture
    assert end
    until_noticed = "".join(
        f"\\if :noticed\n\\else\n{statements}select num_failed() > 0 as noticed \\gset\n\\endif\n"
        for statements in _statements(tests)
    )
    runs = [("select", tests), *((mutation, until_noticed) for mutation in mutations)]
    script = "".join(
        f"savepoint guard;\n{mutation};\n\\set noticed false\n{run}\\echo {_MARK}\nrollback to savepoint guard;\n"
        for mutation, run in runs
    )
    run = _psql(server, url, "--file", "-", stdin=f"{_FIXTURE}{script}rollback;\n")
    *outputs, rest = run.stdout.split(f"{_MARK}\n")
    where = f"{file} after {['nothing', *mutations, 'all'][len(outputs)]}"
    assert run.returncode == 0, f"{where} does not run to its end:\n{run.stderr}{rest}"
    untouched, *failures = (
        [line for line in lines.splitlines() if line.startswith("not ok")] for lines in outputs
    )
    return untouched, failures


def _statements(tests: str) -> Iterator[str]:
    """Yield the statements of a file: each ends by a semicolon at the end of a line, outside a body of a function."""
    statement = ""
    for line in tests.splitlines(keepends=True):
        statement += line
        if line.endswith(";\n") and not line.startswith("--") and statement.count("$$") % 2 == 0:
            yield statement
            statement = ""
    assert not statement.strip(), f"not a whole statement: {statement}"


def _psql(
    server: Server, url: str, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [
        str(server.binaries / "psql"),
        *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"),
        *("--dbname", url),
        *arguments,
    ]
    return processes.run(*command, cwd=FOLDER, stdin=stdin, check=False)
