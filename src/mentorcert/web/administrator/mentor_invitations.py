"""Peer mentors are invited together or one by one; who would be, and who not, is shown first."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.organisations import invitations
from mentorcert.organisations.invitations import OUTCOMES, Candidate, Outcome
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.invitations import PATH, invited_notice
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.mentor_selection import MentorSelection
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.fields import OptionalId

router = APIRouter()

_SHOWN: Final = 100
_REASONS: Final[Mapping[Outcome, LazyText]] = {
    "open": LazyText("Invited already"),
    "has_login": LazyText("Has a login"),
    "no_address": LazyText("Has no e-mail address"),
    "shared_address": LazyText("Shares the e-mail address with another peer mentor"),
    "left": LazyText("Has left"),
}


class OneQuery(BaseModel):
    """A single peer mentor, or those of a form that was sent; None: all of the organisation."""

    mentor: OptionalId = None
    draft: UUID | None = None


class MentorInvitationForm(MentorSelection):
    """Whom to invite, all of the organisation where the list is not narrowed; `shown` is who was shown."""

    shown: Annotated[str, Field(max_length=64)] = ""

    @property
    def is_everybody(self) -> bool:
        """Whether it is about all of the organisation."""
        return self.scope == "every" and not self.list_query().text(size=None)

    def back(self) -> str:
        """Return the address of the list, or of the one whom it is about."""
        if self.is_everybody:
            return PATH
        if self.scope == "ticked" and len(self.ticked_ids) == 1:
            return f"/mentors/{self.ticked_ids[0]}"
        return super().back()


@router.get("/admin/invitations/mentors")
def ask(context: CurrentAdministrator, query: Annotated[OneQuery, Query()]) -> Response:
    """Show who would be invited: those who were chosen, one peer mentor, or all of the organisation."""
    form = drafted(context, query.draft, MentorInvitationForm) or (
        MentorInvitationForm(id=[query.mentor]) if query.mentor else MentorInvitationForm(scope="every")
    )
    return _page(context, form, _candidates(context, form))


@router.post("/admin/invitations/mentors")
def invite(context: CurrentAdministrator, form: Annotated[MentorInvitationForm, Form()]) -> Response:
    """Go on to who would be invited; invite them if that was shown and is still so."""
    if form.scope == "ticked" and not form.ticked_ids:
        return context.redirect(form.back(), notice=context._("Choose at least one peer mentor first."))
    found = _candidates(context, form)
    wanted = _wanted(found)
    if not form.shown or form.shown != _fingerprint(wanted):
        return _page(context, form, found, is_stale=bool(form.shown))
    _, organisation = context.member()
    invited = invitations.invite_peer_mentors(context.conn, organisation.id, [one.id for one in wanted])
    return context.redirect(PATH, notice=invited_notice(context, invited))


def _candidates(context: RequestContext, form: MentorInvitationForm) -> list[Candidate]:
    _, organisation = context.member()
    # Without its filter, every one would be all of the organisation.
    ids = None if form.is_everybody else form.ids(context)
    return invitations.candidates(context.conn, organisation.id, ids)


def _wanted(found: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in found if one.outcome == "invite"][: invitations.AT_ONCE]


def _fingerprint(wanted: Sequence[Candidate]) -> str:
    return hashlib.sha256(repr([(one.id, one.email) for one in wanted]).encode()).hexdigest()


def _page(
    context: RequestContext, form: MentorInvitationForm, found: Sequence[Candidate], *, is_stale: bool = False
) -> Response:
    wanted = _wanted(found)
    others: defaultdict[Outcome, list[Candidate]] = defaultdict(list)
    for one in found:
        others[one.outcome].append(one)
    return page_at_address(
        context,
        "administrator/mentor_invitations.html",
        status=409 if is_stale else 200,
        form=form,
        wanted=wanted[:_SHOWN],
        number=len(wanted),
        others=[
            (context._(_REASONS[of]), others[of][:_SHOWN], len(others[of]))
            for of in OUTCOMES
            if of in _REASONS and others[of]
        ],
        shown=_fingerprint(wanted),
        is_stale=is_stale,
        valid_days=invitations.VALID_DAYS,
    )
