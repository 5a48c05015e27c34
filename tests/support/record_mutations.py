"""Guards of consents, leaving and erasure, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_ABSENT: Final = "mentorcert_private.absent_peer_mentor_ids(boolean)"
_LISTING: Final = "mentorcert_private.derived_listing(uuid[])"
_LEAVE: Final = "public.mark_left(uuid,date,text,bigint)"
_RETURN: Final = "public.mark_returned(uuid,bigint)"
_NEAR: Final = "mentorcert_private.check_left_on()"
_STALE: Final = "mentorcert_private.reject_stale_consent()"
_ACTS: Final = "mentorcert_private.record_consent_acts(uuid[])"
_RECORD: Final = "mentorcert_private.record_listing_consents()"
_SET: Final = "public.set_listing_consent(uuid,boolean,text)"
_WITHDRAW: Final = "mentorcert_private.withdraw_consents(uuid[],text)"
_AS_OF: Final = "public.consent_as_of(uuid,timestamptz)"
_KEPT: Final = "mentorcert_private.is_consent_erased(mentorcert.listing_consents,mentorcert.listing_consents)"
_CANONICAL: Final = "mentorcert_private.canonical_identity(text,text)"
_DIGEST: Final = "mentorcert_private.identity_digest(uuid,text,text)"
_MATCHING: Final = "mentorcert_private.matching_erasures(uuid,text,text)"
_READMIT: Final = "public.readmit_erased(text,text,text)"
_DUE: Final = "mentorcert_private.due_notices(timestamptz,integer,uuid[])"
_DIGEST_CONTENTS: Final = "mentorcert_private.digest_contents(uuid,uuid,timestamptz)"
_HAS_LEFT: Final = "and (mentor.left_on is null or mentor.left_on > organisation.local_day)"

_CERTIFICATION: Final = "public.peer_mentor_certifications"
_TYPE: Final = "mentorcert.certification_types"
_COUNTED: Final = "mentorcert_private.counted_from(date,date,integer)"
_LAST_DAY: Final = "mentorcert_private.last_valid_day(text,integer,date,date,integer)"
_BY_RULE: Final = f"mentorcert_private.expires_at_by_rule({_TYPE},timestamptz,date,text)"
_CHECK_TYPE: Final = f"mentorcert_private.check_type({_TYPE},{_CERTIFICATION},timestamptz,text)"

_RETIRED_TYPE: Final = f"mentorcert_private.reject_retired_type({_TYPE},{_CERTIFICATION},text)"
_RECORD_CHANGE: Final = "mentorcert_private.record_change()"
_PREVIEW: Final = "public.preview_changes(text,uuid[],date)"
_CHECK_REFRESHER: Final = (
    f"mentorcert_private.check_refresher({_TYPE},{_CERTIFICATION},{_CERTIFICATION},text,text)"
)
_OLDEST: Final = "mentorcert_private.oldest_refreshed_end(date,integer)"
_UNTIL: Final = "mentorcert_private.refresher_until(date,integer)"
_LIMITS: Final = "mentorcert_private.outdated_limits(uuid)"
_PAGE: Final = "public.certifications_page(timestamptz,uuid,integer,text,text,uuid,timestamptz,boolean)"
_SCAN: Final = (
    "mentorcert_private.scan_certifications("
    "uuid,uuid[],boolean,timestamptz,timestamptz,uuid,uuid,integer,text,text,uuid,uuid[])"
)
_IS_OUTDATED: Final = f"public.is_outdated({_CERTIFICATION})"
_IN_USE: Final = "mentorcert_private.check_retired_chapter()"

_MERGE: Final = "mentorcert_private.merge_chapter(uuid,uuid,text)"
_UNMERGE: Final = "mentorcert_private.undo_merge_of_chapter(uuid)"
_MERGE_TYPE: Final = "mentorcert_private.merge_type(uuid,uuid,text)"
_UNMERGE_TYPE: Final = "mentorcert_private.undo_merge_of_type(uuid)"

MUTATIONS: Final = [
    function("merging_types", _MERGE_TYPE, "or merged.id = target.id", ""),
    function(
        "merging_types",
        _MERGE_TYPE,
        "type.id = merge_type.into_id and type.organisation_id = organisation",
        "type.id = merge_type.into_id",
    ),
    function(
        "merging_types",
        _MERGE_TYPE,
        "(held.other_id is null or coalesce(held.expires_at, 'infinity') > coalesce(held.other_expires_at, 'infinity'))",
        "held.other_id is null",
    ),
    function("merging_types", _MERGE_TYPE, "'note', reason, ", ""),
    function("merging_types", _UNMERGE_TYPE, "members.entry ->> 'batch_id' = merge.batch_id::text", "true"),
    function("merging_types", _UNMERGE_TYPE, "and exists (", "and false and exists ("),
    function("merging_types", _UNMERGE_TYPE, "or undone <> cardinality(merge.certification_ids)", ""),
    function("merging_chapters", _MERGE, "<> 2", "= 0"),
    function("merging_chapters", _MERGE, "and chapter.retired_on is null\n  ) <> 2", ") <> 2"),
    function("merging_chapters", _MERGE, "and held.chapter_id = into_id and (held", "and false and (held"),
    function(
        "merging_chapters",
        _UNMERGE,
        "link.version, membership.version) is distinct from moved.version",
        "1, 1) <> 1",
    ),
    function(
        "merging_chapters",
        _MERGE,
        "case when target.website is null then former",
        "case when true then former",
    ),
    function("merging_chapters", _MERGE, "coalesce(chapter.contact_email, found", "coalesce(null, found"),
    function(
        "merging_chapters", _MERGE, "mentorcert_private.folded(served.place) not in", "served.place not in"
    ),
    function(
        "merging_chapters",
        _UNMERGE,
        "nullif(chapter.contact_phone, merge",
        "coalesce(chapter.contact_phone, merge",
    ),
    function("merging_chapters", _UNMERGE, "where not merge.gained -> 'places' ? served.place", ""),
    function(
        "merging_chapters", "mentorcert_private.consequences()", "case when contacts.is_new", "case when true"
    ),
    function("merging_chapters", _UNMERGE, "<> cardinality(merge.child_ids)", "< 0"),
    function("retirement", _RETIRED_TYPE, ">= type.retired_on", "> type.retired_on"),
    function("retirement", _RECORD_CHANGE, "kind <> 'reverted'", "true"),
    function("retirement", _RECORD_CHANGE, "or new.issued_at > old.issued_at", ""),
    function("retirement", _PREVIEW, "outcomes.renewed_on >= (outcomes.type).retired_on", "false"),
    function("retirement", _LISTING, "and type.retired_on is null", ""),
    function("retirement", _DUE, "and type.retired_on is null", ""),
    function("retirement", _DIGEST_CONTENTS, "and type.retired_on is null", ""),
    function("retirement", _IN_USE, "and below.retired_on is null", ""),
    function(
        "retirement", _IN_USE, "(link.ended_at is null or link.ended_at > statement_timestamp())", "true"
    ),
    function("retirement", _IN_USE, "parent.id = new.parent_id and parent.retired_on is not null", "false"),
    function("early_renewal", _COUNTED, "between 0 and early_renewal_days", "<= early_renewal_days"),
    function("early_renewal", _COUNTED, "between 0 and early_renewal_days", "between 0 and 364"),
    function("early_renewal", _LAST_DAY, "and (early_renewal_days is null or start = held_until)", ""),
    function("early_renewal", _RECORD_CHANGE, "and known.early_renewal_days is not null", ""),
    function("early_renewal", _RECORD_CHANGE, "or type.early_renewal_days is not null", ""),
    function("outdated", _RECORD_CHANGE, "or type.refresher_months is not null", ""),
    function("outdated", _RECORD_CHANGE, "and change -> 'is_merge' is distinct from 'true'", ""),
    function("outdated", _RECORD_CHANGE, "mentorcert_private.check_refresher(", "num_nulls("),
    function(
        "outdated",
        _CHECK_REFRESHER,
        "renewed.issued_at, time_zone) > until",
        "renewed.issued_at, time_zone) >= until",
    ),
    function("outdated", _CHECK_REFRESHER, "and basis is distinct from type.after_lapse", ""),
    function(
        "outdated", _CHECK_REFRESHER, "and basis is distinct from type.after_lapse", "and basis is null"
    ),
    function(
        "outdated",
        _PREVIEW,
        "outcomes.renewed_on > mentorcert_private.refresher_until(",
        "current_date < mentorcert_private.refresher_until(",
    ),
    function("outdated", _OLDEST, "then earlier + 1 else earlier end", "then earlier else earlier end"),
    function("outdated", _UNTIL, "least(", "greatest("),
    function("outdated", _LIMITS, "and type.retired_on is null", ""),
    function("outdated", _IS_OUTDATED, "certification.status <> 'suspended' and", ""),
    function("outdated", _PAGE, "outdated_by is null", "true"),
    function("outdated", _SCAN, "outdated_by is null", "true"),
    function(
        "outdated",
        "public.change_certifications(text,uuid[],date,text,jsonb)",
        "'certification_outdated_' || (evidence ->> 'basis')",
        "null",
    ),
    function(
        "outdated",
        "public.request_renewal(uuid,text,date)",
        "request_renewal.done_on > held.refresher_until",
        "false",
    ),
    function("early_renewal", _PREVIEW, "and (outcomes.type).early_renewal_days is not null", ""),
    function("early_renewal", _BY_RULE, ",\n      type.early_renewal_days", ""),
    function("early_renewal", _CHECK_TYPE, ",\n    type.early_renewal_days", ""),
    function("public_list", _LISTING, "and mentor.chapter_ids <> '{}'", ""),
    function("leaving", _LISTING, "and (mentor.left_on is null or", "and (true or"),
    function("public_list", _LISTING, "least(held.listed_until,", "coalesce(held.listed_until,"),
    function("leaving", _ABSENT, "and mentor.left_on <= (", "and '1900-01-01' <= ("),
    function("leaving", _ABSENT, "not with_left and", ""),
    function(
        "leaving", _ABSENT, "(mentor.erased_at is not null or mentor.merged_into", "(mentor.merged_into"
    ),
    function("leaving", _NEAR, "today + 366", "today + 367"),
    function("leaving", _NEAR, "today - 36525", "'-infinity'"),
    function(
        "leaving",
        _LEAVE,
        "and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids)",
        "",
    ),
    function("leaving", _LEAVE, "coalesce(mark_left.version, mentor.version)", "mentor.version"),
    function("leaving", _RETURN, "coalesce(mark_returned.version, mentor.version)", "mentor.version"),
    function("leaving", _DUE, _HAS_LEFT, ""),
    function("leaving", _DIGEST_CONTENTS, _HAS_LEFT, ""),
    function("listing_consents", _STALE, "change ->> 'consent' is distinct from 'given'", "false"),
    function("listing_consents", _RECORD, "by_user and cardinality(changed) > 1", "false"),
    function(
        "consequences",
        _RECORD,
        "or exists (select from new_rows as after",
        "and exists (select from new_rows as after",
    ),
    function("consequences", _WITHDRAW, "perform mentorcert_private.raise_forbidden();", ""),
    function("listing_consents", _RECORD, "from old_rows as before", "from old_rows as before where false"),
    function("listing_consents", _ACTS, "mentor.user_id = acting_user", "false"),
    function(
        "access_listing_consents",
        _SET,
        "mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids) or",
        "true or",
    ),
    function(
        "access_listing_consents", _SET, "or mentor.id = any(mentorcert_private.own_peer_mentor_ids())", ""
    ),
    function("calendar", _AS_OF, "select mentorcert_private.require_instants(", "select to_jsonb("),
    function("listing_consents", _AS_OF, "act.recorded_at <= consent_as_of.at", "true"),
    function("listing_consents", _KEPT, "mentorcert_private.is_erasure()", "true"),
    function(
        "erasure", _CANONICAL, "folded(mentorcert_private.canonical_email(value))", "canonical_email(value)"
    ),
    function("erasure", _CANONICAL, "number_key(mentorcert_private.canonical_line(value))", "folded(value)"),
    Mutation("erasure", "alter table mentorcert_private.erased_identities disable trigger canonicalise"),
    function(
        "leaving",
        "mentorcert_private.canonicalise_peer_mentor()",
        "new.left_reason := nullif(mentorcert_private.canonical_text(new.left_reason), '');",
        "",
    ),
    function("listing_consents", _SET, "mentorcert_private.canonical_text(", "btrim("),
    function("erasure", _DIGEST, "organisation_id, kind,", "kind,"),
    function("erasure", _MATCHING, "and erased.readmitted_at is null", ""),
    function("erasure", _MATCHING, "or erased.kind = 'email'", "or false"),
    function("erasure", _READMIT, "coalesce(mentorcert_private.canonical_text(reason), '') = ''", "false"),
    function(
        "erasure", _READMIT, "mentorcert_private.require_administered_organisation()", "tests.id('alfa')"
    ),
    function(
        "erasure",
        "mentorcert_private.erase_peer_mentor(uuid,boolean)",
        "perform mentorcert_private.remember_erased(mentor);",
        "",
    ),
    Mutation("erasure", "alter table mentorcert_private.erased_identities disable trigger reject_removal"),
    Mutation("erasure", "alter table mentorcert_private.erased_identities disable trigger keep_identity"),
    Mutation("erasure", "alter table mentorcert_private.erasure_keys disable trigger reject_removal"),
    Mutation("erasure", "alter table mentorcert_private.erasure_keys disable trigger reject_change"),
]
