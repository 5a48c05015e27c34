"""Memberships: who has which role where, given by e-mail address, and taken away."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response

from mentorcert.db.connection import Connection
from mentorcert.db.rows import Answer
from mentorcert.organisations import memberships
from mentorcert.organisations.chapters import Chapter
from mentorcert.organisations.memberships import Membership, Role, State
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.administrator.ending import FAR, EndForm, KeepForm, ending
from mentorcert.web.administrator.membership_name import NAME_REFUSALS
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import AddressText, Chosen, MaybeChosen, OptionalId, Text
from mentorcert.web.login_lookup import find_login
from mentorcert.web.page_form import PageForm

router = APIRouter()

_LIST: Final = "/admin/memberships"
_SIZE: Final = 50

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "memberships_current_key": Refusal("email", LazyText("The login has this role already.")),
    "memberships_chapter_id_valid": Refusal(
        "chapter_id", LazyText("A coordinator needs a chapter; the other roles have none.")
    ),
    "memberships_chapter_id_fkey": Refusal("chapter_id", LazyText("Choose a chapter from the list.")),
    **NAME_REFUSALS,
    "peer_mentors_user_id_key": Refusal(
        "external_id", LazyText("The login belongs to another peer mentor already.")
    ),
}
_ENDING: Final[Mapping[str, Refusal]] = {
    "memberships_last_administrator": Refusal(
        "end", LazyText("The last administrator stays. Make somebody else administrator first.")
    ),
    "memberships_ended_at_valid": FAR,
}


class Filters(PageForm):
    """What of the list is shown, and after which row."""

    role: MaybeChosen[Role] = None
    chapter_id: OptionalId = None
    state: Chosen[State] = "current"
    email: AddressText = ""
    before_at: datetime | None = None
    before_id: UUID | None = None

    def url(self, after: Membership | None = None) -> str:
        """Return the address of these rows, or of those after one."""
        cursor = {} if after is None else {"before_at": after.created_at, "before_id": after.id}
        given = {**self.model_dump(exclude={"before_at", "before_id"}, exclude_defaults=True), **cursor}
        return f"{_LIST}?{urlencode(given)}" if given else _LIST


class _UnknownNumberError(Exception):
    """Undoes the membership, too."""


class MembershipForm(PageForm):
    """A new membership as its form sends it."""

    email: Text = ""
    role: Chosen[Role] = "coordinator"
    chapter_id: OptionalId = None
    full_name: Text = ""
    external_id: Text = ""


@router.get("/admin/memberships")
def show(context: CurrentAdministrator, filters: Annotated[Filters, Query()]) -> Response:
    """List the memberships, the newest first."""
    return _list(context, filters, MembershipForm(), filter_errors=filters.faults(context))


@router.post("/admin/memberships")
def add(context: CurrentAdministrator, form: Annotated[MembershipForm, Form()]) -> Response:
    """Give a login a role."""
    if errors := form.faults(context):
        return _list(context, Filters(), form, errors)
    if not form.email.strip():
        return _list(context, Filters(), form, {"email": context._("Write the e-mail address.")})
    # What is refused is shown with the list.
    sent = _ask(context, Filters())
    user_id = find_login(context, form.email)
    if user_id is None:
        unknown = context._("This address has no login yet. Send an invitation.")
        return _list(context, Filters(), form, {"email": unknown}, sent=sent)
    try:
        with field_errors(context, _REFUSALS) as errors:
            _add(context, form, user_id)
    except _UnknownNumberError:
        errors = {
            "external_id": context._("No peer mentor without a login has this number in the organisation.")
        }
    if errors:
        return _list(context, Filters(), form, errors, sent=sent)
    return context.redirect(_LIST, notice=context._("Access is given."))


@router.get("/admin/memberships/{membership_id}/end")
def confirm_end(context: CurrentAdministrator, membership_id: UUID, draft: UUID | None = None) -> Response:
    """Show what ending a membership does, and ask from when."""
    return _end(context, membership_id, drafted(context, draft, EndForm))


@router.post("/admin/memberships/{membership_id}/end")
def end(context: CurrentAdministrator, membership_id: UUID, form: Annotated[EndForm, Form()]) -> Response:
    """End a membership as it was shown, if that still does what was shown."""
    return _end(context, membership_id, form)


@router.post("/admin/memberships/{membership_id}/keep")
def keep(context: CurrentAdministrator, membership_id: UUID, form: Annotated[KeepForm, Form()]) -> Response:
    """Take the end of a membership away."""
    memberships.keep(context.conn, membership_id, form.version)
    return context.redirect(_LIST, notice=context._("The membership has no end any more."))


def _end(context: RequestContext, membership_id: UUID, form: EndForm | None) -> Response:
    user, organisation = context.member()
    version = form.version if form else None

    def write(conn: Connection, last_day: date | None) -> None:
        memberships.end(conn, membership_id, version, last_day=last_day)

    sent = context.ahead(memberships.get_current, organisation.id, membership_id)
    made = ending(context, membership_id, form, _ENDING, write)
    if made.is_made and made.last_day:
        return context.redirect(_LIST, notice=context._("The last day of the membership is saved."))
    if made.is_made:
        return context.redirect(_LIST, notice=context._("The membership has ended."))
    membership = sent.value
    return page_at_address(
        context,
        "administrator/membership_end.html",
        status=made.status(form),
        membership=membership,
        is_own=membership.user_id == user.id,
        roles=dict(role_names(context)),
        ending=made,
    )


def role_names(context: RequestContext) -> list[tuple[str, str]]:
    """Return the roles and what they are called."""
    return [
        ("coordinator", context._("Coordinator")),
        ("org_admin", context._("Administrator")),
        ("peer_mentor", context._("Peer mentor")),
    ]


def _add(context: RequestContext, form: MembershipForm, user_id: UUID) -> None:
    _, organisation = context.member()
    memberships.add(context.conn, user_id, form.role, form.chapter_id, form.full_name)
    number = form.external_id.strip()
    if number and not memberships.link_peer_mentor(context.conn, organisation.id, number, user_id):
        raise _UnknownNumberError


def _ask(
    context: RequestContext, filters: Filters, size: int = _SIZE + 1
) -> tuple[Answer[list[Membership]], Answer[list[Chapter]]]:
    _, organisation = context.member()
    found = context.ahead(memberships.search, organisation.id, **filters.model_dump(), size=size)
    return found, chapters_of(context)


def _list(
    context: RequestContext,
    filters: Filters,
    form: MembershipForm,
    errors: Mapping[str, str] | None = None,
    *,
    filter_errors: Mapping[str, str] | None = None,
    sent: tuple[Answer[list[Membership]], Answer[list[Chapter]]] | None = None,
) -> Response:
    sent_found, sent_chapters = sent or _ask(context, filters, 0 if filter_errors else _SIZE + 1)
    found, chapters = sent_found.value, sent_chapters.value
    return context.page(
        "administrator/memberships.html",
        status=422 if errors or filter_errors else 200,
        memberships=found[:_SIZE],
        next_url=filters.url(found[_SIZE - 1]) if len(found) > _SIZE else None,
        first_url=filters.url() if filters.before_at else None,
        filters=filters,
        form=form,
        errors=errors or {},
        filter_errors=filter_errors or {},
        roles=role_names(context),
        role_names=dict(role_names(context)),
        any_chapter=options(chapters, context._("All chapters")),
        no_chapter=options(chapters, context._("None")),
    )
