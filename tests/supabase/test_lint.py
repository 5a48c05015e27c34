"""What the Supabase CLI and its advisors find in the database: nothing, or what is explained here."""

from pathlib import Path
from typing import Any, Final

import pytest

from mentorcert.db.connection import Connection, connect
from tests.supabase.cli import SupabaseCli, needs_supabase_cli, on_both_servers
from tests.support.servers import on_debian_15, on_debian_15_with_cron, on_embedded_18

pytestmark = needs_supabase_cli
_needs_plpgsql_check = pytest.mark.skipif(
    not Path("/usr/share/postgresql/15/extension/plpgsql_check.control").exists(),
    reason="Debian's postgresql-15-plpgsql-check is not installed",
)

# Counts scans, of which a database made for a test has had none.
_NEEDS_A_PAST: Final = "unused_index"
_SERVICE_ONLY = "no policy is the rule: only the functions of this schema and the service's roles come here"
_ALLOWED: Final = {
    "unindexed_foreign_keys_mentorcert_chapters_chapters_parent_id_fkey": (
        "chapters_parent_id_idx has the same two columns, the selective one first"
    ),
    "unindexed_foreign_keys_mentorcert_peer_mentor_chapters_peer_mentor_chapters_chapter_id_fkey": (
        "peer_mentor_chapters_chapter_id_idx begins with the chapter, which is of one organisation"
    ),
    "unindexed_foreign_keys_public_peer_mentor_certifications_"
    "peer_mentor_certifications_certification_type_fkey": (
        "types are never deleted and their codes never change, so the key is never looked up from that side; "
        "an index would cost every change of every certification"
    ),
    "multiple_permissive_policies_mentorcert_memberships_authenticated_SELECT": (
        "two rules, to be read and taken away one by one; each is asked once in a statement, not per row"
    ),
    "unindexed_foreign_keys_mentorcert_private_peer_mentor_topics_peer_mentor_topics_topic_id_fkey": (
        "peer_mentor_topics_topic_id_idx begins with the topic, which is of one organisation"
    ),
    "unindexed_foreign_keys_mentorcert_private_course_sign_ups_course_sign_ups_peer_mentor_id_fkey": (
        "course_sign_ups_peer_mentor_id_idx has the same two columns, the selective one first"
    ),
    "unindexed_foreign_keys_mentorcert_portal_states_states_peer_mentor_id_fkey": (
        "the peer mentor alone is the primary key, and peer mentors stay"
    ),
    **{
        f"unindexed_foreign_keys_mentorcert_{key}_fkey": (
            "chapters, types and peer mentors are never deleted, so the key is never looked up from that side"
        )
        for key in (
            "certification_types_certification_types_merged_into_id",
            "chapters_chapters_merged_into_id",
            "private_chapter_merges_chapter_merges_chapter_id",
            "private_distinct_peer_mentors_distinct_peer_mentors_first_id",
            "private_distinct_peer_mentors_distinct_peer_mentors_second_id",
            "private_invitations_invitations_peer_mentor_id",
            "private_refused_addresses_refused_addresses_peer_mentor_id",
            "private_peer_mentor_merges_peer_mentor_merges_absorbed_id",
            "private_peer_mentor_merges_peer_mentor_merges_kept_id",
            "private_peer_mentor_notes_peer_mentor_notes_peer_mentor_id",
            "private_peer_mentor_topics_peer_mentor_topics_peer_mentor_id",
            "private_type_merges_type_merges_type_id",
        )
    },
    **{
        f"rls_enabled_no_policy_mentorcert_portal_{table}": _SERVICE_ONLY
        for table in (
            "alert_notices",
            "heartbeat_urls",
            "attempts",
            "reconciliation_times",
        )
    },
    **{
        f"rls_enabled_no_policy_mentorcert_private_{table}": _SERVICE_ONLY
        for table in (
            "attempts",
            "calendar_feeds",
            "callers",
            "certificate_designs",
            "chapter_merges",
            "counted_changes",
            "course_sign_ups",
            "courses",
            "distinct_peer_mentors",
            "ended_sessions",
            "erased_identities",
            "erasure_keys",
            "heartbeats",
            "history_storage",
            "journal_marks",
            "journals",
            "known_server",
            "locks",
            "log_retention",
            "login_lookups",
            "notice_mails",
            "notices",
            "oidc_identities",
            "peer_mentor_merges",
            "peer_mentor_notes",
            "peer_mentor_topics",
            "refused_addresses",
            "renewal_requests",
            "restores",
            "saved_filters",
            "topics",
            "type_merges",
        )
    },
}

