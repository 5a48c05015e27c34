"""`mentorcert audit isolation` on the catalogue: every right beyond the list is found and named."""

import json
from typing import Final

import pytest

from mentorcert.access import rights
from mentorcert.db.connection import Connection, connect
from tests.support import rights_diff
from tests.support.command import Mentorcert, run
from tests.support.pgtap import needs_pgtap
from tests.support.registry import set_up
from tests.support.servers import Server, on_debian_15_with_cron, on_embedded_18

_MENTORS: Final = "select full_name from mentorcert.peer_mentors"
_DEFINER: Final = f"returns setof text language sql security definer set search_path = '' as '{_MENTORS}'"

# What opens a gap, and the lines that name it.
GAPS: Final = {
    "a column": (
        "grant select (display_name) on mentorcert.peer_mentors to anon",
        ["anon: select (display_name) on mentorcert.peer_mentors"],
    ),
    "a column's grant option": (
        "grant update (phone) on mentorcert.peer_mentors to authenticated with grant option",
        ["authenticated: update (phone) on mentorcert.peer_mentors, with grant option"],
    ),
    "a definer that nobody closed": (
        f"create function public.everybody() {_DEFINER}",
        [
            f"{role}: execute public.everybody() as its definer"
            for role in ("PUBLIC", "anon", "authenticated", "service_role")
        ],
    ),
    "a definer in another schema": (
        (
            "create schema api; grant usage on schema api to anon;"
            f" create function api.everybody() {_DEFINER};"
            " grant execute on function api.everybody() to public"
        ),
        ["PUBLIC: execute api.everybody() as its definer"],
    ),
    "a function that turns definer": (
        "alter function mentorcert_private.time_zone_of(uuid) security definer",
        [
            "authenticated: execute mentorcert_private.time_zone_of(uuid) as its definer",
            "service_role: execute mentorcert_private.time_zone_of(uuid) as its definer",
        ],
    ),
    "a view in another schema, on a view": (
        (
            f"create schema api; create view api.inner_one as {_MENTORS};"
            " create view api.outer_one with (security_invoker = on) as select * from api.inner_one;"
            " grant select on api.outer_one to authenticated"
        ),
        ["authenticated: select on api.outer_one, a view as its caller"],
    ),
    "a materialised view in another schema": (
        (
            f"create schema api; create materialized view api.copy as {_MENTORS};"
            " grant select on api.copy to public"
        ),
        ["PUBLIC: select on api.copy, a materialised view"],
    ),
    "a view in private": (
        f"create view mentorcert_private.names as {_MENTORS}; grant select on mentorcert_private.names to authenticated",
        ["authenticated: select on mentorcert_private.names, a view as its owner"],
    ),
    "a private table": (
        "grant select on mentorcert_private.access_log to authenticated",
        ["authenticated: select on mentorcert_private.access_log"],
    ),
    "a sequence": (
        "create sequence mentorcert_private.numbers; grant usage on sequence mentorcert_private.numbers to mentorcert_web",
        ["mentorcert_web: usage on mentorcert_private.numbers, a sequence"],
    ),
    "a schema": (
        "grant usage on schema mentorcert_private to anon",
        ["anon: usage of the schema mentorcert_private"],
    ),
    "a policy to write": (
        "create policy wide on mentorcert.chapters for insert to authenticated with check (true)",
        ["policy on mentorcert.chapters: wide for insert to authenticated with check true"],
    ),
    "a policy for everybody": (
        "create policy wide on mentorcert.chapters for delete using (organisation_id is not null)",
        ["policy on mentorcert.chapters: wide for delete to PUBLIC using (organisation_id IS NOT NULL)"],
    ),
    "a missing restriction": (
        'drop policy "the endpoint memberships is switched on" on mentorcert.memberships',
        [
            (
                'without the restriction on mentorcert.memberships: "the endpoint memberships is switched on"'
                " for all to anon, authenticated using"
                " ( SELECT mentorcert_private.check_endpoint('memberships'::text) AS check_endpoint)"
            )
        ],
    ),
    "a table laid open": (
        "alter table mentorcert.memberships disable row level security",
        ["table mentorcert.memberships: row-level security off"],
    ),
    "a table of one's own": (
        "alter table mentorcert_private.job_runs owner to mentorcert_jobs",
        [
            "mentorcert_jobs: insert on mentorcert_private.job_runs",
            "mentorcert_jobs: select on mentorcert_private.job_runs",
        ],
    ),
}

# Those that reading by key, row by row, cannot see.
ATTACKED: Final = (
    "a column",
    "a definer that nobody closed",
    "a view in another schema, on a view",
    "a view in private",
    "a private table",
    "a policy to write",
)

# Not of our concern: what is made here reads none of our tables, is unreachable, or is for somebody else.
HARMLESS: Final = (
    "create schema billing",
    f"create function billing.names() {_DEFINER}",
    "grant execute on function billing.names() to public",
    f"create view billing.names as {_MENTORS}",
    "create view billing.own as select 1 as one",
    "grant usage on schema auth to public",
    f"create function auth.names() {_DEFINER}",
    "grant execute on function auth.names() to public",
    (
        "create function public.on_ddl() returns event_trigger language plpgsql security definer as"
        " 'begin end'; grant execute on function public.on_ddl() to public"
    ),
)


