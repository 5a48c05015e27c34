"""The audit log and the retention of logs, on the command line."""

import json
from collections import Counter
from collections.abc import Callable
from subprocess import CompletedProcess
from uuid import uuid4

from mentorcert.db.connection import Connection
from mentorcert.operations import retention
from tests.support.cases import in_turn
from tests.support.registry import join, set_up

Run = Callable[..., CompletedProcess[str]]


def test_who_changed_what(conn: Connection, mentorcert: Run) -> None:
    organisation, other = set_up(conn), set_up(conn, "other")
    coordinator = uuid4()
    membership = join(organisation, coordinator, "coordinator", organisation.chapter)
    with organisation.as_admin():
        conn.execute(
            "update mentorcert.memberships set ended_at = '2026-01-01 00:00Z' where id = %s", (membership,)
        )
    (newest, *rest) = json.loads(mentorcert("audit", "log", "--organisation", "demo", "--json").stdout)
    del newest["recorded_at"]
    assert newest == {
        "organisation": "demo",
        "table_name": "memberships",
        "row_id": str(membership),
        "action": "update",
        "actor": {"user_id": str(organisation.admin), "role": "org_admin"},
        "before": {"ended_at": None},
        "after": {"ended_at": "2026-01-01T00:00:00Z"},
    }
    assert {entry["organisation"] for entry in rest} == {"demo"}
    shown = mentorcert("audit", "log", "--size", "1").stdout
    assert str(membership) in shown
    assert json.loads(mentorcert("audit", "log", "--since", "2999-01-01", "--json").stdout) == []
    with other.as_admin():
        seen = conn.execute("select distinct organisation_id from mentorcert.audit_log").fetchall()
    assert seen == [(other.id,)]


def test_who_acts_is_asked_once_and_each_row_read_once_however_many_change(conn: Connection) -> None:
    organisation = set_up(conn)
    conn.execute("set track_functions = 'all'")
    with organisation.as_admin():
        # The view also has what came before, as far as it was not reported yet.
        before: Counter[str] = Counter(dict(conn.execute(_CALLS).fetchall()))
        conn.execute(
            "insert into mentorcert.chapters (code, name)"
            " select 'c' || number, 'Chapter ' || number from generate_series(1, 40) as number"
        )
        after: Counter[str] = Counter(dict(conn.execute(_CALLS).fetchall()))
    assert after - before == {"actor": 1, "audited_fields": 40}


_CALLS = (
    "select funcname, calls::integer from pg_catalog.pg_stat_xact_user_functions"
    " where funcname in ('actor', 'audited_fields')"
)


def test_retention(conn: Connection, mentorcert: Run) -> None:
    set_up(conn)
    assert json.loads(mentorcert("audit", "retention", "--json").stdout) == {
        "access_log": 365,
        "alerts": 365,
        "audit_log": 3652,
        "change_batches": 365,
        "invitations": 365,
        "job_runs": 1095,
        "letter_drafts": 30,
        "letters": 365,
        "notes": 365,
        "notices": 1095,
        "reconciliations": 365,
        "renewal_requests": 365,
        "saved_filters": 30,
    }
    assert "access_log: 90 days" in mentorcert("audit", "retention", "access_log", "--days", "90").stdout
    conn.execute(
        "insert into mentorcert_private.access_log"
        " (recorded_at, user_id, organisation_ids, endpoint, row_organisation_ids, request_id)"
        " select now() - make_interval(days => age), gen_random_uuid(), '{}', 'page', '{}', age::text"
        " from unnest(array[89, 91]) as age"
    )
    retention.run(conn)
    assert conn.execute("select request_id from mentorcert_private.access_log").fetchall() == [("89",)]


@in_turn(
    ("arguments", "message"),
    [
        (("retention", "access_log"), "give both"),
        (("retention", "access_log", "--days", "29"), "'--days': "),
        (("retention", "access_log", "--days", "3000000"), "'--days': "),
        (("retention", "diary", "--days", "90"), "'diary' is not one of"),
        (("log", "--organisation", "nowhere"), "nowhere"),
        (("log", "--since", "yesterday"), "yesterday"),
    ],
)
def test_bad_input(mentorcert: Run, arguments: tuple[str, ...], message: str) -> None:
    refused = mentorcert("audit", *arguments)
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.replace("│", " ").split())
