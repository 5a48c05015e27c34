"""The registry comes into a project that has names, helpers and habits of its own, and changes none of them."""

import json
import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from mentorcert.db import migrate, names
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import DatabaseNewerError, MigrationVersionTakenError, NameTakenError
from mentorcert.operations import doctor
from tests.support import existing_project, processes
from tests.support.command import run_forked
from tests.support.existing_project import ALFA
from tests.support.generated_schema import PREFLIGHT, preflight_script
from tests.support.servers import Server

REACH = "public.get_user_organisation_id()"
LEDGER = "supabase_migrations.schema_migrations"


@pytest.fixture
def project(empty_database: str) -> Iterator[Connection]:
    """A connection to the project, before the registry."""
    with connect(empty_database, autocommit=True) as conn:
        migrate.lay_supabase(conn)
        existing_project.lay(conn)
        yield conn


def member(conn: Connection) -> UUID:
    user = uuid4()
    conn.execute("insert into auth.users (id) values (%s)", [user])
    conn.execute("insert into public.profiles values (%s, %s, 'Kari')", [user, ALFA])
    return user


def use(conn: Connection, user: UUID) -> list[object]:
    """Do what the project's own app does; return what it shows."""
    with acting_as(conn, user):
        conn.execute("insert into public.chapters (organisation_id, name) values (%s, 'Alfa Bergen')", [ALFA])
        conn.execute("update public.chapters set name = 'Alfa Bergen vest' where name = 'Alfa Bergen'")
        conn.execute("create temporary table cart on commit drop as select 1 as one")
        shown: list[object] = [
            conn.execute(query.encode()).fetchall()
            for query in (
                "select name from public.organisations",
                "select name from public.chapter_names order by 1",
                "select public.colleagues(), public.greeting()",
                f"select {REACH}",
            )
        ]
    conn.execute("delete from public.chapters where name like 'Alfa Bergen%'")
    return shown


def states(conn: Connection) -> dict[str, str]:
    """What is not free, but for the roles: another database of the server may have brought them."""
    found = migrate.examine(conn, migrate.read())
    return {one.name: one.state for one in found if one.state != "free" and one.kind != "role"}


def apply(conn: Connection) -> list[migrate.Applied]:
    return list(migrate.migrate(conn, migrate.read()))


def test_nothing_of_it_changes(project: Connection, empty_database: str) -> None:
    user = member(project)
    before, shown = existing_project.fingerprint(project), use(project, user)
    assert states(project) == {REACH: "fits"}

    done = run_forked("migrate", database_url=empty_database)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"kept and used as it is: function {REACH}" in done.stdout
    assert "several" in done.stdout

    after = existing_project.fingerprint(project)
    assert {key: after.get(key) for key in before} == before
    ours = {name.name.partition("(")[0] for name in migrate.made_by(migrate.read())}
    added = [key.partition(" ")[2].rpartition(" on ")[2] for key in after.keys() - before.keys()]
    assert [name for name in added if not any(name.startswith(own) for own in ours)] == []
    assert use(project, user) == shown

    project.execute("create function public.later() returns int language sql as 'select 1'")
    with acting_as(project, user):
        assert project.execute("select public.later()").fetchone() == (1,)


def test_our_policies_call_their_function(project: Connection) -> None:
    apply(project)
    user = member(project)
    for slug, organisation in (("alfa", ALFA), ("other", str(uuid4()))):
        project.execute(
            "insert into mentorcert.organisations (id, slug, name) values (%s, %s, %s)",
            [organisation, slug, slug],
        )
    with acting_as(project, user):
        assert project.execute("select slug from mentorcert.organisations").fetchall() == [("alfa",)]
    project.execute("update public.profiles set organisation_id = null")
    with acting_as(project, user):
        assert project.execute("select slug from mentorcert.organisations").fetchall() == []


def test_only_ours_is_examined(project: Connection, empty_database: str) -> None:
    apply(project)
    assert [(found.check, found.state) for found in doctor.examine(project) if found.state == "wrong"] == []
    audit = run_forked("audit", "isolation", "--json", database_url=empty_database)
    assert audit.returncode == 0, audit.stdout
    found = json.loads(audit.stdout)
    assert (found["unknown_tables"], found["rights"]) == ([], {"unexpected": [], "missing": []})
    project.execute("create view public.everybody as select * from mentorcert.peer_mentors")
    audit = run_forked("audit", "isolation", "--json", database_url=empty_database)
    assert (audit.returncode, json.loads(audit.stdout)["unknown_tables"]) == (1, ["public.everybody"])


def test_asked_for_the_database_is_hardened(project: Connection, empty_database: str) -> None:
    apply(project)
    notices = [finding.check for finding in doctor.examine(project) if finding.state == "notice"]
    assert notices == ["nobody makes temporary objects"]
    assert run_forked("migrate", "--harden-database", database_url=empty_database).returncode == 0
    assert {finding.state for finding in doctor.examine(project)} == {"ok"}


