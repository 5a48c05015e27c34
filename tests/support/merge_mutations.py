"""Guards of merges and look-alikes, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "peer_mentor_merges"
_ABSENT: Final = "mentorcert_private.absent_peer_mentor_ids(boolean)"
_MERGED_INTO: Final = "mentorcert_private.peer_mentor_merged_into(uuid)"
_READS: Final = "mentorcert_private.reads_peer_mentor(uuid)"
_IS_MERGING: Final = "mentorcert_private.is_merging(uuid,uuid)"
_KEEP: Final = "mentorcert_private.keep_merged()"
_PERSON: Final = "mentorcert_private.merged_person(mentorcert.peer_mentors,mentorcert.peer_mentors,jsonb)"
_CHAPTERS: Final = "mentorcert_private.merge_chapters(uuid,uuid)"
_CERTIFICATIONS: Final = "mentorcert_private.merge_certifications(uuid,uuid,text)"
_TOPICS: Final = "mentorcert_private.merge_topics(mentorcert.peer_mentors,mentorcert.peer_mentors,boolean)"
_TAKE_TOPICS_BACK: Final = "mentorcert_private.take_topics_back(mentorcert_private.peer_mentor_merges)"
_MERGE: Final = "mentorcert_private.merge_peer_mentors(uuid,uuid,jsonb)"
_UNDO: Final = "mentorcert_private.undo_merge(uuid)"
_PAIRS: Final = "public.look_alike_pairs(uuid,uuid,integer)"
_DISTINCT: Final = "public.mark_distinct(uuid,uuid,boolean)"
_MERGES_OF: Final = "public.merges_of(uuid)"
_ERASE: Final = "mentorcert_private.erase_peer_mentor(uuid,boolean)"
_STALE: Final = "mentorcert_private.reject_stale_consent()"
_COPY: Final = "mentorcert_private.copy_chapter_ids()"
_ADMINISTERED: Final = "mentorcert_private.require_administered_organisation('administration_right')"
_MERGES: Final = "mentorcert_private.peer_mentor_merges"

MUTATIONS: Final = [
    function(_FILE, _PAIRS, "page_size is null or page_size not between 1 and 1000", "false"),
    function(_FILE, _ABSENT, "or mentor.merged_into is not null or not", "or not"),
    function(
        _FILE, _READS, "mentor.organisation_id = mentorcert_private.administered_organisation_id()", "true"
    ),
    function(_FILE, _IS_MERGING, "merge.transaction_id = pg_current_xact_id_if_assigned()", "true"),
    function(_FILE, _KEEP, "elsif new.erased_at is null then", "elsif false then"),
    function(_FILE, _PERSON, "order by act.recorded_at desc", "order by act.recorded_at"),
    function(_FILE, _PERSON, "coalesce(choices ->> 'login', '') not in ('kept', 'absorbed')", "false"),
    function(_FILE, _PERSON, "or not taken <@ ", "or false and not taken <@ "),
    function(
        _FILE,
        _CHAPTERS,
        "coalesce(link.ended_at, 'infinity') > coalesce(link.kept_ended_at, 'infinity')",
        "link.ended_at is not null",
    ),
    function(
        _FILE,
        _CERTIFICATIONS,
        "coalesce((pair.absorbed).expires_at, 'infinity') > coalesce((pair.kept).expires_at, 'infinity')",
        "false",
    ),
    function(_FILE, _CERTIFICATIONS, "(pair.absorbed).status = 'suspended'", "false"),
    function(
        _FILE,
        _MERGE,
        "mentor.id = merge_peer_mentors.absorbed_id and mentor.organisation_id = organisation",
        "mentor.id = merge_peer_mentors.absorbed_id",
    ),
    function(_FILE, _MERGE, "elsif reason is null or length(reason) > 500", "elsif false"),
    function(_FILE, _TOPICS, "not is_public or", "true or"),
    function(_FILE, _TOPICS, "not is_public or", ""),
    function(_FILE, _TOPICS, "when kept.id then kept.listing_consent", "when kept.id then true"),
    function(_FILE, _TOPICS, "else absorbed.listing_consent", "else true"),
    function(_FILE, _TOPICS, "and not chosen.is_allowed\n  )", "and false\n  )"),
    function(_FILE, _TAKE_TOPICS_BACK, "and choice.created_at <= merge.merged_at", ""),
    function(_FILE, _TAKE_TOPICS_BACK, "merge.state -> 'gained_topics' ? choice.topic_id::text", "true"),
    function(
        _FILE, _TAKE_TOPICS_BACK, "on conflict on constraint peer_mentor_topics_pkey do nothing", "limit 0"
    ),
    function(
        _FILE,
        _MERGE,
        "merge_topics(kept, absorbed, merged.listing_consent)",
        "merge_topics(kept, absorbed, false)",
    ),
    function(_FILE, _UNDO, "mentorcert_private.merge_changes_since(merge) <> '{}'", "false"),
    function(_FILE, _UNDO, "asked.organisation_id = organisation and asked.undone_at", "asked.undone_at"),
    function(_FILE, _PAIRS, _ADMINISTERED, "tests.id('alfa')"),
    function(_FILE, _PAIRS, "alike.merged_into is null", "true"),
    function(_FILE, _DISTINCT, _ADMINISTERED, "tests.id('alfa')"),
    function(_FILE, _DISTINCT, "mentor.organisation_id = organisation", "true"),
    function(
        _FILE, _MERGES_OF, "not mentorcert_private.reads_peer_mentor(merges_of.peer_mentor_id)", "false"
    ),
    function(_FILE, _MERGED_INTO, "and mentorcert_private.reads_peer_mentor(merged.id)", ""),
    function(_FILE, _MERGED_INTO, "and merged.merged_into is not null", "and true"),
    function(_FILE, _ERASE, "perform mentorcert_private.erase_peer_mentor(absorbed_id);", ""),
    function(_FILE, _ERASE, "set reason = null, state = null,", "set"),
    function(_FILE, _ERASE, "not mentorcert_private.is_erasure() and exists", "false and exists"),
    function(
        _FILE,
        _STALE,
        "any(mentorcert_private.merged_peer_mentor_ids(new.id))",
        "any(array[new.id])",
    ),
    function(_FILE, _COPY, "or mentor.merged_into is not null", ""),
    Mutation(_FILE, f"alter table {_MERGES} disable trigger require_consequences_on_insert"),
    Mutation(_FILE, f"alter table {_MERGES} disable trigger keep_identity"),
    Mutation(_FILE, f"alter table {_MERGES} disable trigger reject_removal"),
]
