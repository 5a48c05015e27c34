"""What grows is deleted in batches, as the settings say, and apart from the nightly run."""

import json
import threading

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.operations import doctor, nightly, retention
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, fetch, set_up
from tests.support.servers import on_embedded_18

# Of each, three that are outdated and one that is not.
_LINES = """
set session_replication_role = replica;
insert into mentorcert_private.access_log (recorded_at, user_id, organisation_ids, endpoint, row_organisation_ids, request_id)
select line.at, %(id)s, '{}', 'home', '{}', 'x' from pg_temp.lines as line;
insert into mentorcert_portal.alerts (code, what, began_at, ended_at)
select 'x', 'x', line.at, line.at from pg_temp.lines as line;
insert into mentorcert_portal.alert_notices (alert_id, kind, channel, state, planned_at)
select alert.id, 'ended', 'mail', 'sent', alert.ended_at from mentorcert_portal.alerts as alert;
insert into mentorcert.audit_log (recorded_at, table_name, row_id, action, actor)
select line.at, 'x', '1', 'erase', '{}' from pg_temp.lines as line;
insert into mentorcert_private.change_batches (organisation_id, change, certification_ids, entry_ids, changed_by, changed_at)
select %(id)s, 'renew', array[%(id)s]::uuid[], array[%(id)s]::uuid[], %(id)s, line.at from pg_temp.lines as line;
insert into mentorcert_private.nights (time_zone, local_day, as_of, started_at, finished_at)
select 'UTC', line.at::date, line.at, line.at, line.at from pg_temp.lines as line;
insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at)
select 'notices', %(id)s, line.at::date, line.at, line.at from pg_temp.lines as line;
insert into mentorcert_private.notice_mails (organisation_id, kind, state, peer_mentor_id, claimed_at, sent_at)
select %(id)s, 'reminder', 'sent', %(id)s, line.at, line.at from pg_temp.lines as line;
insert into mentorcert_private.notices (certification_id, expires_at, days_before, organisation_id, outcome, mail_id, recorded_at)
select %(id)s, mail.claimed_at + interval '30 days', 30, %(id)s, 'mailed', mail.id, mail.claimed_at
from mentorcert_private.notice_mails as mail;
insert into mentorcert_portal.reconciliations (organisation_id, scope, worker, started_at, finished_at, outcome)
select %(id)s, 'full', 'w', line.at, line.at, 'done' from pg_temp.lines as line;
insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, found_at, repaired_at)
select run.id, %(id)s, 'unknown_there', run.started_at, run.started_at from mentorcert_portal.reconciliations as run;
set session_replication_role = origin;
"""
_TABLES = (
    "mentorcert_portal.alert_notices",
    "mentorcert_portal.alerts",
    "mentorcert_private.access_log",
    "mentorcert.audit_log",
    "mentorcert_private.change_batches",
    "mentorcert_private.nights",
    "mentorcert_private.job_runs",
    "mentorcert_private.notice_mails",
    "mentorcert_private.notices",
    "mentorcert_portal.reconciliations",
    "mentorcert_portal.drift",
)
_BY_ITSELF = "its rows are deleted where they are written, or with delete_outdated"
_STOCK = "one row for each person, chapter or other thing that is there now"
_STORY = "how things came to be so: docs/operations.md, How long logs are kept"
# Tables of which no setting deletes, and why they do not grow, or may.
_KEPT = {
    **dict.fromkeys(
        (
            "mentorcert.certification_types",
            "mentorcert.chapters",
            "mentorcert.memberships",
            "mentorcert.organisations",
            "mentorcert.peer_mentor_chapters",
            "mentorcert.peer_mentors",
            "mentorcert_portal.attempt_counts",
            "mentorcert_portal.connections",
            "mentorcert_portal.heartbeat_urls",
            "mentorcert_portal.reconciliation_times",
            "mentorcert_portal.retention",
            "mentorcert_portal.secrets",
            "mentorcert_portal.states",
            "mentorcert_private.calendar_feeds",
            "mentorcert_private.callers",
            "mentorcert_private.certificate_designs",
            "mentorcert_private.disabled_endpoints",
            "mentorcert_private.erasure_keys",
            "mentorcert_private.heartbeats",
            "mentorcert_private.history_storage",
            "mentorcert_private.journals",
            "mentorcert_private.known_server",
            "mentorcert_private.log_retention",
            "mentorcert_private.oidc_identities",
            "mentorcert_private.peer_mentor_topics",
            "mentorcert_private.refused_addresses",
            "mentorcert_private.topics",
            "public.listed_peer_mentors",
            "public.peer_mentor_certifications",
        ),
        _STOCK,
    ),
    **dict.fromkeys(
        (
            "mentorcert.certification_renewal_events",
            "mentorcert.listing_consents",
            "mentorcert_portal.conflicts",
            "mentorcert_portal.inbox",
            "mentorcert_portal.replays",
            "mentorcert_private.chapter_merges",
            "mentorcert_private.course_sign_ups",
            "mentorcert_private.courses",
            "mentorcert_private.distinct_peer_mentors",
            "mentorcert_private.erased_identities",
            "mentorcert_private.extensions",
            "mentorcert_private.peer_mentor_merges",
            "mentorcert_private.restores",
            "mentorcert_private.type_merges",
        ),
        _STORY,
    ),
    **dict.fromkeys(
        (
            "mentorcert_portal.attempts",
            "mentorcert_portal.workers",
            "mentorcert_private.attempts",
            "mentorcert_private.counted_changes",
            "mentorcert_private.ended_sessions",
            "mentorcert_private.form_drafts",
            "mentorcert_private.journal_marks",
            "mentorcert_private.locks",
            "mentorcert_private.login_lookups",
            "mentorcert_private.task_rows",
            "mentorcert_private.tasks",
        ),
        _BY_ITSELF,
    ),
}
_CHECK = "nothing is kept longer than it should be"


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    conn.execute(
        "set session_replication_role = replica; delete from mentorcert.audit_log; set session_replication_role = origin"
    )
    with conn.transaction():
        conn.execute(
            "create temporary table lines on commit drop as select now() - interval '11 years' - days * interval '1 day' as at"
            " from generate_series(1, 3) as days union all select now() - interval '20 days'"
        )
        for statement in _LINES.strip().split(";\n"):
            conn.execute(statement.encode(), {"id": organisation.id} if "%(" in statement else None)
    return organisation