TAKEN = [
    ("create table public.peer_mentor_certifications ()", "public.peer_mentor_certifications", "rename it"),
    ("create type public.listed_peer_mentors as enum ('a')", "public.listed_peer_mentors", "rename it"),
    (
        "create index peer_mentor_certifications_due_idx on public.chapters (name)",
        "public.peer_mentor_certifications_due_idx",
        "index",
    ),
    ("create schema mentorcert_private", "mentorcert_private", "a schema of this name"),
    (
        "create function public.renew_certification(text) returns int return 1",
        "public.renew_certification(uuid, date",
        "a function",
    ),
    (
        f"drop function {REACH} cascade; create function {REACH} returns bigint return 1",
        REACH,
        "it returns bigint and not one uuid",
    ),
    (
        f"drop function {REACH} cascade; create function {REACH} returns setof uuid return gen_random_uuid()",
        REACH,
        "SETOF uuid and not one uuid",
    ),
    (
        f"revoke execute on function {REACH} from public, authenticated",
        REACH,
        "grant execute on function public.get_user_organisation_id() to authenticated",
    ),
    (
        f"alter function {REACH} reset search_path",
        REACH,
        "alter function public.get_user_organisation_id() set search_path = public",
    ),
    (
        "create function public.get_user_organisation_id(at timestamptz default now()) returns uuid return gen_random_uuid()",
        REACH,
        "ambiguous",
    ),
]


def test_what_is_in_the_way_stops_before_the_first_statement(project: Connection) -> None:
    for statement, name, reason in TAKEN:
        with project.transaction(force_rollback=True):
            project.execute(statement.encode())
            before = existing_project.fingerprint(project)
            with pytest.raises(NameTakenError) as caught, project.transaction():
                apply(project)
            assert name in str(caught.value), statement
            assert reason in str(caught.value), statement
            assert existing_project.fingerprint(project) == before
    apply(project)


def test_a_dry_run_lists_every_name(project: Connection, empty_database: str) -> None:
    project.execute("create function public.renew_certification(text) returns int return 1")
    done = run_forked("migrate", "--dry-run", database_url=empty_database)
    assert done.returncode == 1
    assert "1 in the way" in done.stdout
    assert "in the way: function public.renew_certification(uuid, date, date, text, jsonb)" in done.stdout
    listed = json.loads(run_forked("migrate", "--dry-run", "--json", database_url=empty_database).stdout)[
        "names"
    ]
    assert len(listed) == len(migrate.made_by(migrate.read()))
    assert {found["state"] for found in listed} == {"free", "fits", "in_the_way"}
    done = run_forked("migrate", database_url=empty_database)
    assert (done.returncode, "public.renew_certification" in done.stderr) == (1, True)
    assert project.execute("select to_regnamespace('mentorcert_private')").fetchone() == (None,)


def test_beside_one_with_arguments_ours_has_room(project: Connection) -> None:
    project.execute(f"drop function {REACH} cascade".encode())
    project.execute("create function public.get_user_organisation_id(login uuid) returns uuid return login")
    assert states(project) == {}
    apply(project)
    assert states(project)[REACH] == "ours"


def test_the_script_says_the_same(server: Server, project: Connection, empty_database: str) -> None:
    assert PREFLIGHT.read_text("utf-8") == preflight_script(), "run `make schema`"
    psql = [
        str(server.binaries / "psql"),
        "--no-psqlrc",
        "--quiet",
        "--single-transaction",
        "--set",
        "ON_ERROR_STOP=1",
    ]
    script = [*psql, "--dbname", empty_database, "--file", str(PREFLIGHT)]
    before = existing_project.fingerprint(project)
    done = processes.run(*script)
    assert re.search(r"public\.get_user_organisation_id\(\) +\| fits +\| theirs, kept as it is", done.stdout)
    assert existing_project.fingerprint(project) == before
    project.execute("create schema mentorcert")
    done = processes.run(*script, check=False)
    assert done.returncode != 0
    assert "names that the registry needs are taken" in done.stderr
    assert "schema mentorcert: a schema of this name is there; rename it" in done.stderr


def test_the_ledger_is_judged_by_what_is_ours(project: Connection) -> None:
    files = migrate.read()
    apply(project)
    assert migrate.pending(project, files) == []
    with project.transaction(force_rollback=True):
        later = "insert into supabase_migrations.schema_migrations values ('20991231000001', %s)"
        project.execute(later, [["alter table mentorcert.chapters add more int"]])
        with pytest.raises(DatabaseNewerError, match="20991231000001"):
            migrate.pending(project, files)
    project.execute(f"update {LEDGER} set name = 'theirs' where version = %s".encode(), [files[3].version])
    with pytest.raises(MigrationVersionTakenError, match=f"{files[3].version} is theirs"):
        migrate.pending(project, files)


def test_every_file_of_ours_is_known_as_ours() -> None:
    unknown = [file.name for file in migrate.read() if not names.changes_ours(file.statements())]
    assert unknown == ["calendar"], "a file that changes public only is not noticed by an older release"


def test_the_files_are_read_completely(conn: Connection) -> None:
    """What the catalogue has of ours, the parser has found, and nothing else."""
    catalogue = conn.execute(
        """
        with spaces as (select oid, nspname from pg_namespace where nspname ~ '^mentorcert' or nspname = 'public')
        select 'schema', nspname from spaces where nspname <> 'public'
        union
        select case relkind when 'v' then 'view' when 'i' then 'index' else 'table' end, nspname || '.' || relname
        from pg_class join spaces on spaces.oid = relnamespace where relkind <> 'S'
        union
        select 'function', nspname || '.' || proname from pg_proc join spaces on spaces.oid = pronamespace
        union
        select 'operator', nspname || '.' || oprname from pg_operator join spaces on spaces.oid = oprnamespace
        union
        select 'role', rolname from pg_roles where rolname ~ '^mentorcert'
        union
        select 'type', nspname || '.' || typname from pg_type join spaces on spaces.oid = typnamespace
        where typrelid = 0 and typelem = 0
        """
    ).fetchall()
    found = {(name.kind, name.name.partition("(")[0]) for name in migrate.made_by(migrate.read())}
    assert found - {("cron job", "mentorcert-nightly")} == {(kind, name) for kind, name in catalogue}
