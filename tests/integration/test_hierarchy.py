"""A project with organisations, chapters and roles of its own feeds the registry, and its app goes on as before."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.operations import doctor
from mentorcert.organisations.hierarchy import installation, mapping
from mentorcert.organisations.hierarchy.mapping import Mapping, MappingFileError
from tests.support import existing_project, hierarchy
from tests.support.command import run_forked
from tests.support.registry import fetch, rows
from tests.support.sessions import meanwhile

OFFICE, LEADER, KARI, OLA, OTHER, SIXTH = (
    UUID(f"00000000-0000-4000-8000-{number:012}") for number in range(1, 7)
)
HORSEL, SYN = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
MAPPED = mapping.read(hierarchy.MAPPING)

FED = """
select concat_ws(' ', organisation.slug, membership.role, chapter.name)
from mentorcert.memberships as membership
join mentorcert.organisations as organisation on organisation.id = membership.organisation_id
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
where membership.user_id = %s and (membership.ended_at is null or membership.ended_at > now())
order by 1
"""
PLACED = """
select chapter.name from mentorcert.peer_mentors as mentor
join mentorcert.chapters as chapter on chapter.id = any(mentor.chapter_ids)
where mentor.id = %s order by 1
"""


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


def held(conn: Connection, user: UUID) -> list[str]:
    return [text for (text,) in rows(conn, FED, user)]


def mentors_seen(conn: Connection, user: UUID) -> list[str]:
    with acting_as(conn, user):
        return [name for (name,) in rows(conn, "select full_name from mentorcert.peer_mentors order by 1")]


def use(conn: Connection) -> list[Any]:
    """Do what the project's own app does; return what it shows."""
    with acting_as(conn, OFFICE):
        conn.execute("update public.profiles set phone = '+47 900 00 000' where id = %s", [KARI])
        conn.execute("insert into public.chapters (organisation_id, name) values (%s, 'Voss')", [HORSEL])
        conn.execute("update public.chapters set name = 'Voss herad' where name = 'Voss'")
        conn.execute("delete from public.chapters where name = 'Voss herad'")
        return [
            rows(conn, "select full_name, phone, role from public.profiles order by 1"),
            rows(conn, "select name from public.chapters order by 1"),
            rows(conn, "select position from public.chapter_members order by 1"),
        ]


