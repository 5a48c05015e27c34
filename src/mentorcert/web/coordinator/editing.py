"""Adding a peer mentor, and changing what is written of one; administrators only."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, BeforeValidator, Field

from mentorcert.certifications import mentors
from mentorcert.certifications.mentors import Contact, PeerMentor
from mentorcert.errors import DatabaseError
from mentorcert.web.coordinator.names import names_of
from mentorcert.web.coordinator.queries import none_if_empty
from mentorcert.web.visit import Administrator, Visit
from mentorcert.wording import Sentence

router = APIRouter()

_Text = Annotated[str | None, Field(max_length=300), BeforeValidator(none_if_empty)]

# Where the database refuses a value: of which field, and what to say.
_FAULTS: Final = {
    "peer_mentors_organisation_id_external_id_key": (
        "external_id",
        Sentence("Somebody has this number already."),
    ),
    "peer_mentors_external_id_valid": ("external_id", Sentence("Write the number without space around it.")),
    "peer_mentors_full_name_valid": ("full_name", Sentence("Write the name.")),
    "peer_mentors_display_name_valid": ("display_name", Sentence("Write a name, or leave it empty.")),
    "peer_mentors_user_id_key": ("login", Sentence("Another peer mentor has this login already.")),
}


class MentorForm(BaseModel):
    """A peer mentor as the form sends it; `login` is the e-mail address of a login, not of the person."""

    external_id: Annotated[str, Field(max_length=100)] = ""
    full_name: Annotated[str, Field(max_length=300)] = ""
    display_name: _Text = None
    email: _Text = None
    phone: _Text = None
    listing_consent: bool = False
    chapter: list[UUID] = []
    login: _Text = None


@router.get("/mentors/new")
def ask(visit: Administrator) -> Response:
    """Show an empty form."""
    return _page(visit, None, MentorForm())


@router.post("/mentors/new")
def add(visit: Administrator, form: Annotated[MentorForm, Form()]) -> Response:
    """Add a peer mentor."""
    return _save(visit, None, form)


@router.get("/mentors/{mentor_id}/edit")
def ask_change(visit: Administrator, mentor_id: UUID) -> Response:
    """Show what is written of a peer mentor, to be changed."""
    mentor = mentors.get(visit.conn, mentor_id)
    login = mentors.login_address(visit.conn, mentor.user_id) if mentor.user_id else None
    form = MentorForm(
        external_id=mentor.external_id,
        full_name=mentor.full_name,
        display_name=mentor.display_name,
        email=mentor.email,
        phone=mentor.phone,
        listing_consent=mentor.listing_consent,
        chapter=mentor.chapter_ids,
        login=login,
    )
    return _page(visit, mentor, form)


@router.post("/mentors/{mentor_id}/edit")
def change(visit: Administrator, mentor_id: UUID, form: Annotated[MentorForm, Form()]) -> Response:
    """Write what is new."""
    return _save(visit, mentors.get(visit.conn, mentor_id), form)


def _save(visit: Visit, mentor: PeerMentor | None, form: MentorForm) -> Response:
    errors: dict[str, str] = {}
    user_id = _login(visit, mentor, form, errors)
    if not form.external_id.strip():
        errors["external_id"] = visit._("Write the number.")
    if not form.full_name.strip():
        errors["full_name"] = visit._("Write the name.")
    if errors:
        return _page(visit, mentor, form, errors)
    contact = Contact(
        form.external_id.strip(),
        form.full_name.strip(),
        form.display_name,
        form.email,
        form.phone,
        form.listing_consent,
        user_id,
    )
    try:
        with visit.conn.transaction():
            if mentor is None:
                id_ = mentors.add(visit.conn, contact, set(form.chapter))
            else:
                id_ = mentor.id
                mentors.change(visit.conn, mentor, contact, set(form.chapter))
    except DatabaseError as error:
        fault = _FAULTS.get(error.constraint or "")
        if fault is None:
            raise
        field, text = fault
        return _page(visit, mentor, form, {field: visit._(text)})
    notice = visit._("The peer mentor was saved.") if mentor else visit._("The peer mentor was added.")
    return visit.redirect(f"/mentors/{id_}", notice=notice)


def _login(visit: Visit, mentor: PeerMentor | None, form: MentorForm, errors: dict[str, str]) -> UUID | None:
    """Return the login that the form names; each look-up is logged, so one that is known is not looked up."""
    if form.login is None:
        # A login that is no member's is not shown, so it is not taken away unseen either.
        hidden = mentor and mentor.user_id and mentors.login_address(visit.conn, mentor.user_id) is None
        return mentor.user_id if mentor and hidden else None
    if mentor and mentor.user_id:
        known = mentors.login_address(visit.conn, mentor.user_id)
        if known and known.casefold() == form.login.strip().casefold():
            return mentor.user_id
    found = mentors.find_login(visit.conn, form.login)
    visit.keep("find_login")
    if found is None:
        errors["login"] = visit._("There is no login with this address. Ask the person to sign in once.")
    return found


def _page(
    visit: Visit, mentor: PeerMentor | None, form: MentorForm, errors: dict[str, str] | None = None
) -> Response:
    visit.saw({visit.member()[1].id})
    return visit.page(
        "coordinator/mentor_form.html",
        status=422 if errors else 200,
        mentor=mentor,
        form=form,
        errors=errors or {},
        chapters=names_of(visit).chapters,
    )
