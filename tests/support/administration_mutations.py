"""Guards of what administrators see of the machinery, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

# The policies by table; what each of them lets in is either of the organisation or the same for all.
_POLICIES: Final = {
    "mentorcert_private.job_runs": "administrators read the ledger of their organisation",
    "mentorcert_private.disabled_endpoints": "administrators read which endpoints are switched off",
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

_ALARM: Final = "mentorcert_private.portal_alarm()"
_FIND: Final = "mentorcert_private.find_login(text)"
_KEEP: Final = "mentorcert_private.keep_an_administrator()"
_PREVIEW: Final = "mentorcert_private.preview_extension(text,date,uuid,date)"
_EXTEND: Final = "public.extend_certifications(text,date,text,uuid,date)"

MUTATIONS: Final = [
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
    function("administration", _ALARM, "interval '15 minutes'", "interval '0'"),
    function("administration", _ALARM, "interval '15 minutes'", "interval '17 minutes'"),
    function("administration", _ALARM, "or lapsed.peer_mentor_id =", "or true or lapsed.peer_mentor_id ="),
    function("administration", _ALARM, "found.repaired_at is null", "true"),
    function("administration", _ALARM, "count(distinct shown.peer_mentor_id)", "count(shown.peer_mentor_id)"),
    function("extension_previews", _PREVIEW, "when candidate.expires_at <= since then 'expired'", ""),
    function("extension_previews", _PREVIEW, "when mentor.erased_at is not null then 'erased'", ""),
    function("extension_previews", _PREVIEW, "candidate.expires_at >= until", "candidate.expires_at > until"),
    function(
        "extension_previews",
        _PREVIEW,
        "preview_extension.chapter_id is null or candidate.chapter_ids && chapters",
        "true",
    ),
    function("extension_previews", _EXTEND, "preview.outcome = 'extended'", "true"),
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
    function("memberships_by_email", _FIND, "asked.user_id = auth.uid() and", ""),
    function("memberships_by_email", _FIND, "and asked.recorded_at > now() - interval '1 hour'", ""),
    function("memberships_by_email", _FIND, "count(*) >= hourly_limit", "count(*) > hourly_limit"),
    function("memberships_by_email", _FIND, "and login.deleted_at is null", ""),
    function(
        "memberships_by_email", "mentorcert_private.member_logins()", "and membership.ended_at is null", ""
    ),
    function(
        "memberships_by_email",
        "mentorcert_private.member_logins()",
        "membership.organisation_id = (select mentorcert_private.administered_organisation_id())",
        "true",
    ),
    function("memberships_by_email", _KEEP, "and other.ended_at is null", ""),
    function("memberships_by_email", _KEEP, "other.role = 'org_admin' and", ""),
    function("memberships_by_email", _KEEP, "other.organisation_id = old.organisation_id and", ""),
]
