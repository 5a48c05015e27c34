"""A project's tables change under the mapping that feeds the registry, or somebody tries to gain rights by it."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.operations import doctor
from mentorcert.organisations.hierarchy import installation
from mentorcert.organisations.hierarchy.installation import HierarchyLostError, OpenTablesError
from mentorcert.organisations.hierarchy.mapping import Mapping, MappingFileError
from tests.integration.test_hierarchy import HORSEL, KARI, LEADER, MAPPED, OFFICE, OLA, held
from tests.support import hierarchy
from tests.support.registry import fetch, rows

STATED = tomllib.loads(hierarchy.MAPPING.read_text("utf-8"))


@pytest.fixture
def project(empty_database: str) -> Iterator[Connection]:
    """The owner's connection to the example, with the registry beside it and nothing fed."""
    with connect(empty_database, autocommit=True) as conn:
        hierarchy.lay(conn)
        yield conn


@pytest.fixture
def fed(project: Connection) -> Connection:
    """The same when its hierarchy feeds the registry."""
    assert installation.apply(project, MAPPED)[1].is_fed
    return project


@pytest.fixture
def owner(project: Connection) -> Iterator[str]:
    """A role that owns the project's tables and nothing else."""
    with owning(project) as name:
        yield name


@contextmanager
def owning(project: Connection) -> Iterator[str]:
    """Give the project's tables to a role of their own until the end of the block."""
    project.execute("create role project_owner nologin")
    project.execute("grant usage, create on schema public to project_owner")
    for table in ("organisations", "chapters", "profiles", "chapter_members"):
        project.execute(f"alter table public.{table} owner to project_owner".encode())
    try:
        yield "project_owner"
    finally:
        project.execute("reset role")
        project.execute("reassign owned by project_owner to current_user")
        project.execute("drop owned by project_owner")
        project.execute("drop role project_owner")


def wrong(conn: Connection) -> list[str]:
    return [
        one.found
        for one in doctor.examine(conn)
        if one.check.startswith("hierarchy") and one.state == "wrong"
    ]


def test_renamed_tables_and_columns_are_followed(fed: Connection) -> None:
    fed.execute("alter table public.profiles rename column role to part")
    fed.execute("alter table public.profiles rename to people")
    fed.execute("update public.people set part = 'office' where id = %s", [OLA])
    assert held(fed, OLA) == ["horsel org_admin"]
    fed.execute("alter table public.chapter_members rename column position to task")
    fed.execute("update public.chapter_members set task = 'volunteer' where profile_id = %s", [LEADER])
    assert held(fed, LEADER) == []


def test_a_table_that_was_dropped_is_said_to_be_lost(fed: Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="other objects depend on it"):
        fed.execute("drop table public.chapter_members")
    fed.execute("drop table public.chapter_members cascade")
    fed.execute("update public.profiles set role = 'guest' where id = %s", [KARI])
    with pytest.raises(HierarchyLostError, match="was dropped"):
        installation.check(fed)
    assert ["was dropped" in said for said in wrong(fed)] == [True]
    fed.execute(
        "create table public.chapter_members (profile_id uuid, chapter_id bigint, position text, until date)"
    )
    with pytest.raises(OpenTablesError):
        installation.apply(fed, MAPPED)
    fed.execute("alter table public.chapter_members enable row level security")
    with pytest.raises(installation.EndsOthersError):
        installation.apply(fed, MAPPED)
    assert installation.apply(fed, MAPPED, end_others=True)[1].is_fed
    assert (held(fed, KARI), held(fed, LEADER), wrong(fed)) == ([], [], [])


def test_chapters_in_a_circle(fed: Connection) -> None:
    """The app goes on, the circle is noted, and everything else is fed."""
    fed.execute("update public.chapters set county_id = 2, name = 'Vestland fylke' where id = 1")
    fed.execute("update public.chapters set county_id = id where id = 3")
    fed.execute("insert into public.chapter_members values (%s, 2, 'leader', null)", [KARI])
    assert held(fed, KARI) == ["horsel coordinator Bergen", "horsel peer_mentor"]
    assert {(one.what, one.action) for one in installation.check(fed).differences} == {
        ("1 Vestland fylke", "change"), ("3 Oslo", "change"),
    }  # fmt: skip
    assert [one.step for one in installation.check(fed).failures] == ["chapters", "chapters"]
    fed.execute("update public.chapters set county_id = null where id in (1, 3)")
    assert installation.check(fed).is_fed


