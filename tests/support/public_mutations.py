"""Guards of the public list's search, topics and contacts, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_CHAPTERS: Final = "public.public_chapters(text)"
_TOPICS: Final = "public.public_topics(text)"
_SEARCH: Final = "public.public_search(text,text)"
_CONTACT: Final = "public.set_chapter_contact(uuid,text,text,text,text[],bigint)"
_SAVE: Final = "public.save_organisation_topic(uuid,text,text,text,boolean,bigint)"
_CHOOSE: Final = "public.set_peer_mentor_topics(uuid,uuid[])"
_CHOSEN: Final = "public.peer_mentor_topics(uuid)"
_MAY: Final = "mentorcert_private.may_choose_topics(uuid)"

_DETAILS: Final = "public.certificate_details(uuid)"
_DESIGN: Final = "public.set_certificate_design(text,text,bytea,boolean)"
_TEXT: Final = "public.set_type_certificate(uuid,boolean,text,text,bigint)"

MUTATIONS: Final = [
    function("certificates", _DETAILS, "and mentor.erased_at is null", ""),
    function("certificates", _DETAILS, "perform mentorcert_private.check_endpoint('certifications');", ""),
    function("certificates", _DETAILS, "when certification.issued_at > now() then 'expired'", ""),
    function("certificates", _DETAILS, "when not type.gives_certificate then 'withdrawn'", ""),
    function("certificates", _DETAILS, "when status.now <> 'active' then status.now", ""),
    function("certificates", _DETAILS, "left(word, 1)", "word"),
    function(
        "certificates",
        _DESIGN,
        "constant uuid := mentorcert_private.require_administered_organisation()",
        "constant uuid := public.get_user_organisation_id()",
    ),
    function("certificates", _DESIGN, "coalesce(excluded.logo, design.logo)", "excluded.logo"),
    function(
        "certificates",
        _TEXT,
        "constant uuid := mentorcert_private.require_administered_organisation()",
        "constant uuid := public.get_user_organisation_id()",
    ),
    function("certificates", _TEXT, "and type.organisation_id = organisation", ""),
    function("certificates", _TEXT, "coalesce(set_type_certificate.version, type.version)", "type.version"),
    function(
        "certificates",
        "public.certificate_design()",
        "design.organisation_id = (select public.get_user_organisation_id())",
        "true",
    ),
    *(
        Mutation(
            "certificates",
            f"alter table mentorcert_private.certificate_designs drop constraint certificate_designs_{name}",
        )
        for name in (
            "signatory_characters",
            "signatory_length",
            "signatory_valid",
            "logo_length",
            "logo_valid",
        )
    ),
    Mutation(
        "certificates", "alter table mentorcert_private.certificate_designs disable trigger canonicalise"
    ),
    Mutation(
        "certificates", "alter table mentorcert_private.certificate_designs disable trigger audit_update"
    ),
    function("public_chapters", _CHAPTERS, "where organisation.slug = public_chapters.slug", "where true"),
    function("public_chapters", _CHAPTERS, "perform mentorcert_private.check_endpoint('public_list');", ""),
    function("public_chapters", _CHAPTERS, "and listed.listed_until > now()", ""),
    function("public_chapters", _CHAPTERS, "shown.retired_on is null and", ""),
    function("public_chapters", _SEARCH, "limit 8", ""),
    function("public_chapters", _SEARCH, "replace(word, '\\', '\\\\')", "word"),
    function("public_chapters", _SEARCH, "'%', '\\%'", "'%', '%'"),
    function("public_chapters", _SEARCH, "'_', '\\_'", "'_', '_'"),
    function("public_chapters", _SEARCH, "or found.code = any(chapter.above)", ""),
    function(
        "public_chapters",
        _CONTACT,
        "and mentorcert_private.may_certify(chapter.organisation_id, array[chapter.id])",
        "",
    ),
    function(
        "public_chapters",
        _CONTACT,
        "coalesce(set_chapter_contact.version, chapter.version)",
        "chapter.version",
    ),
    function(
        "public_chapters",
        "mentorcert_private.refresh_listing_of_chapters()",
        "(before.name, before.code) is distinct from (after.name, after.code)",
        "before.name <> after.name",
    ),
    function("topics", _TOPICS, "organisation.slug = public_topics.slug", "true"),
    function("topics", _TOPICS, "and topic.is_offered", ""),
    function("public_chapters", _TOPICS, "mentorcert_private.check_endpoint('public_list') and", ""),
    function(
        "topics",
        _SAVE,
        "constant uuid := mentorcert_private.require_administered_organisation()",
        "constant uuid := public.get_user_organisation_id()",
    ),
    function("topics", _SAVE, "and topic.organisation_id = organisation", ""),
    function("topics", _SAVE, "count(*) >= 200", "false"),
    function("topics", _SAVE, "coalesce(save_organisation_topic.version, topic.version)", "topic.version"),
    function("topics", _CHOOSE, "and mentorcert_private.may_choose_topics(mentor.id)", ""),
    function(
        "topics",
        _CHOOSE,
        "and topic.organisation_id = organisation and topic.is_offered",
        "and topic.is_offered",
    ),
    function(
        "topics",
        _CHOOSE,
        "and topic.organisation_id = organisation and topic.is_offered",
        "and topic.organisation_id = organisation",
    ),
    function("topics", _CHOOSE, "and topic.is_offered\n    and chosen", "and chosen"),
    function(
        "topics",
        _CHOSEN,
        "if not mentorcert_private.may_choose_topics(peer_mentor_topics.peer_mentor_id) then",
        "if false then",
    ),
    function("topics", _MAY, "and mentor.erased_at is null", ""),
    function("topics", _MAY, "or mentor.id = any(mentorcert_private.own_peer_mentor_ids())", ""),
    function(
        "topics",
        "public.organisation_topics()",
        "topic.organisation_id = (select public.get_user_organisation_id())",
        "true",
    ),
    function(
        "topics",
        "mentorcert_private.erase_peer_mentor(uuid,boolean)",
        "chosen.peer_mentor_id = mentor.id",
        "false",
    ),
    Mutation(
        "topics",
        "alter table mentorcert_private.peer_mentor_topics disable trigger refresh_listing_on_insert",
    ),
    Mutation(
        "topics",
        "alter table mentorcert_private.peer_mentor_topics disable trigger refresh_listing_on_delete",
    ),
    Mutation("topics", "alter table mentorcert_private.topics disable trigger canonicalise"),
    Mutation("topics", "alter table mentorcert_private.topics disable trigger check_version"),
    Mutation("topics", "alter table mentorcert_private.topics disable trigger audit_insert"),
    Mutation("topics", "drop index mentorcert_private.topics_name_key"),
    *(
        Mutation("topics", f"alter table mentorcert_private.topics drop constraint topics_{name}")
        for name in ("kind_valid", "name_valid", "name_length", "name_characters")
    ),
    *(
        Mutation("catalogue_functions", f"grant execute on function public.{name} to anon")
        for name in ("organisation_topics", "set_peer_mentor_topics", "set_chapter_contact")
    ),
]
