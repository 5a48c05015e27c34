"""Guards of notes, follow-ups and of how it was on a day, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "notes"
_TABLE: Final = "mentorcert_private.peer_mentor_notes"
_MAY: Final = "mentorcert_private.may_note(uuid)"
_WHO: Final = "mentorcert_private.responsible_ids(uuid)"
_LOCKED: Final = "mentorcert_private.locked_note(uuid,boolean)"
_READ: Final = "public.peer_mentor_notes(uuid)"
_OPEN: Final = "public.follow_ups(boolean)"
_RESPONSIBLES: Final = "public.note_responsibles(uuid)"
_WRITE: Final = "public.write_note(uuid,text,date,uuid)"
_CHANGE: Final = "public.change_note(uuid,text,date,uuid,bigint)"
_SETTLE: Final = "public.settle_note(uuid,boolean,bigint)"
_REMOVE: Final = "public.remove_note(uuid,bigint)"
_QUEUE: Final = "mentorcert_private.queue_follow_ups()"
_RECIPIENT: Final = "mentorcert_private.follow_up_recipient(uuid)"
_ON: Final = "public.certifications_on(date,boolean,uuid,uuid,text,text,uuid,integer)"
_SWITCH: Final = "perform mentorcert_private.check_endpoint('peer_mentors');"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # Who reads and writes
    _guard(_MAY, "and mentor.user_id is distinct from (select auth.uid())"),
    _guard(
        _MAY,
        "and mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))",
    ),
    _guard(_READ, "and mentorcert_private.may_note(peer_mentor_notes.peer_mentor_id)"),
    _guard(_OPEN, "and mentorcert_private.may_note(mentor.id)"),
    _guard(_OPEN, "follow_ups.of_everybody or note.responsible_id = (select auth.uid())", "true"),
    _guard(_OPEN, "and note.done_at is null"),
    _guard(_OPEN, "note.due_on is not null and", ""),
    _guard(_RESPONSIBLES, "and mentorcert_private.may_note(mentor.id)"),
    _guard(_WRITE, "and mentorcert_private.may_note(mentor.id)"),
    _guard(
        _LOCKED, "and mentorcert_private.may_note(mentorcert_private.kept_peer_mentor_id(of.peer_mentor_id))"
    ),
    _guard(_LOCKED, "and (not is_own or mentorcert_private.owns_note(of.organisation_id, of.author_id))"),
    _guard(_CHANGE, "is_own => true", "is_own => false"),
    _guard(_REMOVE, "is_own => true", "is_own => false"),
    *[_guard(of, _SWITCH) for of in (_READ, _OPEN, _RESPONSIBLES, _WRITE, _LOCKED)],
    # Who is responsible
    _guard(_WHO, "and membership.user_id is distinct from mentor.user_id"),
    _guard(_WHO, "and (membership.ended_at is null or membership.ended_at > statement_timestamp())"),
    _guard(_WHO, "and exists (select from above where above.id = membership.chapter_id)"),
    _guard(
        _WRITE,
        "perform mentorcert_private.require_responsible(write_note.peer_mentor_id, write_note.responsible_id);",
    ),
    _guard(_CHANGE, "change_note.responsible_id is distinct from note.responsible_id", "false"),
    # What is written
    _guard(_WRITE, "count(*) >= 500", "false"),
    _guard(_CHANGE, "coalesce(change_note.version, changed.version)", "changed.version"),
    _guard(_SETTLE, "coalesce(settle_note.version, changed.version)", "changed.version"),
    _guard(_REMOVE, "coalesce(remove_note.version, removed.version)", "removed.version"),
    _guard(_CHANGE, "mentorcert_private.canonical_text(change_note.text) <> changed.text", "true"),
    *[
        Mutation(_FILE, f"alter table {_TABLE} drop constraint peer_mentor_notes_{name}")
        for name in ("text_characters", "text_length", "text_valid", "responsible_id_valid", "done_at_valid")
    ],
    *[
        Mutation(_FILE, f"alter table {_TABLE} disable trigger {name}")
        for name in ("canonicalise", "keep_identity", "check_version", "set_version", "audit_delete")
    ],
    # Mails
    _guard(_QUEUE, "note.due_on between last.day - 2 and last.day", "note.due_on <= last.day"),
    _guard(_QUEUE, "note.due_on between last.day - 2 and last.day", "note.due_on >= last.day - 2"),
    _guard(_QUEUE, "and note.done_at is null"),
    _guard(_QUEUE, "and (note.due_on + time '08:00') at time zone organisation.time_zone > restored_at"),
    _guard(_RECIPIENT, "and note.due_on = mail.due_on"),
    _guard(_RECIPIENT, "and note.responsible_id = mail.user_id"),
    _guard(_RECIPIENT, "and note.done_at is null"),
    _guard(_RECIPIENT, "and mail.user_id = any(mentorcert_private.responsible_ids(mentor.id))"),
    _guard(_RECIPIENT, "(mentor.left_on is null or mentor.left_on >", "(true or mentor.left_on >"),
    Mutation(_FILE, "drop index mentorcert_private.notice_mails_one_of_a_follow_up"),
    # When they go
    function(
        _FILE,
        "mentorcert_private.erase_peer_mentor(uuid,boolean)",
        "delete from mentorcert_private.peer_mentor_notes as note where note.peer_mentor_id = mentor.id;",
        "",
    ),
    function(_FILE, "mentorcert_private.outdated_conditions()", "and mentor.left_on < $1::date", ""),
    # On a day
    *[
        function("certifications_on", _ON, guard, instead)
        for guard, instead in (
            ("perform mentorcert_private.require_certifications();", ""),
            (
                "perform mentorcert_private.require_instants(jsonb_build_object('day', certifications_on.day));",
                "",
            ),
            ("certifications_on.page_size not between 1 and 1000", "false"),
            ("or mentor.left_on > certifications_on.day", ""),
            ("and (chapters is null or certification.chapter_ids && chapters)", ""),
            ("and (wanted is null or certification.certification_type = wanted)", ""),
            ("and (person is null or certification.peer_mentor_id = person)", ""),
            ("and (known_at is null or (entries.entry ->> 'recorded_at')::timestamptz <= known_at)", ""),
        )
    ],
]
