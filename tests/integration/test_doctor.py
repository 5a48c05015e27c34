"""The doctor: content with what is right, and each thing that is wrong is found, and only that."""

import json
from dataclasses import replace

import pytest

from mentorcert import package_files
from mentorcert.db.connection import Connection
from mentorcert.imports import importing
from mentorcert.operations import doctor, nightly
from mentorcert.operations.doctor import Finding
from mentorcert.organisations import organisation_file
from tests.portal.breakage import BREAKS as BREAKS_OF_PORTAL
from tests.portal.breakage import in_order as portal_in_order
from tests.support.command import Mentorcert, run_forked
from tests.support.registry import fetch, rows, set_up, today
from tests.support.servers import on_embedded_18

MIGRATIONS = "migrations are current"
SECURITY = "row-level security on every table"
INDEXES = "every index is valid"
TEMPORARY = "nobody makes temporary objects"
ENDPOINTS = "every endpoint is switched on"
STATUS = "stored status = derived status"
LISTING = "public list = what the rules derive"
TWICE = "nobody is registered twice"
HISTORIES = "histories of at most 500 entries"
NIGHT = "last nightly run of each organisation"
NOTICES = "notices go out"
DOUBT = "no notice is in doubt"
DEADLINES = "removals are due when the listing ends"
CONSENTS = "consents = what was said last"
HIERARCHY = "hierarchy = what the project's tables say"
CHAPTERS = "every peer mentor is in a chapter"
CHECKS = [
    MIGRATIONS,
    SECURITY,
    INDEXES,
    TEMPORARY,
    ENDPOINTS,
    STATUS,
    LISTING,
    CONSENTS,
    HIERARCHY,
    CHAPTERS,
    TWICE,
    HISTORIES,
    NIGHT,
    "nothing is kept longer than it should be",
    NOTICES,
    "no notice is held",
    DOUBT,
    DEADLINES,
]
TASKS = "imports and exports are worked within 5 minutes"
JOURNAL = "the journal has every erasure and withdrawal"
PORTAL = "portal says what the registry says"
ALERTS = "somebody is informed of every error"

# What is broken, which check finds it, and what it says.
BREAKS = [
    ("alter table mentorcert.chapters disable row level security", SECURITY, "chapters"),
    ("create table mentorcert.forgotten ()", SECURITY, "forgotten"),
    (
        "update pg_catalog.pg_index set indisvalid = false where indexrelid = 'mentorcert.organisations_pkey'::regclass",
        INDEXES,
        "mentorcert.organisations_pkey",
    ),
    (
        "do $$ begin execute format('grant temporary on database %I to anon', current_database()); end $$",
        TEMPORARY,
        "anon",
    ),
    (
        """
        set local session_replication_role = replica;
        update public.peer_mentor_certifications
        set issued_at = issued_at - interval '100 days', expires_at = now() where certification_type = 'half'
        """,
        STATUS,
        "demo: 1",
    ),
    (
        """
        alter table mentorcert.listing_consents disable trigger reject_change;
        update mentorcert.listing_consents set is_given = false
        """,
        CONSENTS,
        "demo: 1",
    ),
    ("update public.listed_peer_mentors set display_name = 'Somebody else'", LISTING, "demo: 1"),
    ("update public.listed_peer_mentors set listed_until = '9999-12-30'", LISTING, "demo: 1"),
    ("update public.listed_peer_mentors set chapters = '{}'", LISTING, "demo: 1"),
    ("delete from public.listed_peer_mentors", LISTING, "demo: 1"),
    (
        """
        insert into public.listed_peer_mentors
        select id, organisation_id, 'demo', full_name, '{}', '9999-12-30' from mentorcert.peer_mentors
        where external_id = 'unlisted'
        """,
        LISTING,
        "demo: 1",
    ),
    ("update mentorcert_private.nights set local_day = local_day - 1", NIGHT, "demo: last done for "),
    ("delete from mentorcert_private.nights", NIGHT, "demo: never done"),
    (
        "update mentorcert_private.nights set finished_at = null, error = 'ZZ001: a trigger'",
        NIGHT,
        "demo: never done; failed since: ZZ001: a trigger",
    ),
    (
        """
        insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, error)
        select 'notices', id, current_date, now(), now(), 'The mail server is away.' from mentorcert.organisations
        """,
        NOTICES,
        "demo: The mail server is away.",
    ),
    ("update mentorcert_portal.states set removal_due_at = null", DEADLINES, "demo: 2"),
    (
        "update mentorcert_portal.states set removal_due_at = now() + interval '1 year'",
        DEADLINES,
        "demo: 2",
    ),
    (
        "alter table mentorcert_private.disabled_endpoints rename reason to why",
        ENDPOINTS,
        "This could not be checked: ",
    ),
    (
        """
        delete from supabase_migrations.schema_migrations
        where version = (select max(version) from supabase_migrations.schema_migrations)
        """,
        MIGRATIONS,
        ".sql",
    ),
    (
        """
        insert into supabase_migrations.schema_migrations (version, statements)
        values ('29990101000000', '{drop table mentorcert.chapters}')
        """,
        MIGRATIONS,
        "29990101000000",
    ),
    (
        "update supabase_migrations.schema_migrations set statements[1] = 'select 1'",
        MIGRATIONS,
        "changed after it was applied",
    ),
]


