"""Notes on a peer mentor and follow-ups: written, changed, done, and as a list of what is due."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel

from mentorcert.errors import MissingRightError
from mentorcert.organisations import notes, peer_mentors
from mentorcert.organisations.notes import Content, Responsible
from mentorcert.organisations.notes import Note as WrittenNote
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import time_zone_of, today_of, written
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Note, OptionalDay, OptionalId
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "peer_mentor_notes_text_valid": Refusal("text", LazyText("Write what there is to note.")),
    "peer_mentor_notes_text_length": too_long("text"),
    "peer_mentor_notes_text_characters": unreadable("text"),
    "peer_mentor_notes_responsible_id_valid": Refusal(
        "due_on", LazyText("Write a day, or leave out who is responsible.")
    ),
    "responsible_id": Refusal("responsible", LazyText("Choose one of these.")),
    "notes_number": Refusal(
        "text", LazyText("There are 500 notes. Remove those that are not needed any more.")
    ),
}
_LABELS: Final[Mapping[str, LazyText]] = {
    "text": LazyText("Text of the note"),
    "due_on": LazyText("To be done by"),
    "responsible": LazyText("Responsible"),
}


class NoteForm(VersionedForm):
    """What is noted; a day makes it a follow-up."""

    text: Note = None
    due_on: OptionalDay = None
    responsible: OptionalId = None

    def content(self) -> Content:
        """Return what is written."""
        return Content(self.text or "", self.due_on, self.responsible)


class SettlingForm(BaseModel):
    """That a follow-up is done, or open again; `page` is where the button stood."""

    done: bool
    version: int
    page: Literal["person", "own", "all"] = "person"


class FollowUpsQuery(BaseModel):
    """Whose follow-ups."""

    all: bool = False


@router.get("/follow-ups")
def follow_ups(context: CurrentCoordinator, query: Annotated[FollowUpsQuery, Query()]) -> Response:
    """Show what there is to follow up, what is overdue first."""
    found = notes.follow_ups(context.conn, of_everybody=query.all)
    return context.page(
        "coordinator/follow_ups.html",
        of_everybody=query.all,
        follow_ups=found,
        is_cut=len(found) == notes.MOST_FOLLOW_UPS,
        today=today_of(context),
    )


@router.get("/mentors/{mentor_id}/notes")
def show(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Show the notes about somebody, and the form for another one."""
    return _of_mentor(context, mentor_id, NoteForm())


@router.post("/mentors/{mentor_id}/notes")
def write(context: CurrentCoordinator, mentor_id: UUID, form: Annotated[NoteForm, Form()]) -> Response:
    """Write another note."""
    errors = form.faults(context)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            notes.write(context.conn, mentor_id, form.content())
    if errors:
        return _of_mentor(context, mentor_id, form, errors)
    return context.redirect(f"/mentors/{mentor_id}/notes", notice=context._("The note was saved."))


@router.get("/mentors/{mentor_id}/notes/{note_id}")
def ask(context: CurrentCoordinator, mentor_id: UUID, note_id: UUID) -> Response:
    """Show the form of a note."""
    page = _NotePage(context, mentor_id, note_id)
    return page.answer(opened(context, _form_of(page.note), page.note.version))


@router.post("/mentors/{mentor_id}/notes/{note_id}")
def change(
    context: CurrentCoordinator, mentor_id: UUID, note_id: UUID, form: Annotated[NoteForm, Form()]
) -> Response:
    """Change a note, unless somebody else did meanwhile."""
    return retried(lambda: _change(context, mentor_id, note_id, form))


def _change(context: RequestContext, mentor_id: UUID, note_id: UUID, form: NoteForm) -> Response:
    page = _NotePage(context, mentor_id, note_id)
    if errors := form.faults(context):
        return page.answer(form, errors)
    version = page.note.version
    now = merged(context, form, _form_of(page.note), version, labels=_LABELS, write=page.writer())
    if now is not None:
        return page.answer(now.form, differences=now.differences)
    with field_errors(context, _REFUSALS) as errors:
        notes.change(context.conn, note_id, form.content(), version=version)
    if errors:
        return page.answer(form, errors)
    return context.redirect(f"/mentors/{mentor_id}/notes", notice=context._("The note was saved."))