def test_tables_of_any_name(project: Connection) -> None:
    """Of another schema under the same names, with capitals, spaces and quotes."""
    project.execute('create schema "The App"')
    for table in ("organisations", "chapters", "profiles", "chapter_members"):
        project.execute(f'alter table public.{table} set schema "The App"'.encode())
        project.execute(f"create table public.{table} (id integer)".encode())
    places = '"The App"."Who\'s ""where"" now"'
    project.execute(f'alter table "The App".chapter_members rename to {places[10:]}'.encode())
    project.execute(f'alter table {places} rename position to "Task; --"'.encode())
    stated: dict[str, Any] = tomllib.loads(hierarchy.MAPPING.read_text("utf-8"))
    for part in (
        stated["organisations"], stated["chapters"], *stated["memberships"],
        stated["peer_mentors"], stated["peer_mentor_chapters"],
    ):  # fmt: skip
        part["table"] = part["table"].replace("public.", "The App.")
        if part["table"].endswith("chapter_members"):
            part["table"] = 'The App.Who\'s "where" now'
    stated["memberships"][1]["role"] = "Task; --"
    stated["peer_mentor_chapters"]["where"] = {"Task; --": ["volunteer"]}
    assert installation.apply(project, Mapping.model_validate(stated))[1].is_fed
    project.execute(f"update {places} set \"Task; --\" = 'volunteer'".encode())
    assert (held(project, LEADER), held(project, KARI)) == ([], ["horsel peer_mentor"])


def test_tables_that_cannot_feed_are_refused_with_words(project: Connection) -> None:
    project.execute("create view public.branches as select * from public.chapters")
    for table, words in (
        ("public.branches", "there is no table public.branches"),
        ("mentorcert.chapters", "mentorcert.chapters is the registry's own"),
    ):
        stated = STATED | {"chapters": STATED["chapters"] | {"table": table}}
        with pytest.raises(MappingFileError) as refused:
            installation.plan(project, Mapping.model_validate(stated))
        assert words in str(refused.value)
        assert "A view has no triggers" in (refused.value.hint or "")


def test_rows_that_policies_hide_end_nothing(project: Connection, owner: str) -> None:
    project.execute("alter table public.chapter_members force row level security")
    project.execute(f"set role {owner}".encode())
    with pytest.raises(MappingFileError, match=r"public\.chapter_members: its policies hide rows from"):
        installation.plan(project, MAPPED)
    project.execute("reset role")

    # Forced afterwards, for who owns the views.
    project.execute("alter table public.chapter_members no force row level security")
    assert installation.apply(project, MAPPED)[1].is_fed
    project.execute(f"grant usage on schema mentorcert_hierarchy, mentorcert_private to {owner}".encode())
    project.execute(f"alter view mentorcert_hierarchy.theirs_memberships owner to {owner}".encode())
    project.execute("alter table public.chapter_members force row level security")
    before = held(project, LEADER)
    project.execute("update public.profiles set role = 'office' where id = %s", [OLA])
    assert (held(project, LEADER), held(project, OLA)) == (before, ["horsel peer_mentor"])
    project.execute("alter table public.chapter_members no force row level security")
    project.execute("update public.profiles set full_name = full_name || '.' where id = %s", [OLA])
    assert held(project, OLA) == ["horsel org_admin"]


def test_the_owner_of_the_tables_runs_nothing_as_the_owner_of_the_registry(
    project: Connection, owner: str
) -> None:
    """By a type of their own, whose cast to text is a function."""
    project.execute(f"set role {owner}".encode())
    project.execute("create type public.part as enum ('guest', 'office', 'volunteer')")
    project.execute(
        "create function public.run_as(value public.part) returns text language plpgsql"
        " as $$ begin raise exception 'runs as %', current_user; end $$"
    )
    project.execute("create cast (public.part as text) with function public.run_as(public.part)")
    retyped = "alter table public.profiles alter role drop default, alter role type public.part using role::public.part"
    with project.transaction(force_rollback=True):
        project.execute(retyped.encode())
        project.execute("reset role")
        with pytest.raises(MappingFileError, match=r"public\.profiles\.role: its type part has a cast"):
            installation.plan(project, MAPPED)

    project.execute("reset role")
    assert installation.apply(project, MAPPED)[1].is_fed
    project.execute(f"set role {owner}".encode())
    with pytest.raises(psycopg.DatabaseError, match="used by a view"):
        project.execute(retyped.encode())
    project.execute("alter table public.profiles rename role to part")
    project.execute("alter table public.profiles add role public.part default 'guest'")
    project.execute("update public.profiles set role = 'office', part = 'guest' where id = %s", [KARI])
    project.execute("reset role")
    assert held(project, KARI) == []


