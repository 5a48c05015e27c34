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

from mentorcert.web.administrator.chapters import chapters_of, choices
from mentorcert.web.administrator.fields import Maybe, OptionalId
from mentorcert.web.administrator.queries import Refusal, attempt, require_one, row, rows
from mentorcert.web.visit import Administrator, Role, Visit
from mentorcert.wording import Sentence

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_LIST: Final = "/admin/memberships"
_SIZE: Final = 50

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "memberships_current_key": Refusal("email", Sentence("The login has this role already.")),
    "memberships_chapter_id_valid": Refusal(
        "chapter_id", Sentence("A coordinator needs a chapter; the other roles have none.")
    ),
    "memberships_chapter_id_fkey": Refusal("chapter_id", Sentence("Choose a chapter from the list.")),
    "peer_mentors_user_id_key": Refusal(
        "external_id", Sentence("The login belongs to another peer mentor already.")
    ),
}
_LAST: Final[Mapping[str, Refusal]] = {
    "memberships_last_administrator": Refusal(
        "membership", Sentence("The last administrator stays. Make somebody else administrator first.")
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
def show(visit: Administrator, filters: Annotated[Filters, Query()]) -> Response:
    """List the memberships, the newest first."""
    return _list(visit, filters, MembershipForm())


@router.post("/admin/memberships")
def add(visit: Administrator, form: Annotated[MembershipForm, Form()]) -> Response:
    """Give a login a role."""
    user = _login(visit, form.email) if form.email.strip() else None
    if user is None:
        unknown = visit._("No login has this address. The person signs in once, or is invited, first.")
        return _list(visit, Filters(), form, {"email": unknown})
    _, organisation = visit.member()

    def change() -> None:
        _QUERIES.add(visit.conn, user_id=user, role=form.role, chapter_id=form.chapter_id)
        number = form.external_id.strip()
        if number and not _QUERIES.link_peer_mentor(
            visit.conn, organisation_id=organisation.id, external_id=number, user_id=user
        ):
            raise _UnknownNumberError

    try:
        errors = attempt(visit, _REFUSALS, change)
    except _UnknownNumberError:
        errors = {
            "external_id": visit._("No peer mentor without a login has this number in the organisation.")
        }
    if errors:
        return _list(visit, Filters(), form, errors)
    return visit.redirect(_LIST, notice=visit._("The membership is given. It holds from now on."))


@router.get("/admin/memberships/{membership_id}/end")
def confirm_end(visit: Administrator, membership_id: UUID) -> Response:
    """Ask whether a membership is to end."""
    return _ending(visit, membership_id)


@router.post("/admin/memberships/{membership_id}/end")
def end(visit: Administrator, membership_id: UUID) -> Response:
    """End a membership."""
    errors = attempt(visit, _LAST, lambda: require_one(_QUERIES.end_membership(visit.conn, id=membership_id)))
    if errors:
        return _ending(visit, membership_id, errors["membership"])
    return visit.redirect(_LIST, notice=visit._("The membership has ended."))


def role_names(visit: Visit) -> list[tuple[str, str]]:
    """Return the roles and what they are called."""
    return [
        ("coordinator", visit._("Coordinator")),
        ("org_admin", visit._("Administrator")),
        ("peer_mentor", visit._("Peer mentor")),
    ]


def _login(visit: Visit, email: str) -> UUID | None:
    user: UUID | None = _QUERIES.find_login(visit.conn, email=email)
    visit.keep("find_login")
    return user


def _ending(visit: Visit, membership_id: UUID, error: str = "") -> Response:
    user, organisation = visit.member()
    membership = row(
        visit.conn, Membership, _QUERIES.membership.sql, id=membership_id, organisation_id=organisation.id
    )
    visit.saw({organisation.id})
    return visit.page(
        "administrator/membership_end.html",
        status=422 if error else 200,
        membership=membership,
        is_own=membership.user_id == user.id,
        roles=dict(role_names(visit)),
        error=error,
    )


def _list(
    visit: Visit, filters: Filters, form: MembershipForm, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = visit.member()
    visit.saw({organisation.id})
    found = rows(
        visit.conn,
        Membership,
        _QUERIES.memberships.sql,
        organisation_id=organisation.id,
        size=_SIZE + 1,
        **filters.model_dump(),
    )
    chapters = chapters_of(visit)
    return visit.page(
        "administrator/memberships.html",
        status=422 if errors else 200,
        memberships=found[:_SIZE],
        next_url=filters.url(found[_SIZE - 1]) if len(found) > _SIZE else None,
        first_url=filters.url() if filters.before_at else None,
        filters=filters,
        form=form,
        errors=errors or {},
        roles=role_names(visit),
        role_texts=dict(role_names(visit)),
        any_chapter=choices(chapters, visit._("All chapters")),
        no_chapter=choices(chapters, visit._("None")),
    )
