"""The rules of the database, tested in the database: every pgTAP file; on 18 test_guards.py runs each as it is, too."""

import re

import pytest

from mentorcert.access.model import qualified
from mentorcert.db.connection import Connection, connect
from tests.support import pgtap
from tests.support.servers import Server, on_debian_15


@pgtap.needs_pgtap
@on_debian_15
@pytest.mark.parametrize("file", pgtap.FILES)
def test_file(server: Server, tap_database: str, file: str) -> None:
    run = pgtap.prove(server, tap_database, file)
    assert run.returncode == 0, run.stdout + run.stderr


@pgtap.needs_pgtap
def test_the_files_leave_nothing_behind(server: Server, tap_database: str) -> None:
    pgtap.prove(server, tap_database, pgtap.FILES[0])
    with connect(tap_database) as conn:
        assert conn.execute("select to_regnamespace('tests')").fetchone() == (None,)
        assert conn.execute("select count(*) from mentorcert.organisations").fetchone() == (0,)


def test_every_table_is_named_in_a_file_about_access(conn: Connection) -> None:
    tables = conn.execute(
        "select tablename from pg_catalog.pg_tables where schemaname in ('public', 'mentorcert')"
    ).fetchall()
    assert tables
    for (table,) in tables:
        text = (pgtap.FOLDER / f"access_{table}.test.sql").read_text()
        for command in ("select", "insert", "update", "delete"):
            assert re.search(rf"{command}\b[^$]*\b{qualified(table)}\b", text), (
                f"{command} on {table} is not tested"
            )
