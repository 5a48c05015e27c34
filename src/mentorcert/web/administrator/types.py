"""Certification types: their names and rules, with examples of the dates to which a rule leads."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.db.rows import Answer
from mentorcert.organisations import types
from mentorcert.organisations.types import AfterLapse, CertificationType, Example, Rule, TypeRules
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.consequences import preview_page, weighed_change
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.drafts import drafted, page_at_address
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Chosen, Text, Ticked
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried
from mentorcert.web.page_form import PageForm

router = APIRouter()

_LIST: Final = "/admin/types"
_LONGEST_MONTHS: Final = 1200
_YEAR: Final = 12
_LONGEST_NOTICE_DAYS: Final = 365
_LONGEST_WINDOW: Final = 364
_WINDOW: Final = LazyText("Give a whole number of days, at most 364, and fewer than a renewal gives.")
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
    "certification_types_early_renewal_days_valid": Refusal("early_renewal_days", _WINDOW),
    "certification_types_reminder_days_valid": Refusal(
        "reminder_days", LazyText("Give at most six different numbers of days, each from 0 to 365.")
    ),
}


class RuleQuery(PageForm):
    """A rule whose dates are shown; its numbers are read as those of a type."""

    rule: Chosen[Rule] = "months"
    months: Text = "12"
    years: Text = ""
    early: Text = ""


_LABELS: Final[Mapping[str, LazyText]] = {
    "name_nb": LazyText("Norwegian name"),
    "name_en": LazyText("English name"),
    "validity_rule": LazyText("How long it holds"),
    "validity_months": LazyText("Months"),
    "validity_years": LazyText("Number of years"),
    "required_for_listing": LazyText("Required for the public list"),
    "reminder_days": LazyText("Reminders, days before"),
    "early_renewal_days": LazyText("Early renewal, days before"),
    "refresher_months": LazyText("Refresher, months after the end"),
    "after_lapse": LazyText("What it takes after that"),
}


class TypeForm(VersionedForm):
    """A type as its form sends it."""

    code: Text = ""
    name_nb: Text = ""
    name_en: Text = ""
    validity_rule: Chosen[Rule] = "months"
    validity_months: Text = ""
    validity_years: Text = ""
    in_months: Ticked = False
    required_for_listing: Ticked = False
    reminder_days: Text = ""
    early_renewal_days: Text = ""
    refresher_months: Text = ""
    after_lapse: Chosen[AfterLapse] = "course"
    action: Literal["save", "example", "edit"] = "save"
    shown: str = Field("", max_length=64)

    @classmethod
    def from_type(cls, type_: CertificationType) -> "TypeForm":
        """Return the form of an existing type."""
        to_new_year = type_.validity_rule == "end_of_year"
        in_years = to_new_year and not (type_.validity_months or 0) % _YEAR
        written = "" if type_.validity_months is None else str(type_.validity_months)
        return cls(
            code=type_.code,
            name_nb=type_.name_nb,
            name_en=type_.name_en,
            validity_rule=type_.validity_rule,
            validity_months="" if in_years else written,
            validity_years=str((type_.validity_months or 0) // _YEAR) if in_years else "",
            in_months=to_new_year and not in_years,
            required_for_listing=type_.required_for_listing,
            reminder_days=", ".join(map(str, type_.reminder_days)),
            early_renewal_days="" if type_.early_renewal_days is None else str(type_.early_renewal_days),
            refresher_months="" if type_.refresher_months is None else str(type_.refresher_months),
            after_lapse=type_.after_lapse,
        )

    def months(self) -> int | None:
        """Return the months that the rule takes; raises ValueError for what is none."""
        if self.validity_rule == "unlimited":
            return None
        months = int(self.validity_years) * _YEAR if self.asks_years else int(self.validity_months or "0")
        if not (self.validity_rule == "months") <= months <= _LONGEST_MONTHS:
            raise ValueError
        return months

    @property
    def asks_years(self) -> bool:
        """Whether the rule takes years: to 31 December, but for a type whose months (`in_months`) are no whole years."""
        return self.validity_rule == "end_of_year" and not (
            self.in_months and not self.validity_years.strip()
        )

    def reminders(self) -> list[int]:
        """Return the days before expiry; raises ValueError for what is no number, or more than a year."""
        days = [int(day) for day in self.reminder_days.replace(",", " ").split()]
        if any(not 0 <= day <= _LONGEST_NOTICE_DAYS for day in days):
            raise ValueError
        return days

    def early_renewal(self) -> int | None:
        """Return how many days before its end a renewal counts on from it; raises ValueError for what is none."""
        if self.validity_rule == "unlimited" or not self.early_renewal_days.strip():
            return None
        days = int(self.early_renewal_days)
        if not 1 <= days <= _LONGEST_WINDOW:
            raise ValueError
        return days

    def refresher(self) -> int | None:
        """Return for how many months after its end a refresher renews it; raises ValueError for what is none."""
        if not self.refresher_months.strip():
            return None
        months = int(self.refresher_months)
        if not 0 <= months <= _LONGEST_MONTHS:
            raise ValueError
        return months

    def rules(self) -> TypeRules:
        """Return what is written of the type; raises ValueError for what is no number."""
        return TypeRules(
            name_nb=self.name_nb.strip(),
            name_en=self.name_en.strip(),
            validity_rule=self.validity_rule,
            validity_months=self.months(),
            required_for_listing=self.required_for_listing,
            reminder_days=self.reminders(),
            early_renewal_days=self.early_renewal(),
            refresher_months=self.refresher(),
            after_lapse=self.after_lapse,
        )


def types_of(context: RequestContext) -> Answer[list[CertificationType]]:
    """Ask for the types of the visitor's organisation by code."""
    return context.ahead(types.of_organisation, context.member()[1].id)