def in_order(conn: Connection) -> None:
    """Set up an organisation in which nothing is wrong."""
    organisation = set_up(conn)
    listed, unlisted = organisation.mentor("listed"), organisation.mentor("unlisted", consent=False)
    for mentor in (listed, unlisted):
        organisation.certify(mentor, issued=today(conn, -9), last_day=today(conn, 9))
    organisation.certify(listed, "half", issued=today(conn, -9), last_day=today(conn, 9))
    nightly.run(conn)


def test_the_examples_are_in_order(conn: Connection) -> None:
    folder = package_files.folder("examples") / "small"
    description = organisation_file.read(folder / "organisation.toml")
    organisation_file.apply(conn, description)
    importing.import_file(conn, folder / "mentors.csv", description.organisation.slug)
    nightly.run(conn)
    assert list(doctor.examine(conn)) == [Finding(check, "ok", "") for check in CHECKS]


def test_an_empty_registry_is_in_order(conn: Connection) -> None:
    assert [finding.state for finding in doctor.examine(conn)] == ["ok"] * len(CHECKS)


def test_each_thing_that_is_wrong_is_found_and_only_that(conn: Connection) -> None:
    in_order(conn)
    for broken, check, found in BREAKS:
        with conn.transaction(force_rollback=True):
            conn.execute(broken.encode())
            findings = list(doctor.examine(conn))
        (wrong,) = [finding for finding in findings if finding.state != "ok"]
        assert (wrong.check, wrong.state) == (check, "notice" if check == TEMPORARY else "wrong"), broken
        assert found in wrong.found, broken
        assert wrong.advice, broken
        # On another schema a leak can still be seen, and nothing else be asked.
        assert [finding.check for finding in findings] == (CHECKS[:2] if check == MIGRATIONS else CHECKS)
    assert {finding.state for finding in doctor.examine(conn)} == {"ok"}


@pytest.mark.parametrize("in_events", [False, True])
def test_long_histories_are_reported_but_not_wrong(conn: Connection, *, in_events: bool) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    long = organisation.certify(mentor, issued=today(conn, -9), past=500)
    organisation.certify(mentor, "half", issued=today(conn, -9), past=499)
    nightly.run(conn)
    if in_events:
        conn.execute("select mentorcert_private.copy_histories_to_events(null, 10)")
        conn.execute("select mentorcert_private.switch_history_to_events()")
        conn.execute("select mentorcert_private.trim_histories(null, 10)")
    (notice,) = [finding for finding in doctor.examine(conn) if finding.state != "ok"]
    assert (notice.check, notice.state, notice.found) == (HISTORIES, "notice", f"{long}: 501")


def test_of_many_exceptions_ten_are_shown(conn: Connection) -> None:
    for number in range(13):
        set_up(conn, f"organisation-{number:02}")
    (night,) = [finding for finding in doctor.examine(conn) if finding.check == NIGHT]
    assert night.found.splitlines()[0] == "organisation-00: never done"
    assert night.found.splitlines()[10:] == ["and 3 more"]


