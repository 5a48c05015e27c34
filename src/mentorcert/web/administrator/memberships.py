"""Memberships: who has which role where, given by e-mail address, and taken away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.organisations import memberships, peer_mentors
from mentorcert.organisations.memberships import Membership, Role, State
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import AddressText, Maybe, OptionalId

router = APIRouter()

_LIST: Final = "/admin/memberships"
_SIZE: Final = 50

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "memberships_current_key": Refusal("email", LazyText("The login has this role already.")),
    "memberships_chapter_id_valid": Refusal(
        "chapter_id", LazyText("A coordinator needs a chapter; the other roles have none.")
    ),
    "memberships_chapter_id_fkey": Refusal("chapter_id", LazyText("Choose a chapter from the list.")),
    "peer_mentors_user_id_key": Refusal(
        "external_id", LazyText("The login belongs to another peer mentor already.")
    ),
}
_LAST: Final[Mapping[str, Refusal]] = {
    "memberships_last_administrator": Refusal(
        "membership", LazyText("The last administrator stays. Make somebody else administrator first.")
    )
}


class Filters(BaseModel):
    """What of the list is shown, and after which row."""

    role: Maybe[Role] = None
    chapter_id: OptionalId = None
    state: State = "current"
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


class MembershipForm(BaseModel):
    """A new membership as its form sends it."""

    email: str = Field("", max_length=320)
    role: Role = "coordinator"
    chapter_id: OptionalId = None
    external_id: str = Field("", max_length=200)


@router.get("/admin/memberships")
def show(context: CurrentAdministrator, filters: Annotated[Filters, Query()]) -> Response:
    """List the memberships, the newest first."""
    return _list(context, filters, MembershipForm())


@router.post("/admin/memberships")
def add(context: CurrentAdministrator, form: Annotated[MembershipForm, Form()]) -> Response:
    """Give a login a role."""
    user_id = _find_login(context, form.email) if form.email.strip() else None
    if user_id is None:
        unknown = context._("No login has this address. The person signs in once, or is invited, first.")
        return _list(context, Filters(), form, {"email": unknown})
    try:
        with field_errors(context, _REFUSALS) as errors:
            _add(context, form, user_id)
    except _UnknownNumberError:
        errors = {
            "external_id": context._("No peer mentor without a login has this number in the organisation.")
        }
    if errors:
        return _list(context, Filters(), form, errors)
    return context.redirect(_LIST, notice=context._("The membership is given. It holds from now on."))


@router.get("/admin/memberships/{membership_id}/end")
def confirm_end(context: CurrentAdministrator, membership_id: UUID) -> Response:
    """Ask whether to end a membership."""
    return _end_form(context, membership_id)


@router.post("/admin/memberships/{membership_id}/end")
def end(
    context: CurrentAdministrator, membership_id: UUID, version: Annotated[Maybe[int], Form()] = None
) -> Response:
    """End a membership as it was shown."""
    with field_errors(context, _LAST) as errors:
        memberships.end(context.conn, membership_id, version)
    if errors:
        return _end_form(context, membership_id, errors["membership"])
    return context.redirect(_LIST, notice=context._("The membership has ended."))


def role_names(context: RequestContext) -> list[tuple[str, str]]:
    """Return the roles and what they are called."""
    return [
        ("coordinator", context._("Coordinator")),
        ("org_admin", context._("Administrator")),
        ("peer_mentor", context._("Peer mentor")),
    ]


def _add(context: RequestContext, form: MembershipForm, user_id: UUID) -> None:
    _, organisation = context.member()
    memberships.add(context.conn, user_id, form.role, form.chapter_id)
    number = form.external_id.strip()
    if number and not memberships.link_peer_mentor(context.conn, organisation.id, number, user_id):
        raise _UnknownNumberError


def _find_login(context: RequestContext, email: str) -> UUID | None:
    user_id = peer_mentors.find_login(context.conn, email)
    context.log_always("find_login")
    return user_id


def _end_form(context: RequestContext, membership_id: UUID, error: str = "") -> Response:
    user, organisation = context.member()
    membership = memberships.get_current(context.conn, organisation.id, membership_id)
    return context.page(
        "administrator/membership_end.html",
        status=422 if error else 200,
        membership=membership,
        is_own=membership.user_id == user.id,
        roles=dict(role_names(context)),
        error=error,
    )


def _list(
    context: RequestContext, filters: Filters, form: MembershipForm, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = context.member()
    found = memberships.search(context.conn, organisation.id, **filters.model_dump(), size=_SIZE + 1)
    chapters = chapters_of(context)
    return context.page(
        "administrator/memberships.html",
        status=422 if errors else 200,
        memberships=found[:_SIZE],
        next_url=filters.url(found[_SIZE - 1]) if len(found) > _SIZE else None,
        first_url=filters.url() if filters.before_at else None,
        filters=filters,
        form=form,
        errors=errors or {},
        roles=role_names(context),
        role_names=dict(role_names(context)),
        any_chapter=options(chapters, context._("All chapters")),
        no_chapter=options(chapters, context._("None")),
    )
