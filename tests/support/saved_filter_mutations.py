"""Guards of saved filters, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "saved_filters"
_FORM: Final = "mentorcert_private.is_list_filter(text,jsonb)"
_KNOWN: Final = "mentorcert_private.check_saved_filter()"
_KEEPS: Final = "mentorcert_private.keeps_saved_filter(uuid,uuid)"
_LOCKED: Final = "mentorcert_private.locked_saved_filter(uuid)"
_READ: Final = "public.saved_filters()"
_SAVE: Final = "public.save_filter(text,text,jsonb,boolean)"
_RENAME: Final = "public.rename_filter(uuid,text,bigint)"
_REMOVE: Final = "public.remove_filter(uuid,bigint)"
_OUTDATED: Final = "mentorcert_private.outdated_conditions()"
_ERASE: Final = "mentorcert_private.erase_peer_mentor(uuid,boolean)"
_SWITCH: Final = "perform mentorcert_private.check_endpoint('peer_mentors');"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # What a filter is
    _guard(_FORM, "parameters <> '{}' and"),
    _guard(_FORM, "jsonb_typeof(given.value) <> 'string' or"),
    _guard(_FORM, "given.value #>> '{}' !~ known.pattern", "false"),
    _guard(_FORM, "or not mentorcert_private.is_readable_line(given.value #>> '{}')"),
    _guard(_FORM, "known.list = is_list_filter.list and"),
    _guard(_KNOWN, "chapter.organisation_id = new.organisation_id and"),
    _guard(_KNOWN, "type.organisation_id = new.organisation_id and"),
    _guard(_KNOWN, "in ('holds', 'type')", "= 'type'"),
    # Whose it is
    _guard(_KEEPS, "and (user_id is null or user_id = (select auth.uid()))"),
    _guard(_KEEPS, "and user_id = (select auth.uid())\n    and", "and"),
    _guard(_KEEPS, "and (select mentorcert_private.coordinated_chapter_ids()) <> '{}'"),
    _guard(_READ, "(saved.user_id is null or saved.user_id = (select auth.uid()))", "true"),
    _guard(_READ, "and mentorcert_private.keeps_saved_filter(saved.organisation_id, (select auth.uid()))"),
    _guard(_SAVE, "not mentorcert_private.keeps_saved_filter(organisation, owner)", "false"),
    _guard(_SAVE, "count(*) >= 30", "false"),
    _guard(_SAVE, "saved.user_id is not distinct from owner", "true"),
    _guard(_LOCKED, "and mentorcert_private.keeps_saved_filter(saved.organisation_id, saved.user_id)"),
    _guard(_RENAME, "coalesce(rename_filter.version, saved.version)", "saved.version"),
    _guard(_REMOVE, "coalesce(remove_filter.version, saved.version)", "saved.version"),
    *[_guard(of, _SWITCH) for of in (_READ, _SAVE, _LOCKED)],
    # When it goes
    _guard(_OUTDATED, "line.user_id is not null and line.created_at < $1 and", "line.created_at < $1 and"),
    _guard(
        _OUTDATED, "line.user_id is not null and line.created_at < $1 and", "line.user_id is not null and"
    ),
    _guard(_OUTDATED, "and membership.organisation_id = line.organisation_id"),
    _guard(_OUTDATED, "and membership.role <> ''peer_mentor''"),
    _guard(_OUTDATED, "and (membership.ended_at is null or membership.ended_at > $1)"),
    _guard(_ERASE, "saved.organisation_id = mentor.organisation_id\n    and", ""),
    _guard(_ERASE, "array[mentor.full_name, mentor.external_id, mentor.email]", "array[mentor.full_name]"),
    _guard(_ERASE, "array[mentor.full_name, mentor.external_id, mentor.email]", "array[mentor.external_id]"),
    _guard(_ERASE, "or length(known.value) > 5\n        and", "or"),
]
