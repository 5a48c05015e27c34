"""Invitations: sent to addresses, listed with their results, made again and withdrawn."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.organisations import invitations
from mentorcert.organisations.invitations import Invitation, Selection
from mentorcert.organisations.memberships import Role
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.chapters import chapters_of, options
from mentorcert.web.administrator.memberships import role_names
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import OptionalId
from mentorcert.web.invitation_states import state_text

router = APIRouter()

PATH: Final = "/admin/invitations"
_SIZE: Final = 50
_LONGEST: Final = 100_000

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "invitations_chapter_id_valid": Refusal(
        "chapter_id", LazyText("A coordinator needs a chapter; the other roles have none.")
    ),
    "invitations_chapter_id_fkey": Refusal("chapter_id", LazyText("Choose a chapter from the list.")),
    "chapters_not_retired": Refusal("chapter_id", LazyText("Choose a chapter from the list.")),
    "invitations_at_once": Refusal("emails", LazyText("Invite at most 5,000 people at once.")),
}
_FAILURES: Final[Mapping[str, LazyText]] = {
    "chapters_not_retired": LazyText("The chapter is no longer in use."),
    "invitation_ended": LazyText(
        "The person's access was ended after the invitation. Send it again if it is to hold all the same."
    ),
    "invitation_inviter": LazyText(
        "Who invited is no longer an administrator. Send it again in your own name."
    ),
    "invitation_mail_refused": LazyText("The address takes no mail. Check how it is written."),
    "invitation_peer_mentor": LazyText(
        "The peer mentor has left, or has another login or another address by now."
    ),
    "invitation_shared_address": LazyText(
        "Another peer mentor has the same address. Each needs an address of their own."
    ),
    "peer_mentors_user_id_key": LazyText("The login belongs to another peer mentor already."),
}
_FAILED: Final = LazyText("Access could not be given. Ask the operator.")


class InvitationsQuery(BaseModel):
    """Which invitations are shown, and after which one."""

    show: Selection = "open"
    before_at: datetime | None = None
    before_id: UUID | None = None

    def url(self, after: Invitation | None = None) -> str:
        """Return the address of these rows, or of those after one."""
        place = {} if after is None else {"before_at": after.invited_at, "before_id": after.id}
        return f"{PATH}?{urlencode({'show': self.show, **place})}"


class InvitationForm(BaseModel):
    """Who is invited: addresses, one a line."""

    emails: str = Field("", max_length=_LONGEST)
    role: Role = "coordinator"
    chapter_id: OptionalId = None


class _UnusableError(Exception):
    """Undoes the invitations: to one of the addresses no mail can be sent."""


@router.get(PATH)
def show(context: CurrentAdministrator, query: Annotated[InvitationsQuery, Query()]) -> Response:
    """List the invitations, the newest first."""
    return _list(context, query, InvitationForm())


@router.post(PATH)
def invite(context: CurrentAdministrator, form: Annotated[InvitationForm, Form()]) -> Response:
    """Invite addresses to be coordinators or administrators."""
    _, organisation = context.member()
    emails = [
        line.strip()
        for line in form.emails.replace(",", "\n").replace(";", "\n").splitlines()
        if line.strip()
    ]
    if not emails:
        return _list(
            context, InvitationsQuery(), form, {"emails": context._("Write at least one e-mail address.")}
        )
    sent = context.ahead(invitations.addresses, organisation.id, emails, form.role, form.chapter_id)
    invited = 0
    with suppress(_UnusableError), field_errors(context, _REFUSALS) as errors:
        invited = invitations.invite(
            context.conn, organisation.id, emails, form.role, form.chapter_id, language=context.language
        )
        if any(one.outcome == "no_address" for one in sent.value):
            raise _UnusableError
    unusable = [one.email for one in sent.value if one.outcome == "no_address"]
    if unusable:
        text = context._("No mail can be sent to %(addresses)s.", addresses=", ".join(unusable[:5]))
        return _list(context, InvitationsQuery(), form, {"emails": text})
    if errors:
        return _list(context, InvitationsQuery(), form, errors)
    return context.redirect(PATH, notice=invited_notice(context, invited))


def invited_notice(context: RequestContext, number: int) -> str:
    """Return what the next page says of invitations that were made."""
    if not number:
        return context._("Everybody is invited already.")
    return context.ngettext(
        "%(num)s person is invited. The mail is sent shortly.",
        "%(num)s people are invited. The mails are sent shortly.",
        number,
    )


@router.post("/admin/invitations/{invitation_id}/withdraw")
def withdraw(context: CurrentAdministrator, invitation_id: UUID) -> Response:
    """Withdraw one."""
    _, organisation = context.member()
    if not invitations.withdraw(context.conn, organisation.id, [invitation_id]):
        return context.redirect(PATH, notice=context._("The invitation was not open any more."))
    return context.redirect(PATH, notice=context._("The invitation is withdrawn. Nobody gets access by it."))


@router.post("/admin/invitations/{invitation_id}/resend")
def resend(context: CurrentAdministrator, invitation_id: UUID) -> Response:
    """Make one again: another mail, and another last day."""
    _, organisation = context.member()
    if not invitations.resend(context.conn, organisation.id, [invitation_id]):
        return context.redirect(
            PATH, notice=context._("The invitation was made a moment ago, or is not open any more.")
        )
    return context.redirect(PATH, notice=context._("The invitation is sent again, with a new last day."))


def _failure_text(context: RequestContext, invitation: Invitation) -> str:
    if invitation.failure is None or invitation.state in {"accepted", "withdrawn"}:
        return ""
    return context._(_FAILURES.get(invitation.failure, _FAILED))


def _list(
    context: RequestContext,
    query: InvitationsQuery,
    form: InvitationForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    _, organisation = context.member()
    sent_chapters = chapters_of(context)
    found = invitations.search(
        context.conn,
        organisation.id,
        selection=query.show,
        before_at=query.before_at,
        before_id=query.before_id,
        size=_SIZE + 1,
    )
    shown = found[:_SIZE]
    names = role_names(context)
    return context.page(
        "administrator/invitations.html",
        status=422 if errors else 200,
        invitations=shown,
        states={one.id: state_text(context, one) for one in shown},
        failures={one.id: _failure_text(context, one) for one in shown},
        query=query,
        next_url=query.url(found[_SIZE - 1]) if len(found) > _SIZE else None,
        first_url=query.url() if query.before_at else None,
        form=form,
        errors=errors or {},
        roles=[(role, name) for role, name in names if role != "peer_mentor"],
        role_names=dict(names),
        no_chapter=options(sent_chapters.value, context._("None")),
    )