@router.post("/mentors/{mentor_id}/notes/{note_id}/done")
def settle(
    context: CurrentCoordinator, mentor_id: UUID, note_id: UUID, form: Annotated[SettlingForm, Form()]
) -> Response:
    """Mark a follow-up as done, or open it again, if it is still the one that was seen."""
    notes.settle(context.conn, note_id, is_done=form.done, version=form.version)
    back = {"person": f"/mentors/{mentor_id}/notes", "own": "/follow-ups", "all": "/follow-ups?all=true"}
    notice = context._("The follow-up is done.") if form.done else context._("The follow-up is open again.")
    return context.redirect(back[form.page], notice=notice)


@router.post("/mentors/{mentor_id}/notes/{note_id}/remove")
def remove(
    context: CurrentCoordinator, mentor_id: UUID, note_id: UUID, version: Annotated[int, Form()]
) -> Response:
    """Remove a note, if it is still the one that was seen."""
    notes.remove(context.conn, note_id, version=version)
    return context.redirect(f"/mentors/{mentor_id}/notes", notice=context._("The note was removed."))


def _of_mentor(
    context: RequestContext, mentor_id: UUID, form: NoteForm, errors: Mapping[str, str] | None = None
) -> Response:
    responsibles = context.ahead(notes.responsibles, mentor_id)
    found = context.ahead(notes.of_peer_mentor, mentor_id)
    mentor = peer_mentors.get(context.conn, mentor_id)
    return context.page(
        "coordinator/notes.html",
        status=422 if errors else 200,
        mentor=mentor,
        notes=found.value,
        today=today_of(context),
        time_zone=time_zone_of(context),
        form=form,
        errors=errors or {},
        responsibles=_options(context, responsibles.value),
    )


class _NotePage:
    """The form of one note, for those who may change it."""

    def __init__(self, context: RequestContext, mentor_id: UUID, note_id: UUID) -> None:
        responsibles = context.ahead(notes.responsibles, mentor_id)
        found = context.ahead(notes.of_peer_mentor, mentor_id)
        self._context = context
        self._mentor = peer_mentors.get(context.conn, mentor_id)
        note = next((one for one in found.value if one.id == note_id and one.may_change), None)
        if note is None:
            raise MissingRightError
        self.note = note
        self._options = _options(context, responsibles.value)
        # Who has no access any more stays responsible until somebody chooses another one.
        if note.responsible_id and str(note.responsible_id) not in dict(self._options):
            self._options.append((str(note.responsible_id), note.responsible or context._("unknown")))

    def answer(
        self,
        form: NoteForm,
        errors: Mapping[str, str] | None = None,
        differences: Sequence[Difference] = (),
    ) -> Response:
        """Show the form."""
        return self._context.page(
            "coordinator/note.html",
            status=409 if differences else 422 if errors else 200,
            mentor=self._mentor,
            note=self.note,
            form=form,
            errors=errors or {},
            differences=differences,
            responsibles=self._options,
        )

    def writer(self) -> Callable[[str, Any], str]:
        """Return how the fields are written where somebody else changed them."""

        def write(name: str, value: Any) -> str:
            if name == "due_on":
                return written(self._context, "day", date.fromisoformat(value))
            return dict(self._options).get(value, "–") if name == "responsible" else str(value)

        return write


def _options(context: RequestContext, responsibles: Sequence[Responsible]) -> list[tuple[str, str]]:
    """Return who can be chosen, the reader first; nobody reads the notes who could not follow one up."""
    if not responsibles:
        raise MissingRightError
    user, _ = context.member()
    others = [
        (str(one.user_id), one.name or context._("unknown")) for one in responsibles if one.user_id != user.id
    ]
    return [("", context._("I do it myself")), *others]


def _form_of(note: WrittenNote) -> NoteForm:
    return NoteForm(text=note.text, due_on=note.due_on, responsible=note.responsible_id)
