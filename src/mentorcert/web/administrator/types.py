"""Certification types: their names and rules, with examples of the dates to which a rule leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.translatable import LazyText
from mentorcert.web.administrator.fields import LONGEST_MONTHS, OptionalMonths
from mentorcert.web.administrator.queries import Refusal, attempt, require_one, row, rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

Rule = Literal["months", "end_of_year", "unlimited"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_LIST: Final = "/admin/types"
_LONGEST_NOTICE_DAYS: Final = 365
_REMINDERS: Final = "90, 30, 7"

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_types_organisation_id_code_key": Refusal(
        "code", LazyText("There is a type with this code already.")
    ),
    "certification_types_code_valid": Refusal(
        "code", LazyText("A code has small letters a to z and digits, perhaps joined by - or _.")
    ),
    "certification_types_name_valid": Refusal("name_nb", LazyText("Both names are needed.")),
    "certification_types_reminder_days_valid": Refusal(
        "reminder_days", LazyText("Give at most six different numbers of days, each from 0 to 365.")
    ),
}


@dataclass(frozen=True, slots=True)
class CertificationType:
    """A row of the list."""

    id: UUID
    code: str
    name_nb: str
    name_en: str
    validity_rule: Rule
    validity_months: int | None
    required_for_listing: bool
    reminder_days: list[int]


@dataclass(frozen=True, slots=True)
class Example:
    """A certification issued or renewed on a day; without a last day it does not expire."""

    kind: Literal["today", "month_end", "leap_day", "december", "early"]
    issued_on: date
    held_until: date | None
    last_day: date | None


class PreviewResult(BaseModel):
    """A rule to look at."""

    model_config = ConfigDict(extra="forbid")

    rule: Rule = "months"
    months: OptionalMonths = 12


class TypeForm(BaseModel):
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
    def of(cls, type_: CertificationType) -> "TypeForm":
        """Return the form of a type that there is."""
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
        if not (self.validity_rule == "months") <= months <= LONGEST_MONTHS:
            raise ValueError
        return months

    def reminders(self) -> list[int]:
        """Return the days before expiry; raises ValueError for what is no number, or more than a year."""
        days = [int(day) for day in self.reminder_days.replace(",", " ").split()]
        if any(not 0 <= day <= _LONGEST_NOTICE_DAYS for day in days):
            raise ValueError
        return days


def types_of(context: RequestContext) -> list[CertificationType]:
    """Return the types of the visitor's organisation by code."""
    return rows(context.conn, CertificationType, _QUERIES.types.sql, organisation_id=context.member()[1].id)


@router.get("/admin/types")
def show(context: CurrentAdministrator, preview: Annotated[PreviewResult, Query()]) -> Response:
    """List the types, and say to which dates a rule leads."""
    _, organisation = context.member()
    context.record_rows({organisation.id})
    form = TypeForm(
        validity_rule=preview.rule, validity_months="" if preview.months is None else str(preview.months)
    )
    errors = _faults(context, form)
    return context.page(
        "administrator/types.html",
        status=422 if errors else 200,
        types=types_of(context),
        rules=_rules(context),
        preview=preview,
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
    errors = _faults(context, form)
    if form.action == "example":
        return _form(context, None, form, errors)
    errors = errors or attempt(
        context, _REFUSALS, lambda: _QUERIES.add(context.conn, code=form.code.strip(), **_values(form))
    )
    if errors:
        return _form(context, None, form, errors)
    return context.redirect(_LIST, notice=context._("The type %(code)s is added.", code=form.code.strip()))


@router.get("/admin/types/{type_id}")
def edit(context: CurrentAdministrator, type_id: UUID) -> Response:
    """Show the form of a type."""
    type_ = row(context.conn, CertificationType, _QUERIES.type.sql, id=type_id)
    return _form(context, type_id, TypeForm.of(type_))


@router.post("/admin/types/{type_id}")
def change(context: CurrentAdministrator, type_id: UUID, form: Annotated[TypeForm, Form()]) -> Response:
    """Change a type, or show its dates first."""
    type_ = row(context.conn, CertificationType, _QUERIES.type.sql, id=type_id)
    form = form.model_copy(update={"code": type_.code})
    errors = _faults(context, form)
    if form.action == "example":
        return _form(context, type_id, form, errors)
    errors = errors or attempt(
        context, _REFUSALS, lambda: require_one(_QUERIES.change(context.conn, id=type_id, **_values(form)))
    )
    if errors:
        return _form(context, type_id, form, errors)
    return context.redirect(_LIST, notice=context._("The type %(code)s is changed.", code=type_.code))


def _values(form: TypeForm) -> dict[str, object]:
    return {
        "name_nb": form.name_nb.strip(),
        "name_en": form.name_en.strip(),
        "validity_rule": form.validity_rule,
        "validity_months": form.months(),
        "required_for_listing": form.required_for_listing,
        "reminder_days": form.reminders(),
    }


def _faults(context: RequestContext, form: TypeForm) -> dict[str, str]:
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
    return rows(
        context.conn,
        Example,
        _QUERIES.examples.sql,
        rule=form.validity_rule,
        months=form.months(),
        time_zone=context.member()[1].time_zone,
    )


def _form(
    context: RequestContext, type_id: UUID | None, form: TypeForm, errors: Mapping[str, str] | None = None
) -> Response:
    context.record_rows({context.member()[1].id})
    return context.page(
        "administrator/type.html",
        status=422 if errors else 200,
        type_id=type_id,
        form=form,
        errors=errors or {},
        rules=_rules(context),
        examples=None if "validity_months" in (errors or {}) else _examples(context, form),
    )


def _rules(context: RequestContext) -> list[tuple[str, str]]:
    return [
        ("months", context._("A number of months from the day of issue")),
        ("end_of_year", context._("To 31 December of the year that the months reach")),
        ("unlimited", context._("Without end")),
    ]