def test_clients_reach_nothing_of_the_feeding(project: Connection) -> None:
    """Also where the project gives them everything that is made."""
    project.execute("alter default privileges grant all on schemas to authenticated")
    project.execute("alter default privileges grant all on tables to authenticated")
    project.execute("alter default privileges grant all on functions to authenticated")
    assert installation.apply(project, MAPPED)[1].is_fed
    for attempt in (
        "select * from mentorcert_hierarchy.theirs_peer_mentors",
        "insert into mentorcert_hierarchy.failures values ('chapters', gen_random_uuid())",
        "select mentorcert_hierarchy.feed()",
        "select mentorcert_hierarchy.feed_step('memberships')",
        "create table mentorcert_hierarchy.theirs (id integer)",
        "alter table mentorcert.memberships disable trigger reject_hand_edit",
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            acting_as(project, OFFICE) as _,
        ):
            project.execute(attempt.encode())
    has = "select has_schema_privilege('authenticated', 'mentorcert_hierarchy', 'usage')"
    reads = (
        "select has_table_privilege('authenticated', 'mentorcert_hierarchy.theirs_peer_mentors', 'select')"
    )
    runs = "select has_function_privilege('authenticated', 'mentorcert_hierarchy.feed(text)', 'execute')"
    assert [fetch(project, asked) for asked in (has, reads, runs)] == [False, False, False]


def test_a_table_that_clients_write_without_policies_is_refused(project: Connection) -> None:
    project.execute("alter table public.profiles disable row level security")
    with pytest.raises(OpenTablesError, match=r"any row of public\.profiles"):
        installation.apply(project, MAPPED)
    assert not installation.is_applied(project)
    assert installation.apply(project, MAPPED, open_tables=True)[1].is_fed


def test_nobody_writes_a_role_in_the_registry_by_a_table_of_their_own(fed: Connection) -> None:
    """A trigger of another table is deep enough to pass the refusal of hand edits, and has no rights by it."""
    fed.execute("create table public.notes (id integer)")
    fed.execute("grant insert on public.notes to authenticated")
    fed.execute(
        "create function public.rise() returns trigger language plpgsql set search_path = '' as $$ begin"
        f" insert into mentorcert.memberships (user_id, role, organisation_id) values ('{KARI}', 'org_admin', '{HORSEL}');"
        " return new; end $$"
    )
    fed.execute(
        "create trigger rise after insert on public.notes for each row execute function public.rise()"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting_as(fed, KARI):
        fed.execute("insert into public.notes values (1)")
    assert held(fed, KARI) == ["horsel peer_mentor"]


def test_a_write_that_may_not_wait_goes_through(fed: Connection, empty_database: str) -> None:
    """Another feeding is under way, and the time limit of the app is short; a lock of a client's own holds up nobody."""
    with connect(empty_database) as other, connect(empty_database, autocommit=True) as app:
        other.execute("update public.chapters set name = 'Vest' where id = 1")
        app.execute("set statement_timeout = 1000")
        app.execute("update public.profiles set role = 'office' where id = %s", [OLA])
        assert rows(fed, "select role from public.profiles where id = %s", OLA) == [("office",)]
        assert held(fed, OLA) == ["horsel peer_mentor"]
        other.rollback()
        app.execute("set statement_timeout = 10000")
        other.execute("select pg_advisory_xact_lock(hashtextextended('mentorcert_hierarchy', 0))")
        app.execute("update public.profiles set full_name = 'Ola N.' where id = %s", [OLA])
        assert held(fed, OLA) == ["horsel org_admin"]


def test_a_plan_locks_none_of_the_projects_tables(fed: Connection, empty_database: str) -> None:
    with connect(empty_database) as other:
        other.execute("update public.profiles set phone = '90000000' where id = %s", [KARI])
        fed.execute("set lock_timeout = 300")
        assert installation.plan(fed, MAPPED)[0].differences == []
