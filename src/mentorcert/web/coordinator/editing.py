"""Adding a peer mentor, and changing what is written of one; administrators only."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BeforeValidator, Field

from mentorcert.organisations import peer_mentors
from mentorcert.organisations.peer_mentors import Contact, LookAlike, PeerMentor
from mentorcert.translatable import LazyText
from mentorcert.web.contact_form import DETAIL_REFUSALS
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.chapter_choices import grouped
from mentorcert.web.coordinator.display_names import Names, names_of
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import TYPED, Chosen, Text, Ticked, none_if_empty
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried
from mentorcert.web.login_lookup import find_login

router = APIRouter()

_Text = Annotated[str | None, Field(max_length=300), BeforeValidator(none_if_empty), TYPED]

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
    **DETAIL_REFUSALS,
    "peer_mentors_external_id_not_reserved": Refusal(
        "external_id", LazyText("Numbers that begin with “erased-” stand for erased people.")
    ),
    "erased_stay_erased": Refusal(
        "external_id",
        LazyText(
            "A person with this number or e-mail address was erased."
            " If the person came back, let the number in again first."
        ),
    ),
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
    """A peer mentor as the form sends it; `login` is the e-mail address of a login, not of the person.

    The consent counts for a new peer mentor only: later it is given and withdrawn by a form of its own.
    """

    external_id: Text = ""
    full_name: Text = ""
    display_name: _Text = None
    email: _Text = None
    phone: _Text = None
    listing_consent: Ticked = False
    chapter: Chosen[list[UUID]] = Field(default_factory=list)
    login: _Text = None
    is_another: Ticked = False


class _LooksAlikeError(Exception):
    """Undoes what was added."""


@router.get("/mentors/new")
def ask(context: CurrentAdministrator) -> Response:
    """Show an empty form."""
    return _page(context, names_of(context), None, MentorForm())


@router.post("/mentors/new")
def add(context: CurrentAdministrator, form: Annotated[MentorForm, Form()]) -> Response:
    """Add a peer mentor."""
    return _save(context, names_of(context), None, None, form)


@router.get("/mentors/{mentor_id}/edit")
def ask_change(context: CurrentAdministrator, mentor_id: UUID) -> Response:
    """Show the form with what is written of a peer mentor."""
    names = names_of(context)
    login = context.ahead(peer_mentors.login_address_of, mentor_id)
    mentor = peer_mentors.get(context.conn, mentor_id)
    return _page(context, names, mentor, opened(context, _form_of(mentor, login.value), mentor.version))


@router.post("/mentors/{mentor_id}/edit")
def change(context: CurrentAdministrator, mentor_id: UUID, form: Annotated[MentorForm, Form()]) -> Response:
    """Write what this person changed, unless somebody else changed something meanwhile."""
    return retried(lambda: _change(context, mentor_id, form))


def _change(context: RequestContext, mentor_id: UUID, form: MentorForm) -> Response:
    names = names_of(context)
    sent = context.ahead(peer_mentors.login_address_of, mentor_id)
    mentor = peer_mentors.get(context.conn, mentor_id)
    login = sent.value
    if errors := form.faults(context):
        return _page(context, names, mentor, form, errors)

    def write(name: str, value: Any) -> str:
        return ", ".join(names.chapters_of(map(UUID, value))) if name == "chapter" else str(value)

    now = merged(context, form, _form_of(mentor, login), mentor.version, labels=_LABELS, write=write)
    if now is not None:
        return _page(context, names, mentor, now.form, differences=now.differences)
    return _save(context, names, mentor, login, form)


def _form_of(mentor: PeerMentor, login: str | None) -> MentorForm:
    return MentorForm(
        external_id=mentor.external_id,
        full_name=mentor.full_name,
        display_name=mentor.display_name,
        email=mentor.email,
        phone=mentor.phone,
        chapter=mentor.chapter_ids,
        login=login,
    )


def _save(
    context: RequestContext, names: Names, mentor: PeerMentor | None, login: str | None, form: MentorForm
) -> Response:
    """Write a peer mentor as read, with the address of the login, or a new one."""
    if errors := form.faults(context):
        return _page(context, names, mentor, form, errors)
    user_id = _login(context, mentor, login, form, errors)
    if not form.external_id.strip():
        errors["external_id"] = context._("Write the number.")
    if not form.full_name.strip():
        errors["full_name"] = context._("Write the name.")
    if errors:
        return _page(context, names, mentor, form, errors)
    contact = Contact(
        form.external_id.strip(),
        form.full_name.strip(),
        form.display_name,
        form.email,
        form.phone,
        user_id,
    )
    alike = context.ahead(peer_mentors.look_alikes, contact) if not (mentor or form.is_another) else None
    with suppress(_LooksAlikeError), field_errors(context, _REFUSALS) as errors:
        if mentor is None:
            mentor_id = peer_mentors.add(
                context.conn, contact, set(form.chapter), listing_consent=form.listing_consent
            )
        else:
            mentor_id = mentor.id
            peer_mentors.change(context.conn, mentor, contact, set(form.chapter))
        if alike and alike.value:
            raise _LooksAlikeError
    # The same number is refused, whatever is confirmed.
    if alike and alike.value:
        return _page(context, names, mentor, form, alike=alike.value)
    if errors:
        return _page(context, names, mentor, form, errors)
    notice = context._("The peer mentor was saved.") if mentor else context._("The peer mentor was added.")
    return context.redirect(f"/mentors/{mentor_id}", notice=notice)


def _login(
    context: RequestContext,
    mentor: PeerMentor | None,
    known: str | None,
    form: MentorForm,
    errors: dict[str, str],
) -> UUID | None:
    """Return the login that the form names; each look-up is logged, so one that is known is not looked up."""
    if form.login is None:
        # A login that is no member's is not shown, so it is not taken away unseen either.
        return mentor.user_id if mentor and known is None else None
    if mentor and known and known.casefold() == form.login.strip().casefold():
        return mentor.user_id
    found = find_login(context, form.login)
    if found is None:
        errors["login"] = context._("This address has no login yet. Send an invitation.")
    return found


def _page(
    context: RequestContext,
    names: Names,
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
        groups=grouped(context, names),
    )
