"""Certification types: their names and rules, with examples of the dates to which a rule leads."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.organisations import types
from mentorcert.organisations.types import CertificationType, Example, Rule, TypeRules
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Maybe
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_LIST: Final = "/admin/types"
_LONGEST_MONTHS: Final = 1200
_LONGEST_NOTICE_DAYS: Final = 365
_REMINDERS: Final = "90, 30, 7"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_types_organisation_id_code_key": Refusal(
        "code", LazyText("There is a type with this code already.")
    ),
    "certification_types_code_valid": Refusal(
        "code", LazyText("A code has small letters a to z and digits, perhaps joined by - or _.")
    ),
    "certification_types_code_length": too_long("code"),
    "certification_types_name_characters": unreadable("name_nb"),
    "certification_types_name_length": too_long("name_nb"),
    "certification_types_name_valid": Refusal("name_nb", LazyText("Both names are needed.")),
    "certification_types_reminder_days_valid": Refusal(
        "reminder_days", LazyText("Give at most six different numbers of days, each from 0 to 365.")
    ),
}


class RuleQuery(BaseModel):
    """A rule whose dates are shown."""

    rule: Rule = "months"
    months: Maybe[Annotated[int, Field(ge=0, le=_LONGEST_MONTHS)]] = 12


_LABELS: Final[Mapping[str, LazyText]] = {
    "name_nb": LazyText("Norwegian name"),
    "name_en": LazyText("English name"),
    "validity_rule": LazyText("How long it holds"),
    "validity_months": LazyText("Months"),
    "required_for_listing": LazyText("Required for the public list"),
    "reminder_days": LazyText("Reminders, days before"),
}


class TypeForm(VersionedForm):
    """A type as its form sends it."""

    code: str = Field("", max_length=100)
    name_nb: str = Field("", max_length=200)
    name_en: str = Field("", max_length=200)
    validity_rule: Rule = "months"
    validity_months: str = Field("", max_length=10)
    required_for_listing: bool = False
    reminder_days: str = Field("", max_length=100)
    action: Literal["save", "example"] = "save"

    @classmethod
    def from_type(cls, type_: CertificationType) -> "TypeForm":
        """Return the form of an existing type."""
        return cls(
            code=type_.code,
            name_nb=type_.name_nb,
            name_en=type_.name_en,
            validity_rule=type_.validity_rule,
            validity_months="" if type_.validity_months is None else str(type_.validity_months),
            required_for_listing=type_.required_for_listing,
            reminder_days=", ".join(map(str, type_.reminder_days)),
        )

    def months(self) -> int | None:
        """Return the months that the rule takes; raises ValueError for what is none."""
        if self.validity_rule == "unlimited":
            return None
        months = int(self.validity_months or "0")
        if not (self.validity_rule == "months") <= months <= _LONGEST_MONTHS:
            raise ValueError
        return months

    def reminders(self) -> list[int]:
        """Return the days before expiry; raises ValueError for what is no number, or more than a year."""
        days = [int(day) for day in self.reminder_days.replace(",", " ").split()]
        if any(not 0 <= day <= _LONGEST_NOTICE_DAYS for day in days):
            raise ValueError
        return days

    def rules(self) -> TypeRules:
        """Return what is written of the type; raises ValueError for what is no number."""
        return TypeRules(
            name_nb=self.name_nb.strip(),
            name_en=self.name_en.strip(),
            validity_rule=self.validity_rule,
            validity_months=self.months(),
            required_for_listing=self.required_for_listing,
            reminder_days=self.reminders(),
        )


def types_of(context: RequestContext) -> list[CertificationType]:
    """Return the types of the visitor's organisation by code."""
    return types.of_organisation(context.conn, context.member()[1].id)


@router.get("/admin/types")
def show(context: CurrentAdministrator, query: Annotated[RuleQuery, Query()]) -> Response:
    """List the types, and say to which dates a rule leads."""
    form = TypeForm(
        validity_rule=query.rule, validity_months="" if query.months is None else str(query.months)
    )
    errors = _invalid_fields(context, form)
    return context.page(
        "administrator/types.html",
        status=422 if errors else 200,
        types=types_of(context),
        rules=_rules(context),
        query=query,
        errors=errors,
        examples=None if errors else _examples(context, form),
    )


@router.get("/admin/types/new")
def new(context: CurrentAdministrator) -> Response:
    """Show an empty form."""
    return _form(context, None, TypeForm(validity_months="12", reminder_days=_REMINDERS))


@router.post("/admin/types/new")
def add(context: CurrentAdministrator, form: Annotated[TypeForm, Form()]) -> Response:
    """Add a type, or show its dates first."""
    errors = _invalid_fields(context, form)
    if form.action == "example":
        return _form(context, None, form, errors)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            types.add(context.conn, form.code.strip(), form.rules())
    if errors:
        return _form(context, None, form, errors)
    return context.redirect(_LIST, notice=context._("The type %(code)s is added.", code=form.code.strip()))


@router.get("/admin/types/{type_id}")
def edit(context: CurrentAdministrator, type_id: UUID) -> Response:
    """Show the form of a type."""
    type_ = types.get(context.conn, type_id)
    return _form(context, type_id, opened(context, TypeForm.from_type(type_), type_.version))


@router.post("/admin/types/{type_id}")
def change(context: CurrentAdministrator, type_id: UUID, form: Annotated[TypeForm, Form()]) -> Response:
    """Change a type unless somebody else did meanwhile, or show its dates first."""
    return retried(lambda: _change(context, type_id, form))


def _change(context: RequestContext, type_id: UUID, form: TypeForm) -> Response:
    type_ = types.get(context.conn, type_id)
    form = form.model_copy(update={"code": type_.code})
    errors = _invalid_fields(context, form)
    if form.action == "example":
        return _form(context, type_id, form, errors)
    rules = dict(_rules(context))

    def write(name: str, value: Any) -> str:
        return rules[value] if name == "validity_rule" else str(value)

    now = merged(context, form, TypeForm.from_type(type_), type_.version, labels=_LABELS, write=write)
    if now is not None:
        return _form(context, type_id, now.form, differences=now.differences)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            types.change(context.conn, type_, form.rules())
    if errors:
        return _form(context, type_id, form, errors)
    return context.redirect(_LIST, notice=context._("The type %(code)s is changed.", code=type_.code))


def _invalid_fields(context: RequestContext, form: TypeForm) -> dict[str, str]:
    errors = {}
    try:
        form.months()
    except ValueError:
        errors["validity_months"] = context._("Give a whole number of months, at most 1200.")
    try:
        form.reminders()
    except ValueError:
        errors["reminder_days"] = context._("Give at most six different numbers of days, each from 0 to 365.")
    return errors


def _examples(context: RequestContext, form: TypeForm) -> list[Example]:
    return types.examples(context.conn, form.validity_rule, form.months(), context.member()[1].time_zone)


def _form(
    context: RequestContext,
    type_id: UUID | None,
    form: TypeForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "administrator/type.html",
        status=409 if differences else 422 if errors else 200,
        differences=differences,
        type_id=type_id,
        form=form,
        errors=errors or {},
        rules=_rules(context),
        examples=None
        if "validity_months" in (errors or _invalid_fields(context, form))
        else _examples(context, form),
    )


def _rules(context: RequestContext) -> list[tuple[str, str]]:
    return [
        ("months", context._("A number of months from the day of issue")),
        ("end_of_year", context._("To 31 December of the year that the months reach")),
        ("unlimited", context._("Without end")),
    ]
