"""Guards of searches and of changes of many; see `tests.support.mutations`."""

from typing import Final

from tests.support.mutations import function

_SEARCH: Final = (
    "public.search_certifications"
    "(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamptz,uuid,integer)"
)
_PREVIEW: Final = "public.preview_changes(text,uuid[],date)"
_CHANGE: Final = "public.change_certifications(text,uuid[],date,text,jsonb)"
_REQUIRE: Final = "perform mentorcert_private.require_certifications();"

MUTATIONS = [
    function("disabled_endpoints", _SEARCH, _REQUIRE, ""),
    function("disabled_endpoints", _PREVIEW, _REQUIRE, ""),
    function("certification_search", _SEARCH, "status not in ('active', 'expired', 'suspended')", "false"),
    function(
        "certification_search", _SEARCH, "page_size is null or page_size not between 1 and 1000000", "false"
    ),
    function("certification_search", _SEARCH, "elsif key is null then", "elsif false then"),
    function("certification_search", _SEARCH, "''å'', ''ÿ''", "''å'', ''å''"),
    function(
        "certification_search",
        "mentorcert_private.name_patterns(text)",
        r"regexp_replace(word, '([\\%_])', '\\\1', 'g')",
        "word",
    ),
    function("certification_search", "mentorcert_private.name_patterns(text)", "lower(query)", "query"),
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
        "bulk_changes", "mentorcert_private.latest_change(uuid)", "entries.position desc", "entries.position"
    ),
]
