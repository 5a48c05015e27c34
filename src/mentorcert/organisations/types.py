"""Certification types: their names and rules, with examples of the dates to which a rule leads."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

Rule = Literal["months", "end_of_year", "unlimited"]
AfterLapse = Literal["course", "registration"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class CertificationType:
    """A certification type of an organisation."""

    id: UUID
    organisation_id: UUID
    code: str
    name_nb: str
    name_en: str
    validity_rule: Rule
    validity_months: int | None
    required_for_listing: bool
    reminder_days: list[int]
    early_renewal_days: int | None
    refresher_months: int | None
    after_lapse: AfterLapse
    retired_on: date | None
    retired_reason: str | None
    version: int
    sort_key_nb: str
    sort_key_en: str

    def name(self, language: Language) -> str:
        """Return what the type is called."""
        return self.name_nb if language == "nb" else self.name_en


def by_name(found: Iterable[CertificationType], language: Language) -> list[CertificationType]:
    """Return certification types in the order of their names in a language, as Norwegians sort."""
    return sorted(found, key=lambda type_: type_.sort_key_nb if language == "nb" else type_.sort_key_en)


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What may be changed of a type: all but its code."""

    name_nb: str
    name_en: str
    validity_rule: Rule
    validity_months: int | None
    required_for_listing: bool
    reminder_days: list[int]
    early_renewal_days: int | None
    refresher_months: int | None
    after_lapse: AfterLapse


@dataclass(frozen=True, slots=True)
class Example:
    """A certification issued or renewed on a day; without a last day it does not expire."""

    kind: Literal["today", "month_end", "leap_day", "december", "early", "before_window"]
    issued_on: date
    held_until: date | None
    last_day: date | None


def of_organisation(conn: Connection, organisation_id: UUID) -> list[CertificationType]:
    """Return the types of an organisation by code."""
    return rows.fetch_all(conn, CertificationType, _QUERIES.of_organisation, organisation_id=organisation_id)


def get(conn: Connection, type_id: UUID) -> CertificationType:
    """Return a type; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, CertificationType, _QUERIES.get, id=type_id)


def add(conn: Connection, code: str, rules: TypeRules) -> None:
    """Add a type to the caller's organisation. Administrators only."""
    rows.send(conn, _QUERIES.add, code=code, **asdict(rules))


def change(conn: Connection, type_: CertificationType, rules: TypeRules) -> None:
    """Write what differs from a type as read. Administrators only.

    Raises MissingRightError where the caller may not, StaleVersionError where it was changed since.
    """
    changes = rows.differences(type_, rules)
    rows.change_columns(conn, _QUERIES.change, changes, id=type_.id, version=type_.version)


def examples(
    conn: Connection, rule: Rule, months: int | None, early_renewal_days: int | None, time_zone: str
) -> list[Example]:
    """Return the dates to which a rule leads, by the function that issues and renews certifications."""
    return rows.fetch_all(
        conn,
        Example,
        _QUERIES.examples,
        rule=rule,
        months=months,
        early_renewal_days=early_renewal_days,
        time_zone=time_zone,
    )
