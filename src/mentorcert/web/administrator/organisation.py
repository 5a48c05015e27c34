"""The organisation itself: what it is called."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Form, Response

from mentorcert.organisations import organisations
from mentorcert.organisations.organisations import Naming, Organisation
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Text
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_PAGE: Final = "/admin/organisation"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "organisations_name_valid": Refusal("name", LazyText("Write the name.")),
    "organisations_name_characters": unreadable("name"),
    "organisations_name_length": too_long("name"),
}
_LABELS: Final[Mapping[str, LazyText]] = {"name": LazyText("Name")}


class OrganisationForm(VersionedForm):
    """An organisation as its form sends it."""

    name: Text = ""


@router.get(_PAGE)
def edit(context: CurrentAdministrator) -> Response:
    """Show the form."""
    organisation = _get(context)
    form = opened(context, OrganisationForm(name=organisation.name), organisation.version)
    return _page(context, organisation, form)


@router.post(_PAGE)
def rename(context: CurrentAdministrator, form: Annotated[OrganisationForm, Form()]) -> Response:
    """Rename the organisation, unless somebody else did meanwhile."""
    return retried(lambda: _rename(context, form))


def _rename(context: RequestContext, form: OrganisationForm) -> Response:
    organisation = _get(context)
    if errors := form.faults(context):
        return _page(context, organisation, form, errors)
    stored = OrganisationForm(name=organisation.name)

    now = merged(context, form, stored, organisation.version, labels=_LABELS)
    if now is not None:
        return _page(context, organisation, now.form, differences=now.differences)
    with field_errors(context, _REFUSALS) as errors:
        organisations.rename(context.conn, organisation, Naming(form.name))
    if errors:
        return _page(context, organisation, form, errors)
    return context.redirect(_PAGE, notice=context._("The name is saved."))


def _get(context: RequestContext) -> Organisation:
    return organisations.get(context.conn, context.member()[1].id)


def _page(
    context: RequestContext,
    organisation: Organisation,
    form: OrganisationForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "administrator/organisation.html",
        status=409 if differences else 422 if errors else 200,
        organisation=organisation,
        form=form,
        errors=errors or {},
        differences=differences,
    )