def test_the_example_is_fed_and_its_app_goes_on(project: Connection, empty_database: str) -> None:
    before, shown = existing_project.fingerprint(project), use(project)
    done = run_forked("hierarchy", "plan", hierarchy.MAPPING, database_url=empty_database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "memberships: 5 would be added" in done.stdout
    assert "may be written by authenticated, as its policies say: public.profiles.role" in done.stdout
    assert "may be written by anon" not in done.stdout
    assert existing_project.fingerprint(project) == before
    assert run_forked("hierarchy", "check", database_url=empty_database).returncode == 1

    printed = run_forked(
        "hierarchy", "apply", hierarchy.MAPPING, "--dry-run", database_url=empty_database
    ).stdout
    with project.transaction(force_rollback=True):
        project.execute(printed.encode())
        assert installation.check(project).is_fed
    done = run_forked("hierarchy", "apply", hierarchy.MAPPING, database_url=empty_database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "memberships: 5 added" in done.stdout
    after = existing_project.fingerprint(project)
    assert {key: after.get(key) for key in before} == before
    added = after.keys() - before.keys()
    assert [
        key for key in added if "feed_registry_on_" not in key and "mentorcert_hierarchy" not in key
    ] == []
    assert use(project) == shown

    assert held(project, LEADER) == ["horsel coordinator Vestland"]
    assert mentors_seen(project, LEADER) == ["Kari Nordmann", "Ola Nordmann"]
    assert mentors_seen(project, KARI) == ["Kari Nordmann"]
    assert mentors_seen(project, OTHER) == []
    checked = run_forked("hierarchy", "check", "--json", database_url=empty_database)
    assert (checked.returncode, json.loads(checked.stdout)["is_fed"]) == (0, True)
    assert "hierarchy = what the project's tables say" in {
        one.check for one in doctor.examine(project) if one.state == "ok"
    }
    assert run_forked("audit", "isolation", database_url=empty_database).returncode == 0
    again, _ = installation.apply(project, MAPPED)
    assert again.differences == []


def test_what_their_app_changes_is_followed(fed: Connection) -> None:
    with acting_as(fed, OFFICE):
        fed.execute("insert into public.chapter_members values (%s, 2, 'leader', null)", [OLA])
        fed.execute("update public.chapter_members set chapter_id = 2 where profile_id = %s", [LEADER])
    assert held(fed, OLA) == ["horsel coordinator Bergen", "horsel peer_mentor"]
    assert mentors_seen(fed, LEADER) == ["Kari Nordmann"]

    # An end that is known, and one that has come: the first day on which it no longer holds.
    fed.execute("update public.chapter_members set until = current_date + 30 where profile_id = %s", [LEADER])
    assert held(fed, LEADER) == ["horsel coordinator Bergen"]
    assert fetch(fed, "select count(*) from mentorcert.memberships where ended_at > now()") == 1
    fed.execute("update public.chapter_members set until = current_date - 1 where profile_id = %s", [LEADER])
    assert held(fed, LEADER) == []

    with acting_as(fed, OFFICE):
        fed.execute(
            "delete from public.chapter_members where profile_id = %s and position = 'volunteer'", [OLA]
        )
        fed.execute("update public.profiles set is_active = false where id = %s", [KARI])
    assert rows(fed, PLACED, OLA) == []
    assert held(fed, KARI) == []
    today = "mentorcert_private.day_of(now(), 'Europe/Oslo')"
    assert fetch(fed, f"select left_on = {today} from mentorcert.peer_mentors where id = %s", KARI)
    fed.execute("update public.profiles set is_active = true, full_name = 'Kari Holm' where id = %s", [KARI])
    assert (
        fetch(fed, "select full_name from mentorcert.peer_mentors where id = %s and left_on is null", KARI)
        == "Kari Holm"
    )
    assert rows(fed, PLACED, KARI) == [("Bergen",)]

    # The chapter goes with what hangs on it; what was stays in the registry.
    fed.execute("delete from public.chapters where id = 2")
    assert fetch(fed, "select retired_on is not null from mentorcert.chapters where name = 'Bergen'")
    assert held(fed, OLA) == ["horsel peer_mentor"]
    # Their word counts, also where it takes the last administrator away, by a client.
    with acting_as(fed, OFFICE):
        fed.execute("update public.profiles set role = 'guest' where id = %s", [OFFICE])
    assert held(fed, OFFICE) == []
    fed.execute("truncate public.chapter_members")
    fed.execute("delete from auth.users where id = %s", [OLA])
    assert fetch(
        fed, "select user_id is null and left_on is not null from mentorcert.peer_mentors where id = %s", OLA
    )
    assert installation.check(fed).is_fed
    assert fetch(fed, "select count(*) from mentorcert.memberships where ended_at <= now()") >= 3


# By table, one that inserts, updates, deletes and truncates.
STATEMENTS = {
    "organisations": (
        "insert into public.organisations (name, short_name) values ('Ny', 'ny')",
        f"update public.organisations set name = 'Syn' where id = '{SYN}'",
        f"delete from public.organisations where id = '{SYN}'",
        "truncate public.organisations",
    ),
    "chapters": (
        f"insert into public.chapters (organisation_id, name) values ('{HORSEL}', 'Voss')",
        "update public.chapters set name = 'Bergenhus' where id = 2",
        "delete from public.chapters where id = 2",
        "truncate public.chapters",
    ),
    "profiles": (
        f"insert into public.profiles (id, organisation_id, full_name, role) values ('{SIXTH}', '{SYN}', 'Six', 'volunteer')",
        f"update public.profiles set full_name = 'Kari Holm' where id = '{KARI}'",
        f"delete from public.profiles where id = '{OTHER}'",
        "truncate public.profiles",
    ),
    "chapter_members": (
        f"insert into public.chapter_members values ('{OLA}', 2, 'leader', null)",
        f"update public.chapter_members set chapter_id = 2 where profile_id = '{LEADER}'",
        f"delete from public.chapter_members where profile_id = '{LEADER}'",
        "truncate public.chapter_members",
    ),
}  # fmt: skip


def test_each_statement_feeds_by_itself(fed: Connection) -> None:
    """And only by its own trigger; foreign keys are taken away, and with them what cascades."""
    fed.execute("insert into auth.users (id) values (%s)", [SIXTH])
    fed.execute(LOOSE.encode())
    fed.execute("alter table public.chapters drop constraint chapters_organisation_id_fkey")
    fed.execute("alter table public.profiles drop constraint profiles_organisation_id_fkey")
    for table, statements in STATEMENTS.items():
        for event, statement in zip(("insert", "update", "delete", "truncate"), statements, strict=True):
            for is_there in (True, False):
                with fed.transaction(force_rollback=True):
                    if not is_there:
                        fed.execute(f"drop trigger feed_registry_on_{event} on public.{table}".encode())
                    fed.execute(statement.encode())
                    assert (installation.check(fed).differences == []) is is_there, statement


def test_of_two_reasons_for_a_role_the_last_takes_it_along(project: Connection, empty_database: str) -> None:
    project.execute("alter table public.chapter_members drop constraint chapter_members_pkey")
    project.execute("insert into public.chapter_members values (%s, 1, 'leader', '2199-01-01')", [LEADER])
    assert installation.apply(project, MAPPED)[1].is_fed
    take = "delete from public.chapter_members where profile_id = %s and until is {} null"
    meanwhile(
        project,
        empty_database,
        lambda one: one.execute(take.format("not").encode(), [LEADER]),
        lambda other: other.execute(take.format("").encode(), [LEADER]),
    )
    assert held(project, LEADER) == []
    assert installation.check(project).is_fed


HAND_EDITS = {
    "organisations": "update mentorcert.organisations set name = 'Mine'",
    "chapters": "insert into mentorcert.chapters (code, name) values ('new', 'New')",
    "memberships": f"insert into mentorcert.memberships (user_id, role) values ('{KARI}', 'org_admin')",
    "peer_mentors": "update mentorcert.peer_mentors set full_name = 'Mine'",
    "peer_mentor_chapters": "update mentorcert.peer_mentor_chapters set ended_at = now()",
}


def test_what_is_fed_is_not_edited_by_hand(fed: Connection) -> None:
    for table, statement in HAND_EDITS.items():
        with (
            pytest.raises(psycopg.DatabaseError, match="this comes from public") as refused,
            acting_as(fed, OFFICE),
        ):
            fed.execute(statement.encode())
        diag = refused.value.diag
        assert (diag.sqlstate, diag.constraint_name) == ("MC025", f"{table}_fed"), table
        assert "Change it in public." in (diag.message_hint or "")
    with pytest.raises(psycopg.DatabaseError, match="this comes from"):
        fed.execute(f"update mentorcert.memberships set ended_at = now() where user_id = '{LEADER}'".encode())
    # What no table of theirs says stays the registry's.
    with acting_as(fed, OFFICE):
        fed.execute("update mentorcert.peer_mentors set display_name = 'K.'")
    # An erased person stays erased, though the row is there; the doctor says so.
    fed.execute("select mentorcert_private.erase_peer_mentor(%s)", [KARI])
    fed.execute("update public.profiles set full_name = 'Kari again' where id = %s", [KARI])
    assert fetch(fed, "select full_name from mentorcert.peer_mentors where id = %s", KARI) == "erased"
    assert any(
        "was erased in the registry" in problem.problem for problem in installation.check(fed).problems
    )


LOOSE = """
alter table public.chapter_members
  drop constraint chapter_members_profile_id_fkey, drop constraint chapter_members_chapter_id_fkey,
  drop constraint chapter_members_pkey, alter profile_id drop not null, alter chapter_id drop not null;
alter table public.chapters drop constraint chapters_county_id_fkey, alter organisation_id drop not null;
alter table public.profiles drop constraint profiles_id_fkey, drop constraint profiles_member_number_key;
alter table public.organisations drop constraint organisations_short_name_key;
"""
# What comes in one statement with a row that is good: the statement, the words, and whether the row is left out.
BAD_ROWS = {
    "a role that is unknown": (
        f"insert into public.chapter_members values ('{KARI}', 1, 'boss', null), ('{OLA}', 2, 'leader', null)",
        "the mapping does not know the role 'boss'",
        True,
    ),
    "no user": (
        f"insert into public.chapter_members values (null, 1, 'leader', null), ('{OLA}', 2, 'leader', null)",
        "it has no user",
        True,
    ),
    "no login": (
        f"insert into public.chapter_members values ('{uuid4()}', 1, 'leader', null), ('{OLA}', 2, 'leader', null)",
        "its user is not in auth.users",
        True,
    ),
    "no chapter": (
        f"insert into public.chapter_members values ('{KARI}', null, 'leader', null), ('{OLA}', 2, 'leader', null)",
        "a coordinator needs a chapter",
        True,
    ),
    "a chapter that is missing": (
        f"insert into public.chapter_members values ('{KARI}', 99, 'leader', null), ('{OLA}', 2, 'leader', null)",
        "its chapter is missing, or not fed",
        True,
    ),
    "the same twice": (
        f"insert into public.chapter_members values ('{OLA}', 2, 'leader', null), ('{OLA}', 2, 'leader', null)",
        None,
        False,
    ),
    "two organisations": (
        f"insert into public.chapter_members values ('{KARI}', 3, 'leader', null), ('{OLA}', 2, 'leader', null)",
        "roles in several organisations",
        False,
    ),
    "a parent that is missing": (
        (
            f"with new as (insert into public.chapters (organisation_id, county_id, name) values ('{HORSEL}', 99, 'Voss'))"
            f" insert into public.chapter_members values ('{OLA}', 2, 'leader', null)"
        ),
        "it lies at the top",
        False,
    ),
    "a chapter without organisation or with a bad name": (
        (
            f"with new as (insert into public.chapters (organisation_id, name) values (null, 'Voss'), ('{HORSEL}', 'a|b'))"
            f" insert into public.chapter_members values ('{OLA}', 2, 'leader', null)"
        ),
        "it has no organisation",
        True,
    ),
    "a number that comes twice": (
        (
            f"with new as (update public.profiles set member_number = default where id = '{OFFICE}')"
            f" insert into public.chapter_members values ('{OLA}', 2, 'leader', null), ('{uuid4()}', 2, 'volunteer', null)"
        ),
        "its peer mentor is missing, or not fed",
        True,
    ),
    "a slug that comes twice": (
        (
            "with new as (insert into public.organisations (name, short_name) values ('A', 'new'), ('B', 'new'))"
            f" insert into public.chapter_members values ('{OLA}', 2, 'leader', null)"
        ),
        "another organisation has the same slug",
        True,
    ),
    "an address that is none": (
        (
            f"with new as (update public.profiles set email = 'nobody' where id = '{KARI}')"
            f" insert into public.chapter_members values ('{OLA}', 2, 'leader', null)"
        ),
        "its e-mail address is not valid",
        False,
    ),
}


def test_a_bad_row_stays_behind_with_words(project: Connection) -> None:
    project.execute(LOOSE.encode())
    assert installation.apply(project, MAPPED)[1].is_fed
    for case, (statement, words, is_left_out) in BAD_ROWS.items():
        with project.transaction(force_rollback=True):
            project.execute(statement.encode())
            assert held(project, OLA) == ["horsel coordinator Bergen", "horsel peer_mentor"], case
            report = installation.check(project)
            assert report.differences == [], case
            found = {(problem.problem, problem.is_left_out) for problem in report.problems}
            assert any(words in text and out == is_left_out for text, out in found) if words else not found, (
                case,
                found,
            )
            wrong = [
                one
                for one in doctor.examine(project)
                if one.check.startswith("hierarchy") and one.state == "wrong"
            ]
            assert bool(wrong) is is_left_out, case


def test_what_the_registry_refuses_is_noted_and_ends_all_the_same(
    fed: Connection, empty_database: str
) -> None:
    # A chapter never changes its organisation in the registry; its leader loses the role there nonetheless.
    fed.execute("delete from public.chapter_members where profile_id = %s", [OLA])
    fed.execute("update public.chapters set organisation_id = %s where id = 1", [SYN])
    assert held(fed, LEADER) == []
    done = run_forked("hierarchy", "check", database_url=empty_database)
    assert done.returncode == 1
    assert "differs: chapters: 1 Vestland should be changed" in done.stdout
    assert "chapters.organisation_id cannot be changed" in done.stdout
    assert "mentorcert hierarchy apply" in done.stdout
    # Everybody else is fed as before, and with the cause its trace goes.
    fed.execute("insert into public.chapter_members values (%s, 2, 'leader', null)", [KARI])
    assert held(fed, KARI) == ["horsel coordinator Bergen", "horsel peer_mentor"]
    fed.execute("update public.chapters set organisation_id = %s where id = 1", [HORSEL])
    assert installation.check(fed).is_fed
    assert fetch(fed, "select count(*) from mentorcert_hierarchy.failures") == 0
    # Even when the feeding itself cannot begin.
    fed.execute("drop view mentorcert_hierarchy.differences")
    fed.execute("update public.chapters set name = 'Vestland fylke' where id = 1")
    fed.execute("alter function mentorcert_hierarchy.feed rename to gone")
    fed.execute("update public.chapters set name = 'Vestlandet' where id = 1")
    assert installation.apply(fed, MAPPED)[1].is_fed
    assert fetch(fed, "select name from mentorcert.chapters where code = '1'") == "Vestlandet"


def test_what_only_the_registry_has_ends_when_that_is_asked_for(
    project: Connection, empty_database: str
) -> None:
    project.execute(
        "insert into mentorcert.organisations (id, slug, name) values (%s, 'horsel', 'H')", [HORSEL]
    )
    membership = (
        "insert into mentorcert.memberships (organisation_id, user_id, role) values (%s, %s, 'org_admin')"
    )
    project.execute(membership.encode(), [HORSEL, KARI])
    refused = run_forked("hierarchy", "apply", hierarchy.MAPPING, database_url=empty_database)
    assert refused.returncode == 1
    assert f"memberships: user {KARI} as org_admin" in refused.stderr
    assert "--end-others" in refused.stderr
    assert not installation.is_applied(project)
    assert (
        run_forked(
            "hierarchy", "apply", hierarchy.MAPPING, "--end-others", database_url=empty_database
        ).returncode
        == 0
    )
    assert held(project, KARI) == ["horsel peer_mentor"]

    assert run_forked("hierarchy", "remove", database_url=empty_database).returncode == 0
    again = run_forked("hierarchy", "remove", database_url=empty_database)
    assert (again.returncode, "nothing to take away" in again.stderr) == (1, True)
    fed_before = held(project, LEADER)
    project.execute("truncate public.chapter_members")
    assert held(project, LEADER) == fed_before
    with acting_as(project, OFFICE):
        project.execute(HAND_EDITS["chapters"].encode())
    with pytest.raises(psycopg.DatabaseError, match="last administrator"), acting_as(project, OFFICE):
        project.execute("update mentorcert.memberships set ended_at = now() where role = 'org_admin'")


MISTAKES = {
    'table = "public.organisations"': ('table = "organisations"', "organisations.table: String should match"),
    'office = "org_admin"': ('office = "boss"', "memberships.1.roles.office"),
    'ends_at = "until"': ('end = "until"', "memberships.2.end: Extra inputs are not permitted"),
    'time_zone = "Europe/Oslo"': ('time_zone = "Oslo"', "organisations.time_zone: unknown time zone"),
    'chapter = "chapter_id"\nrole': ("role", "memberships.2: give organisation or chapter"),
    'parent = "county_id"': (
        'parent = "name"',
        "public.chapters.name is text, but public.chapters.id is bigint",
    ),
    'number = "member_number"': ('number = "no"', "peer_mentors.number: public.profiles has no column no"),
    'table = "public.chapters"': ('table = "public.branches"', "chapters: there is no table public.branches"),
    'user = "profile_id"': ('user = "position"', "it must be a uuid, the id in auth.users"),
}


def test_a_mapping_with_a_mistake_is_refused_with_words(project: Connection, tmp_path: Path) -> None:
    for right, (wrong, words) in MISTAKES.items():
        text = hierarchy.MAPPING.read_text("utf-8")
        assert right in text, right
        (file := tmp_path / "hierarchy.toml").write_text(text.replace(right, wrong, 1), "utf-8")
        with pytest.raises(MappingFileError) as refused:
            installation.apply(project, mapping.read(file))
        assert words in str(refused.value), right
    assert not installation.is_applied(project)


def test_only_what_the_file_names_is_fed(project: Connection) -> None:
    stated = tomllib.loads(hierarchy.MAPPING.read_text("utf-8"))
    coordinators = [stated["memberships"][1]]
    installation.apply(
        project,
        Mapping.model_validate(
            {
                "organisations": stated["organisations"],
                "chapters": stated["chapters"],
                "memberships": coordinators,
            }
        ),
    )
    project.execute(
        "insert into mentorcert.memberships (organisation_id, user_id, role) values (%s, %s, 'org_admin')",
        [HORSEL, OFFICE],
    )
    with acting_as(project, OFFICE):
        project.execute("insert into mentorcert.peer_mentors (external_id, full_name) values ('1', 'Kari')")
        project.execute(
            "insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id)"
            " select mentor.id, chapter.id from mentorcert.peer_mentors as mentor, mentorcert.chapters as chapter"
            " where chapter.name = 'Bergen'"
        )
    assert installation.check(project).is_fed
    assert mentors_seen(project, LEADER) == ["Kari"]
    # The last administrator stays where administrators are entered in the registry.
    with pytest.raises(psycopg.DatabaseError, match="last administrator"), acting_as(project, OFFICE):
        project.execute("update mentorcert.memberships set ended_at = now() where role = 'org_admin'")
    # Nobody can be put out of a chapter that is gone without a hand in the registry: it is noted.
    project.execute("delete from public.chapters where id = 2")
    assert [(one.what, one.action) for one in installation.check(project).differences] == [
        ("2 Bergen", "end")
    ]
    assert ["chapters_retired_empty" in one.reason for one in installation.check(project).failures] == [True]
