"""Memberships: who has which role where, given by e-mail address, and taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, choices
from mentorcert.web.administrator.fields import Maybe, OptionalId
from mentorcert.web.administrator.queries import Refusal, attempt, require_one, row, rows
from mentorcert.web.context import CurrentAdministrator, RequestContext, Role

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
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


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of the list; the address is known of members only, the name of those who are peer mentors."""

    id: UUID
    user_id: UUID
    role: Role
    chapter: str | None
    created_at: datetime
    ended_at: datetime | None
    email: str | None
    full_name: str | None


class Filters(BaseModel):
    """What of the list is shown, and after which row."""

    model_config = ConfigDict(extra="forbid")

    role: Maybe[Role] = None
    chapter_id: OptionalId = None
    state: Literal["current", "ended", "all"] = "current"
    email: str = Field("", max_length=320)
    before_at: datetime | None = None
    before_id: UUID | None = None

    def url(self, after: Membership | None = None) -> str:
        """Return the address of these rows, or of those after one."""
        place = {} if after is None else {"before_at": after.created_at, "before_id": after.id}
        given = {**self.model_dump(exclude={"before_at", "before_id"}, exclude_defaults=True), **place}
        return f"{_LIST}?{urlencode(given)}" if given else _LIST


class _UnknownNumberError(Exception):
    """Takes the membership back, too."""


class MembershipForm(BaseModel):
    """A membership to be given."""

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
    user = _login(context, form.email) if form.email.strip() else None
    if user is None:
        unknown = context._("No login has this address. The person signs in once, or is invited, first.")
        return _list(context, Filters(), form, {"email": unknown})
    _, organisation = context.member()

    def change() -> None:
        _QUERIES.add(context.conn, user_id=user, role=form.role, chapter_id=form.chapter_id)
        number = form.external_id.strip()
        if number and not _QUERIES.link_peer_mentor(
            context.conn, organisation_id=organisation.id, external_id=number, user_id=user
        ):
            raise _UnknownNumberError

    try:
        errors = attempt(context, _REFUSALS, change)
    except _UnknownNumberError:
        errors = {
            "external_id": context._("No peer mentor without a login has this number in the organisation.")
        }
    if errors:
        return _list(context, Filters(), form, errors)
    return context.redirect(_LIST, notice=context._("The membership is given. It holds from now on."))


@router.get("/admin/memberships/{membership_id}/end")
def confirm_end(context: CurrentAdministrator, membership_id: UUID) -> Response:
    """Ask whether a membership is to end."""
    return _ending(context, membership_id)


@router.post("/admin/memberships/{membership_id}/end")
def end(context: CurrentAdministrator, membership_id: UUID) -> Response:
    """End a membership."""
    errors = attempt(
        context, _LAST, lambda: require_one(_QUERIES.end_membership(context.conn, id=membership_id))
    )
    if errors:
        return _ending(context, membership_id, errors["membership"])
    return context.redirect(_LIST, notice=context._("The membership has ended."))


def role_names(context: RequestContext) -> list[tuple[str, str]]:
    """Return the roles and what they are called."""
    return [
        ("coordinator", context._("Coordinator")),
        ("org_admin", context._("Administrator")),
        ("peer_mentor", context._("Peer mentor")),
    ]


def _login(context: RequestContext, email: str) -> UUID | None:
    user: UUID | None = _QUERIES.find_login(context.conn, email=email)
    context.keep("find_login")
    return user


def _ending(context: RequestContext, membership_id: UUID, error: str = "") -> Response:
    user, organisation = context.member()
    membership = row(
        context.conn, Membership, _QUERIES.membership.sql, id=membership_id, organisation_id=organisation.id
    )
    context.record_rows({organisation.id})
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
    context.record_rows({organisation.id})
    found = rows(
        context.conn,
        Membership,
        _QUERIES.memberships.sql,
        organisation_id=organisation.id,
        size=_SIZE + 1,
        **filters.model_dump(),
    )
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
        role_texts=dict(role_names(context)),
        any_chapter=choices(chapters, context._("All chapters")),
        no_chapter=choices(chapters, context._("None")),
    )
