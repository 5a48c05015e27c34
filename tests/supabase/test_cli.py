"""The Supabase CLI and `mentorcert migrate` apply the same files and agree on what is applied."""

import shutil

from psycopg.conninfo import conninfo_to_dict

from mentorcert import package_files
from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from tests.integration.test_migrations_twice import dump
from tests.supabase.cli import SupabaseCli, needs_supabase_cli, on_both_servers
from tests.support import command
from tests.support.servers import Server

pytestmark = [needs_supabase_cli, on_both_servers]


def test_what_push_applies_migrate_finds_applied(
    supabase_cli: SupabaseCli, server: Server, empty_database: str, database: str
) -> None:
    with connect(empty_database, autocommit=True) as conn:
        migrate.lay_supabase(conn)
    pushed = supabase_cli.ask("db", "push", "--yes", database=empty_database)
    assert pushed["migrations"] == [migration.path.name for migration in migrate.read()]

    done = command.run("migrate", database_url=empty_database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "up to date" in done.stdout
    definitions = ("--schema-only", "--exclude-schema=supabase_migrations")
    assert dump(server, empty_database, *definitions) == dump(server, database, *definitions)


def test_what_migrate_applies_push_finds_applied(supabase_cli: SupabaseCli, database: str) -> None:
    listed = supabase_cli.ask("migration", "list", database=database)["migrations"]
    versions = [migration.version for migration in migrate.read()]
    assert [(row["local"], row["remote"]) for row in listed] == [(version, version) for version in versions]

    pushed = supabase_cli.ask("db", "push", "--dry-run", database=database)
    assert (pushed["upToDate"], pushed["migrations"]) == (True, [])


def test_indexes_in_use(supabase_cli: SupabaseCli, conn: Connection, database: str) -> None:
    """A file in no transaction is one for both."""
    folder = supabase_cli.folder / "supabase" / "migrations"
    folder.unlink()
    shutil.copytree(package_files.migrations(), folder)
    (folder / "99990101000000_in_use.sql").write_text(
        "-- mentorcert: no transaction\n"
        "create index concurrently if not exists in_use_idx on mentorcert.organisations (name);\n"
        "drop index concurrently if exists mentorcert.in_use_idx;\n"
        "create index concurrently if not exists in_use_too_idx on mentorcert.organisations (name);\n"
    )
    pushed = supabase_cli.ask("db", "push", "--yes", database=database)
    assert pushed["migrations"] == ["99990101000000_in_use.sql"]
    assert migrate.pending(conn, migrate.read(folder)) == []
    valid = "select indisvalid from pg_index where indexrelid = 'mentorcert.in_use_too_idx'::regclass"
    assert conn.execute(valid).fetchall() == [(True,)]


def test_both_see_that_a_migration_is_missing(
    supabase_cli: SupabaseCli, conn: Connection, database: str
) -> None:
    last = migrate.read()[-1]
    conn.execute("delete from supabase_migrations.schema_migrations where version = %s", [last.version])

    listed = supabase_cli.ask("migration", "list", database=database)["migrations"]
    assert [row["local"] for row in listed if not row["remote"]] == [last.version]
    pushed = supabase_cli.ask("db", "push", "--dry-run", database=database)
    assert (pushed["upToDate"], pushed["migrations"]) == (False, [last.path.name])
    assert [migration.version for migration in migrate.pending(conn, migrate.read())] == [last.version]


def test_the_configuration_is_understood(supabase_cli: SupabaseCli, database: str) -> None:
    # Settings that the CLI does not know, it ignores with a warning.
    assert supabase_cli.run("migration", "list", database=database).stderr.splitlines() == [
        f"Target: custom Postgres (127.0.0.1:{conninfo_to_dict(supabase_cli.server.url)['port']})"
    ]
