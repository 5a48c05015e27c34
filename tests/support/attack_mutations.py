"""Guards against what an attacker tried, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_ACTING: Final = "mentorcert_private.acting_user()"
_CLIENT: Final = "mentorcert_private.is_client()"
_CONTEXT: Final = "mentorcert_private.change_context(boolean)"
_BY_USER: Final = "mentorcert_private.acting_user()"

_CALLERS: Final = [
    function("callers", _ACTING, "noted <> digest or", ""),
    function("callers", _ACTING, "or user_id is null and mentorcert_private.is_client()", ""),
    function("callers", _ACTING, "current_setting('role', true), user_id", "user_id"),
    function("callers", _ACTING, ", auth.jwt())", ")"),
    function("callers", _ACTING, "if noted is null and user_id is not null then", "if false then"),
    function("callers", _CLIENT, "not pg_has_role(acting.role, schema.nspowner, 'member')\n    and", ""),
    function("callers", _CLIENT, "or pg_has_role(acting.role, 'authenticated', 'member')", ""),
    function("callers", _CONTEXT, "context.settings = settings and not begins", "not begins"),
    function("callers", _CONTEXT, "current_setting('request.jwt.claims', true)", "''"),
    function("callers", _CONTEXT, "current_setting('role', true)", "''"),
    function("callers", _CONTEXT, "true), written\n", "true)\n"),
    function("callers", _CONTEXT, "and not begins", ""),
    function(
        "history_kinds", "mentorcert_private.record_change()", "if not context.has_valid_remarks", "if false"
    ),
    function("callers", "mentorcert_private.actor(uuid,jsonb)", _BY_USER, "auth.uid()"),
]

_FOUND: Final = "mentorcert_private.found_login(uuid)"
_CLAIMED: Final = "mentorcert_private.claimed_notices(uuid[],timestamptz)"
_UNSEEN: Final = "mentorcert_private.reject_unseen_organisations()"
_SORT: Final = "mentorcert_private.use_sort_plan(uuid[],integer)"
_CHECK: Final = "mentorcert_private.check_notices_as_of(timestamptz,integer)"

_HANDED_OUT: Final = [
    function(
        "bulk_changes",
        "public.preview_changes(text,uuid[],date)",
        "or exists (select from unnest(certification_ids) as id where id is null)",
        "",
    ),
    function("handed_out", _FOUND, "and mentorcert_private.is_committed(asked.asked_in)", ""),
    function("handed_out", _FOUND, "asked.user_id = auth.uid() and", ""),
    function("handed_out", _FOUND, "and asked.asked_at > now() - interval '1 hour'", ""),
    function("handed_out", _CLAIMED, "and mentorcert_private.is_committed(mail.claimed_in)", ""),
    function("handed_out", _CLAIMED, "and mail.state = 'sending'", ""),
    function(
        "handed_out",
        _UNSEEN,
        "and not mentorcert_private.sees_organisation(row.organisation_id)",
        "and false",
    ),
    function("handed_out", _UNSEEN, "and not mentorcert_private.sees_organisation(row.organisation_id)", ""),
    function("handed_out", _UNSEEN, "row.organisation_id is null\n      or", ""),
    Mutation("handed_out", f"alter function {_UNSEEN} security definer"),
    Mutation("handed_out", "drop trigger note_caller on mentorcert_private.access_log"),
    Mutation("handed_out", "grant insert on mentorcert_private.access_log to authenticated"),
    function("handed_out", _SORT, "administered is null and not chapter_ids <@ coordinated", "false"),
    function(
        "handed_out",
        "mentorcert_private.absent_peer_mentor_ids(boolean)",
        "mentor.chapter_ids && (select mentorcert_private.coordinated_chapter_ids())",
        "true",
    ),
    function(
        "handed_out",
        "mentorcert_private.left_peer_mentor_ids()",
        "and gone.chapter_id = any(coordinated)",
        "",
    ),
    function("login_roles", _CHECK, "session_user <> current_user and", "false and"),
    function("login_roles", _CHECK, "reach_days not between 0 and 365", "false"),
    function("login_roles", "mentorcert_private.check_claim(uuid[])", "cardinality(ids) > 1000", "false"),
    function(
        "login_roles",
        "mentorcert_private.due_digests(timestamptz,uuid[],uuid[])",
        "select mentorcert_private.check_notices_as_of(as_of);",
        "",
    ),
]

_COUNT: Final = "mentorcert_private.count_attempt(bytea[],integer[])"
_OUTDATED: Final = "mentorcert_private.delete_outdated_attempts(integer)"
_IN_AUTH: Final = "mentorcert_private.is_session_in_auth(text)"

_SIGN_IN: Final = [
    function("attempts", _COUNT, "or attempt.number < counted.maximum", "or true"),
    function("attempts", _COUNT, "attempt.ends_at <= now() or", ""),
    function(
        "attempts",
        _COUNT,
        "then attempt.number + 1 else 1 end",
        "then attempt.number + 1 else attempt.number end",
    ),
    function("attempts", _COUNT, "exit when not is_allowed;", ""),
    function("attempts", _COUNT, "order by given.position", "order by given.position desc"),
    function("attempts", _COUNT, "perform mentorcert_private.delete_outdated_attempts(10);", ""),
    function("attempts", _OUTDATED, "ended.ends_at <= now()", "true"),
    function(
        "attempts",
        "mentorcert_private.delete_outdated(integer)",
        "perform mentorcert_private.delete_outdated_attempts();",
        "",
    ),
    Mutation(
        "attempts",
        "grant usage on schema mentorcert_private to anon; grant select on mentorcert_private.attempts to anon",
    ),
    Mutation("attempts", f"grant execute on function {_COUNT} to authenticated"),
    function(
        "ended_sessions",
        "mentorcert_private.check_session()",
        "or session_id is not null and not mentorcert_private.is_session_in_auth(session_id)",
        "",
    ),
    function("ended_sessions", "mentorcert_private.check_session()", "session_id is not null and", ""),
    function("ended_sessions", _IN_AUTH, "and has_table_privilege(sessions, 'select')", ""),
    function("ended_sessions", _IN_AUTH, "if not row_security_active(sessions) then", "if true then"),
    function(
        "ended_sessions",
        _IN_AUTH,
        "case when session_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then session_id::uuid end",
        "session_id::uuid",
    ),
]

MUTATIONS: Final[list[Mutation]] = [*_CALLERS, *_HANDED_OUT, *_SIGN_IN]
