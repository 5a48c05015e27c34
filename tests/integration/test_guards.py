"""Every guard of the database is proven by taking it away: then a pgTAP file must fail.

On the embedded server only: what is tested here is the tests, and those run on both. The guards of one file
are taken away in one transaction, each after the fixture and until a savepoint.
"""

import re
from collections.abc import Callable, Iterator
from typing import LiteralString

import pytest
from psycopg import sql

from mentorcert.access.model import qualified
from mentorcert.db.connection import Connection, connect
from tests.support import (
    administration_mutations,
    attack_mutations,
    batch_mutations,
    coordinator_mutations,
    count_mutations,
    course_mail_mutations,
    course_mutations,
    figures_mutations,
    forecast_mutations,
    invitation_mutations,
    letter_mutations,
    merge_mutations,
    mutations,
    note_mutations,
    operation_mutations,
    pgtap,
    portal_mutations,
    public_mutations,
    record_mutations,
    request_mutations,
    restore_mutations,
    saved_filter_mutations,
    task_mutations,
    text_mutations,
)
from tests.support.mutations import Mutation
from tests.support.registry import rows
from tests.support.servers import Server, on_embedded_18

pytestmark = [pgtap.needs_pgtap, on_embedded_18]

# Which file a trigger's absence is seen in.
_FILE_OF_TRIGGER = {
    "require_consequences_on_insert": "consequences",
    "require_consequences_on_update": "consequences",
    "audit_delete": "audit_log",
    "audit_insert": "audit_log",
    "audit_personal_data": "audit_log",
    "audit_update": "audit_log",
    "check_left_on": "leaving",
    "check_retired_chapter": "retirement",
    "check_retired_on": "retirement",
    "reject_retired_on_insert": "retirement",
    "reject_retired_on_update": "retirement",
    "canonicalise": "texts",
    "canonicalise_contact": "public_chapters",
    "check_time_zone": "constraints",
    "check_version": "versions",
    "check_named_requests_on_insert": "renewal_requests",
    "check_named_requests_on_update": "renewal_requests",
    "close_requests": "renewal_requests",
    "check_named_courses_on_insert": "courses",
    "check_named_courses_on_update": "courses",
    "follow_people": "courses",
    "settle_requests": "renewal_requests",
    "copy_chapter_ids_on_insert": "chapters_of_peer_mentors",
    "copy_chapter_ids_on_update": "chapters_of_peer_mentors",
    "empty_messages_on_erasure": "portal_erasure",
    "end_calendar_feed": "calendar_feeds",
    "note_caller": "callers",
    "forget_letters": "letters",
    "forget_refused_address": "letters",
    "keep_an_administrator": "memberships_by_email",
    "mark_counted_on_delete": "counted_changes",
    "mark_counted_on_insert": "counted_changes",
    "mark_counted_on_truncate": "counted_changes",
    "mark_counted_on_update": "counted_changes",
    "keep_chapter_ids": "chapters_of_peer_mentors",
    "keep_chapter_ids_on_insert": "chapters_of_peer_mentors",
    "keep_identity": "moving_rows",
    "keep_merged": "peer_mentor_merges",
    "keep_merged_on_insert": "peer_mentor_merges",
    "keep_peer_mentor": "peer_mentor_merges",
    "record_change_on_insert": "history_appended",
    "record_change_on_update": "history_appended",
    "record_expiry_on_update": "history_appended",
    "record_prolongation_on_update": "prolonging",
    "count_unlisted": "public_list",
    "refresh_listing_on_insert": "public_list",
    "refresh_listing_on_update": "public_list",
    "record_listing_consents_on_insert": "listing_consents",
    "record_listing_consents_on_update": "listing_consents",
    "reject_cycle": "constraints",
    "reject_early_removal": "audit_log",
    "reject_erased_on_insert": "erasure",
    "reject_erased_on_update": "erasure",
    "reject_stale_consent": "listing_consents",
    "reject_second_current": "future_ends",
    "refresh_listing_of_ends": "future_ends",
    "reject_truncation": "audit_log",
    "set_updated_at": "updated_at",
    "set_version": "versions",
    "withdraw_invitations": "invitations",
    "withdraw_invitations_on_delete": "invitations",
    "store_events_on_insert": "history_as_events",
    "store_events_on_update": "history_as_events",
    "sync_portal_on_delete": "portal_marking",
    "sync_portal_on_insert": "portal_marking",
    "sync_portal_on_update": "portal_marking",
}
_OF_TEXTS = re.compile(r"_(characters|length)$|_(external_id|full_name|email|phone)_valid$")
_OF_CONTACTS = re.compile(r"^(?:chapters_(contact_|website_|places_)|certification_types_certificate_)")
_FILE_OF_LOCK = {
    "audit_log": "audit_log",
    "certification_renewal_events": "history_locked",
    "listing_consents": "listing_consents",
    "peer_mentor_certifications": "history_locked",
}

_OF_THE_ORGANISATION = {
    "members read certifications of their organisation",
    "members read peer mentors of their organisation",
}

# One for each kind of guard that the catalogue has: for each of them there must be some.
Guards = Callable[[Connection], Iterator[Mutation]]


def statement(conn: Connection, template: LiteralString, table: str, *names: str) -> str:
    on = sql.SQL(qualified(table))
    return sql.SQL(template).format(*map(sql.Identifier, names), table=on).as_string(conn)