def differences(mentorcert: Mentorcert, exit_code: int) -> rights.Rights:
    """Run the audit; return what it says of the rights."""
    done = mentorcert("audit", "isolation", "--json")
    assert done.returncode == exit_code, done.stdout + done.stderr
    return rights.Rights(**json.loads(done.stdout)["rights"])


def test_the_list_is_current(conn: Connection) -> None:
    listed = rights.LIST.read_text("utf-8").splitlines()
    assert rights.held(conn) == listed, "run `python -m tests.support.generated_rights`"


def test_the_difference_of_two_databases_in_words(conn: Connection) -> None:
    """What `make rights-diff` says where both versions are databases."""
    before = rights_diff.Version.parse("\n".join(rights.held(conn)), "")
    conn.execute("grant select (display_name) on mentorcert.peer_mentors to anon")
    conn.execute("revoke select on mentorcert.chapters from authenticated")
    policy = "administrators read the audit log of their organisation"
    conn.execute(f'alter policy "{policy}" on mentorcert.audit_log using (true)')
    after = rights_diff.Version.parse("\n".join(rights.held(conn)), "")
    said = rights_diff.words(before, after)
    assert [sentence.partition("; it said: ")[0] for sentence in said] == [
        f'the policy "{policy}" on mentorcert.audit_log now says: for select to authenticated using true',
        "anon gains: select (display_name) on mentorcert.peer_mentors",
        "authenticated loses: select on mentorcert.chapters",
    ]


def test_lines_do_not_depend_on_the_search_path(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("set local search_path = public, private, auth")
        assert rights.compare(conn) == rights.Rights([], [])
        path = conn.execute("show search_path").fetchone()
    assert path == ("public, private, auth",)


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_found(conn: Connection, gap: str) -> None:
    opening, lines = GAPS[gap]
    conn.execute(opening.encode())
    assert set(lines) <= set(rights.compare(conn).unexpected)


@on_embedded_18
@pytest.mark.parametrize("gap", ATTACKED)
def test_a_gap_is_named_by_the_command(conn: Connection, mentorcert: Mentorcert, gap: str) -> None:
    opening, lines = GAPS[gap]
    conn.execute(opening.encode())
    shown = mentorcert("audit", "isolation")
    assert shown.returncode == 1
    assert "unexpected rights:\n" + "".join(f"  {line}\n" for line in lines) in shown.stdout
    assert "missing rights" not in shown.stdout


@on_embedded_18
def test_what_a_role_becomes_is_found(server: Server, conn: Connection) -> None:
    server.run("grant service_role to authenticated")
    server.run("alter role anon bypassrls")
    try:
        assert rights.compare(conn).unexpected == [
            "role anon: above row-level security",
            "role authenticated: becomes service_role",
        ]
    finally:
        server.run("revoke service_role from authenticated")
        server.run("alter role anon nobypassrls")


def test_a_missing_right_is_a_notice(conn: Connection, mentorcert: Mentorcert) -> None:
    conn.execute("revoke update (phone) on mentorcert.peer_mentors from authenticated")
    line = "authenticated: update (phone) on mentorcert.peer_mentors"
    assert differences(mentorcert, exit_code=0) == rights.Rights([], [line])
    shown = mentorcert("audit", "isolation").stdout
    assert f"missing rights (a notice):\n  {line}\n" in shown
    assert "unexpected" not in shown


def test_a_restriction_is_no_right(conn: Connection) -> None:
    conn.execute(
        "create policy narrow on mentorcert.chapters as restrictive for select to anon using (false)"
    )
    line = "with the restriction on mentorcert.chapters: narrow for select to anon using false"
    assert rights.compare(conn) == rights.Rights([], [line])


def test_a_healthy_registry_has_the_rights_of_the_list(conn: Connection, mentorcert: Mentorcert) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor)
    with conn.transaction():
        conn.execute("select mentorcert_private.switch_history_to_events()")
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))
    for statement in HARMLESS:
        conn.execute(statement.encode())
    assert differences(mentorcert, exit_code=0) == rights.Rights([], [])


@pytest.mark.parametrize(
    "endpoints",
    [
        ("public_list",),
        ("audit_log", "certifications", "memberships", "organisations", "peer_mentors", "public_list"),
    ],
    ids=["public list", "all"],
)
def test_switched_off_endpoints_change_no_rights(
    conn: Connection, mentorcert: Mentorcert, endpoints: tuple[str, ...]
) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor())
    for endpoint in endpoints:
        conn.execute(
            "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (%s, 'a gap')",
            (endpoint,),
        )
    assert differences(mentorcert, exit_code=0) == rights.Rights([], [])


@on_debian_15_with_cron
def test_extensions_are_no_alarm(cron_database: str) -> None:
    with connect(cron_database, autocommit=True) as conn:
        conn.execute("create extension pg_cron")
        conn.execute("select mentorcert_private.schedule_nightly()")
        conn.execute("create schema extensions")
        conn.execute("create extension pg_stat_statements schema extensions")
        conn.execute("create extension pgcrypto schema public")
        conn.execute("grant usage on schema extensions to anon, authenticated")
        assert rights.compare(conn) == rights.Rights([], [])
    assert run("audit", "isolation", database_url=cron_database).returncode == 0


@needs_pgtap
def test_pgtap_is_no_alarm(tap_database: str) -> None:
    with connect(tap_database, autocommit=True) as conn:
        assert rights.compare(conn) == rights.Rights([], [])
