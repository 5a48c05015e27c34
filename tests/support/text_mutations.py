"""Guards of what people write: the canonical form of remarks and addresses, and lengths."""

from typing import Final

from tests.support.mutations import Mutation, function

_REMARKS: Final = "mentorcert_private.check_note_and_evidence(jsonb)"

MUTATIONS: Final = [
    Mutation(
        "texts",
        "alter table mentorcert_private.disabled_endpoints drop constraint disabled_endpoints_reason_length",
    ),
    Mutation("catalogue_tables", "alter table mentorcert.chapters drop constraint chapters_name_length"),
    Mutation(
        "catalogue_tables", "alter table mentorcert.peer_mentors drop constraint peer_mentors_phone_length"
    ),
    Mutation("texts", "drop index mentorcert.peer_mentors_external_id_folded_key"),
    function(
        "texts",
        "mentorcert_private.canonicalise_peer_mentor()",
        "nullif(mentorcert_private.canonical_email(new.email), '')",
        "new.email",
    ),
    function("texts", "mentorcert_private.search_key(text)", "'ø', 'oe'", "'ø', 'o'"),
    function("texts", "mentorcert_private.unaccented(text)", "'øðđ", "'ðđ"),
    function(
        "certification_search",
        "mentorcert_private.found_peer_mentors(uuid,text,uuid[],integer)",
        "is_unaccented => true",
        "is_unaccented => false",
    ),
    function("texts", _REMARKS, "not mentorcert_private.is_readable(change ->> 'note') or", ""),
    function("texts", _REMARKS, "not mentorcert_private.is_readable(said.value)", "false"),
    function(
        "texts", "mentorcert_private.change_context(boolean)", "mentorcert_private.canonical_remarks(", "("
    ),
]