@router.get("/admin/types")
def show(context: CurrentAdministrator, query: Annotated[RuleQuery, Query()]) -> Response:
    """List the types, and say to which dates a rule leads."""
    form = TypeForm(
        validity_rule=query.rule,
        validity_months=query.months,
        validity_years=query.years,
        early_renewal_days=query.early,
    )
    errors = query.faults(context) | _invalid_fields(context, form)
    found = types_of(context)
    return context.page(
        "administrator/types.html",
        status=422 if errors else 200,
        rules=_rules(context),
        query=query,
        errors=errors,
        examples=None if errors else _examples(context, form),
        types=found.value,
    )


@router.get("/admin/types/new")
def new(context: CurrentAdministrator, draft: UUID | None = None) -> Response:
    """Show an empty form, or the dates or consequences of what was sent."""
    if form := drafted(context, draft, TypeForm):
        return _add(context, form)
    return _form(context, None, TypeForm(validity_months="12", reminder_days=_REMINDERS))


@router.post("/admin/types/new")
def add(context: CurrentAdministrator, form: Annotated[TypeForm, Form()]) -> Response:
    """Add a type, or go on to its dates or consequences."""
    return _add(context, form)


def _add(context: RequestContext, form: TypeForm) -> Response:
    errors = form.faults(context) | _invalid_fields(context, form)
    if form.action != "save":
        return _form(context, None, form, errors)
    errors |= _missing(context, form)
    if not errors:
        with (
            field_errors(context, _REFUSALS) as errors,
            weighed_change(context, form.shown, (form.code, form.rules())) as result,
        ):
            types.add(context.conn, form.code.strip(), form.rules())
    if errors:
        return _form(context, None, form, errors)
    if not result.is_done:
        return preview_page(context, result, context._("Add a type"), "certification_types", form)
    return context.redirect(_LIST, notice=context._("The type %(code)s is added.", code=form.code.strip()))


@router.get("/admin/types/{type_id}")
def edit(context: CurrentAdministrator, type_id: UUID, draft: UUID | None = None) -> Response:
    """Show the form of a type, or the dates or consequences of what was sent."""
    if form := drafted(context, draft, TypeForm):
        return _change(context, type_id, form)
    type_ = types.get(context.conn, type_id)
    return _form(context, type_id, opened(context, TypeForm.from_type(type_), type_.version))


