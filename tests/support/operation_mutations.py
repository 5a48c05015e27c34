"""Guards of what operators need: switches, logs, erasure, login roles; see `tests.support.mutations`."""

from typing import Final

from mentorcert.access.model import qualified
from tests.support.mutations import Mutation, function

_AUDIT: Final = "mentorcert_private.audit(text,text,text,text[],jsonb)"
_KEPT_LOG: Final = "mentorcert_private.is_kept(text,timestamptz)"
_TAKEN_OUT: Final = "mentorcert_private.is_login_taken_out(mentorcert.audit_log,mentorcert.audit_log)"
_LOG: Final = "mentorcert_private.log_access(text,uuid[],text)"
_ERASE: Final = "mentorcert_private.erase_peer_mentor(uuid,boolean)"
_NIGHTLY: Final = "mentorcert_private.run_nightly(timestamptz,integer)"
_KEPT: Final = "mentorcert_private.check_history_kept(jsonb,jsonb)"

_ENDPOINTS = [
    *(
        Mutation(
            "disabled_endpoints",
            f'drop policy "the endpoint {endpoint} is switched on" on {qualified(table)}',
        )
        for table, endpoint in (
            ("audit_log", "audit_log"),
            ("certification_types", "organisations"),
            ("chapters", "organisations"),
            ("listed_peer_mentors", "public_list"),
            ("memberships", "memberships"),
            ("organisations", "organisations"),
            ("peer_mentor_chapters", "peer_mentors"),
        )
    ),
    *(
        Mutation("disabled_endpoints", f"alter policy {policy} using (true)")
        for policy in (
            '"certifications are within reach and switched on" on public.peer_mentor_certifications',
            '"peer mentors are within reach and switched on" on mentorcert.peer_mentors',
        )
    ),
    *(
        function("disabled_endpoints", signature, "perform mentorcert_private.require_certifications();", "")
        for signature in (
            "mentorcert_private.lock_certification(uuid)",
            "public.register_certification(uuid,text,date,date,text,jsonb)",
            "mentorcert_private.check_extension(text,date,date)",
            "public.revert_change(uuid,text)",
            "public.certification_history(uuid)",
            "public.certifications_page(timestamptz,uuid,integer,text,text,uuid,timestamptz,boolean)",
        )
    ),
    function(
        "disabled_endpoints",
        "public.certification_as_of(uuid,timestamptz,timestamptz)",
        "select mentorcert_private.require_certifications();",
        "",
    ),
    function(
        "disabled_endpoints",
        "mentorcert_private.require_certifications()",
        "where row_security_active('public.peer_mentor_certifications')",
        "",
    ),
    function(
        "disabled_endpoints",
        "mentorcert_private.check_endpoint(text)",
        "raise exception using",
        "return true; raise using",
    ),
    Mutation(
        "catalogue_tables",
        'alter policy "the endpoint memberships is switched on" on mentorcert.memberships to authenticated',
    ),
    # Events are under the policies of their certifications as well.
    Mutation(
        "catalogue_tables",
        'drop policy "the endpoint certifications is switched on" on mentorcert.certification_renewal_events',
    ),
    Mutation(
        "catalogue_functions", "grant execute on function mentorcert_private.require_certifications to anon"
    ),
]

_SESSIONS = [
    function(
        "ended_sessions",
        "mentorcert_private.check_endpoint(text)",
        "perform mentorcert_private.check_session();",
        "",
    ),
    function(
        "ended_sessions", "mentorcert_private.check_session()", "raise exception using", "return; raise using"
    ),
    function("ended_sessions", "mentorcert_private.current_session()", "claims.of ->> 'sub',", ""),
    function("ended_sessions", "mentorcert_private.current_session()", "claims.of ->> 'session_id'", "null"),
    function("ended_sessions", "mentorcert_private.end_session()", "ended.ends_at < now()", "true"),
    function("ended_sessions", "mentorcert_private.end_session()", "ended.ends_at < now()", "false"),
    function("ended_sessions", "mentorcert_private.end_session()", "least(seconds, 31622400)", "0"),
    Mutation("ended_sessions", "grant select on mentorcert_private.ended_sessions to authenticated"),
]

