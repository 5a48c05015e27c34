"""Adding a peer mentor, and changing what is written of one; administrators only."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.organisations import peer_mentors
from mentorcert.organisations.peer_mentors import Contact, LookAlike, PeerMentor
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.display_names import names_of
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Maybe
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_Text = Maybe[Annotated[str, Field(max_length=300)]]

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "peer_mentors_organisation_id_external_id_key": Refusal(
        "external_id", LazyText("Somebody has this number already.")
    ),
    "peer_mentors_external_id_folded_key": Refusal(
        "external_id", LazyText("Somebody has this number already.")
    ),
    "peer_mentors_external_id_valid": Refusal(
        "external_id", LazyText("Write letters a to å, digits and ordinary signs.")
    ),
    "peer_mentors_external_id_length": too_long("external_id"),
    "peer_mentors_full_name_valid": Refusal("full_name", LazyText("Write the name.")),
    "peer_mentors_full_name_characters": unreadable("full_name"),
    "peer_mentors_full_name_length": too_long("full_name"),
    "peer_mentors_display_name_characters": unreadable("display_name"),
    "peer_mentors_display_name_length": too_long("display_name"),
    "peer_mentors_email_valid": Refusal(
        "email", LazyText("Write one e-mail address, such as kari@example.org.")
    ),
    "peer_mentors_email_length": too_long("email"),
    "peer_mentors_phone_valid": Refusal("phone", LazyText("Write a telephone number in digits.")),
    "peer_mentors_phone_length": too_long("phone"),
    "peer_mentors_user_id_key": Refusal("login", LazyText("Another peer mentor has this login already.")),
}


_LABELS: Final[Mapping[str, LazyText]] = {
    "external_id": LazyText("Number"),
    "full_name": LazyText("Name"),
    "display_name": LazyText("Name on the public list"),
    "email": LazyText("E-mail"),
    "phone": LazyText("Phone"),
    "listing_consent": LazyText("Has consented to be on the public list"),
    "chapter": LazyText("Chapters"),
    "login": LazyText("Login"),
}


class MentorForm(VersionedForm):
    """A peer mentor as the form sends it; `login` is the e-mail address of a login, not of the person."""

    external_id: Annotated[str, Field(max_length=100)] = ""
    full_name: Annotated[str, Field(max_length=300)] = ""
    display_name: _Text = None
    email: _Text = None
    phone: _Text = None
    listing_consent: bool = False
    chapter: list[UUID] = Field(default_factory=list)
    login: _Text = None
    is_another: bool = False


@router.get("/mentors/new")
def ask(context: CurrentAdministrator) -> Response:
    """Show an empty form."""
    return _page(context, None, MentorForm())


@router.post("/mentors/new")
def add(context: CurrentAdministrator, form: Annotated[MentorForm, Form()]) -> Response:
    """Add a peer mentor."""
    return _save(context, None, form)


@router.get("/mentors/{mentor_id}/edit")
def ask_change(context: CurrentAdministrator, mentor_id: UUID) -> Response:
    """Show the form with what is written of a peer mentor."""
    mentor = peer_mentors.get(context.conn, mentor_id)
    return _page(context, mentor, opened(context, _form_of(context, mentor), mentor.version))


@router.post("/mentors/{mentor_id}/edit")
def change(context: CurrentAdministrator, mentor_id: UUID, form: Annotated[MentorForm, Form()]) -> Response:
    """Write what this person changed, unless somebody else changed something meanwhile."""
    return retried(lambda: _change(context, mentor_id, form))


def _change(context: RequestContext, mentor_id: UUID, form: MentorForm) -> Response:
    mentor = peer_mentors.get(context.conn, mentor_id)
    names = names_of(context)

    def write(name: str, value: Any) -> str:
        return ", ".join(names.chapters_of(map(UUID, value))) if name == "chapter" else str(value)

    now = merged(context, form, _form_of(context, mentor), mentor.version, labels=_LABELS, write=write)
    if now is not None:
        return _page(context, mentor, now.form, differences=now.differences)
    return _save(context, mentor, form)


def _form_of(context: RequestContext, mentor: PeerMentor) -> MentorForm:
    return MentorForm(
        external_id=mentor.external_id,
        full_name=mentor.full_name,
        display_name=mentor.display_name,
        email=mentor.email,
        phone=mentor.phone,
        listing_consent=mentor.listing_consent,
        chapter=mentor.chapter_ids,
        login=peer_mentors.login_address(context.conn, mentor.user_id) if mentor.user_id else None,
    )


def _save(context: RequestContext, mentor: PeerMentor | None, form: MentorForm) -> Response:
    errors: dict[str, str] = {}
    user_id = _login(context, mentor, form, errors)
    if not form.external_id.strip():
        errors["external_id"] = context._("Write the number.")
    if not form.full_name.strip():
        errors["full_name"] = context._("Write the name.")
    if errors:
        return _page(context, mentor, form, errors)
    contact = Contact(
        form.external_id.strip(),
        form.full_name.strip(),
        form.display_name,
        form.email,
        form.phone,
        form.listing_consent,
        user_id,
    )
    if mentor is None and not form.is_another:
        alike = peer_mentors.look_alikes(context.conn, contact)
        # The same number is refused, whatever is confirmed.
        if alike:
            return _page(context, mentor, form, alike=alike)
    with field_errors(context, _REFUSALS) as errors:
        if mentor is None:
            mentor_id = peer_mentors.add(context.conn, contact, set(form.chapter))
        else:
            mentor_id = mentor.id
            peer_mentors.change(context.conn, mentor, contact, set(form.chapter))
    if errors:
        return _page(context, mentor, form, errors)
    notice = context._("The peer mentor was saved.") if mentor else context._("The peer mentor was added.")
    return context.redirect(f"/mentors/{mentor_id}", notice=notice)


def _login(
    context: RequestContext, mentor: PeerMentor | None, form: MentorForm, errors: dict[str, str]
) -> UUID | None:
    """Return the login that the form names; each look-up is logged, so one that is known is not looked up."""
    if form.login is None:
        # A login that is no member's is not shown, so it is not taken away unseen either.
        hidden = (
            mentor and mentor.user_id and peer_mentors.login_address(context.conn, mentor.user_id) is None
        )
        return mentor.user_id if mentor and hidden else None
    if mentor and mentor.user_id:
        known = peer_mentors.login_address(context.conn, mentor.user_id)
        if known and known.casefold() == form.login.strip().casefold():
            return mentor.user_id
    found = peer_mentors.find_login(context.conn, form.login)
    context.log_always("find_login")
    if found is None:
        errors["login"] = context._("There is no login with this address. Ask the person to sign in once.")
    return found


def _page(
    context: RequestContext,
    mentor: PeerMentor | None,
    form: MentorForm,
    errors: dict[str, str] | None = None,
    *,
    differences: Sequence[Difference] = (),
    alike: Sequence[LookAlike] = (),
) -> Response:
    return context.page(
        "coordinator/mentor_form.html",
        status=409 if differences else 422 if errors or alike else 200,
        differences=differences,
        mentor=mentor,
        form=form,
        errors=errors or {},
        alike=alike,
        chapters=names_of(context).chapters,
    )
