"""What the lists of reminders and of a past day read in a large organisation: what they show, whatever is stored."""

from collections.abc import Iterator

import pytest

from mentorcert.db.connection import Connection, acting_as, become
from mentorcert.notices import reminders
from tests.support.large_registry import executed, filled, key, nodes
from tests.support.servers import Server

_ROLES = ["local", "coordinator", "busy", "admin"]


@pytest.fixture(scope="module")
def large(server: Server, template: str) -> Iterator[Connection]:
    """A registry in which everybody has an address, and two reminders of everything were sent."""
    with server.new_database(template) as url, filled(url, organisations=1, mentors=7_500) as conn:
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")
            conn.execute("update mentorcert.certification_types set reminder_days = '{60,30}'")
            conn.execute("update mentorcert.peer_mentors set email = external_id || '@post.no'")
            conn.execute(
                "update public.peer_mentor_certifications"
                " set expires_at = now() + interval '1 day' * (31 + (random() * 600)::integer)"
            )
            conn.execute(
                "insert into mentorcert_private.notice_mails (id, organisation_id, kind, state, peer_mentor_id, sent_at)"
                " select id, organisation_id, 'reminder', 'sent', id, now() from mentorcert.peer_mentors"
            )
            conn.execute(
                "insert into mentorcert_private.notices"
                " (certification_id, expires_at, days_before, organisation_id, outcome, mail_id, recorded_at)"
                " select id, '2026-01-01', days, organisation_id, 'mailed', peer_mentor_id,"
                " now() - days * interval '1 minute' * random()"
                " from public.peer_mentor_certifications, unnest(array[60, 30]) as days"
            )
        for table in (
            "mentorcert.peer_mentors",
            "public.peer_mentor_certifications",
            "mentorcert_private.notices",
            "mentorcert_private.notice_mails",
        ):
            conn.execute(f"vacuum analyze {table}".encode())
        yield conn


def _read(conn: Connection) -> int:
    """Return how many rows of people, certifications and notices this transaction has read."""
    row = conn.execute(
        "select sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0))::integer from pg_catalog.pg_stat_xact_all_tables"
        " where relid = any(array['public.peer_mentor_certifications', 'mentorcert.peer_mentors', 'mentorcert_private.notices',"
        " 'mentorcert_private.notice_mails', 'mentorcert_private.refused_addresses']::regclass[])"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("who", _ROLES)
@pytest.mark.parametrize("unreached", [0, 20, 4_000])
@pytest.mark.parametrize("show", ["upcoming", "failing", "sent"])
def test_a_page_costs_what_is_on_it(large: Connection, who: str, show: str, unreached: int) -> None:
    large.execute("set session_replication_role = replica")
    large.execute(
        "update mentorcert.peer_mentors set email = case when external_id::integer > %s then external_id || '@post.no' end",
        [unreached],
    )
    large.execute("set session_replication_role = origin")
    large.execute("vacuum analyze mentorcert.peer_mentors")
    with acting_as(large, key(who)):
        row = large.execute(
            "select count(*), mentorcert_private.sorted_at_most(50) from mentorcert.peer_mentors"
        ).fetchone()
        assert row is not None
        people, at_most = row
        before = _read(large)
        if show == "sent":
            shown = len(reminders.sent(large).rows)
        else:
            shown = len(reminders.ahead(large, only_failing=show == "failing").rows)
        read = _read(large) - before
    if show != "failing":
        assert shown == 50
    elif unreached == 0:
        assert shown == 0
    # Of few people all that they have, with its notices; the walk meets others' on its way; and whom no mail reaches.
    few = 20 * people if people <= at_most else 10 * at_most
    assert read <= few + 40 * 51 + 8 * min(unreached, 1_001)


def test_a_past_day_reads_the_entries_of_what_changed_since(large: Connection) -> None:
    """Of one in ten; each has three entries, and nobody matches."""
    with large.transaction(force_rollback=True):
        large.execute("set local session_replication_role = replica")
        changed = large.execute(
            "with changed as (update public.peer_mentor_certifications as certification set updated_at ="
            "   case when mod(mentor.external_id::integer, 10) = 0 then now() else timestamptz '2024-01-01' end,"
            "   renewal_history = (select jsonb_agg(jsonb_build_object('entry_id', gen_random_uuid(), 'schema_version', 1,"
            "     'kind', 'renewed', 'recorded_at', timestamptz '2024-01-01', 'effective_at', timestamptz '2024-01-01',"
            "     'actor', jsonb_build_object('user_id', gen_random_uuid(), 'role', 'org_admin'),"
            "     'before', jsonb_build_object('issued_at', timestamptz '2023-01-01' + number * interval '1 day'),"
            "     'after', jsonb_build_object('issued_at', certification.issued_at, 'status', 'active')))"
            "     from generate_series(1, 3) as number)"
            " from mentorcert.peer_mentors as mentor where mentor.id = certification.peer_mentor_id"
            " and certification.organisation_id = %s and certification.certification_type = 'type-1'"
            " returning mod(mentor.external_id::integer, 10) as rest) select count(*) filter (where rest = 0) from changed",
            [key("organisation1")],
        ).fetchone()
        assert changed is not None
        condition = large.execute(
            "select mentorcert_private.standing_condition('type-1', 'suspended', null, null, '2025-06-01', 'Europe/Oslo')"
        ).fetchone()
        assert condition is not None
        become(large, key("admin"))
        plan = executed(
            large, f"select mentor.id from mentorcert.peer_mentors as mentor where {condition[0]}"
        )
    entries = [node for node in nodes(plan) if node["Node Type"] == "Function Scan"]
    assert plan["Actual Rows"] == 0
    assert sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in entries
    ) == 3 * int(changed[0])