def policies(conn: Connection) -> Iterator[Mutation]:
    found = rows(
        conn,
        # What is open to the whole table already cannot be loosened.
        "select tablename, policyname, qual <> 'true', with_check is not null, roles[1] ~ '^mentorcert_' "
        "from pg_catalog.pg_policies "
        "where schemaname in ('public', 'mentorcert') and policyname !~ '^the endpoint \\w+ is switched on$'",
    )
    within_reach = rows(
        conn,
        "select tablename, policyname from pg_catalog.pg_policies"
        " where policyname ~ 'within reach and switched on$'",
    )
    for table, policy, has_using, has_check, is_of_login_role in found:
        if is_of_login_role:
            access = moved = "login_roles"
        else:
            # What the reach leaves of the organisation is the restrictive policy's to say.
            access = "catalogue_tables" if policy in _OF_THE_ORGANISATION else f"access_{table}"
            moved = "moving_rows" if has_using else access
        yield Mutation(access, statement(conn, "drop policy {} on {table}", table, policy))
        weaken = statement(conn, "alter policy {} on {table} ", table, policy)
        if has_using:
            yield Mutation(access, f"{weaken} using (true)")
        if has_check:
            # What is written must be within reach as well, so that is taken away along with it.
            alone = "; ".join(
                statement(conn, "alter policy {} on {table} with check (true)", of, restrictive)
                for of, restrictive in within_reach
                if of == table
            )
            yield Mutation(moved, f"{weaken} with check (true); {alone}")


def row_level_security(conn: Connection) -> Iterator[Mutation]:
    tables = rows(
        conn, "select tablename from pg_catalog.pg_tables where schemaname in ('public', 'mentorcert')"
    )
    for (table,) in tables:
        disable = statement(conn, "alter table {table} disable row level security", table)
        yield Mutation(f"access_{table}", disable)


def triggers(conn: Connection) -> Iterator[Mutation]:
    found = rows(
        conn,
        "select class.relname, trigger.tgname from pg_catalog.pg_trigger as trigger "
        "join pg_catalog.pg_class as class on class.oid = trigger.tgrelid "
        "where not trigger.tgisinternal and class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)",
    )
    for table, trigger in found:
        is_lock = trigger.startswith("reject_") and table in _FILE_OF_LOCK
        file = _FILE_OF_LOCK[table] if is_lock else _FILE_OF_TRIGGER[trigger]
        yield Mutation(file, statement(conn, "alter table {table} disable trigger {}", table, trigger))


def constraints(conn: Connection) -> Iterator[Mutation]:
    found = rows(
        conn,
        "select class.relname, conname from pg_catalog.pg_constraint "
        "join pg_catalog.pg_class as class on class.oid = conrelid "
        "where connamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and contype in ('c', 'f', 'u')",
    )
    for table, constraint in found:
        drop = statement(conn, "alter table {table} drop constraint {} cascade", table, constraint)
        is_bound = constraint.endswith(("_in_calendar", "_ended_at_valid"))
        of_texts = _OF_TEXTS.search(constraint) is not None
        file = "calendar" if is_bound else "texts" if of_texts else "constraints"
        if _OF_CONTACTS.match(constraint):
            file = "public_chapters" if table == "chapters" else "certificates"
        yield Mutation(file, drop)


def written_by_hand(_conn: Connection) -> Iterator[Mutation]:
    yield from mutations.MUTATIONS
    yield from coordinator_mutations.MUTATIONS
    yield from count_mutations.MUTATIONS
    yield from operation_mutations.MUTATIONS
    yield from portal_mutations.MUTATIONS
    yield from public_mutations.MUTATIONS
    yield from task_mutations.MUTATIONS
    yield from text_mutations.MUTATIONS
    yield from administration_mutations.MUTATIONS
    yield from record_mutations.MUTATIONS
    yield from merge_mutations.MUTATIONS
    yield from restore_mutations.MUTATIONS
    yield from attack_mutations.MUTATIONS
    yield from invitation_mutations.MUTATIONS
    yield from letter_mutations.MUTATIONS
    yield from figures_mutations.MUTATIONS
    yield from forecast_mutations.MUTATIONS
    yield from note_mutations.MUTATIONS
    yield from request_mutations.MUTATIONS
    yield from course_mutations.MUTATIONS
    yield from course_mail_mutations.MUTATIONS
    yield from saved_filter_mutations.MUTATIONS
    yield from batch_mutations.MUTATIONS


KINDS: tuple[Guards, ...] = (policies, row_level_security, triggers, constraints, written_by_hand)


@pytest.fixture(scope="session")
def guards(tap_database: str) -> list[Mutation]:
    with connect(tap_database, autocommit=True) as conn:
        by_kind = [[*kind(conn)] for kind in KINDS]
    assert all(by_kind)
    return [mutation for kind in by_kind for mutation in kind]


def test_each_guard_names_a_file_that_exists(guards: list[Mutation]) -> None:
    assert {f"{mutation.file}.test.sql" for mutation in guards} <= set(pgtap.FILES)


@pytest.mark.parametrize("file", pgtap.FILES)
def test_a_file_passes_and_notices_each_guard_that_is_taken_away(
    server: Server, tap_database: str, guards: list[Mutation], file: str
) -> None:
    tried = [mutation for mutation in guards if f"{mutation.file}.test.sql" == file]
    statements = [mutation.statement for mutation in tried]
    untouched, failures = pgtap.failures_without(server, tap_database, file, statements)
    assert untouched == []
    assert [str(mutation) for mutation, failed in zip(tried, failures, strict=True) if not failed] == []
