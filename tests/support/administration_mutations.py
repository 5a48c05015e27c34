"""Guards of what administrators see of the machinery, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function, view

# The policies by table; what each of them lets in is either of the organisation or the same for all.
_POLICIES: Final = {
    "mentorcert_private.job_runs": "administrators read the ledger of their organisation",
    "mentorcert_private.nights": "administrators read the nights of their time zone",
    "mentorcert_private.disabled_endpoints": "administrators read which endpoints are switched off",
    "mentorcert_portal.alerts": "administrators read the alerts of their organisation",
    "mentorcert_portal.connections": "administrators read the connection of their organisation",
    "mentorcert_portal.states": "administrators read the states of their organisation",
    "mentorcert_portal.attempt_counts": "administrators read the counts of their organisation",
    "mentorcert_portal.reconciliations": "administrators read the reconciliations of their organisation",
    "mentorcert_portal.drift": "administrators read the drift of their organisation",
    "mentorcert_portal.inbox": "administrators count the messages to their organisation",
    "mentorcert_portal.secrets": "administrators read when secrets of their organisation expire",
    "mentorcert_portal.retention": "administrators read how long messages are kept",
    "mentorcert_portal.workers": "administrators read whether a worker lives",
}
_READ: Final = "administrators read the extensions of their organisation"
_NOTE: Final = "administrators record extensions of their organisation"
_TAKE_BACK: Final = "administrators record that extensions were reverted"

_LATE: Final = "mentorcert_portal.unconfirmed_removals"
_FIND: Final = "mentorcert_private.look_up_login(text)"
_KEEP: Final = "mentorcert_private.keep_an_administrator()"
_PREVIEW: Final = "mentorcert_private.preview_extension(text,date,uuid,date)"

_STATE: Final = "mentorcert_private.registry_state(uuid)"
_APPLY: Final = "mentorcert_private.apply_change(text,uuid,jsonb)"
_COMPARE: Final = "mentorcert_private.change_and_compare(text,uuid,jsonb)"

_CONSEQUENCES: Final = [
    function(
        "consequences",
        "mentorcert_private.require_consequences()",
        "mentorcert_private.acting_user() is not null and",
        "",
    ),
    function(
        "consequences",
        "mentorcert_private.note_state()",
        "mentorcert_private.require_administered_organisation('administration_right')",
        "public.get_user_organisation_id()",
    ),
    function(
        "consequences",
        "mentorcert_private.undo_change(uuid)",
        "where written.value",
        "where false and written.value",
    ),
    function(
        "consequences",
        "public.confirm_consequences(text,text,uuid,jsonb)",
        "is distinct from fingerprint",
        "is null",
    ),
    function(
        "consequences",
        "public.preview_consequences(text,uuid,jsonb)",
        "raise exception sqlstate 'MCUND';",
        "return found;",
    ),
    function("consequences", _COMPARE, "change, subject, new_values, former, found", "former, found"),
    function("consequences", _COMPARE, "new_values, former, found", "new_values, found"),
    function("consequences", _COMPARE, "former, found, details)", "former, details)"),
    function("consequences", _COMPARE, "perform set_config('mentorcert.noted_state', '', true);", ""),
    function(
        "consequences",
        _STATE,
        "and (membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "",
    ),
    function("consequences", _STATE, "or membership.ended_at > statement_timestamp()", ""),
    function("consequences", _COMPARE, "case when is_later then '{}' else new_values end", "new_values"),
    function("consequences", _COMPARE, "raise exception sqlstate 'MCUND';", "null;"),
    function("consequences", _APPLY, "or link.ended_at > statement_timestamp()", ""),
    function("consequences", _APPLY, "or membership.ended_at > statement_timestamp()", ""),
    function(
        "consequences",
        _STATE,
        "unnest(mentorcert_private.with_chapters_below(array[membership.chapter_id]))",
        "unnest(array[membership.chapter_id])",
    ),
    function(
        "consequences",
        "mentorcert_private.consequences()",
        "having not bool_or(reached.is_after)",
        "having false",
    ),
    function(
        "consequences",
        "mentorcert_private.consequences()",
        "and certification.certification_type = rules.code",
        "",
    ),
    *(
        function("consequences", "mentorcert_private.consequences()", guard, instead)
        for guard, instead in (
            ("and certification.certification_type = refreshers.code\n", "\n"),
            (
                "certification.certification_type = refreshers.code\n      and certification.status <> 'suspended'",
                "certification.certification_type = refreshers.code",
            ),
            ("where not exists (select from retired where retired.code = entry.code)", ""),
            ("where lapse.was_outdated <> lapse.is_outdated or", "where true or"),
            ("or lapse.is_outdated and refreshers.takes_another", ""),
        )
    ),
]

MUTATIONS: Final = [
    *_CONSEQUENCES,
    *(
        Mutation("administration", statement)
        for table, policy in _POLICIES.items()
        for statement in (
            f'drop policy "{policy}" on {table}',
            f'alter policy "{policy}" on {table} using (true)',
        )
    ),
    Mutation("extension_previews", f'drop policy "{_READ}" on mentorcert_private.extensions'),
    Mutation("extension_previews", f'alter policy "{_READ}" on mentorcert_private.extensions using (true)'),
    Mutation(
        "extension_previews", f'alter policy "{_NOTE}" on mentorcert_private.extensions with check (true)'
    ),
    Mutation(
        "extension_previews",
        f'alter policy "{_TAKE_BACK}" on mentorcert_private.extensions using (true) with check (true);'
        f' alter policy "{_READ}" on mentorcert_private.extensions using (true)',
    ),
    function(
        "administration",
        "mentorcert_private.require_administered_organisation(text)",
        "perform mentorcert_private.require_administrator(organisation is not null, violated);",
        "",
    ),
    function(
        "administration",
        "mentorcert_private.set_portal_mode(text,text,uuid[])",
        "perform mentorcert_private.require_reason(reason);",
        "",
    ),
    *(
        function("administration", "mentorcert_private.is_unaddressable(uuid,text)", guard, "true")
        for guard in (
            "connection.organisation_id = (select public.get_user_organisation_id())",
            "connection.target ->> 'key_holds' = 'external_id'",
            "mentorcert_portal.cannot_address(is_unaddressable.external_id)",
        )
    ),
    Mutation("administration", "drop trigger set_removal_due_at on mentorcert_portal.states"),
    function(
        "administration",
        "mentorcert_private.acknowledge_portal_alert(text,text)",
        "perform mentorcert_private.require_reason(reason);",
        "",
    ),
    function(
        "administration",
        "mentorcert_portal.plan_alerts(jsonb,boolean,boolean,text[],boolean)",
        "where alert.notice_at <= now()",
        "where true",
    ),
    function(
        "administration",
        "mentorcert_portal.plan_alerts(jsonb,boolean,boolean,text[],boolean)",
        "where due.kind = 'unacknowledged'",
        "where true",
    ),
    function(
        "administration",
        "mentorcert_portal.plan_alerts(jsonb,boolean,boolean,text[],boolean)",
        "and not exists (select from mentorcert_portal.alerts as alert where alert.ended_at is null)",
        "",
    ),
    function(
        "administration",
        "mentorcert_portal.unsent_alerts()",
        "where notice.state in ('due', 'given_up')",
        "where false",
    ),
    function(
        "administration", "mentorcert_portal.set_removal_due_at()", "listed.listed_until > now()", "false"
    ),
    function(
        "administration", "mentorcert_portal.set_removal_due_at()", "least(old.removal_due_at, now())", "null"
    ),
    Mutation("administration", f"alter view {_LATE} set (security_invoker = false)"),
    view("administration", _LATE, "state.shown AND", ""),
    view(
        "administration",
        _LATE,
        "GREATEST(unsent.removal_due_at, connection.mode_since)",
        "unsent.removal_due_at",
    ),
    view("administration", _LATE, "found.repaired_at IS NULL AND", ""),
    view("administration", _LATE, "state.confirmed_version IS NOT NULL", "false"),
    function("extension_previews", _PREVIEW, "when candidate.expires_at <= since then 'expired'", ""),
    function("extension_previews", _PREVIEW, "candidate.expires_at >= until", "candidate.expires_at > until"),
    function(
        "extension_previews",
        _PREVIEW,
        "preview_extension.chapter_id is null or candidate.chapter_ids && chapters",
        "true",
    ),
    function(
        "extension_previews",
        "public.revert_change(uuid,text)",
        "perform mentorcert_private.record_reversal(batch_id, reason);",
        "",
    ),
    function(
        "memberships_by_email", _FIND, "perform mentorcert_private.require_administered_organisation();", ""
    ),
    function(
        "memberships_by_email", _FIND, "perform mentorcert_private.log_access(", "perform pg_catalog.concat("
    ),
    function("memberships_by_email", _FIND, "asked.user_id = caller and", ""),
    function("memberships_by_email", _FIND, "and asked.recorded_at > now() - interval '1 hour'", ""),
    function("memberships_by_email", _FIND, "count(*) >= hourly_limit", "count(*) > hourly_limit"),
    function("memberships_by_email", _FIND, "and login.deleted_at is null", ""),
    function(
        "memberships_by_email",
        "mentorcert_private.member_logins()",
        "and (membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "",
    ),
    function(
        "memberships_by_email",
        "mentorcert_private.member_logins()",
        "membership.organisation_id = (select mentorcert_private.administered_organisation_id())",
        "true",
    ),
    function(
        "memberships_by_email",
        _KEEP,
        "and coalesce(other.ended_at, 'infinity') >= coalesce(old.ended_at, 'infinity')",
        "",
    ),
    function("memberships_by_email", _KEEP, "other.role = 'org_admin' and", ""),
    function("memberships_by_email", _KEEP, "other.organisation_id = old.organisation_id and", ""),
]