@on_embedded_18
def test_the_command_ends_with_1_where_anything_is_wrong(conn: Connection, mentorcert: Mentorcert) -> None:
    in_order(conn)
    content = mentorcert("doctor", "--json")
    findings = json.loads(content.stdout)
    assert (content.returncode, content.stderr) == (0, "")
    assert [finding["check"] for finding in findings] == [
        "database reachable",
        *CHECKS,
        TASKS,
        JOURNAL,
        PORTAL,
        ALERTS,
    ]
    assert {finding["state"] for finding in findings} == {"ok"}
    conn.execute("alter table mentorcert.chapters disable row level security")
    alarmed = mentorcert("doctor")
    assert alarmed.returncode == 1
    assert "wrong" in alarmed.stdout
    assert "chapters" in alarmed.stdout
    assert fetch(conn, "select count(*) from mentorcert_private.nights") == 1


@on_embedded_18
def test_the_command_tells_of_a_long_history_and_ends_with_0(
    conn: Connection, mentorcert: Mentorcert
) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor("Kari"), issued=today(conn, -9), past=501)
    nightly.run(conn)
    shown = mentorcert("doctor")
    assert (shown.returncode, "notice" in shown.stdout, "Kari" in shown.stdout) == (0, True, False)
    assert rows(conn, "select error from mentorcert_private.nights") == [(None,)]


def test_a_database_that_cannot_be_reached() -> None:
    said = run_forked(
        "doctor", "--json", database_url="host=/nonexistent user=somebody password=secret dbname=x"
    )
    assert said.returncode == 1
    (finding,) = json.loads(said.stdout)
    assert (finding["check"], finding["state"]) == ("database reachable", "wrong")
    assert finding["advice"]
    assert "secret" not in said.stdout + said.stderr


def test_who_may_be_registered_twice_is_counted(conn: Connection) -> None:
    organisation = set_up(conn)
    for number in ("00123", "123", "7"):
        organisation.mentor(number)
    conn.execute("update mentorcert.peer_mentors set full_name = 'Kari', email = 'kari@example.org'")
    conn.execute("update mentorcert.peer_mentors set email = null where external_id = '123'")
    found = {finding.check: finding for finding in doctor.examine(conn)}
    alike = found[TWICE]
    assert (alike.state, alike.found) == ("notice", "demo: 3")


@pytest.mark.parametrize("fault", ["select 1/0", None], ids=["in the database", "in Python"])
def test_each_check_fails_by_itself(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> None:
    in_order(conn)

    def fail(conn: Connection) -> list[str]:
        if fault is None:
            raise ZeroDivisionError("Kari Nordmann")
        conn.execute(fault)
        return []

    for broken in doctor._CHECKS:
        checks = tuple(replace(one, exceptions=fail) if one is broken else one for one in doctor._CHECKS)
        monkeypatch.setattr(doctor, "_CHECKS", checks)
        found = {one.check: one for one in doctor.examine(conn)}
        assert [*found] == CHECKS
        assert [check for check, one in found.items() if one.state != "ok"] == [broken.check]
        assert "could not be checked" in found[broken.check].found
        assert "Kari" not in found[broken.check].found
        monkeypatch.undo()


@on_embedded_18
def test_the_portal_s_checks_fail_part_by_part(conn: Connection, mentorcert: Mentorcert) -> None:
    in_order(conn)
    conn.execute("alter table mentorcert_portal.secrets rename column expires to ends")
    found = {one["check"]: one for one in json.loads(mentorcert("doctor", "--json").stdout)}
    assert [check for check, one in found.items() if one["state"] != "ok"] == [f"{PORTAL}: secrets"]
    assert {*CHECKS, TASKS} <= found.keys()


@on_embedded_18
def test_an_alarm_is_raised_though_another_part_cannot_be_read(
    conn: Connection, mentorcert: Mentorcert
) -> None:
    world = portal_in_order(conn)
    BREAKS_OF_PORTAL["removal_unconfirmed"].provoke(world)
    conn.execute("alter table mentorcert_portal.secrets rename column expires to ends")
    wrong = [
        one["check"] for one in json.loads(mentorcert("doctor", "--json").stdout) if one["state"] == "wrong"
    ]
    assert {"portal: removal_unconfirmed", f"{PORTAL}: secrets"} <= {*wrong}
