"""Who attended: a list to tick on a phone, also filled from a file; two who tick at once change what each has ticked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.certifications import mentor_list
from mentorcert.certifications.mentor_list import MentorFilters
from mentorcert.courses import sign_ups
from mentorcert.courses.sign_ups import SignUp
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import CourseSettledError, InvalidArgumentError, MissingRightError
from mentorcert.imports import attendance
from mentorcert.imports.encodings import UnreadableFileError
from mentorcert.imports.parsing import Parsing
from mentorcert.organisations import form_drafts
from mentorcert.translatable import pack, say
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.courses import course_page, managed, out_of_reach
from mentorcert.web.coordinator.display_names import names_of, today_of
from mentorcert.web.course_words import course_name
from mentorcert.web.drafts import drafted
from mentorcert.web.file_field import FileAgain, SentFile, missing
from mentorcert.web.page_form import PageForm

router = APIRouter()

_MOST_BYTES: Final = 2**20
_PARSING_S: Final = 15.0


class AttendanceForm(PageForm):
    """Who is ticked, and who was when the list was opened; `came` are those whom a file names."""

    here: Annotated[list[UUID], Field(max_length=attendance.MOST_ROWS)] = Field(default_factory=list)
    was: Annotated[list[UUID], Field(max_length=attendance.MOST_ROWS)] = Field(default_factory=list)
    came: Annotated[list[UUID], Field(max_length=attendance.MOST_ROWS)] = Field(default_factory=list)
    everybody: bool = False
    listed: Annotated[list[UUID], Field(max_length=attendance.MOST_ROWS)] = Field(default_factory=list)
    step: str = ""


class AttendanceQuery(BaseModel):
    """The list, or what a file said."""

    draft: UUID | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the list; nobody says it of the own (`is_own`)."""

    peer_mentor_id: UUID
    full_name: str
    is_ticked: bool
    is_from_file: bool = False
    is_own: bool = False


@router.get("/courses/{course_id}/attendance")
def show(
    context: CurrentCoordinator, course_id: UUID, query: Annotated[AttendanceQuery, Query()]
) -> Response:
    """Show the list, with the ticks that a file adds."""
    draft = drafted(context, query.draft, AttendanceForm)
    return _page(context, course_id, came=draft.came if draft else ())


@router.post("/courses/{course_id}/attendance")
def save(context: CurrentCoordinator, course_id: UUID, form: Annotated[AttendanceForm, Form()]) -> Response:
    """Save what was ticked, and what was not any more; the rest stays as it is."""
    ticked, was = set(form.here), set(form.was)
    if form.everybody:
        ticked |= set(form.listed)
    attended, unset = sorted(ticked - was), sorted(was - ticked)
    if attended or unset:
        try:
            with mapped_errors(), context.conn.transaction():
                sign_ups.set_attendance(context.conn, course_id, attended=attended, unset=unset)
        except CourseSettledError:
            return course_page(context, course_id, is_settled=True)
        except MissingRightError:
            error = context._(
                "Somebody is in no chapter of yours, or you yourself: an administrator ticks them."
            )
            return _page(context, course_id, ticked=ticked, error=error)
        except InvalidArgumentError:
            return _page(context, course_id, ticked=ticked)
    notice = context.ngettext("Saved: %(num)s attended.", "Saved: %(num)s attended.", len(ticked))
    return context.redirect(f"/courses/{course_id}/attendance", notice=notice)


@router.post("/courses/{course_id}/attendance/file")
def read_file(
    context: CurrentCoordinator, course_id: UUID, file: SentFile = "", *, file_again: FileAgain = False
) -> Response:
    """Tick those whom a file names: shown at an address, and saved from there; nothing where a row is wrong."""
    if isinstance(file, str) or not file.filename:
        return _page(context, course_id, file_error=missing(context, is_again=file_again))
    content = file.file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        return _page(context, course_id, file_error=context._("The file is larger than 1 MB."))
    try:
        table = Parsing(file.filename, content, of_people=True, seconds=_PARSING_S).read()
        lines = attendance.read(context.conn, table)
    except UnreadableFileError as error:
        return _page(context, course_id, file_error=_said(context, error.args[0]))
    wrong = [one for one in lines if one.problem]
    if not lines or wrong:
        counted = context.ngettext(
            "%(num)s row is wrong. Nothing was ticked.",
            "%(num)s rows are wrong. Nothing was ticked.",
            len(wrong),
        )
        return _page(
            context, course_id, file_error=counted if wrong else context._("The file is empty."), wrong=wrong
        )
    path = f"/courses/{course_id}/attendance"
    came = [("came", str(one.peer_mentor_id)) for one in lines]
    draft_id = form_drafts.keep(context.conn, context.member()[1].id, path, came)
    return context.redirect(f"{path}?draft={draft_id}")


def _page(
    context: RequestContext,
    course_id: UUID,
    *,
    came: Collection[UUID] = (),
    ticked: Collection[UUID] | None = None,
    error: str = "",
    file_error: str = "",
    wrong: Sequence[attendance.Line] = (),
) -> Response:
    names = names_of(context)
    sent = context.ahead(sign_ups.by_name, course_id)
    course = managed(context, course_id)
    if course.state != "planned":
        return course_page(context, course_id, is_settled=True)
    signed_up = [one for one in sent.value if one.state != "withdrawn" or one.peer_mentor_id in came]
    was = [one.peer_mentor_id for one in signed_up if one.attendance == "attended"]
    here = set(came) | set(was if ticked is None else ticked)
    listed = {one.peer_mentor_id for one in signed_up}
    others = [id_ for id_ in came if id_ not in listed]
    added = (
        mentor_list.page(context.conn, MentorFilters(peer_mentor_ids=others), size=len(others)).rows
        if others
        else []
    )
    has_begun = today_of(context) >= course.days[0]
    # That it is too early is no mistake of the form: as of a course that is settled.
    status = 200 if has_begun else 409
    return context.page(
        "coordinator/course_attendance.html",
        status=422 if error or file_error else status,
        course=course,
        course_name=course_name,
        names=names,
        has_begun=has_begun,
        is_over=today_of(context) >= course.days[-1],
        seated=_people(signed_up, here, came, "seated", "unannounced", "withdrawn"),
        waiting=_people(signed_up, here, came, "waiting"),
        added=[Person(one.id, one.full_name, True, True) for one in added],
        was=[one.peer_mentor_id for one in signed_up if one.peer_mentor_id in was and not one.is_own],
        new=len(set(came) - set(was)),
        out_of_reach=out_of_reach(course, sent.value),
        error=error,
        file_error=file_error,
        wrong=wrong,
        say=lambda text: _said(context, text),
        # A file is not sent again to read the page in the other language.
        **({"here": f"/courses/{course_id}/attendance"} if file_error else {}),
    )


def _said(context: RequestContext, text: str) -> str:
    return say(pack(text), context._)


def _people(
    signed_up: Sequence[SignUp], here: Collection[UUID], came: Collection[UUID], *states: str
) -> list[Person]:
    return [
        Person(
            one.peer_mentor_id,
            one.full_name,
            one.peer_mentor_id in here,
            one.peer_mentor_id in came,
            one.is_own,
        )
        for one in signed_up
        if one.state in states
    ]