_COMPOSED: Final = "cannot to determine result of dynamic SQL"


def _lint(supabase_cli: SupabaseCli, database: str) -> Any:
    """Every PL/pgSQL function but those of triggers, which the CLI leaves to test_plpgsql_check.py.

    Of a query that is composed as text the checker knows no columns, and says so of each: that is no fault.
    """
    found = supabase_cli.ask("db", "lint", "--level", "warning", database=database)["results"]
    faults = (
        {**function, "issues": [issue for issue in function["issues"] if issue.get("detail") != _COMPOSED]}
        for function in found
    )
    return [function for function in faults if function["issues"]]


def _advice(supabase_cli: SupabaseCli, database: str) -> dict[str, str]:
    """The rule of each finding, by what identifies it."""
    found = supabase_cli.ask("db", "advisors", "--level", "info", database=database)["results"]
    return {finding["cacheKey"]: finding["name"] for finding in found if finding["name"] != _NEEDS_A_PAST}


@_needs_plpgsql_check
@on_debian_15
def test_lint_finds_nothing(supabase_cli: SupabaseCli, conn: Connection, database: str) -> None:
    assert conn.execute("select to_regnamespace('cron')").fetchone() == (None,)
    assert _lint(supabase_cli, database) == []
    supabase_cli.run("db", "lint", "--fail-on", "error", database=database)


@_needs_plpgsql_check
@on_debian_15_with_cron
def test_lint_finds_nothing_beside_pg_cron(supabase_cli: SupabaseCli, cron_database: str) -> None:
    with connect(cron_database, autocommit=True) as conn:
        conn.execute("create extension pg_cron")
    assert _lint(supabase_cli, cron_database) == []


@_needs_plpgsql_check
@on_debian_15
def test_lint_finds_a_fault(supabase_cli: SupabaseCli, conn: Connection, database: str) -> None:
    conn.execute(
        "create function mentorcert_private.faulty() returns uuid language plpgsql set search_path = '' as "
        "$$ begin return (select no_such_column from mentorcert.chapters); end $$"
    )
    (finding,) = _lint(supabase_cli, database)
    assert finding["function"] == "mentorcert_private.faulty"
    assert [issue["message"] for issue in finding["issues"]] == ['column "no_such_column" does not exist']


@on_both_servers
def test_advisors_find_what_is_explained(supabase_cli: SupabaseCli, database: str) -> None:
    assert _advice(supabase_cli, database).keys() == _ALLOWED.keys()


@on_embedded_18
@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        (
            "alter table mentorcert.chapters disable row level security",
            {"policy_exists_rls_disabled", "rls_disabled_in_public"},
        ),
        ("create view public.everybody as select * from mentorcert.peer_mentors", {"security_definer_view"}),
        (
            "create function public.faulty() returns int language sql as 'select 1'",
            {"function_search_path_mutable"},
        ),
        (
            "create policy faulty on mentorcert.chapters for delete to anon using (id = auth.uid())",
            {"auth_rls_initplan"},
        ),
    ],
    ids=["no row-level security", "view of the owner", "open search path", "asked per row"],
)
def test_advisors_find_a_fault(
    supabase_cli: SupabaseCli, conn: Connection, database: str, fault: str, rules: set[str]
) -> None:
    conn.execute(fault.encode())
    found = _advice(supabase_cli, database)
    assert {found[key] for key in found.keys() - _ALLOWED.keys()} == rules
