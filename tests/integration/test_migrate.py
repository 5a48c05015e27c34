"""`mentorcert migrate`: applies each file once, whole or not at all, and refuses what it does not know."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mentorcert.db import migrate as migrating
from mentorcert.db.connection import connect
from mentorcert.db.migrate import migrate, pending, read
from mentorcert.errors import (
    DatabaseNewerError,
    IncompleteRestoreError,
    MigrationChangedError,
    MigrationFailedError,
    MigrationLockedError,
    MigrationOrderError,
)
from tests.support.command import run_forked
from tests.support.processes import DEADLINE_S

FIRST = "create table public.first (id int primary key);\ninsert into public.first values (1);\n"
SECOND = "-- Second; of two.\nalter table public.first add column note text default 'a;b';\n"
LEDGER = "select version, name, statements from supabase_migrations.schema_migrations order by version"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"20260101000000_first": FIRST, "20260102000000_second": SECOND})
    return tmp_path


def write(folder: Path, sql: dict[str, str]) -> None:
    for name, text in sql.items():
        (folder / f"{name}.sql").write_text(text)


def apply(
    url: str, folder: Path, lock_timeout_ms: int = 5000, turn_timeout_ms: int = 5000, patience_s: float = 0
) -> list[str]:
    with connect(url, autocommit=True) as conn:
        steps = migrate(
            conn, read(folder), lock_timeout_ms=lock_timeout_ms, turn_timeout_ms=turn_timeout_ms, patience_s=patience_s
        )  # fmt: skip
        return [step.migration.name for step in steps]


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with connect(url) as conn:
        return conn.execute(query.encode()).fetchall()


def test_applies_all_files_and_keeps_the_ledger_of_the_supabase_cli(
    empty_database: str, folder: Path
) -> None:
    assert apply(empty_database, folder) == ["first", "second"]
    assert rows(empty_database, LEDGER) == [
        (
            "20260101000000",
            "first",
            ["create table public.first (id int primary key)", "insert into public.first values (1)"],
        ),
        (
            "20260102000000",
            "second",
            ["-- Second; of two.\nalter table public.first add column note text default 'a;b'"],
        ),
    ]
    columns = rows(
        empty_database,
        "select column_name::text, data_type::text, is_nullable::text from information_schema.columns"
        " where table_schema = 'supabase_migrations' order by ordinal_position",
    )
    assert columns == [("version", "text", "NO"), ("statements", "ARRAY", "YES"), ("name", "text", "YES")]


def test_the_second_time_nothing_is_left_to_do(empty_database: str, folder: Path) -> None:
    apply(empty_database, folder)
    assert apply(empty_database, folder) == []
    assert rows(empty_database, "select count(*) from public.first") == [(1,)]


def test_a_dry_run_writes_nothing(empty_database: str, folder: Path) -> None:
    done = run_forked("migrate", "--dry-run", "--folder", folder, database_url=empty_database)
    assert done.stdout.splitlines() == [
        "names: 1 free",
        "would apply 20260101000000_first.sql",
        "would apply 20260102000000_second.sql",
    ]
    assert rows(empty_database, "select to_regnamespace('auth'), to_regnamespace('supabase_migrations')") == [
        (None, None)
    ]


def test_json_for_programs(empty_database: str, folder: Path) -> None:
    first = json.loads(
        run_forked("migrate", "--json", "--folder", folder, database_url=empty_database).stdout
    )
    assert [step["file"] for step in first["applied"]] == [
        "20260101000000_first.sql",
        "20260102000000_second.sql",
    ]
    again = json.loads(
        run_forked("migrate", "--json", "--folder", folder, database_url=empty_database).stdout
    )
    assert again == {"applied": [], "pending": [], "names": []}


def test_twenty_at_once_apply_each_file_once(empty_database: str, folder: Path) -> None:
    write(folder, {"20260103000000_third": "select pg_catalog.pg_sleep(0.2);\ncreate table public.third ();"})
    with ThreadPoolExecutor(20) as threads:
        applied = list(threads.map(lambda _: apply(empty_database, folder), range(20)))
    assert sorted(name for names in applied for name in names) == ["first", "second", "third"]


def test_a_newer_database_is_refused(empty_database: str, folder: Path) -> None:
    write(folder, {"20260103000000_third": "create schema mentorcert;"})
    apply(empty_database, folder)
    (folder / "20260103000000_third.sql").unlink()
    with pytest.raises(DatabaseNewerError, match="20260103000000"):
        apply(empty_database, folder)


def test_a_changed_file_is_refused(empty_database: str, folder: Path) -> None:
    apply(empty_database, folder)
    write(folder, {"20260101000000_first": FIRST + "select 1;"})
    done = run_forked("migrate", "--folder", folder, database_url=empty_database)
    assert done.returncode == 1
    assert "20260101000000_first.sql" in done.stderr
    assert "hint: Restore the file" in done.stderr
    with pytest.raises(MigrationChangedError):
        apply(empty_database, folder)


def test_a_file_before_an_applied_one_is_refused(empty_database: str, folder: Path) -> None:
    apply(empty_database, folder)
    write(folder, {"20260101120000_between": "select 1;"})
    with pytest.raises(MigrationOrderError, match="20260101120000_between"):
        apply(empty_database, folder)


def test_rows_of_an_older_supabase_cli_are_accepted(empty_database: str, folder: Path) -> None:
    with connect(empty_database, autocommit=True) as conn:
        conn.execute("create schema supabase_migrations")
        conn.execute("create table supabase_migrations.schema_migrations (version text not null primary key)")
        conn.execute("insert into supabase_migrations.schema_migrations values ('20260101000000')")
        conn.execute("create table public.first (id int primary key)")
    assert apply(empty_database, folder) == ["second"]


def test_of_a_failing_file_nothing_is_left(empty_database: str, folder: Path) -> None:
    failing = "create table public.third ();\n\n-- Divide;\n/* by\nzero */ select 1 / 0;\n"
    write(folder, {"20260103000000_third": failing})
    with pytest.raises(
        MigrationFailedError, match=r"20260103000000_third\.sql, line 5: division by zero"
    ) as caught:
        apply(empty_database, folder)
    assert caught.value.code == "22012"
    assert [version for version, *_ in rows(empty_database, LEDGER)] == ["20260101000000", "20260102000000"]
    assert rows(empty_database, "select to_regclass('public.third')") == [(None,)]


def test_a_syntax_error_is_reported_with_its_own_line(empty_database: str, folder: Path) -> None:
    write(folder, {"20260103000000_third": "select 1;\ncreate table public.third (\n  id int,,\n);\n"})
    with pytest.raises(MigrationFailedError, match=r'line 3: syntax error at or near ","'):
        apply(empty_database, folder)


@pytest.mark.parametrize("statement", ["commit;", "-- so\nBEGIN;", "rollback;"])
def test_a_file_may_not_end_its_transaction(empty_database: str, folder: Path, statement: str) -> None:
    write(folder, {"20260103000000_third": f"create table public.third ();\n{statement}\nselect 1 / 0;"})
    with pytest.raises(MigrationFailedError, match="one transaction"):
        apply(empty_database, folder)
    assert rows(empty_database, "select to_regclass('public.third')") == [(None,)]


def test_settings_of_a_file_do_not_stay_in_the_session(empty_database: str, folder: Path) -> None:
    write(folder, {"20260103000000_third": "set search_path = 'auth';"})
    with connect(empty_database, autocommit=True) as conn:
        list(migrate(conn, read(folder)))
        assert conn.execute("show search_path").fetchone() == ('"$user", public',)
        assert conn.execute("show lock_timeout").fetchone() == ("0",)


def test_a_file_waits_for_locks_only_so_long(empty_database: str, folder: Path) -> None:
    apply(empty_database, folder)
    asked = "create table public.waits as select pg_catalog.current_setting('lock_timeout') as lock_timeout;"
    write(folder, {"20260103000000_third": asked})
    apply(empty_database, folder, lock_timeout_ms=70, turn_timeout_ms=5000)
    assert rows(empty_database, "select lock_timeout from public.waits") == [("70ms",)]


def test_a_held_table_is_an_error_that_says_so(empty_database: str, folder: Path) -> None:
    apply(empty_database, folder)
    write(folder, {"20260103000000_third": "select 1;\nalter table public.first add column more int;"})
    with connect(empty_database) as reader:
        reader.execute("select * from public.first")
        with pytest.raises(MigrationLockedError, match="line 2: another session holds a lock") as caught:
            apply(empty_database, folder, lock_timeout_ms=50)
        assert caught.value.hint
    assert apply(empty_database, folder) == ["third"]


def test_readers_get_through_while_a_migration_waits(
    empty_database: str, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long reader holds the table; of the others none waits for as long as it takes."""
    apply(empty_database, folder)
    write(folder, {"20260103000000_third": "alter table public.first add column more int;"})
    monkeypatch.setattr(migrating, "_PAUSE_S", 0.05)

    def waited() -> int:
        return sum(record.getMessage() == "migration_waits" for record in caplog.records)

    with (
        connect(empty_database) as reader,
        connect(empty_database, autocommit=True) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        reader.execute("select * from public.first")
        # Through a pooler, what a session sets may reach another one.
        patient = f"set local lock_timeout = {6 * migrating.LOCK_TIMEOUT_MS}"
        done = threads.submit(
            apply, empty_database, folder, lock_timeout_ms=migrating.LOCK_TIMEOUT_MS, patience_s=DEADLINE_S
        )
        while waited() < 3 and not done.done():
            with other.transaction():
                other.execute(patient.encode())
                other.execute("select * from public.first")
        reader.rollback()
        assert done.result(DEADLINE_S) == ["third"]
    assert waited() >= 3


def test_a_migration_that_does_not_end_is_not_waited_for_forever(empty_database: str, folder: Path) -> None:
    with connect(empty_database, autocommit=True) as conn, connect(empty_database, autocommit=True) as other:
        running = migrate(other, read(folder))
        next(running)
        with other.transaction():
            other.execute("lock table supabase_migrations.schema_migrations in share row exclusive mode")
            with pytest.raises(MigrationLockedError, match="Another migration"):
                list(migrate(conn, read(folder), turn_timeout_ms=50))
        assert len(list(running)) == 1


def test_a_client_cannot_hold_a_migration_up(empty_database: str, folder: Path) -> None:
    with connect(empty_database, autocommit=True) as conn, connect(empty_database) as client:
        next(migrate(conn, read(folder)))
        client.execute("select pg_advisory_xact_lock(hashtextextended('mentorcert migrate', 0))")
        assert [applied.migration.name for applied in migrate(conn, read(folder), turn_timeout_ms=50)] == [
            "second"
        ]


def test_pending_is_what_the_dry_run_lists(empty_database: str, folder: Path) -> None:
    with connect(empty_database, autocommit=True) as conn:
        assert [found.name for found in pending(conn, read(folder))] == ["first", "second"]
        next(migrate(conn, read(folder)))
        assert [found.name for found in pending(conn, read(folder))] == ["second"]


def test_the_packages_own_migrations_apply(empty_database: str) -> None:
    assert run_forked("migrate", database_url=empty_database).returncode == 0
    again = run_forked("migrate", database_url=empty_database)
    assert "up to date" in again.stdout


def test_a_restore_that_left_things_out_is_no_database_up_to_date(empty_database: str) -> None:
    with connect(empty_database, autocommit=True) as conn:
        list(migrate(conn, read()))
        assert pending(conn, read()) == []
        conn.execute("drop table mentorcert_portal.secrets")
        with pytest.raises(IncompleteRestoreError, match="such as mentorcert_portal"):
            pending(conn, read())
    for arguments in (("migrate",), ("doctor",)):
        command = run_forked(*arguments, database_url=empty_database)
        assert (command.returncode, "mentorcert_portal.secrets" in command.stdout + command.stderr) == (
            1,
            True,
        )
