"""A peer mentor leaves one chapter: its consequences first, then at once or after a day."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.db.connection import Connection
from mentorcert.organisations import mentor_chapters, peer_mentors
from mentorcert.web.administrator.ending import FAR, EndForm, KeepForm, ending
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal

router = APIRouter(prefix="/mentors/{mentor_id}/chapters/{chapter_id}")

_ENDING: Final[Mapping[str, Refusal]] = {"peer_mentor_chapters_ended_at_valid": FAR}


@router.get("/end")
def confirm_end(
    context: CurrentAdministrator, mentor_id: UUID, chapter_id: UUID, draft: UUID | None = None
) -> Response:
    """Show what leaving the chapter does, and ask from when."""
    return _end(context, mentor_id, chapter_id, drafted(context, draft, EndForm))


@router.post("/end")
def end(
    context: CurrentAdministrator, mentor_id: UUID, chapter_id: UUID, form: Annotated[EndForm, Form()]
) -> Response:
    """Let the person leave as it was shown, if that still does what was shown."""
    return _end(context, mentor_id, chapter_id, form)


@router.post("/keep")
def keep(
    context: CurrentAdministrator, mentor_id: UUID, chapter_id: UUID, form: Annotated[KeepForm, Form()]
) -> Response:
    """Take the end away."""
    link = mentor_chapters.get(context.conn, mentor_id, chapter_id)
    mentor_chapters.keep(context.conn, link.id, form.version)
    return context.redirect(f"/mentors/{mentor_id}", notice=context._("The person stays in the chapter."))


def _end(context: RequestContext, mentor_id: UUID, chapter_id: UUID, form: EndForm | None) -> Response:
    sent_mentor = context.ahead(peer_mentors.get, mentor_id)
    link = mentor_chapters.get(context.conn, mentor_id, chapter_id)
    mentor = sent_mentor.value
    version = form.version if form else None

    def write(conn: Connection, last_day: date | None) -> None:
        mentor_chapters.end(conn, link.id, version, last_day=last_day)

    made = ending(context, link.id, form, _ENDING, write)
    if made.is_made and made.last_day:
        notice = context._("The last day in the chapter is saved.")
    elif made.is_made:
        notice = context._("The person has left the chapter.")
    else:
        return page_at_address(
            context,
            "administrator/chapter_end.html",
            status=made.status(form),
            mentor=mentor,
            link=link,
            ending=made,
        )
    return context.redirect(f"/mentors/{mentor_id}", notice=notice)
