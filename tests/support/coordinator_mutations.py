"""Guards of searches and of changes of many; see `tests.support.mutations`."""

from typing import Final

from tests.support.mutations import function

_SEARCH: Final = (
    "mentorcert_private.searched_certifications"
    "(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamptz,uuid,integer,boolean)"
)
_PREVIEW: Final = "public.preview_changes(text,uuid[],date)"
_CHANGE: Final = "public.change_certifications(text,uuid[],date,text,jsonb)"
_LIST: Final = (
    "mentorcert_private.sorted_peer_mentors"
    "(text,uuid,boolean,uuid[],text,text,text,date,date,date,boolean,text,uuid,integer)"
)
_STANDING: Final = "mentorcert_private.standing_condition(text,text,date,date,date,text)"
_SEEN: Final = "mentorcert_private.seen_at(timestamptz)"
_REQUIRE: Final = "perform mentorcert_private.require_certifications();"

MUTATIONS = [
    function("disabled_endpoints", _SEARCH, _REQUIRE, ""),
    function("disabled_endpoints", _PREVIEW, _REQUIRE, ""),
    function(
        "certification_search",
        _SEARCH,
        "status not in ('active', 'expired', 'outdated', 'suspended')",
        "false",
    ),
    function(
        "certification_search", _SEARCH, "page_size is null or page_size not between 1 and 1000000", "false"
    ),
    function("certification_search", _SEARCH, "elsif key is null then", "elsif false then"),
    function("certification_search", "mentorcert_private.sort_key(text)", "'åäöœ', 'þæøø'", "'åäöœ', 'åæøø'"),
    function(
        "certification_search",
        "mentorcert_private.name_patterns(text,boolean)",
        r"regexp_replace(written.word, '([\\%_])', '\\\1', 'g')",
        "written.word",
    ),
    function(
        "certification_search",
        "mentorcert_private.name_patterns(text,boolean)",
        "mentorcert_private.search_key(typed.word)",
        "typed.word",
    ),
    function(
        "certification_search",
        "mentorcert_private.name_patterns(text,boolean)",
        "mentorcert_private.canonical_line(left(query, 1000))",
        "left(query, 1000)",
    ),
    function(
        "certification_search",
        "mentorcert_private.name_patterns(text,boolean)",
        "query, 1000)), 100)",
        "query, 1000)), 1000)",
    ),
    function("disabled_endpoints", _LIST, _REQUIRE, ""),
    *(
        function("peer_mentor_search", _LIST, guard, changed)
        for guard, changed in (
            ("standing not in ('held', ", "standing in ('none', "),
            ("(certification_type is null) <> (standing is null)", "false"),
            ("first_day is null and last_day is null", "false"),
            ("page_size is null or page_size not between 1 and 1000000", "false"),
            ("perform mentorcert_private.require_instants(", "perform pg_catalog.to_jsonb("),
            ("organisation is null", "false"),
            ("absent <> '{}'", "false"),
            ("chapters is not null then\n    filters", "false then\n    filters"),
        )
    ),
    function("peer_mentor_search", _STANDING, "certification.peer_mentor_id = mentor.id", "true"),
    function("peer_mentor_search", _STANDING, "seen.status <> ''suspended'' and", ""),
    function("peer_mentor_search", _SEEN, "(kept.entry ->> ''effective_at'')::timestamptz <= %1$L", "true"),
    function("peer_mentor_search", _SEEN, "certification.updated_at <= %1$L", "true"),
    function("bulk_changes", _PREVIEW, "change is null or", ""),
    function(
        "bulk_changes",
        _PREVIEW,
        "coalesce(cardinality(certification_ids), 0) not between 1 and 5000",
        "false",
    ),
    function("bulk_changes", _PREVIEW, "certification.organisation_id = administered or", "true or"),
    function("bulk_changes", _PREVIEW, "or certification.chapter_ids && coordinated", ""),
    function(
        "bulk_changes",
        _PREVIEW,
        "(outcomes.outcome).issued_at <= (outcomes.certification).issued_at",
        "false",
    ),
    function("bulk_changes", _PREVIEW, "(outcomes.outcome).issued_at > now()", "false"),
    function("bulk_changes", _PREVIEW, "not in ('renewed', 'suspended', 'reinstated')", "in ('none')"),
    function("bulk_changes", _PREVIEW, "(outcomes.outcome).id is null", "false"),
    function("bulk_changes", _CHANGE, "perform mentorcert_private.require_reason(note);", ""),
    function("bulk_changes", _CHANGE, "refused is not null", "false"),
    function(
        "bulk_changes",
        "mentorcert_private.reverted_entry(public.peer_mentor_certifications,jsonb)",
        '(@.kind != "expired")\') -> -1',
        '(@.kind != "expired")\') -> 0',
    ),
]