@router.post("/admin/types/{type_id}")
def change(context: CurrentAdministrator, type_id: UUID, form: Annotated[TypeForm, Form()]) -> Response:
    """Change a type unless somebody else did meanwhile, or go on to its dates or consequences."""
    return retried(lambda: _change(context, type_id, form))


def _change(context: RequestContext, type_id: UUID, form: TypeForm) -> Response:
    type_ = types.get(context.conn, type_id)
    form = form.model_copy(update={"code": type_.code})
    errors = form.faults(context) | _invalid_fields(context, form)
    if form.action == "save":
        errors |= _missing(context, form)
    if form.action != "save" or errors:
        return _form(context, type_id, form, errors)
    words = {"validity_rule": dict(_rules(context)), "after_lapse": dict(_after_lapse(context))}

    def write(name: str, value: Any) -> str:
        return words[name][value] if name in words else str(value)

    now = merged(context, form, TypeForm.from_type(type_), type_.version, labels=_LABELS, write=write)
    if now is not None:
        return _form(context, type_id, now.form, differences=now.differences)
    with (
        field_errors(context, _REFUSALS) as errors,
        weighed_change(context, form.shown, form.rules()) as result,
    ):
        changed = context.ahead(types.change, type_, form.rules())
    if errors:
        return _form(context, type_id, form, errors)
    changed.value  # noqa: B018 raises what was refused
    name = form.name_nb if context.language == "nb" else form.name_en
    if not result.is_done:
        heading = context._("Change the type %(code)s", code=name)
        return preview_page(context, result, heading, "certification_types", form)
    return context.redirect(_LIST, notice=context._("The type %(code)s is changed.", code=name))


def _missing(context: RequestContext, form: TypeForm) -> dict[str, str]:
    write_the_name = context._("Write the name.")
    needed = {"code": context._("Write the code."), "name_nb": write_the_name, "name_en": write_the_name}
    return {name: text for name, text in needed.items() if not getattr(form, name).strip()}


def _invalid_fields(context: RequestContext, form: TypeForm) -> dict[str, str]:
    errors = {}
    try:
        form.months()
    except ValueError:
        if form.asks_years:
            errors["validity_years"] = context._("Give a whole number of years, at most 100.")
        else:
            errors["validity_months"] = context._("Give a whole number of months, at most 1200.")
    try:
        form.reminders()
    except ValueError:
        errors["reminder_days"] = context._("Give at most six different numbers of days, each from 0 to 365.")
    try:
        form.early_renewal()
    except ValueError:
        errors["early_renewal_days"] = context._(_WINDOW)
    try:
        form.refresher()
    except ValueError:
        errors["refresher_months"] = context._("Give a whole number of months, at most 1200.")
    return errors


def _examples(context: RequestContext, form: TypeForm) -> list[Example]:
    time_zone = context.member()[1].time_zone
    return types.examples(context.conn, form.validity_rule, form.months(), form.early_renewal(), time_zone)


def _form(
    context: RequestContext,
    type_id: UUID | None,
    form: TypeForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return page_at_address(
        context,
        "administrator/type.html",
        status=409 if differences else 422 if errors else 200,
        differences=differences,
        type_id=type_id,
        form=form,
        errors=errors or {},
        rules=_rules(context),
        after_lapse=_after_lapse(context),
        examples=None
        if {"validity_rule", "validity_months", "validity_years", "early_renewal_days"}
        & (errors or _invalid_fields(context, form)).keys()
        else _examples(context, form),
    )


def _rules(context: RequestContext) -> list[tuple[str, str]]:
    return [
        ("months", context._("Months from the day of issue")),
        ("end_of_year", context._("To 31 December, a number of years on")),
        ("unlimited", context._("Without end")),
    ]


def _after_lapse(context: RequestContext) -> list[tuple[str, str]]:
    return [("course", context._("The whole course")), ("registration", context._("A new registration"))]
