"""A course that very many attended, written by SQL."""

from uuid import UUID

from tests.support.registry import Organisation


def attend_in_thousands(organisation: Organisation, course: UUID) -> None:
    """Let 2,501 new peer mentors of the chapter attend: with two types, one more than a closing certifies."""
    organisation.conn.execute(
        "with added as ("
        " insert into mentorcert.peer_mentors (organisation_id, external_id, full_name)"
        " select %(organisation)s, 'x' || number, 'Person' from generate_series(1, 2501) as number returning id"
        "), linked as ("
        " insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " select %(organisation)s, id, %(chapter)s from added returning peer_mentor_id"
        ") insert into mentorcert_private.course_sign_ups"
        " (organisation_id, course_id, peer_mentor_id, state, rank, attendance)"
        " select %(organisation)s, %(course)s, peer_mentor_id, 'seated', 1, 'attended' from linked",
        {"organisation": organisation.id, "chapter": organisation.chapter, "course": course},
    )