_LOGS = [
    function("audit_log", _AUDIT, "fields.before is distinct from fields.after", "true"),
    function("audit_log", _AUDIT, "jsonb_strip_nulls(fields.after) <> '{}'", "true"),
    function("audit_log", _KEPT_LOG, "is_kept.recorded_at >= now() - retention.keep", "false"),
    function(
        "audit_log",
        _TAKEN_OUT,
        "to_jsonb(after) - array['actor', 'before', 'after'] = to_jsonb(before) - array['actor', 'before', 'after']",
        "true",
    ),
    function(
        "audit_log",
        _TAKEN_OUT,
        "or after.before is not distinct from before.before - 'user_id'",
        "or true",
    ),
    function(
        "audit_log",
        _TAKEN_OUT,
        "or after.after is not distinct from before.after - 'user_id'",
        "or true",
    ),
    function("audit_log", _TAKEN_OUT, "mentorcert_private.is_erasure()", "true"),
    Mutation(
        "audit_log", "alter table mentorcert_private.log_retention drop constraint log_retention_keep_valid"
    ),
    *(
        Mutation("audit_log", f"drop trigger audit_{verb} on mentorcert_private.disabled_endpoints")
        for verb in ("insert", "update", "delete")
    ),
    *(
        Mutation("audit_log", f"drop trigger {trigger} on mentorcert_private.{table}")
        for table, triggers in {
            "log_retention": (
                "audit_insert",
                "audit_update",
                "audit_delete",
                "keep_identity",
                "reject_truncation",
            ),
            "disabled_endpoints": ("keep_identity", "reject_truncation"),
        }.items()
        for trigger in triggers
    ),
    Mutation("access_log", "drop trigger reject_change on mentorcert_private.access_log"),
    Mutation("access_log", "drop trigger reject_early_removal on mentorcert_private.access_log"),
    Mutation("access_log", "drop trigger reject_removal on mentorcert_private.access_log"),
    Mutation(
        "access_log", "alter table mentorcert_private.access_log drop constraint access_log_endpoint_valid"
    ),
    Mutation(
        "access_log", "alter table mentorcert_private.access_log drop constraint access_log_request_id_valid"
    ),
    function(
        "access_log",
        "mentorcert_private.member_organisation_ids()",
        "and (membership.ended_at is null or membership.ended_at >= now())",
        "and false",
    ),
    function(
        "access_log",
        "mentorcert_private.delete_outdated(integer)",
        "where line.ctid = any",
        "where line.ctid <> all",
    ),
    function(
        "login_roles",
        "mentorcert_private.delete_outdated(integer)",
        "not between 1 and 100000",
        "not between 0 and 100000",
    ),
]

_ERASURE = [
    function("erasure", _KEPT, "mentorcert_private.is_erasure() and", ""),
    function("erasure", _KEPT, "and after = mentorcert_private.without_remarks(before)", ""),
    function(
        "erasure",
        "mentorcert_private.reject_change_of_event()",
        "and new.entry = old.entry - array['note', 'evidence']",
        "",
    ),
    function("erasure", _ERASE, "and candidate.erased_at is null", ""),
    function("erasure", _ERASE, "and membership.role = 'peer_mentor'", ""),
    function("erasure", _ERASE, "with_login and not exists", "true and not exists"),
    function(
        "erasure",
        _ERASE,
        "membership.user_id = mentor.user_id and (membership.ended_at is null"
        " or membership.ended_at > statement_timestamp())",
        "false",
    ),
    function("erasure", _ERASE, "entry.row_id = any(removed_ids)", "false"),
    Mutation("erasure", "alter table mentorcert.peer_mentors drop constraint peer_mentors_erased_at_valid"),
]

_ROLES = [
    Mutation(
        "login_roles",
        "do $do$ begin execute format("
        "'grant temporary on database %I to public', current_database()"
        "); end $do$",
    ),
    Mutation("login_roles", "grant service_role to mentorcert_web"),
    Mutation("login_roles", "alter role mentorcert_web inherit"),
    Mutation("login_roles", "alter role mentorcert_web bypassrls"),
    Mutation("login_roles", "alter role mentorcert_web reset statement_timeout"),
    Mutation("login_roles", "grant authenticated to mentorcert_jobs"),
    Mutation("login_roles", "grant select on mentorcert_private.job_runs to mentorcert_jobs"),
    Mutation("login_roles", "grant select on mentorcert_portal.attempts to mentorcert_monitoring"),
    Mutation("login_roles", "grant select (body) on mentorcert_portal.inbox to mentorcert_receiver"),
    Mutation("login_roles", "grant mentorcert_portal to mentorcert_receiver"),
    Mutation(
        "login_roles",
        "grant update (renewal_history) on public.peer_mentor_certifications to mentorcert_tasks",
    ),
    Mutation("login_roles", "grant select on mentorcert.memberships to mentorcert_tasks"),
    Mutation("login_roles", "alter role mentorcert_tasks bypassrls"),
    function(
        "login_roles",
        "mentorcert_private.running_task_organisation_ids()",
        "where task.state = 'running'",
        "",
    ),
    function(
        "login_roles",
        "mentorcert_private.require_running_task(uuid)",
        "if session_user <> current_user and",
        "if false and",
    ),
    Mutation("login_roles", "grant execute on function mentorcert_portal.claim_message to mentorcert_portal"),
    Mutation("login_roles", "revoke execute on function mentorcert_portal.due from mentorcert_portal"),
    function(
        "login_roles",
        "mentorcert_portal.instant(timestamptz)",
        "if session_user <> current_user and as_of not between",
        "if false and as_of not between",
    ),
    Mutation("login_roles", "alter function mentorcert_private.run_nightly security invoker"),
    Mutation("login_roles", "alter function mentorcert_private.next_nightly_at security invoker"),
    Mutation("login_roles", "alter function mentorcert_private.job_figures security invoker"),
    function(
        "login_roles",
        _NIGHTLY,
        "or session_user <> current_user and as_of not between",
        "or as_of is null and as_of between",
    ),
    function("login_roles", _NIGHTLY, "elsif batch_size < 1", "elsif false"),
    Mutation("catalogue_functions", f"grant execute on function {_ERASE} to mentorcert_jobs"),
    Mutation("catalogue_functions", f"grant execute on function {_LOG} to mentorcert_web"),
    Mutation(
        "catalogue_functions",
        "create index unreachable on mentorcert.peer_mentors (organisation_id)"
        " where not mentorcert_private.is_address(email)",
    ),
    Mutation(
        "catalogue_functions", "grant execute on function mentorcert_private.job_figures to authenticated"
    ),
]