def counts(conn: Connection) -> dict[str, int]:
    return {table: fetch(conn, f"select count(*) from {table}") for table in _TABLES}


@pytest.mark.parametrize("batch_size", [1, 2, 5000])
def test_what_is_outdated_goes(organisation: Organisation, batch_size: int) -> None:
    conn = organisation.conn
    assert counts(conn) == dict.fromkeys(_TABLES, 4)
    done = retention.run(conn, batch_size=batch_size)
    assert done == {
        "access_log": 3,
        "alerts": 6,
        "audit_log": 3,
        "change_batches": 3,
        "job_runs": 6,
        "notices": 6,
        "reconciliations": 6,
    }
    assert counts(conn) == dict.fromkeys(_TABLES, 1)
    assert retention.run(conn) == {}


def test_what_is_needed_stays(organisation: Organisation) -> None:
    """A mail in doubt, a reminder of an end to come, a difference that stands, and what has no setting."""
    conn = organisation.conn
    conn.execute("update mentorcert_private.notice_mails set state = 'sending', sent_at = null")
    conn.execute("update mentorcert_private.notices set expires_at = expires_at + interval '12 years'")
    conn.execute(
        "set session_replication_role = replica; update mentorcert_portal.drift set repaired_at = null;"
        " set session_replication_role = origin"
    )
    conn.execute("delete from mentorcert_private.log_retention where log = 'audit_log'")
    retention.run(conn)
    kept = {"mentorcert.audit_log", *_TABLES[7:]}
    expected = {table: 4 if table in kept else 1 for table in _TABLES}
    expected["mentorcert.audit_log"] += 1  # that it has no setting
    assert counts(conn) == expected


def test_the_night_leaves_it_alone(organisation: Organisation) -> None:
    nightly.run(organisation.conn)
    assert fetch(organisation.conn, "select count(*) from mentorcert_private.access_log") == 4


@on_embedded_18
def test_who_runs_it(organisation: Organisation, mentorcert: Mentorcert) -> None:
    """The doctor says that nothing does; the command for nights does."""
    conn = organisation.conn

    def found() -> str:
        return next(finding.found for finding in doctor.examine(conn) if finding.check == _CHECK)

    said = found()
    assert "mentorcert_private.access_log for 365 days" in said
    # Mails and alerts wait for their notices, and reconciliations for what they found.
    assert len(said.splitlines()) == len(_TABLES) - 3
    assert mentorcert("nightly").returncode == 0
    assert found() == ""
    assert json.loads(mentorcert("audit", "retention", "--json").stdout)["notices"] == 1095


def test_what_grows_has_an_end(conn: Connection) -> None:
    """A new table is named in outdated_conditions, or here with the reason why not."""
    tables = fetch(
        conn,
        "select array_agg(format('%%s.%%s', relnamespace::regnamespace, relname)) from pg_catalog.pg_class"
        " where relkind in ('r', 'p')"
        " and relnamespace::regnamespace::text in ('public', 'mentorcert', 'mentorcert_private', 'mentorcert_portal')",
    )
    deleted = fetch(
        conn, "select array_agg(distinct table_name::text) from mentorcert_private.outdated_conditions()"
    )
    assert set(tables) == {*deleted, *_KEPT}
    assert set(deleted).isdisjoint(_KEPT)
    settings = fetch(conn, "select array_agg(distinct log) from mentorcert_private.outdated_conditions()")
    assert set(settings) == set(fetch(conn, "select array_agg(log) from mentorcert_private.log_retention"))


class Once(threading.Event):
    """Stops the loop where it would wait."""

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == retention.EVERY_S
        self.set()
        return True


def test_the_loop_of_a_worker(organisation: Organisation, database: str) -> None:
    retention.run_forever(lambda: connect(database, autocommit=True), Once())
    assert counts(organisation.conn) == dict.fromkeys(_TABLES, 1)
