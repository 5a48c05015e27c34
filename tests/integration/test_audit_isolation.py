"""`mentorcert audit isolation`: quiet where the rules hold, and loud about each row where one does not."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.access.model import KEYS, TABLES, qualified
from mentorcert.db.connection import Connection, connect
from tests.support.command import Mentorcert, run_forked
from tests.support.registry import Organisation, fetch, join, rows, set_up
from tests.support.servers import on_embedded_18

# A policy that shows everything, on each table in turn.
WIDENED = (
    "do $$ declare name text; begin for name in select policyname from pg_policies"
    " where tablename = '{0}' and permissive = 'RESTRICTIVE'"
    " loop execute format('drop policy %I on {1}', name); end loop; end $$;"
    " create policy wide on {1} for select to authenticated, anon using (true);"
    " grant select on {1} to anon; grant usage on schema mentorcert to anon"
)


@dataclass(frozen=True)
class Two:
    """Two organisations, and who is where."""

    one: Organisation
    other: Organisation
    certification: UUID
    coordinator: UUID
    mentor_login: UUID
    in_both: UUID
    nowhere: UUID


@pytest.fixture
def two(conn: Connection) -> Two:
    one, other = set_up(conn, "one"), set_up(conn, "other")
    coordinator, mentor_login, in_both, nowhere = uuid4(), uuid4(), uuid4(), uuid4()
    join(one, coordinator, "coordinator", one.chapter)
    join(one, mentor_login, "peer_mentor")
    join(one, in_both, "org_admin")
    join(other, in_both, "peer_mentor")
    ended = join(other, nowhere, "org_admin")
    conn.execute("update mentorcert.memberships set ended_at = now() where id = %s", (ended,))
    mentor = one.mentor("1")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor_login, mentor))
    one.certify(mentor)
    one.certify(one.mentor("2"), "pledge")
    certification = other.certify(other.mentor("3"), "half")
    other.certify(other.mentor("4"))
    with conn.transaction():
        conn.execute("select mentorcert_private.switch_history_to_events()")
    return Two(one, other, certification, coordinator, mentor_login, in_both, nowhere)


def audited(mentorcert: Mentorcert, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """Run the audit; return its JSON."""
    done = mentorcert("audit", "isolation", "--json", *arguments)
    assert done.returncode == exit_code, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_nothing_is_outside_where_the_rules_hold(two: Two, mentorcert: Mentorcert) -> None:
    answer = audited(mentorcert)
    examined = answer["examined"]
    assert [one for one in examined if one["outside"] or one["hidden"]] == []
    logins = {one["actor"]["user_id"] for one in examined}
    people = (two.one.admin, two.other.admin, two.coordinator, two.mentor_login, two.in_both, two.nowhere)
    assert logins == {None, *map(str, people)}
    acting = {(one["actor"]["user_id"], one["organisation"], tuple(one["roles"])) for one in examined}
    assert {
        (str(two.in_both), None, ()),
        (str(two.in_both), "one", ("org_admin",)),
        (str(two.in_both), "other", ("peer_mentor",)),
        (str(two.coordinator), "one", ("coordinator",)),
        (str(two.nowhere), None, ()),
    } <= acting
    # Not from blindness: the administrator sees the whole organisation, anon the public list.
    seen = {(one["actor"]["user_id"], one["organisation"]): one["seen"] for one in examined}
    assert seen[None, None] == fetch(two.one.conn, "select count(*) from public.listed_peer_mentors") == 2
    assert seen[str(two.one.admin), "one"] > seen[str(two.coordinator), "one"] > seen[str(two.nowhere), None]


@on_embedded_18
@pytest.mark.parametrize("table", sorted(TABLES.keys() - {"listed_peer_mentors"}))
def test_a_widened_policy_is_found_with_its_rows(
    two: Two, mentorcert: Mentorcert, conn: Connection, table: str
) -> None:
    conn.execute(WIDENED.format(table, qualified(table)).encode())
    examined = audited(mentorcert, exit_code=1)["examined"]
    key = "certification_id" if table == "certification_renewal_events" else KEYS[table]
    column = "id" if table == "organisations" else "organisation_id"
    every = {
        (str(id_), organisation and str(organisation))
        for id_, organisation in rows(conn, f"select distinct {key}, {column} from {qualified(table)}")
    }
    by_login = {
        one["actor"]["user_id"]: {
            (row["id"], row["organisation_id"]) for row in one["rows_outside"] if row["table"] == table
        }
        for one in examined
    }
    assert by_login[None] == every
    assert by_login[str(two.one.admin)] == {row for row in every if row[1] != str(two.one.id)} != set()
    # Events go by the policy of their certification, consents by that of their peer mentor.
    found = {row["table"] for one in examined for row in one["rows_outside"]}
    assert found - {"certification_renewal_events", "listing_consents"} <= {table}


def test_an_expired_lease_that_anon_sees_is_found(two: Two, mentorcert: Mentorcert, conn: Connection) -> None:
    conn.execute("create policy wide on public.listed_peer_mentors for select to anon using (true)")
    conn.execute("update public.listed_peer_mentors set listed_until = now()")
    examined = audited(mentorcert, exit_code=1)["examined"]
    assert {(one["actor"]["user_id"], one["outside"]) for one in examined if one["outside"]} == {(None, 2)}


def test_a_table_that_a_policy_refuses_does_not_hide_the_others(
    two: Two, mentorcert: Mentorcert, conn: Connection
) -> None:
    conn.execute("grant select on mentorcert.peer_mentors to anon")
    (anon,) = (one for one in audited(mentorcert, exit_code=1)["examined"] if one["actor"]["user_id"] is None)
    assert (anon["seen"], anon["outside"]) == (2, 0)


def test_the_table_names_the_rows(two: Two, mentorcert: Mentorcert, conn: Connection) -> None:
    conn.execute(
        WIDENED.format("peer_mentor_certifications", qualified("peer_mentor_certifications")).encode()
    )
    done = mentorcert("audit", "isolation")
    assert done.returncode == 1
    assert (
        f"outside: {two.one.admin} sees peer_mentor_certifications {two.certification} "
        f"of organisation {two.other.id}" in done.stdout
    )


def test_a_hidden_row_is_a_notice(two: Two, mentorcert: Mentorcert, conn: Connection) -> None:
    conn.execute(
        "create policy narrow on mentorcert.chapters as restrictive for select to authenticated using (false)"
    )
    examined = audited(mentorcert)["examined"]
    hidden = {one["actor"]["user_id"]: one["rows_hidden"] for one in examined if one["organisation"] == "one"}
    assert hidden[str(two.coordinator)] == [
        {"table": "chapters", "id": str(two.one.chapter), "organisation_id": str(two.one.id)}
    ]


@pytest.mark.parametrize(
    "made",
    [
        "create table mentorcert.forgotten (id uuid)",
        "create view mentorcert.forgotten as select 1",
        "create materialized view public.forgotten as select id from mentorcert.chapters",
    ],
)
def test_a_table_without_a_rule_is_an_error(mentorcert: Mentorcert, conn: Connection, made: str) -> None:
    conn.execute(made.encode())
    (unknown,) = audited(mentorcert, exit_code=1)["unknown_tables"]
    assert unknown in ("mentorcert.forgotten", "public.forgotten")
    assert f"no rule for table {unknown}" in mentorcert("audit", "isolation").stdout


def test_a_switched_off_endpoint_is_not_read_but_named(
    two: Two, mentorcert: Mentorcert, conn: Connection
) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'a gap')"
    )
    assert audited(mentorcert)["switched_off"].keys() == {
        "certification_renewal_events",
        "peer_mentor_certifications",
    }
    assert "the endpoint certifications is switched off" in mentorcert("audit", "isolation").stderr


def test_a_switched_off_endpoint_is_read_on_demand_and_stays_off(
    two: Two, mentorcert: Mentorcert, conn: Connection
) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'a gap')"
    )
    answer = audited(mentorcert, "--switched-off")
    assert answer["switched_off"] == {}
    assert [one for one in answer["examined"] if one["outside"] or one["hidden"]] == []
    conn.execute(
        WIDENED.format("peer_mentor_certifications", qualified("peer_mentor_certifications")).encode()
    )
    audited(mentorcert, "--switched-off", exit_code=1)
    assert rows(conn, "select endpoint from mentorcert_private.disabled_endpoints") == [("certifications",)]
    assert rows(conn, "select 1 from mentorcert.audit_log where action = 'delete'") == []


def test_the_sample_has_every_kind_and_repeats_itself(two: Two, mentorcert: Mentorcert) -> None:
    def logins(*arguments: str) -> list[str | None]:
        examined = audited(mentorcert, *arguments)["examined"]
        return list(dict.fromkeys(one["actor"]["user_id"] for one in examined))

    small = logins("--users", "5", "--seed", "a")
    assert len(small) == 6
    assert {str(two.coordinator), str(two.mentor_login), str(two.in_both), str(two.nowhere)} <= set(small)
    assert logins("--users", "5", "--seed", "a") == small
    assert set(logins("--organisation", "other")) == {
        None, str(two.other.admin), str(two.in_both), str(two.nowhere)
    }  # fmt: skip
    assert mentorcert("audit", "isolation", "--organisation", "third").returncode == 2


def test_nothing_is_written(two: Two, mentorcert: Mentorcert, conn: Connection) -> None:
    conn.execute(
        "create function public.meddle() returns boolean language plpgsql security definer as"
        " $$ begin insert into public.listed_peer_mentors default values; return true; end $$"
    )
    conn.execute("grant execute on function public.meddle() to authenticated")
    conn.execute("create policy meddles on mentorcert.chapters to authenticated using (public.meddle())")
    done = mentorcert("audit", "isolation")
    assert done.returncode == 1
    assert "25006" in done.stderr


@on_embedded_18
def test_a_connection_that_reads_too_little_says_so(two: Two, database: str, conn: Connection) -> None:
    done = run_forked("audit", "isolation", database_url=f"{database} user=mentorcert_web")
    assert done.returncode == 1
    assert "does not read every row of mentorcert.audit_log" in done.stderr
    assert "the tables' owner" in done.stderr


@on_embedded_18
def test_a_connection_that_cannot_impersonate_says_so(two: Two, database: str, conn: Connection) -> None:
    name = f"reader_{uuid4().hex}"
    conn.execute(f"create role {name} login bypassrls in role pg_read_all_data".encode())
    try:
        with connect(f"{database} user={name}") as reader:
            assert fetch(reader, "select count(*) from mentorcert.chapters") == 2
        done = run_forked("audit", "isolation", database_url=f"{database} user={name}")
        assert done.returncode == 1
        assert "may not act as" in done.stderr
    finally:
        conn.execute(f"drop role {name}".encode())
