"""A migration in no transaction: indexes are made while their table is in use, and again where that failed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.db.migrate import migrate, pending, read
from mentorcert.errors import MigrationFailedError, MigrationLockedError, NameTakenError
from mentorcert.operations import doctor
from tests.support.processes import DEADLINE_S
from tests.support.registry import fetch, rows
from tests.support.servers import Server
from tests.support.sessions import wait_until, waiting

FIRST = (
    "create table public.things (id int, name text);\ninsert into public.things values (1, 'a'), (2, 'a');\n"
)
INDEXES = """\
-- Two indexes; of many rows.
-- mentorcert: no transaction

create index concurrently if not exists things_id_idx on public.things (id);
-- Names; each once.
create unique index concurrently if not exists things_name_key on public.things (name);
drop index concurrently if exists public.things_id_idx;
"""
_VALID = (
    "select class.relname::text, index.indisvalid from pg_index as index join pg_class as class on class.oid = indexrelid"
    " where indrelid = 'public.things'::regclass order by 1"
)
_LEDGER = "select version from supabase_migrations.schema_migrations order by version"


@pytest.fixture
def folder(tmp_path: Path, empty_database: str) -> Path:
    """With a table, which is there, and its indexes, which are not."""
    (tmp_path / "20260101000000_first.sql").write_text(FIRST)
    with connect(empty_database, autocommit=True) as conn:
        list(migrate(conn, read(tmp_path)))
    (tmp_path / "20260102000000_indexes.sql").write_text(INDEXES)
    return tmp_path


@pytest.fixture
def there(empty_database: str) -> Connection:
    """A connection in autocommit; its database ends with the test."""
    return connect(empty_database, autocommit=True)


def test_a_build_that_fails_is_done_again(there: Connection, folder: Path) -> None:
    with there:
        with pytest.raises(
            MigrationFailedError, match=r"indexes\.sql, line 6: could not create unique index"
        ) as caught:
            list(migrate(there, read(folder)))
        assert "goes on from there" in (caught.value.hint or "")
        assert rows(there, _VALID) == [("things_id_idx", True), ("things_name_key", False)]
        assert rows(there, _LEDGER) == [("20260101000000",)]
        there.execute("update public.things set name = 'b' where id = 2")
        assert [step.migration.name for step in migrate(there, read(folder))] == ["indexes"]
        assert rows(there, _VALID) == [("things_name_key", True)]
        assert pending(there, read(folder)) == []


def test_only_migrations_wait_for_it(
    there: Connection, folder: Path, empty_database: str, server: Server
) -> None:
    """The build waits for a writer that was there before; those who come later wait for neither."""
    there.execute("update public.things set name = 'b' where id = 2")
    if server.pooler is None:
        # What keeps the others out rests meanwhile, whatever the server says about sessions that rest.
        there.execute("set idle_in_transaction_session_timeout = '20ms'")
    with (
        there,
        connect(empty_database) as writer,
        connect(empty_database, autocommit=True) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        writer.execute("insert into public.things values (3, 'c')")
        done = threads.submit(lambda: list(migrate(there, read(folder))))
        wait_until(lambda: waiting(other) > 0, "the build to wait for the writer")
        other.execute("insert into public.things values (4, 'd')")
        with pytest.raises(MigrationLockedError, match="Another migration"):
            list(migrate(other, read(folder), turn_timeout_ms=50))
        writer.commit()
        assert len(done.result(DEADLINE_S)) == 1
        assert fetch(other, "select count(*) from public.things") == 4


def test_an_index_of_another_table_is_not_taken_for_it(there: Connection, folder: Path) -> None:
    with there:
        there.execute("create table public.others (id int)")
        there.execute("create index things_id_idx on public.others (id)")
        with pytest.raises(NameTakenError, match=r"things_id_idx: one of another table, public\.others"):
            list(migrate(there, read(folder)))
        assert rows(there, _LEDGER) == [("20260101000000",)]


@pytest.mark.parametrize(
    "statement",
    [
        "create table public.more ()",
        "create index concurrently things_id_idx on public.things (id)",
        "create index if not exists things_id_idx on public.things (id)",
        "drop index concurrently public.things_id_idx",
        "drop index concurrently if exists public.things_id_idx; drop table public.things",
        "vacuum public.things",
    ],
)
def test_it_holds_nothing_else(there: Connection, folder: Path, statement: str) -> None:
    (folder / "20260102000000_indexes.sql").write_text(f"{INDEXES}{statement};\n")
    with there:
        with pytest.raises(MigrationFailedError, match="line 8: not for a file without a transaction"):
            list(migrate(there, read(folder)))
        assert rows(there, _VALID) == []


def test_doctor_names_an_invalid_index(conn: Connection) -> None:
    conn.execute("create table public.things (id int)")
    conn.execute("insert into public.things values (1), (1)")
    with pytest.raises(Exception, match="could not create unique index"):
        conn.execute("create unique index concurrently things_key on public.things (id)")
    found = {finding.check: finding for finding in doctor.examine(conn)}["every index is valid"]
    assert (found.state, found.found) == ("wrong", "public.things_key")
    conn.execute("drop index concurrently public.things_key")
    assert {finding.check: finding.state for finding in doctor.examine(conn)}["every index is valid"] == "ok"