_FEED: Final = "public.calendar_of(text)"
_CHECK: Final = "public.check_certificate(uuid)"
_HEADING: Final = "public.public_organisation(text)"
_WITHOUT_LOGIN = [
    function("public_organisation", _HEADING, "and listed.listed_until > now()", ""),
    function(
        "public_organisation",
        _HEADING,
        "and (link.ended_at is null or link.ended_at > statement_timestamp())",
        "",
    ),
    function("public_organisation", _HEADING, "chapter.organisation_id = organisation.id and", ""),
    function("public_organisation", _HEADING, "organisation.slug = public_organisation.slug", "true"),
    function("public_organisation", _HEADING, "mentorcert_private.check_endpoint('public_list') and", ""),
    function("public_organisation", _HEADING, "and mentorcert_private.check_endpoint('organisations')", ""),
    function(
        "calendar_feeds", _FEED, "feed.token_hash = sha256(convert_to(calendar_of.token, 'UTF8'))", "true"
    ),
    function("calendar_feeds", _FEED, "mentorcert_private.check_endpoint('certifications') and", ""),
    function("calendar_feeds", _FEED, "and mentorcert_private.check_endpoint('organisations')", ""),
    function("calendar_feeds", _FEED, "and login.deleted_at is null", ""),
    function("calendar_feeds", _FEED, "<= now(), true)", "<= now(), true) or true"),
    function(
        "calendar_feeds",
        _FEED,
        "and (membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "",
    ),
    function("calendar_feeds", _FEED, "and membership.organisation_id = feed.organisation_id", ""),
    function("calendar_feeds", _FEED, "certification.status <> 'suspended' and", ""),
    function(
        "calendar_feeds",
        "public.create_calendar_feed()",
        "sha256(convert_to(token, 'UTF8'))",
        "sha256(convert_to('x' || token, 'UTF8'))",
    ),
    function(
        "calendar_feeds",
        "public.create_calendar_feed()",
        "mentor.id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])",
        "true",
    ),
    function(
        "calendar_feeds",
        "public.revoke_calendar_feed()",
        "feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])",
        "true",
    ),
    function(
        "calendar_feeds",
        "public.calendar_feed_created_at()",
        "feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])",
        "true",
    ),
    Mutation(
        "calendar_feeds",
        "alter table mentorcert_private.calendar_feeds drop constraint calendar_feeds_token_hash_valid",
    ),
    Mutation(
        "calendar_feeds",
        "alter table mentorcert_private.calendar_feeds drop constraint calendar_feeds_peer_mentor_id_fkey",
    ),
    Mutation("catalogue_functions", "grant execute on function public.create_calendar_feed to anon"),
    function("check_certificate", _CHECK, "and mentor.erased_at is null", ""),
    function("check_certificate", _CHECK, "certification.issued_at <= now()", "true"),
    function(
        "check_certificate", _CHECK, "certification.issued_at <= now()", "certification.issued_at < now()"
    ),
    function("check_certificate", _CHECK, "certification.status = 'suspended',", "false,"),
    function(
        "check_certificate", _CHECK, "certification.expires_at, now()) = 'active'", "null, now()) = 'active'"
    ),
    function(
        "check_certificate",
        _CHECK,
        "mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now())",
        "certification.status",
        "check_certificate: by the dates",
    ),
    function("check_certificate", _CHECK, "perform mentorcert_private.check_endpoint('certifications');", ""),
]
MUTATIONS: Final = [*_ENDPOINTS, *_SESSIONS, *_LOGS, *_ERASURE, *_ROLES, *_WITHOUT_LOGIN]
