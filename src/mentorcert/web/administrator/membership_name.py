"""The name of a coordinator or administrator, for the peer mentors who turn to this person."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.organisations import memberships
from mentorcert.organisations.memberships import Membership
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Line
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

NAME_REFUSALS: Final[Mapping[str, Refusal]] = {
    "memberships_full_name_characters": unreadable("full_name"),
    "memberships_full_name_length": too_long("full_name"),
}
_LABELS: Final[Mapping[str, LazyText]] = {"full_name": LazyText("Name")}


class NameForm(VersionedForm):
    """The name as the form sends it."""

    full_name: Line = None


@router.get("/admin/memberships/{membership_id}/name")
def ask(context: CurrentAdministrator, membership_id: UUID) -> Response:
    """Show the form with the name that is written now."""
    membership = _membership(context, membership_id)
    return _page(context, membership, opened(context, _form_of(membership), membership.version))


@router.post("/admin/memberships/{membership_id}/name")
def change(context: CurrentAdministrator, membership_id: UUID, form: Annotated[NameForm, Form()]) -> Response:
    """Write the name, unless somebody else changed it meanwhile."""
    return retried(lambda: _change(context, membership_id, form))


def _change(context: RequestContext, membership_id: UUID, form: NameForm) -> Response:
    membership = _membership(context, membership_id)
    if errors := form.faults(context):
        return _page(context, membership, form, errors)
    now = merged(
        context,
        form,
        _form_of(membership),
        membership.version,
        labels=_LABELS,
        write=lambda _, value: str(value),
    )
    if now is not None:
        return _page(context, membership, now.form, differences=now.differences)
    with field_errors(context, NAME_REFUSALS) as errors:
        memberships.rename(context.conn, membership.id, form.full_name, version=membership.version)
    if errors:
        return _page(context, membership, form, errors)
    return context.redirect("/admin/memberships", notice=context._("The name was saved."))


def _membership(context: RequestContext, membership_id: UUID) -> Membership:
    _, organisation = context.member()
    return memberships.get_current(context.conn, organisation.id, membership_id)


def _form_of(membership: Membership) -> NameForm:
    return NameForm(full_name=membership.full_name)


def _page(
    context: RequestContext,
    membership: Membership,
    form: NameForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "administrator/membership_name.html",
        status=409 if differences else 422 if errors else 200,
        membership=membership,
        form=form,
        errors=errors or {},
        differences=differences,
    )
